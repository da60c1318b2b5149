"""Measure 2: how much pictures of one class differ from each other: MS-SSIM of random pairs, lower is more various.

Wang, Simoncelli & Bovik 2003, on the luma of sRGB; the use as a measure of diversity is Odena et al. 2017
(arXiv:1610.09585). Pictures of 128² carry four of its five scales, whose weights are brought to sum to 1.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.evaluation.estimate import Estimate, mean_of

PAIRS = 200
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_WINDOW, _SIGMA = 11, 1.5
Floats = NDArray[np.float64]


def diversity(rgb: NDArray[np.uint8], seed: int, lesions: tuple[str, ...]) -> Estimate:
    """Mean MS-SSIM over pairs of pictures uint8 [N, S, S, 3] of different lesions. Its interval is that over pairs."""
    pairs = random_pairs(lesions, PAIRS, seed)
    values = np.array([ms_ssim(luma(rgb[i]), luma(rgb[j])) for i, j in pairs])
    return mean_of(values, [str(number) for number in range(len(values))], seed, (-1.0, 1.0))


def random_pairs(lesions: tuple[str, ...], most: int, seed: int) -> list[tuple[int, int]]:
    """At most `most` different pairs of pictures of different lesions."""
    rng = np.random.default_rng([seed, len(lesions)])
    count, found = len(lesions), set()
    for _ in range(20 * most if count > 1 else 0):
        i, j = sorted(int(k) for k in rng.integers(count, size=2))
        if lesions[i] != lesions[j]:
            found.add((i, j))
        if len(found) == most:
            break
    return sorted(found)


def luma(rgb: NDArray[np.uint8]) -> Floats:
    """ITU-R BT.601 luma [H, W], 0 to 255, of sRGB [H, W, 3]."""
    grey: Floats = rgb.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return grey


def ms_ssim(a: Floats, b: Floats) -> float:
    """Multi-scale structural similarity of two pictures [H, W] with values from 0 to 255; 1 for equal ones."""
    scales = max(1, min(len(_WEIGHTS), 1 + int(np.log2(min(a.shape) / _WINDOW))))
    weights = _WEIGHTS[:scales] / _WEIGHTS[:scales].sum()
    result = 1.0
    for scale, weight in enumerate(weights):
        luminance, contrast = _terms(a, b)
        value = float((luminance * contrast).mean() if scale == scales - 1 else contrast.mean())
        result *= max(value, 0.0) ** weight
        a, b = (cv2.blur(p, (2, 2), anchor=(0, 0), borderType=cv2.BORDER_REFLECT)[::2, ::2] for p in (a, b))
    return result


def _terms(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Luminance, and contrast times structure, at each place where the window lies inside."""
    edge = _WINDOW // 2

    def smooth(values: Floats) -> Floats:
        blurred: Floats = cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA)
        return blurred[edge:-edge, edge:-edge]

    ma, mb = smooth(a), smooth(b)
    va, vb, vab = smooth(a * a) - ma * ma, smooth(b * b) - mb * mb, smooth(a * b) - ma * mb
    return (2 * ma * mb + _C1) / (ma * ma + mb * mb + _C1), (2 * vab + _C2) / (va + vb + _C2)
