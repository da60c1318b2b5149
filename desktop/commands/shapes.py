"""`moulage shapes`: lesion masks without a lesion, drawn automatically or bred from a given one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST = 100_000
_SHARE = 1 / 1.6
"""The longest diameter, as a share of the picture's side."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("shapes")(shapes)


def shapes(
    count: Annotated[int, typer.Option(help="How many masks.", min=1, max=_MOST)] = 12,
    output: Annotated[Path, typer.Option("-o", "--output", help="A new or empty folder.")] = Path("shapes"),
    size: Annotated[int, typer.Option(help="Side of each mask, pixels.", min=32, max=2048)] = 128,
    irregularity: Annotated[
        float | None, typer.Option(help="0 even to 1 notched; drawn anew for each mask where left out.")
    ] = None,
    asymmetry: Annotated[
        float | None, typer.Option(help="0 round to 1 lopsided; drawn anew for each mask where left out.")
    ] = None,
    breed: Annotated[
        Path | None, typer.Option(help="A mask image, white on black, to resize, turn and deform instead.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.", min=0)] = 0,
    force: Annotated[bool, typer.Option(help="Write into a folder that holds something else.")] = False,
) -> None:
    """Draw lesion outlines as PNG masks (white is lesion), with their parameters in `manifest.jsonl`."""
    import numpy as np

    from engine import png
    from engine.errors import SpecError
    from engine.output import OutputFolder, Provenance
    from engine.shapes import automatic, fit, transformed

    for name, value in (("--irregularity", irregularity), ("--asymmetry", asymmetry)):
        if value is not None and not 0 <= value <= 1:
            raise SpecError(f"{name}: is {value:g}; it must lie between 0 and 1")
    parent = None if breed is None else _read(breed)
    job = json.dumps(["shapes", size, irregularity, asymmetry, seed, None if parent is None else _digest(parent)])
    with OutputFolder(output, job, force) as folder:
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            even = round(float(rng.uniform(0.05, 0.85)), 4) if irregularity is None else irregularity
            lopsided = round(float(rng.uniform(0.05, 0.80)), 4) if asymmetry is None else asymmetry
            turn, scale = round(float(rng.uniform(0, 360)), 2), round(float(rng.uniform(0.6, 1.0)), 4)
            own = int(rng.integers(2**31))
            if parent is None or breed is None:
                spec: dict[str, object] = {"irregularity": even, "asymmetry": lopsided, "seed": own}
                mask = fit(automatic(even, lopsided, own), size * _SHARE, size)
            else:
                spec = {"from": breed.name, "scale": scale, "turn_deg": turn, "irregularity": even, "seed": own}
                mask = fit(transformed(parent.astype(np.float32), scale, turn, even, own), size * _SHARE * scale, size)
            name = f"shape-{number + 1:05d}.png"
            if not folder.has(name):
                pixels = np.rint(mask * 255).astype(np.uint8)
                with folder.stage() as stage:
                    stage.write(name, png.encode(pixels), Provenance(json.dumps(spec, sort_keys=True), "", ""))
        folder.finish()
    print(f"{count} masks of {size}×{size} pixels in {output}")


def _read(path: Path) -> "NDArray[np.uint8]":
    """A mask image as a square of 0 and 255. BadInput where it can't be one."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    from engine.errors import BadInput

    try:
        with Image.open(path) as image:
            if max(image.size) > 4096:
                raise BadInput(f"{path}: is {image.size[0]}×{image.size[1]}; at most 4096 pixels a side are read")
            grey = np.asarray(image.convert("L"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path}: can't be read as an image ({error})") from error
    side = max(grey.shape)
    square = np.zeros((side, side), np.uint8)
    row, column = (side - grey.shape[0]) // 2, (side - grey.shape[1]) // 2
    square[row : row + grey.shape[0], column : column + grey.shape[1]] = np.where(grey >= 128, 255, 0)
    return square


def _digest(mask: "NDArray[np.uint8]") -> str:
    import hashlib

    return hashlib.sha256(mask.tobytes()).hexdigest()
