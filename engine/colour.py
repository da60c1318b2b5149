"""Colour: sRGB and linear light, CIE Lab, skin tone, and the one colour normalisation that training and use share.

Lab is CIE 1976 under D65. ITA and its phototype limits: Chardon et al. 1991, Del Bino & Bernerd 2013.
ΔE2000: Sharma et al. 2005.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

SKIN_REFERENCE = np.array([0.60, 0.37, 0.31])
"""Linear sRGB of the skin that every training image is moved to."""

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _TO_XYZ.sum(axis=1)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)

PHOTOTYPE_ITA = (("I", 55.0), ("II", 41.0), ("III", 28.0), ("IV", 10.0), ("V", -30.0), ("VI", -np.inf))
"""Phototype by the ITA, in degrees, above which it begins."""


def to_linear(srgb: Floats) -> Floats:
    """Linear light from sRGB-encoded values in [0, 1]; same shape and float type."""
    high = ((np.maximum(srgb, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.where(srgb <= 0.04045, srgb / 12.92, high).astype(srgb.dtype, copy=False)


def to_srgb(linear: Floats) -> Floats:
    """sRGB-encoded values from linear light; values outside [0, 1] are not clipped."""
    high = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, linear * 12.92, high).astype(linear.dtype, copy=False)


LINEAR_OF_BYTE: NDArray[np.float32] = to_linear(np.arange(256) / 255.0).astype(np.float32)
"""Linear light of every 8-bit sRGB value: float32 [256]."""


def to_bytes(linear: Floats) -> NDArray[np.uint8]:
    """Nearest 8-bit sRGB of linear light, clipped."""
    encoded: NDArray[np.uint8] = np.rint(np.clip(to_srgb(linear), 0, 1) * 255).astype(np.uint8)
    return encoded


def linear_to_lab(linear: Floats) -> Floats:
    """CIE Lab [..., 3] (L 0-100) of linear sRGB [..., 3]."""
    ratio = linear @ _TO_XYZ.T / _WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lab_to_linear(lab: Floats) -> Floats:
    """Linear sRGB [..., 3] of CIE Lab [..., 3]; may leave [0, 1] outside the gamut."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    ratio = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    linear: Floats = (ratio * _WHITE) @ _FROM_XYZ.T
    return linear


def ita_degrees(lab: Floats) -> Floats:
    """Individual typology angle, degrees: arctan((L - 50) / b)."""
    angle: Floats = np.degrees(np.arctan2(lab[..., 0] - 50, lab[..., 2]))
    return angle


def phototype(ita: float) -> str:
    """Fitzpatrick phototype, I to VI, whose ITA range holds `ita` (degrees)."""
    return next(name for name, lowest in PHOTOTYPE_ITA if ita > lowest)


def delta_e2000(lab1: Floats, lab2: Floats) -> Floats:
    """CIEDE2000 colour difference of two broadcastable Lab arrays [..., 3] (Sharma et al. 2005, eqs. 2-22)."""
    l1, a1, b1 = np.moveaxis(np.asarray(lab1, float), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(lab2, float), -1, 0)
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    c1, c2 = np.hypot(a1 * (1 + g), b1), np.hypot(a2 * (1 + g), b2)
    h1 = np.degrees(np.arctan2(b1, a1 * (1 + g))) % 360
    h2 = np.degrees(np.arctan2(b2, a2 * (1 + g))) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    dl, dc = l2 - l1, c2 - c1
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    hm = np.where(grey, h1 + h2, (h1 + turn / 2) % 360)
    t = (
        1
        - 0.17 * np.cos(np.radians(hm - 30))
        + 0.24 * np.cos(np.radians(2 * hm))
        + 0.32 * np.cos(np.radians(3 * hm + 6))
        - 0.20 * np.cos(np.radians(4 * hm - 63))
    )
    sl = 1 + 0.015 * (lm - 50) ** 2 / np.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rotation = -np.sin(np.radians(60 * np.exp(-(((hm - 275) / 25) ** 2)))) * 2 * np.sqrt(cm**7 / (cm**7 + 25.0**7))
    difference: Floats = np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rotation * (dc / sc) * (dh / sh))
    return difference


@dataclass(frozen=True)
class SkinColour:
    """How one skin's colours map to the reference skin's, and back.

    A gain per channel in linear light moves the median skin to the reference; a gain is a sum in optical density, so a
    lesion's pigment adds to the skin's as it does in nature. On dark skin the same extra pigment shows less, because
    the skin itself absorbs most of the light already: `contrast` scales the density difference to the skin.

    median: linear RGB of this skin. contrast: in (0, 1]; 1 is the plain gain that training uses.
    """

    median: tuple[float, float, float]
    contrast: float = 1.0

    @classmethod
    def measure(cls, linear: Floats, skin: NDArray[np.bool_]) -> Self:
        """The colour of the `skin` pixels [H, W] of a patch in linear light [H, W, 3]; at least one must be skin."""
        red, green, blue = (float(v) for v in np.maximum(np.median(linear[skin], axis=0), 1e-4))
        lightness = float(linear_to_lab(np.array([red, green, blue]))[0])
        return cls((red, green, blue), float(np.interp(lightness, DARK_SKIN_L, DARK_SKIN_CONTRAST)))

    @classmethod
    def for_training(cls, linear: Floats, skin: NDArray[np.bool_]) -> Self:
        """As `measure`, as a plain gain, limited to [0.45, 2.2] per channel: stronger casts are not learnt from."""
        median = np.maximum(np.median(linear[skin], axis=0), 1e-4)
        red, green, blue = (float(v) for v in SKIN_REFERENCE / np.clip(SKIN_REFERENCE / median, 0.45, 2.2))
        return cls((red, green, blue))

    def normalise(self, linear: Floats) -> Floats:
        """From this skin to the reference skin; linear light both ways."""
        ratio = np.maximum(linear / np.asarray(self.median, linear.dtype), 1e-4)
        return (SKIN_REFERENCE * ratio ** (1 / self.contrast)).astype(linear.dtype, copy=False)

    def denormalise(self, linear: Floats) -> Floats:
        """From the reference skin to this skin: the inverse of `normalise`."""
        ratio = np.maximum(linear / SKIN_REFERENCE.astype(linear.dtype), 0.0)
        return (np.asarray(self.median) * ratio**self.contrast).astype(linear.dtype, copy=False)


DARK_SKIN_L = (30.0, 60.0)
DARK_SKIN_CONTRAST = (0.72, 1.0)
"""Lightness L* of the skin, and the share of a lesion's density difference that shows there (see the tone sheet)."""


def to_network(linear: Floats) -> NDArray[np.float32]:
    """The network's space: sRGB-encoded, clipped, [-1, 1]."""
    encoded: NDArray[np.float32] = (np.clip(to_srgb(linear), 0, 1) * 2 - 1).astype(np.float32)
    return encoded


def from_network(values: Floats) -> NDArray[np.float32]:
    """Linear light from the network's space; values beyond [-1, 1] are clipped."""
    linear: NDArray[np.float32] = to_linear(np.clip(np.asarray(values, np.float32) / 2 + 0.5, 0, 1))
    return linear
