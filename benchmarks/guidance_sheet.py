"""A picture of what the methods made: skins in rows, methods in columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

ROWS = 6
GAP = 4
CAPTION = 18
SCALE = 1.5


def write_sheet(
    path: Path, skins: Sequence[NDArray[np.float32]], made: Mapping[str, Sequence[NDArray[np.float32]]]
) -> None:
    """The first skins, float32 [3, H, W] in the network's space, and each method's picture of them beside."""
    columns = {"skin": skins, **made}
    rows = min(ROWS, *(len(pictures) for pictures in columns.values()))
    side = round(skins[0].shape[-1] * SCALE)
    sheet = Image.new("RGB", (len(columns) * (side + GAP) + GAP, rows * (side + GAP) + GAP + CAPTION), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for column, (name, pictures) in enumerate(columns.items()):
        left = GAP + column * (side + GAP)
        pen.text((left, 2), name, "black", font)
        for row in range(rows):
            pixels = np.rint(np.clip(pictures[row].transpose(1, 2, 0) / 2 + 0.5, 0, 1) * 255).astype(np.uint8)
            tile = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(tile, (left, CAPTION + GAP + row * (side + GAP)))
    sheet.save(path, optimize=True)
