"""A measured value with its interval: the bootstrap over lesions (Efron & Tibshirani 1993, chapters 8 and 13)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
DRAWS = 200
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """value with its interval at `LEVEL`; low and high are NaN where there was too little to draw from.

    count: independent units (lesions) that it rests on, the smallest where several sets take part.
    """

    value: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 3) -> str:
        """For a table."""
        if math.isnan(self.value):
            return "-"
        if math.isnan(self.low):
            return f"{self.value:.{digits}f}"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def bootstrap(
    statistic: Callable[..., float],
    sets: Sequence[Sequence[str]],
    seed: int,
    draws: int = DRAWS,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """A statistic of one or several sets, each resampled by lesion.

    statistic: takes one array of numbers per set. sets: of each picture, the lesion it shows. Percentiles of the
    draws, moved so that the draws' mean lies on the value: distances between clouds grow by resampling as they grew
    by sampling (their bias would else push the interval off its value). limits: the range that values can have.
    """
    whole = [np.arange(len(lesions)) for lesions in sets]
    value = float(statistic(*whole))
    members = [_members(lesions) for lesions in sets]
    count = min((len(m) for m in members), default=0)
    if count < 2 or math.isnan(value):
        return Estimate(value, math.nan, math.nan, count)
    rng = np.random.default_rng([seed, len(sets), count])
    drawn = np.array([statistic(*(_resampled(m, rng) for m in members)) for _ in range(draws)], float)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < draws / 2:
        return Estimate(value, math.nan, math.nan, count)
    tails = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tails, 1 - tails]) - (drawn.mean() - value)
    return Estimate(value, float(np.clip(low, *limits)), float(np.clip(high, *limits)), count)


def mean_of(
    values: NDArray[np.floating] | NDArray[np.bool_],
    lesions: Sequence[str],
    seed: int,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """The mean of one value per picture; NaN among them don't count."""
    numbers = np.asarray(values, float)
    good = np.isfinite(numbers)
    if not good.any():
        return Estimate(math.nan, math.nan, math.nan, 0)
    kept = numbers[good]
    return bootstrap(
        lambda which: float(kept[which].mean()),
        *([[lesion for lesion, g in zip(lesions, good, strict=True) if g]], seed),
        limits=limits,
    )


def auc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a positive scores above a negative (ties count half); NaN without both."""
    scores, positive = np.asarray(scores, float), np.asarray(positive, bool)
    above, below = int(positive.sum()), int((~positive).sum())
    if not above or not below:
        return math.nan
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    return float((ranks[positive].sum() - above * (above + 1) / 2) / (above * below))


def _members(lesions: Sequence[str]) -> list[Numbers]:
    places: dict[str, list[int]] = {}
    for i, lesion in enumerate(lesions):
        places.setdefault(lesion, []).append(i)
    return [np.array(numbers, np.int64) for numbers in places.values()]


def _resampled(members: list[Numbers], rng: np.random.Generator) -> Numbers:
    return np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
