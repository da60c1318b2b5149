"""Drawn lesions on mottled skin, of which everything is known: nevi round and even, melanomas notched and motley."""

from pathlib import Path

import cv2
import numpy as np

from engine import png
from engine.colour import SKIN_REFERENCE, lab_to_linear, linear_to_lab, to_bytes
from engine.evaluation.pictures import SIDE, Pictures
from engine.training.split import is_test

CLASSES = ("nevus", "melanoma")
_SKIN = np.asarray(linear_to_lab(SKIN_REFERENCE))
_KINDS = {"nevus": (0.03, 14.0, 2.0), "melanoma": (0.16, 24.0, 9.0)}
"""Unevenness of the outline, how much darker than skin (L*), deviation of colours within."""


def picture(lesion_class: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [128, 128, 3] sRGB and its mask, uint8 [128, 128]."""
    uneven, darker, motley = _KINDS[lesion_class]
    rng = np.random.default_rng([seed, len(lesion_class)])
    radius = SIDE * (rng.uniform(0.17, 0.25) if lesion_class == "nevus" else rng.uniform(0.25, 0.34))
    y, x = np.indices((SIDE, SIDE)) - SIDE / 2 - rng.uniform(-6, 6, (2, 1, 1))
    angle, edge = np.arctan2(y, x), np.ones((SIDE, SIDE))
    for wave in (1, 2, 3, 5, 9):
        edge += uneven / wave**0.7 * rng.normal() * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    mask = np.clip((radius * np.clip(edge, 0.5, 1.4) - np.hypot(x, y)) / 2 + 0.5, 0, 1)
    lab = np.tile(_SKIN, (SIDE, SIDE, 1)) + _mottled(rng, 12, 1.2)
    pigment = darker * rng.uniform(0.8, 1.2) + _mottled(rng, 10, motley)[..., 0]
    lab += np.array([-1.0, 0.2, 0.3]) * (mask * pigment)[..., None]
    lab += mask[..., None] * _mottled(rng, 6, motley / 3)
    return to_bytes(lab_to_linear(lab)), np.where(mask >= 0.5, 255, 0).astype(np.uint8)


def pictures(per_class: int, seed: int, prefix: str = "real") -> Pictures:
    """As many nevi as melanomas, each a lesion of its own."""
    made = [(c, *picture(c, 10_000 * seed + i)) for c in CLASSES for i in range(per_class)]
    names = tuple(f"{prefix}-{seed}-{number}" for number in range(len(made)))
    return Pictures(
        np.stack([rgb for _, rgb, _ in made]),
        np.stack([mask for _, _, mask in made]),
        np.ones(len(made), bool),
        np.array([CLASSES.index(c) for c, _, _ in made], np.int64),
        *(names, names, CLASSES),
    )


def write_folder(folder: Path, per_class: int, seed: int, masks: bool = True) -> Path:
    """The simple layout, as PNG files; every fourth picture of a class belongs to the test split."""
    for name in ("images", "masks") if masks else ("images",):
        (folder / name).mkdir(parents=True)
    lines = ["image_id,dx,lesion_id"]
    for lesion_class in CLASSES:
        for i in range(per_class):
            rgb, mask = picture(lesion_class, 10_000 * seed + i)
            name = f"{lesion_class[:3]}{i:04d}"
            (folder / "images" / f"{name}.png").write_bytes(png.encode(rgb))
            if masks:
                (folder / "masks" / f"{name}.png").write_bytes(png.encode(mask))
            lines.append(f"{name},{lesion_class},{_lesion_id(name, i % 4 == 0)}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


def _lesion_id(name: str, test: bool) -> str:
    return next(found for found in (f"L{name}{suffix}" for suffix in range(1000)) if is_test(found) == test)


def _mottled(rng: np.random.Generator, grid: int, strength: float) -> np.ndarray:
    noise = rng.normal(0, 1, (grid, grid, 3)).astype(np.float32)
    return strength * cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
