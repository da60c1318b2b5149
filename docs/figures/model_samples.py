"""The model card's sheet: what the network paints unguided, with the skin known, and with a shape given as well.

python -m docs.figures.model_samples [--model default] [-o engine/models/default/samples.png]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine import shapes
from engine.colour import SKIN_REFERENCE, from_network, to_bytes, to_network
from engine.generators.ddpm import DdpmGenerator
from engine.generators.protocol import PatchRequest
from engine.lesion import LesionSpec, Shape, Site
from engine.output import Provenance, encode_png, write_atomic
from engine.place import WINDOW, footprint
from engine.sheet import contact_sheet

SIDE = 128
SEEDS = (1, 2, 3, 4, 5, 6)
CLASSES = {"nevus": Shape("automatic", 0.2, 0.15), "melanoma": Shape("automatic", 0.65, 0.6)}
HOW = {
    "unguided": ("class_border",),
    "skin known": ("border",),
    "skin and shape known": ("border", "segmentation"),
}


def skin(seed: int) -> NDArray[np.float32]:
    """Smooth mottled skin of the reference colour, float32 [3, 128, 128] in the network's space."""
    rng = np.random.default_rng(seed)
    mottled = sum(
        cv2.resize(rng.normal(0, strength, (grid, grid)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        for grid, strength in ((4, 0.03), (12, 0.015), (48, 0.01))
    )
    return np.ascontiguousarray(to_network(SKIN_REFERENCE * (1 + mottled[..., None])).transpose(2, 0, 1))


def request(lesion_class: str, how: str, seed: int) -> PatchRequest:
    """A request in which nothing, the skin, or the skin and the shape are known."""
    shape = CLASSES[lesion_class] if how == "skin and shape known" else Shape("free")
    spec = LesionSpec(lesion_class, Site(0, (1.0, 0.0, 0.0)), 6.0, seed, shape=shape, guiding=HOW[how])
    if shape.kind != "free":
        mask = shapes.draw(shape, SIDE / WINDOW, SIDE, seed)
        return PatchRequest(skin(seed), footprint(mask) > 0, mask, spec)
    axis = np.abs((np.arange(SIDE) + 0.5) / SIDE - 0.5)
    editable = np.ones((SIDE, SIDE), bool) if how == "unguided" else np.hypot(axis[:, None], axis) < 0.4
    return PatchRequest(skin(seed), editable, None, spec)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("-o", "--output", type=Path, default=Path("engine/models/default/samples.png"))
    arguments = parser.parse_args()
    generator = DdpmGenerator(arguments.model)
    rows, names = [], []
    for lesion_class in CLASSES:
        for how in HOW:
            results = generator.generate([request(lesion_class, how, seed) for seed in SEEDS])
            rows.append([to_bytes(from_network(result.rgb.transpose(1, 2, 0))) for result in results])
            names.append(f"{lesion_class}, {how}")
    sheet = contact_sheet(rows, names, [f"seed {s}" for s in SEEDS], "What the network paints", "synthetic")
    write_atomic(arguments.output, encode_png(sheet, Provenance("[]", generator.fingerprint, generator.licence)))
    print(arguments.output)


if __name__ == "__main__":
    main()
