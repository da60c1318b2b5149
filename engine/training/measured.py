"""What `moulage evaluate --json` measured of a model, read from the file beside it, in the words of its card."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadInput

NAME = "evaluation.json"
HEADINGS = ("measure", "of", "generated", "real")
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Measured:
    """fingerprint: of the weights that were measured. command: as it was typed. rows: cells as in `HEADINGS`.

    withheld: what was not measured, and why. copies: one line per seed; none where there were too few pictures.
    """

    fingerprint: str
    command: str
    rows: tuple[tuple[str, ...], ...]
    withheld: tuple[str, ...]
    copies: tuple[str, ...]

    def table(self) -> list[str]:
        """As Markdown."""
        return [_line(HEADINGS), _line(["---"] * len(HEADINGS)), *map(_line, self.rows)]


def read(folder: Path) -> Measured | None:
    """Of the model in this folder; None where it was not measured. BadInput where the file is no evaluation."""
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"larger than {_MOST_BYTES >> 20} MiB")
        told = json.loads(path.read_text(encoding="utf-8"))
        return Measured(
            str(told["model"]["fingerprint"]),
            " ".join(" ".join(map(str, told["command"])).split()),
            tuple(_row(figure) for figure in told["figures"]),
            tuple(f"{measure}: {why}" for measure, why in told["withheld"].items()),
            _copies(told["memorisation"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{path}: is no evaluation of `moulage evaluate --json` ({error}); remove it") from error


def _row(figure: Mapping[str, Any]) -> tuple[str, ...]:
    both = ("" if figure[key] is None else _estimate(figure[key]) for key in ("generated", "real"))
    return str(figure["measure"]), str(figure["group"]), *both


def _estimate(estimate: Mapping[str, Any]) -> str:
    """A value with its interval, where it has one."""
    value, low, high = (estimate.get(name) for name in ("value", "low", "high"))
    if value is None:
        return "not measurable"
    return _number(value) if low is None or high is None else f"{_number(value)} ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"


def _copies(seeds: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Counts only: which pictures they are stands in the JSON, and names real ones."""
    lines = []
    for seed, found in seeds.items():
        verdict = "**more than chance explains**" if found["copies"] else "no sign of copies"
        if found.get("alarming"):
            verdict = f"**{found['alarming']} of them so near that they are copies by all appearance**"
        chance = "p < 0.001" if found["probability"] < 0.0005 else f"p = {found['probability']:.3f}"
        begin = f"Seed {seed}: " if len(seeds) > 1 else ""
        lines.append(
            f"{begin}{found['suspicious']} generated pictures lie nearer to a real one than 99 % of real ones do; by "
            f"chance {found['expected']:.1f} would, {chance}: {verdict}."
        )
    return tuple(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in cells)} |"
