"""The albedo of a procedural skin: for now one even tone by phototype."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.colour import lab_to_linear, to_srgb

if TYPE_CHECKING:
    from engine.avatar.body import Body, BodySpec

BASE_LAB = {
    "I": (74.0, 9.5, 14.0),
    "II": (69.0, 10.5, 16.0),
    "III": (63.0, 11.5, 18.0),
    "IV": (54.0, 12.5, 20.0),
    "V": (44.0, 12.0, 18.0),
    "VI": (33.0, 9.5, 12.0),
}


def paint(body: "Body", spec: "BodySpec") -> NDArray[np.uint8]:
    """uint8 [S, S, 3], sRGB."""
    tone = to_srgb(lab_to_linear(np.array(BASE_LAB[spec.phototype], np.float32))) * 255
    grain = np.random.default_rng(spec.seed).normal(0.0, 2.0, (spec.texture_size, spec.texture_size, 1))
    return np.clip(tone + grain, 0, 255).astype(np.uint8)
