"""Features that no training can bend: colour moments in Lab, local binary patterns, and the power spectrum.

Local binary patterns: rotation-invariant uniform codes of 8 neighbours (Ojala et al. 2002). The spectrum is averaged
over directions, in bands of a third of an octave, as the logarithm of the power.
"""

import numpy as np
from numpy.typing import NDArray

from engine.colour import LINEAR_OF_BYTE, linear_to_lab

RADII = (1, 3)
BANDS = 12
NAMES = (
    *(f"{axis} {what}" for what in ("mean", "deviation", "skewness") for axis in "Lab"),
    *(f"LBP {radius} px, {code}" for radius in RADII for code in range(10)),
    *(f"spectrum {band}" for band in range(BANDS)),
)


def features(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """float64 [N, 41], in the order of `NAMES`, of pictures uint8 [N, S, S, 3] sRGB."""
    return np.stack([_of_one(picture) for picture in rgb]) if len(rgb) else np.empty((0, len(NAMES)))


def local_binary_pattern(grey: NDArray[np.floating], radius: int) -> NDArray[np.float64]:
    """Shares [10] of the uniform codes 0 to 8 (how many of 8 neighbours are at least as light) and of all others.

    Neighbours lie on a circle; those between pixels are interpolated. Pixels within `radius` of the border don't count.
    """
    lightness: NDArray[np.float64] = np.asarray(grey, np.float64)
    side = slice(radius + 1, -radius - 1)
    centre = lightness[side, side]
    bits = np.stack([_shifted(lightness, radius, 2 * np.pi * i / 8)[side, side] >= centre - 1e-9 for i in range(8)])
    changes = (bits != np.roll(bits, 1, axis=0)).sum(0)
    codes = np.where(changes <= 2, bits.sum(0), 9)
    return np.bincount(codes.ravel(), minlength=10)[:10] / codes.size


def spectrum(grey: NDArray[np.floating]) -> NDArray[np.float64]:
    """log10 of the mean power [12] in bands from 2 cycles a picture to the finest, a Hann window over the picture."""
    side = len(grey)
    window = np.hanning(side)[:, None] * np.hanning(side)[None]
    power = np.abs(np.fft.fft2((grey - grey.mean()) * window)) ** 2 / side**2
    frequency = np.fft.fftfreq(side) * side
    radius = np.hypot(frequency[:, None], frequency[None])
    edges = np.geomspace(2, side / 2, BANDS + 1)
    band = np.clip(np.digitize(radius, edges) - 1, -1, BANDS)
    total = np.bincount(band[band >= 0], power[band >= 0], BANDS + 1)[:BANDS]
    count = np.maximum(np.bincount(band[band >= 0], minlength=BANDS + 1)[:BANDS], 1)
    return np.log10(total / count + 1e-6)


def _of_one(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    lab = np.asarray(linear_to_lab(LINEAR_OF_BYTE[picture].astype(np.float64)))
    flat = lab.reshape(-1, 3)
    mean, deviation = flat.mean(0), flat.std(0)
    skewness = ((flat - mean) ** 3).mean(0) / np.maximum(deviation, 0.1) ** 3
    grey = lab[..., 0]
    patterns = [local_binary_pattern(grey, radius) for radius in RADII]
    return np.concatenate([mean, deviation, skewness, *patterns, spectrum(grey)])


def _shifted(grey: NDArray[np.float64], radius: int, angle: float) -> NDArray[np.float64]:
    """The picture as seen `radius` pixels away in that direction, bilinear; wraps, so the border must be left out."""
    down, right = -radius * np.sin(angle), radius * np.cos(angle)
    row, column = int(np.floor(down + 1e-9)), int(np.floor(right + 1e-9))
    v, u = max(down - row, 0.0), max(right - column, 0.0)

    def at(r: int, c: int) -> NDArray[np.float64]:
        return np.roll(grey, (-r, -c), (0, 1))

    top = (1 - u) * at(row, column) + u * at(row, column + 1)
    bottom = (1 - u) * at(row + 1, column) + u * at(row + 1, column + 1)
    shifted: NDArray[np.float64] = (1 - v) * top + v * bottom
    return shifted
