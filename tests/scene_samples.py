"""Small scenes for the tests. Layers are a function of a number, so any process can tell what must be there."""

from pathlib import Path
from typing import Any

import numpy as np

from engine.lesion import LesionLayer, LesionSpec, Shape, Site
from engine.scene import Scene

GLB = b"glTF" + bytes(range(256)) * 200
FIELDS = ("width_mm", "diameter_mm", "model", "precision", "threads", "batch_size", "body_part", "visible", "locked")


def layer(number: int, side: int = 32, **changes: Any) -> LesionLayer:
    """The layer of that number."""
    rng = np.random.default_rng(number)
    values: dict[str, Any] = {
        "id": f"lesion-{number}",
        "spec": LesionSpec("nevus", Site(number, (0.2, 0.3, 0.5)), 6.0, number, shape=Shape("automatic", 0.35, 0.25)),
        "rgb": rng.integers(0, 256, (side, side, 3), np.uint8),
        "mask": rng.integers(0, 256, (side, side), np.uint8),
        "alpha": rng.integers(0, 256, (side, side), np.uint8),
        "width_mm": 13.2 + number,
        "diameter_mm": 6.01,
        "model": "0f" * 32,
        "precision": "float32",
        "threads": 1,
        "batch_size": 4,
        "body_part": "left-forearm",
    }
    return LesionLayer(**(values | changes))


def content(one: LesionLayer) -> tuple[object, ...]:
    """Everything of a layer, comparable bit by bit."""
    pixels = [(p.dtype.str, p.shape, p.tobytes()) for p in (one.rgb, one.mask, one.alpha)]
    return one.id, one.spec, *pixels, *(getattr(one, field) for field in FIELDS)


def new_scene(path: Path, layers: int = 0, side: int = 32) -> Scene:
    """A scene with the layers 0, 1, … each of its own step."""
    scene = Scene.create_of_glb(path, GLB, "Eve", 0.01)
    for number in range(layers):
        with scene.edit(f"Add {number}") as edit:
            edit.add(layer(number, side))
    return scene
