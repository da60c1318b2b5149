"""Whether generated features lie where real ones do, and everywhere they do.

Precision and recall by k-nearest-neighbour balls (Kynkäänniemi et al. 2019, arXiv:1904.06991), density and coverage
(Naeem et al. 2020, arXiv:2002.09797).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.distances import squared

NEIGHBOURS = 5


@dataclass(frozen=True)
class Membership:
    """One value per point; its mean is the measure.

    precision: bool [N generated], within some real point's ball. density: float [N], how many balls hold it, over k.
    recall: bool [M real], within some generated point's ball. coverage: bool [M], whether its own ball holds any.
    """

    precision: NDArray[np.bool_]
    density: NDArray[np.float64]
    recall: NDArray[np.bool_]
    coverage: NDArray[np.bool_]


def membership(real: NDArray[np.floating], generated: NDArray[np.floating], k: int = NEIGHBOURS) -> Membership | None:
    """Of two clouds [M, D] and [N, D]; None where one has no more than k points."""
    if min(len(real), len(generated)) <= k:
        return None
    between = squared(real, generated)
    in_real: NDArray[np.bool_] = np.less_equal(between, _radii(real, k)[:, None])
    in_generated: NDArray[np.bool_] = np.less_equal(between, _radii(generated, k)[None])
    return Membership(np.any(in_real, 0), in_real.sum(0) / k, np.any(in_generated, 1), np.any(in_real, 1))


def _radii(points: NDArray[np.floating], k: int) -> NDArray[np.float64]:
    """Squared distance to the k-th nearest other point."""
    distances = squared(points, points)
    np.fill_diagonal(distances, np.inf)
    return np.partition(distances, k - 1, axis=1)[:, k - 1]
