"""Measure 2: how much pictures of one class differ from each other: MS-SSIM of random pairs, lower is more various.

Wang, Simoncelli & Bovik 2003, on the luma of sRGB; the use as a measure of diversity is Odena et al. 2017
(arXiv:1610.09585). Pictures of 128² carry four of its five scales, whose weights are brought to sum to 1.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.evaluation.estimate import LEVEL, Estimate

PAIRS = 200
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_WINDOW, _SIGMA = 11, 1.5
Floats = NDArray[np.float64]


def diversity(rgb: NDArray[np.uint8], seed: int, lesions: tuple[str, ...]) -> Estimate:
    """Mean MS-SSIM over pairs of pictures uint8 [N, S, S, 3] of different lesions."""
    pairs = random_pairs(lesions, PAIRS, seed)
    values = np.array([ms_ssim(luma(rgb[i]), luma(rgb[j])) for i, j in pairs])
    return mean_of_pairs(values, pairs, lesions, (-1.0, 1.0))


def mean_of_pairs(
    values: Floats, pairs: Sequence[tuple[int, int]], lesions: tuple[str, ...], limits: tuple[float, float]
) -> Estimate:
    """The mean of one value [P] per pair of pictures. Pairs that share a lesion are not independent.

    Variance of Aronow, Samii & Assenova 2015 (arXiv:1312.3398): products of all pairs of pairs that share a
    lesion; at least that of independent pairs. Resampled lesions would not do: of few pairs among many lesions they
    make the interval too wide.
    """
    if not len(values):
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = float(values.mean())
    by_lesion: dict[str, float] = {}
    by_both: dict[tuple[str, ...], float] = {}
    for (i, j), off in zip(pairs, values - value, strict=True):
        both = tuple(sorted((lesions[i], lesions[j])))
        by_both[both] = by_both.get(both, 0.0) + off
        for lesion in both:
            by_lesion[lesion] = by_lesion.get(lesion, 0.0) + off
    if len(by_both) < 2:
        return Estimate(value, math.nan, math.nan, len(by_lesion))
    apart = sum(total**2 for total in by_both.values())
    variance = max(sum(total**2 for total in by_lesion.values()) - apart, apart) / len(values) ** 2
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * math.sqrt(variance)
    low, high = np.clip([value - reach, value + reach], *limits)
    return Estimate(value, float(low), float(high), len(by_lesion))


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
