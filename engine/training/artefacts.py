"""What lies on the skin and isn't skin: hair, ruler marks, the dermatoscope's dark rim. Measured, so that filters can
leave such images out and say how many.

Thin dark structures by black-hat with lines, as DullRazor does (Lee et al. 1997, doi:10.1016/S0010-4825(97)00020-6).
Inside the lesion nothing is counted: pigment network is thin and dark too.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.training.preparation import outside

SIDE = 224
"""Side at which everything is measured."""
_KERNEL = 13
_CONTRAST = 14
"""8-bit steps that a hair is darker than the skin on both its sides."""
_LEAST_HAIR = 0.1
"""Length of the shortest structure that counts as hair, as a share of the side."""
_TICKS = 7
_TICK_LENGTH = (0.008, 0.1)
_MOST_MARKS = 60
_STEP = (3.0, 0.12)
"""Least distance of a ruler's marks in pixels, and their largest as a share of the side."""
_DARK_CORNER = 60


@dataclass(frozen=True)
class Artefacts:
    """hair: share of the skin that thin dark structures cover. ruler: whether there is a row of equal short marks.

    dark_corners: of the four.
    """

    hair: float
    ruler: bool
    dark_corners: int


def measure(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Artefacts:
    """rgb: uint8 [S, S, 3], mask: bool [S, S], lesion."""
    small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lesion = cv2.resize(mask.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    skin = outside(cv2.dilate(lesion.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0)
    dark, lines = dark_structures(grey)
    _, labels, extent, _ = _pieces(lines & skin)
    long = extent >= _LEAST_HAIR * SIDE
    hair = float(long[labels].sum() / max(1, skin.sum())) if len(extent) > 1 else 0.0
    count, _, extent, centres = _pieces(dark & skin)
    short = (extent >= _TICK_LENGTH[0] * SIDE) & (extent <= _TICK_LENGTH[1] * SIDE)
    return Artefacts(hair, count > _TICKS and has_row(centres[short], extent[short]), dark_corners(grey))


def dark_structures(grey: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool [H, W] each: what is darker than its two sides in some direction; and of that the lines, which aren't
    darker than what lies along them."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.7)
    line = np.ones((1, _KERNEL), np.uint8)
    diagonal = np.eye(_KERNEL, dtype=np.uint8)
    kernels = (line, line.T, diagonal, np.ascontiguousarray(diagonal[::-1]))
    closed = [cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, kernel) for kernel in kernels]
    dark: NDArray[np.bool_] = np.maximum.reduce(closed) >= _CONTRAST
    return dark, dark & (np.minimum.reduce(closed) < _CONTRAST)


def _pieces(
    found: NDArray[np.bool_],
) -> tuple[int, NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """How many connected pieces, their labels, lengths (the background's is 0) and middles."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    extent = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    extent[0] = 0
    return count, labels, extent, centres


def has_row(centres: NDArray[np.float64], extent: NDArray[np.integer] | NDArray[np.floating]) -> bool:
    """Whether at least seven marks lie on one straight line at equal distances, as those of a ruler do.

    centres: [N, 2] pixels. extent: [N], how long each is.
    """
    if len(centres) < _TICKS:
        return False
    centres = centres[np.argsort(extent)[-_MOST_MARKS:]]
    offsets = centres[None] - centres[:, None]
    length = np.maximum(np.hypot(offsets[..., 0], offsets[..., 1]), 1e-9)
    first, second = np.nonzero((length >= _STEP[0]) & (length <= _STEP[1] * SIDE))
    unit = offsets[first, second] / length[first, second, None]
    along = np.einsum("pnc,pc->pn", offsets[first], unit) / length[first, second, None]
    across = np.abs(offsets[first, :, 0] * unit[:, 1:] - offsets[first, :, 1] * unit[:, :1])
    place = np.rint(along)
    good = (across < 1.5) & (np.abs(along - place) < 0.12) & (place >= 0) & (place < _TICKS)
    hit = [np.any(good & (place == k), axis=1) for k in range(_TICKS)]
    return bool(np.all(hit, axis=0).any())


def dark_corners(grey: NDArray[np.uint8]) -> int:
    """How many of the four corners of a grey picture [S, S] are dark."""
    width = max(2, len(grey) // 16)
    ends = (slice(None, width), slice(-width, None))
    return sum(float(grey[rows, columns].mean()) < _DARK_CORNER for rows in ends for columns in ends)
