"""The model card's tables and sheets of samples, from the JSON and the pictures of `moulage evaluate`.

python -m docs.figures.model_card figures.json [more.json …] [--samples evaluation/samples-…] [-o docs/model-card.md]
python -m docs.figures.model_card --compare MARKER one.json other.json
Each table goes between its markers in the card; the rest of the page is written by hand. With --compare, several
networks stand side by side in one table.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from engine import png
from engine.errors import BadInput
from engine.evaluation.estimate import Estimate
from engine.evaluation.figures import Figure, markdown
from engine.evaluation.report import SCHEMA, VERSION
from engine.output import Provenance, encode_png, write_atomic
from engine.sheet import contact_sheet

COLUMNS, ROWS = 8, 1
NAN = float("nan")
DIGITS = {"Δ": 1, "Fréchet": 2, "kernel": 2}


def figure(document: dict[str, Any]) -> Figure:
    """A line of the JSON as a `Figure`."""

    def estimate(values: dict[str, Any] | None) -> Estimate | None:
        if values is None:
            return None
        numbers = (NAN if values[key] is None else float(values[key]) for key in ("value", "low", "high"))
        return Estimate(*numbers, int(values["count"]))

    measure = document["measure"]
    digits = next((digits for start, digits in DIGITS.items() if start in measure), 2)
    return Figure(
        *(measure, document["group"], estimate(document["generated"]), estimate(document["real"])),
        *(document["beside"], document["best"], digits),
    )


def read(path: Path) -> dict[str, Any]:
    """The JSON of one evaluation."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if (document.get("schema"), document.get("version")) != (SCHEMA, VERSION):
        raise BadInput(f"{path}: is no {SCHEMA} of version {VERSION}")
    return document


def section(path: Path) -> str:
    """Command, table, what was withheld, remarks."""
    document = read(path)
    settings, data = document["settings"], document["data"]
    real = ", ".join(f"{sum(data[part].values()):,} {part}" for part in ("train", "test"))
    lines = [
        f"Network `{document['model']['fingerprint'][:16]}`, {settings['pictures']} generated pictures "
        f"({settings['outlines']} outlines), {real} pictures of {', '.join(data['folders'])}.",
        "",
        markdown([figure(line) for line in document["figures"]]),
        "",
        *(f"- **Withheld**: {measure}: {reason}." for measure, reason in document["withheld"].items()),
        *(f"- {remark}." for remark in document["remarks"]),
        *(f"- Skipped: {reason}: {count}." for reason, count in data["skipped"].items()),
    ]
    return "\n".join(lines)


def comparison(paths: list[Path]) -> str:
    """One table: a column for each network, named by its file, and what real pictures reach.

    Measures that one of them lacks are left out.
    """
    columns = [{(line["measure"], line["group"]): figure(line) for line in read(p)["figures"]} for p in paths]
    lines = [["measure", "of", *(path.stem for path in paths), "real"], ["---"] * (len(paths) + 3)]
    for key, first in columns[0].items():
        told = [column[key] for column in columns if key in column]
        if first.best and len(told) == len(columns):
            values = [*(one.generated for one in told), first.real]
            lines.append([*key, *("" if value is None else value.text(first.digits) for value in values)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sheet(folder: Path, model: str, licence: str, title: str) -> bytes:
    """The first pictures of each class of a sample set, with their masks below."""
    rows, names = [], []
    for lesion_class in sorted({p.name.partition("-")[0] for p in folder.glob("*-00000.png")}, reverse=True):
        numbers = range(COLUMNS * ROWS)
        pictures = [png.decode((folder / f"{lesion_class}-{n:05d}.png").read_bytes()) for n in numbers]
        masks = [png.decode((folder / f"{lesion_class}-{n:05d}.mask.png").read_bytes()) for n in numbers]
        for row in range(ROWS):
            part = slice(row * COLUMNS, (row + 1) * COLUMNS)
            rows += [pictures[part], [np.repeat(m[..., None], 3, axis=2) for m in masks[part]]]
            names += [lesion_class, "its mask"]
    page = contact_sheet(rows, names, [""] * COLUMNS, title, "the first pictures of the set, not chosen; synthetic")
    return encode_png(page, Provenance("[]", model, licence))


def placed(card: str, marker: str, text: str) -> str:
    """The card with what lies between the two comments of that name replaced."""
    begin, end = f"<!-- {marker} -->", f"<!-- end {marker} -->"
    if begin not in card or end not in card:
        raise BadInput(f"the card has no {begin} … {end}")
    return f"{card.partition(begin)[0]}{begin}\n{text}\n{end}{card.partition(end)[2]}"


def main() -> None:
    """Write tables into the card, and the sheet beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path, nargs="+", help="JSON files; figures-NAME.json fills the marker NAME")
    parser.add_argument("--samples", type=Path, nargs="*", default=[], help="folders of the first model's sample sets")
    parser.add_argument("--compare", metavar="MARKER", help="put all files into one table there")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/model-card.md"))
    arguments = parser.parse_args()
    card = arguments.output.read_text(encoding="utf-8")
    if arguments.compare:
        card = placed(card, arguments.compare, comparison(arguments.figures))
    else:
        for path in arguments.figures:
            card = placed(card, path.stem, section(path))
    write_atomic(arguments.output, card.encode())
    model = read(arguments.figures[0])["model"]
    for folder in arguments.samples:
        kind = folder.name.split("-")[1]
        path = arguments.output.parent / "images" / f"samples-{model['name']}-{kind}.png"
        title = f"Samples of the network {model['name']}, {kind} outlines"
        write_atomic(path, sheet(folder, model["fingerprint"], model["licence"], title))
        print(path)
    print(arguments.output)


if __name__ == "__main__":
    main()
