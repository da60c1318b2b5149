"""Requests on smooth skin, as `engine.place` would make them."""

import cv2
import numpy as np

from engine import place, shapes
from engine.generators.protocol import PatchRequest
from engine.lesion import LesionSpec, Site


def request(detail: int, seed: int = 1, lesion_class: str = "nevus", **settings: object) -> PatchRequest:
    """A lesion in the middle of mottled skin [3, detail, detail]; the network's space."""
    spec = LesionSpec(lesion_class, Site(0, (1.0, 0.0, 0.0)), 6.0, seed, detail=detail, **settings)
    coarse = np.random.default_rng(seed).normal(0, 0.03, (12, 12, 3)).astype(np.float32)
    mottled = cv2.resize(coarse, (detail, detail), interpolation=cv2.INTER_CUBIC)
    skin = (mottled + np.array([0.6, 0.28, 0.19], np.float32)).transpose(2, 0, 1)
    shape = None if spec.shape.kind == "free" else shapes.draw(spec.shape, detail / place.WINDOW, detail, seed)
    axis = np.abs((np.arange(detail) + 0.5) / detail - 0.5)
    editable = np.hypot(axis[:, None], axis) < 0.4 if shape is None else place.footprint(shape) > 0
    return PatchRequest(np.ascontiguousarray(skin), editable, shape, spec)
