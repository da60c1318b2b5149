"""How far two clouds of features lie apart.

Fréchet distance between the Gaussians of their moments (Dowson & Landau 1982; Heusel et al. 2017, arXiv:1706.08500),
and the kernel distance, an unbiased squared MMD with a cubic kernel (Bińkowski et al. 2018, arXiv:1801.01401).
"""

import math

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]


def frechet(a: Features, b: Features) -> float:
    """|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½) of two clouds [N, D] and [M, D]; NaN below two points in either.

    Biased upwards by small clouds: compare only values from equally large ones.
    """
    if min(len(a), len(b)) < 2:
        return math.nan
    return frechet_of_moments(a.mean(0), _covariance(a), b.mean(0), _covariance(b))


def frechet_of_moments(mean1: Features, cov1: Features, mean2: Features, cov2: Features) -> float:
    """The same from the means [D] and covariances [D, D]."""
    values, vectors = np.linalg.eigh(cov1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    common = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov2 @ root), 0)).sum()
    return float(((mean1 - mean2) ** 2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * common)


def frechet_of_few(a: Features, b: Features) -> float:
    """The same of clouds with more features than points: thousands of features take no longer than the points do.

    With the centred clouds as rows of A and B, the root's trace is the sum of the singular values of A Bᵀ, [N, M],
    over √((N - 1)(M - 1)): Σ₁Σ₂ has the eigenvalues of (A Bᵀ)(A Bᵀ)ᵀ, but for zeros.
    """
    if min(len(a), len(b)) < 2:
        return math.nan
    mean1, mean2 = a.mean(0), b.mean(0)
    first, second = (a - mean1) / math.sqrt(len(a) - 1), (b - mean2) / math.sqrt(len(b) - 1)
    common = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return float(((mean1 - mean2) ** 2).sum() + (first**2).sum() + (second**2).sum() - 2 * common)


def kernel(a: Features, b: Features) -> float:
    """Unbiased MMD² of two clouds with k(x, y) = (x·y/D + 1)³; about 0 for equal distributions, even below it.

    Pairs of equal points within a cloud are left out, so that it can be resampled with repetition.
    """
    if min(len(a), len(b)) < 2:
        return math.nan
    dimensions = a.shape[1]
    between = float(((a @ b.T / dimensions + 1) ** 3).mean())
    return _within(a) + _within(b) - 2 * between


def squared(a: NDArray[np.floating], b: NDArray[np.floating]) -> Features:
    """Squared Euclidean distances [N, M] of all pairs, never negative."""
    a, b = (np.asarray(points, np.float64) for points in (a, b))
    found: Features = np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T, 0)
    return found


def _covariance(a: Features) -> Features:
    return np.atleast_2d(np.cov(a, rowvar=False))


def _within(a: Features) -> float:
    """The kernel's mean over pairs of different points. A point drawn twice isn't a pair: k(x, x) is no sample."""
    _, same = np.unique(a, axis=0, return_inverse=True)
    same = same.reshape(-1)
    values = (a @ a.T / a.shape[1] + 1) ** 3
    different = same[:, None] != same[None]
    return float(values[different].mean()) if different.any() else math.nan
