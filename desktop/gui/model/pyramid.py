"""An atlas at halved sizes, kept up to date rectangle by rectangle, so that both views minify cleanly and cheaply.

Texels are averaged 2×2 in linear light.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.atlas import Rect
from engine.colour import LINEAR_OF_BYTE, to_bytes

Pixels = NDArray[np.uint8]

_LINEAR = np.rint(LINEAR_OF_BYTE.astype(np.float64) * 65535).astype(np.uint16)
_ENCODED = to_bytes((np.arange(65536) / 65535).astype(np.float32))


class Pyramid:
    """levels[0] is the atlas itself (uint8 [H, W, 4], not copied); each further level has half the side, at least 1."""

    def __init__(self, pixels: Pixels) -> None:
        self.levels = [pixels]
        while max(self.levels[-1].shape[:2]) > 1:
            height, width = self.levels[-1].shape[:2]
            self.levels.append(np.empty((max(height // 2, 1), max(width // 2, 1), 4), np.uint8))
        self.update([Rect(0, 0, pixels.shape[1], pixels.shape[0])])

    def update(self, rects: Iterable[Rect]) -> list[list[Rect]]:
        """Follow changes of level 0; the rectangles that changed on each level."""
        changed = [[rect for rect in rects if rect.width > 0 and rect.height > 0]]
        for fine, coarse in zip(self.levels, self.levels[1:], strict=False):
            changed.append([_halve(fine, coarse, rect) for rect in changed[-1]])
        return changed


def _halve(fine: Pixels, coarse: Pixels, rect: Rect) -> Rect:
    """Average what lies under a rectangle of `fine`; the rectangle of `coarse` that was written."""
    height, width = coarse.shape[:2]
    left, top = min(rect.x // 2, width - 1), min(rect.y // 2, height - 1)
    right = min((rect.x + rect.width + 1) // 2, width)
    bottom = min((rect.y + rect.height + 1) // 2, height)
    target = Rect(left, top, max(right - left, 1), max(bottom - top, 1))
    across, down = (2 if fine.shape[1] > 1 else 1), (2 if fine.shape[0] > 1 else 1)
    source = fine[down * target.y :, across * target.x :][: down * target.height, : across * target.width]
    linear = _LINEAR[source]
    linear[..., 3] = source[..., 3].astype(np.uint16) * 257
    mean = cv2.resize(linear, (target.width, target.height), interpolation=cv2.INTER_AREA)
    mean = mean.reshape(target.height, target.width, 4)
    coarse[target.slices][..., :3] = _ENCODED[mean[..., :3]]
    coarse[target.slices][..., 3] = mean[..., 3] // 257
    return target
