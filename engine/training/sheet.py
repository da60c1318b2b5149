"""A model's sample sheet: what its network paints unguided, with the skin known, and with a shape given as well."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine import shapes
from engine.colour import SKIN_REFERENCE, from_network, to_bytes, to_network
from engine.generators.protocol import Generator, PatchRequest
from engine.lesion import LesionSpec, Shape, Site
from engine.output import Provenance, encode_png, write_atomic
from engine.place import WINDOW, footprint
from engine.sheet import contact_sheet

SIDE = 128
SEEDS = (1, 2, 3, 4, 5, 6)
NAME = "samples.png"
HOW = {
    "unguided": ("class_border",),
    "skin known": ("border",),
    "skin and shape known": ("border", "segmentation"),
}
_OUTLINE = {"melanoma": Shape("automatic", 0.65, 0.6)}
_USUAL = Shape("automatic", 0.2, 0.15)


def write_sheet(
    path: Path, generator: Generator, title: str, steps: int = 18, seeds: tuple[int, ...] = SEEDS
) -> NDArray[np.uint8]:
    """Paint and write the sheet; its pixels, uint8 [H, W, 3]."""
    rows, names = [], []
    for lesion_class in generator.classes:
        for how in HOW:
            results = generator.generate([request(lesion_class, how, seed, steps) for seed in seeds])
            rows.append([to_bytes(from_network(result.rgb.transpose(1, 2, 0))) for result in results])
            names.append(f"{lesion_class}, {how}")
    sheet = contact_sheet(rows, names, [f"seed {seed}" for seed in seeds], title, "synthetic")
    write_atomic(path, encode_png(sheet, Provenance("[]", generator.fingerprint, generator.licence)))
    return sheet


def request(lesion_class: str, how: str, seed: int, steps: int = 18) -> PatchRequest:
    """A request in which nothing, the skin, or the skin and the shape are known."""
    shape = _OUTLINE.get(lesion_class, _USUAL) if how == "skin and shape known" else Shape("free")
    spec = LesionSpec(lesion_class, Site(0, (1.0, 0.0, 0.0)), 6.0, seed, shape=shape, guiding=HOW[how], steps=steps)
    if shape.kind != "free":
        mask = shapes.draw(shape, SIDE / WINDOW, SIDE, seed)
        return PatchRequest(skin(seed), footprint(mask) > 0, mask, spec)
    axis = np.abs((np.arange(SIDE) + 0.5) / SIDE - 0.5)
    editable = np.ones((SIDE, SIDE), bool) if how == "unguided" else np.hypot(axis[:, None], axis) < 0.4
    return PatchRequest(skin(seed), editable, None, spec)


def skin(seed: int) -> NDArray[np.float32]:
    """Smooth mottled skin of the reference colour, float32 [3, 128, 128] in the network's space."""
    rng = np.random.default_rng(seed)
    mottled = sum(
        cv2.resize(rng.normal(0, strength, (grid, grid)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        for grid, strength in ((4, 0.03), (12, 0.015), (48, 0.01))
    )
    return np.ascontiguousarray(to_network(SKIN_REFERENCE * (1 + mottled[..., None])).transpose(2, 0, 1))
