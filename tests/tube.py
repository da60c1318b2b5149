"""A limb for tests: a tube of skin with one UV seam along its back, and lesion layers to lay on it."""

import numpy as np

from engine import png
from engine.avatar.model import ALBEDO, Avatar, Material, TextureImage
from engine.lesion import LesionLayer, LesionSpec, Site

RADIUS_M, LENGTH_M = 0.05, 0.5


def tube_avatar(size: int = 512, materials: int = 1, shared: bool = False) -> Avatar:
    """A tube around the y axis, 10 cm thick and 50 cm long; the front half is material 0 where there are two."""
    around, along = 48, 40
    turn, drop = np.meshgrid(np.linspace(-np.pi, np.pi, around + 1), np.linspace(0, 1, along + 1))
    positions = np.stack([RADIUS_M * np.sin(turn), LENGTH_M * (1 - drop), RADIUS_M * np.cos(turn)], -1).reshape(-1, 3)
    uvs = np.stack([0.1 + 0.8 * (turn / (2 * np.pi) + 0.5), 0.1 + 0.8 * drop], -1).reshape(-1, 2)
    row, column = (values.ravel() for values in np.meshgrid(np.arange(along), np.arange(around), indexing="ij"))
    a = row * (around + 1) + column
    faces = np.stack([a, a + around + 1, a + 1, a + 1, a + around + 1, a + around + 2], -1).reshape(-1, 3)
    owner = np.repeat((np.abs(turn[row, column] + np.pi / around) > np.pi / 2).astype(np.int16), 2)
    order = np.argsort(owner if materials == 2 else np.zeros(len(faces)), kind="stable")
    images = [_skin(size, seed) for seed in ((0, 0) if shared else (0, 1))]
    return Avatar(
        name="tube",
        glb=b"",
        scale=1.0,
        positions=positions,
        faces=faces[order].astype(np.int32),
        uvs=uvs.astype(np.float32),
        face_material=(owner[order] if materials == 2 else np.zeros(len(faces))).astype(np.int16),
        materials=tuple(Material(f"skin{i}", {ALBEDO: images[i]}) for i in range(materials)),
    )


def layer(layer_id: str, site: Site, diameter_mm: float = 20.0, tone: int = 60, **changes: object) -> LesionLayer:
    """A round lesion of one grey, 32 pixels wide with its surroundings."""
    size = 32
    axis = np.arange(size) + 0.5 - size / 2
    inside = np.hypot(axis[:, None], axis) <= size / 4.4
    mask = (255 * inside).astype(np.uint8)
    spec = LesionSpec("nevus", site, diameter_mm, 1)
    values = {
        "rgb": np.full((size, size, 3), tone, np.uint8),
        "mask": mask,
        "alpha": mask,
        "width_mm": 2.2 * diameter_mm,
        "diameter_mm": diameter_mm,
        "model": "0" * 64,
        "precision": "fp32",
        "threads": 1,
        "batch_size": 1,
    }
    return LesionLayer(id=layer_id, spec=spec, **(values | changes))


def _skin(size: int, seed: int) -> TextureImage:
    rng = np.random.default_rng(seed)
    pixels = np.clip(np.array([205, 165, 145]) + rng.normal(0, 2, (size, size, 3)), 0, 255).astype(np.uint8)
    return TextureImage(f"skin{seed}", png.encode(pixels), "image/png", size, size)
