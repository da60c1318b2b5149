"""What every benchmark shares: its options, the table of figures against their aims, and the machine's name."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured value. aim: the value it should reach, `at_least` or at most; None where it is only reported.

    peer: the same measured for the other way of doing it, named by the benchmark; None where there is none.
    decided: False where too little was measured to say whether the aim is reached; such an aim is never met.
    """

    name: str
    value: float
    unit: str = ""
    aim: float | None = None
    at_least: bool = False
    peer: str | None = None
    decided: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; None without one, or where it is not decided."""
        if self.aim is None or not self.decided:
            return None
        return self.value >= self.aim if self.at_least else self.value <= self.aim


@dataclass(frozen=True)
class Options:
    """How a benchmark was called. quick: within two minutes on 2 cores. strict: a missed aim is a failure.

    model: the network that is measured, where it is a choice.
    """

    quick: bool
    json: Path | None
    strict: bool
    model: str = "default"


def options(description: str, arguments: Sequence[str] | None = None, network: bool = False) -> Options:
    """Read the command line. network: whether the benchmark measures any network."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer repeats: ends within two minutes on 2 cores")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where an aim is missed")
    if network:
        parser.add_argument("--model", default=Options.model, help="a network's name or folder")
    given = parser.parse_args(arguments)
    return Options(given.quick, given.json, given.strict, given.model if network else Options.model)


def machine() -> dict[str, str | int]:
    """The machine, in words and numbers."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    return {
        "processor": processor,
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def table(title: str, figures: Sequence[Figure], peer: str | None = None) -> str:
    """The figures as lines of text; `peer` names the column of the other way."""
    header = ["figure", "ours", "aim", "met"] + ([peer] if peer else [])
    rows = [header]
    for figure in figures:
        sign = "≥" if figure.at_least else "≤"
        aim = "" if figure.aim is None else f"{sign} {_number(figure.aim)} {figure.unit}".rstrip()
        met = {None: "", True: "yes", False: "NO"}[figure.met]
        if figure.aim is not None and not figure.decided:
            met = "not decided"
        row = [figure.name, f"{_number(figure.value)} {figure.unit}".rstrip(), aim, met]
        rows.append(row + ([figure.peer or ""] if peer else []))
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    facts = machine()
    about = f"{facts['processor']}, {facts['cores']} cores; {facts['system']}; Python {facts['python']}"
    return "\n".join([title, about, "", *lines])


def finish(title: str, figures: Sequence[Figure], chosen: Options, peer: str | None = None) -> int:
    """Print the table, write the JSON file where one is asked for, and return the exit code."""
    print(table(title, figures, peer))
    missed = [figure.name for figure in figures if figure.met is False]
    if chosen.json is not None:
        document = {
            "benchmark": title,
            "quick": chosen.quick,
            "machine": machine(),
            "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
        }
        chosen.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if missed:
        print(f"\n{len(missed)} of {sum(f.aim is not None for f in figures)} aims missed.", file=sys.stderr)
    return 1 if missed and chosen.strict else 0


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
