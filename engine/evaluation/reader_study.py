"""Sheets for a reader study: real and generated pictures mixed and numbered, the key on a page of its own.

A dermatologist says of each number whether it is a photograph, and nevus or melanoma; `key.csv` has the answers, and
columns for theirs. Pictures are the network's own 128², enlarged; real ones lose their detail alike.
"""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.evaluation.pictures import Pictures
from engine.output import OutputFolder, Provenance, encode_png
from engine.sheet import contact_sheet

COLUMNS, ROWS = 6, 4
TILE = 192
MOST_SHEETS = 20
README = """Reader study: which of these are photographs?

Each sheet-NN.png shows 24 numbered pictures of nevi and melanomas, about half of them photographs and half painted by a
network, all at the same size and with skin of the same colour. Write into answers.csv, for each number, `real` or
`generated`, and `nevus` or `melanoma`. The key is in key/: don't open it before you have finished.

Synthetic pictures, for teaching and research, not for diagnosis. Photographs: {licence}.
"""


def reader_study(
    folder: Path, generated: Pictures, real: Pictures, model: str, licence: str, seed: int, force: bool = False
) -> int:
    """Write the sheets, an empty `answers.csv` and `key/key.csv`; how many sheets.

    Equally many of each class and kind, as many as all four have. BadInput where they don't fill one sheet.
    """
    classes = [name for name in generated.known_classes if name in real.known_classes]
    pools = [
        (kind, name, p.of_class(name)) for kind, p in (("generated", generated), ("real", real)) for name in classes
    ]
    each = min((len(p) for _, _, p in pools), default=0)
    page = COLUMNS * ROWS
    sheets = min(MOST_SHEETS, each * len(pools) // page)
    if not sheets:
        needed = -(-page // max(len(pools), 1))
        raise BadInput(f"--reader-study: needs {needed} pictures of each class, real and generated; has {each}")
    rng = np.random.default_rng([seed, each])
    entries = []
    for kind, name, pool in pools:
        for i in rng.permutation(len(pool))[: -(-sheets * page // len(pools))]:
            entries.append((kind, name, pool.name[i], pool.rgb[i]))
    entries = [entries[i] for i in rng.permutation(len(entries))][: sheets * page]
    # The manifest lies beside the sheets: it must not tell the order.
    order = hashlib.sha256(json.dumps([name for _, _, name, _ in entries]).encode()).hexdigest()
    job = json.dumps(["reader study", model, seed, order])
    origin = Provenance("[]", model, licence)
    with OutputFolder(folder, job, force) as output, output.stage() as stage:
        for sheet in range(sheets):
            part = entries[sheet * page : (sheet + 1) * page]
            picture = _sheet([rgb for *_, rgb in part], sheet)
            stage.write(f"sheet-{sheet + 1:02d}.png", encode_png(picture, origin))
        stage.write("README.txt", README.format(licence=licence).encode())
        stage.write("answers.csv", _csv(("number", "real or generated", "nevus or melanoma"), len(entries)))
        rows = [(number, kind, name, source) for number, (kind, name, source, _) in enumerate(entries, 1)]
        stage.write("key/key.csv", _csv(("number", "kind", "class", "picture"), rows))
    return sheets


def _sheet(pictures: list[NDArray[np.uint8]], number: int) -> NDArray[np.uint8]:
    size = (TILE, TILE)
    tiles = [np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_CUBIC)) for p in pictures]
    rows = [tiles[row * COLUMNS : (row + 1) * COLUMNS] for row in range(ROWS)]
    first = number * COLUMNS * ROWS
    return contact_sheet(
        rows,
        [f"{first + row * COLUMNS + 1} to {first + (row + 1) * COLUMNS}" for row in range(ROWS)],
        [""] * COLUMNS,
        f"Reader study, sheet {number + 1}",
        "Photographs and generated pictures, mixed; numbers run from left to right",
    )


def _csv(headings: tuple[str, ...], rows: int | Sequence[tuple[object, ...]]) -> bytes:
    """A table; where only a number is given, that many numbered rows to be filled in."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([(i, *[""] * (len(headings) - 1)) for i in range(1, rows + 1)] if isinstance(rows, int) else rows)
    return text.getvalue().encode()
