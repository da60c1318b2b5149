"""From an image as it was taken to what a network learns from: a square around the lesion, its skin at the reference.

The colour normalisation is `engine.colour.SkinColour`, the same that is inverted when a lesion is placed.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.colour import LINEAR_OF_BYTE, SkinColour, ita_degrees, linear_to_lab, phototype, to_bytes
from engine.errors import DataError
from engine.training.dataset import Sample
from engine.training.pictures import read_mask, read_rgb

LEAST_SKIN = 0.01
"""Share of the square that must be skin for its colour to be measured."""
_CLEARANCE = 0.01
"""How far outside the mask skin begins, as a share of the side; at least 2 pixels."""
_TRIM = 3
"""Pixels at the edge of large images that others' resizing left blurred."""
SHARP = 1.3
"""Contrast at the finest scale, 8-bit steps, at which a picture's pixels all carry something."""
_SCALES = (1.0, 0.84, 0.71, 0.59, 0.5, 0.42, 0.35)
_DARK = 0.012
"""Linear luma below which a pixel outside the lesion is the dermatoscope's rim."""
_BAND = 256
"""Rows of an image that are looked at at once."""


@dataclass(frozen=True)
class Square:
    """rgb: uint8 [S, S, 3] sRGB, skin at the reference. mask: bool [S, S]. colour: what the skin was, within the
    limits of training. tone: phototype of the skin as it was photographed, I to VI, by its ITA."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    colour: SkinColour
    tone: str

    def resized(self, side: int) -> "Square":
        """The same at another side: by area when smaller, cubic when larger."""
        how = cv2.INTER_AREA if side < len(self.mask) else cv2.INTER_CUBIC
        rgb = cv2.resize(self.rgb, (side, side), interpolation=how)
        mask = cv2.resize(self.mask.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR_EXACT)
        if side < len(self.mask):
            mask = cv2.resize(self.mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        return Square(rgb, mask >= 0.5, self.colour, self.tone)


def square(sample: Sample) -> Square:
    """The largest square around the lesion's middle. DataError where files are broken or no skin is left."""
    if sample.mask is None:
        raise DataError(f"{sample.image}: has no mask")
    return normalised(*cut(read_rgb(sample.image), read_mask(sample.mask)), str(sample.image))


def cut(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The largest square [S, S] of an image that lies as near to the lesion's middle as it can."""
    height, width = mask.shape
    side = min(height, width)
    count = int(mask.sum())
    middle = (height / 2, width / 2)
    if count:
        middle = (mask.sum(1) @ np.arange(height) / count, mask.sum(0) @ np.arange(width) / count)
    top = int(np.clip(middle[0] - side / 2, 0, height - side))
    left = int(np.clip(middle[1] - side / 2, 0, width - side))
    trim = _TRIM if side >= 500 else 0
    part = np.s_[top + trim : top + side - trim, left + trim : left + side - trim]
    return rgb[part], mask[part]


def normalised(rgb: NDArray[np.uint8], mask: NDArray[np.bool_], name: str) -> Square:
    """The square with its skin moved to the reference. DataError, beginning with `name`, where too little is skin."""
    skin = outside(mask) & _lit(rgb)
    if skin.mean() < LEAST_SKIN:
        raise DataError(f"{name}: shows no skin outside the lesion, so its colour can't be normalised")
    middle = LINEAR_OF_BYTE[_middle(rgb, skin)]
    both = np.ones(2, np.bool_)
    colour = SkinColour.for_training(middle, both)
    median = np.array(SkinColour.measure(middle, both).median)
    # Each byte of a channel has one byte that it becomes: no large image need be there as floats.
    table = to_bytes(colour.normalise(np.repeat(LINEAR_OF_BYTE[:, None], 3, 1)))
    normal: NDArray[np.uint8] = cv2.LUT(rgb, table[None])
    return Square(normal, mask, colour, phototype(float(ita_degrees(linear_to_lab(median)))))


def _lit(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """bool [S, S]: brighter than the dermatoscope's rim."""
    luma = np.array([0.2126, 0.7152, 0.0722], np.float32)
    lit = np.empty(rgb.shape[:2], np.bool_)
    for top in range(0, len(rgb), _BAND):
        lit[top : top + _BAND] = LINEAR_OF_BYTE[rgb[top : top + _BAND]] @ luma > _DARK
    return lit


def _middle(rgb: NDArray[np.uint8], skin: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """uint8 [2, 3]: of each channel the two skin pixels in the middle by brightness, whose mean is the median; the
    same one twice where their number is odd."""
    counts = np.zeros((3, 256), np.int64)
    for top in range(0, len(rgb), _BAND):
        pixels = rgb[top : top + _BAND][skin[top : top + _BAND]]
        counts += [np.bincount(pixels[:, channel], minlength=256) for channel in range(3)]
    count = int(counts[0].sum())
    passed = counts.cumsum(1)
    return np.stack([(passed <= place).sum(1) for place in ((count - 1) // 2, count // 2)]).astype(np.uint8)


def outside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool [S, S]: farther from the lesion than its soft edge."""
    radius = max(2, round(_CLEARANCE * len(mask)))
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    clear: NDArray[np.bool_] = cv2.dilate(mask.astype(np.uint8), kernel) == 0
    return clear


def fine_contrast(rgb: NDArray[np.uint8]) -> float:
    """How sharp a picture [S, S, 3] is: contrast of its grey at the finest scale, 8-bit steps, in its middle part.

    The scale is that of `Sample.fine_rms` (on 126 images of 512² the two correlate with 0.78, and the median ratio
    is 1).
    """
    margin = len(rgb) // 8
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[margin : len(rgb) - margin, margin : len(rgb) - margin]
    grey = grey.astype(np.float32)
    return float(0.9 * (grey - cv2.GaussianBlur(grey, (0, 0), 1.0)).std())


def sharp_share(rgb: NDArray[np.uint8], fine_rms: float | None) -> float:
    """Share of its resolution that a picture really has: the largest scale at which its pixels still differ.

    fine_rms: as the data set says, or None to measure it.
    """
    for scale in _SCALES:
        side = round(len(rgb) * scale)
        small = rgb if scale == 1 else cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)
        if (fine_rms if scale == 1 and fine_rms is not None else fine_contrast(small)) >= SHARP:
            return scale
    return _SCALES[-1]
