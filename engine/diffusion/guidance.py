"""Guidance: what of the final image is known already. Every guiding is a known map and known values, nothing else.

The three guidings of Pielage et al. (*Diffusion Models in Dermatological Education*), and any combination of them.
Regions may have any shape; samplers don't know which guiding is at work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
SKIN = -1.0
LESION = 1.0
"""Values of the mask channel."""


@dataclass(frozen=True)
class Known:
    """known: float32 [4, H, W] of 0 and 1. values: float32 [4, H, W] in [-1, 1], meaningful where known is 1."""

    known: Floats
    values: Floats


@dataclass(frozen=True)
class BorderGuiding:
    """Everything outside the editable region stays, colour and mask.

    skin: float32 [3, H, W] in [-1, 1]. editable: bool [H, W].
    """

    skin: Floats
    editable: NDArray[np.bool_]

    def known(self) -> Known:
        """Colour is the skin's, the mask says skin."""
        outside = np.broadcast_to(~self.editable, (4, *self.editable.shape)).astype(np.float32)
        return Known(outside, np.concatenate([self.skin, np.full_like(self.skin[:1], SKIN)]))


@dataclass(frozen=True)
class SegmentationGuiding:
    """The mask channel is given, colour is sampled. shape: float32 [H, W] in [0, 1]."""

    shape: Floats

    def known(self) -> Known:
        """All of the mask channel."""
        known, values = (np.zeros((4, *self.shape.shape), np.float32) for _ in range(2))
        known[3] = 1
        values[3] = SKIN + (LESION - SKIN) * self.shape
        return Known(known, values)


@dataclass(frozen=True)
class ClassBorderGuiding:
    """The mask channel says skin along the image's border, `width` pixels wide: the lesion ends inside."""

    size: int
    width: int = 4

    def known(self) -> Known:
        """The mask channel of the border pixels."""
        known = np.zeros((4, self.size, self.size), np.float32)
        known[3] = 1
        known[3, self.width : -self.width, self.width : -self.width] = 0
        return Known(known, np.full_like(known, SKIN))


Guiding = BorderGuiding | SegmentationGuiding | ClassBorderGuiding


def combine(guidings: Sequence[Guiding], size: int) -> Known:
    """All guidings at once; where two know the same entry, the later one decides. Without any, everything is free."""
    known, values = (np.zeros((4, size, size), np.float32) for _ in range(2))
    for guiding in guidings:
        own = guiding.known()
        values = np.where(own.known > 0, own.values, values)
        known = np.maximum(known, own.known)
    return Known(known, values)
