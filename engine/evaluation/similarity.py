"""Measure 1: whether generated pictures are distributed as real ones are, class by class, in two kinds of features."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.distances import Features, frechet, frechet_of_few, kernel
from engine.evaluation.estimate import Estimate, bootstrap, mean_of
from engine.evaluation.manifold import membership

MOST_POINTS = 2000
"""Of each side; a distance of more takes long and says the same."""
ENOUGH = 16
RAW_DRAWS = 40
"""Draws of an interval in raw features: the thousands that a network of others gives take seconds a draw."""


@dataclass(frozen=True)
class Cloud:
    """Features [N, D] of one set, and the lesion that each picture shows."""

    features: Features
    lesion: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.features)

    def part(self, count: int, seed: int) -> "Cloud":
        """At most `count` of them, drawn by lesion order, the same for the same seed."""
        if count >= len(self):
            return self
        numbers = np.sort(np.random.default_rng([seed, len(self)]).permutation(len(self))[:count])
        return Cloud(self.features[numbers], tuple(self.lesion[i] for i in numbers))


@dataclass(frozen=True)
class Similarity:
    """How one set compares with a reference. frechet and kernel: distances, 0 at best. The others: 1 at best.

    Density may exceed 1. pictures: how many of each.
    """

    frechet: Estimate
    kernel: Estimate
    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate
    pictures: int


def compare(reference: Cloud, candidate: Cloud, seed: int, draws: int, raw: bool = False) -> Similarity | None:
    """`candidate` beside `reference`, in features standardised by the reference; None where either is too small.

    raw: features as they are, as FID and KID are defined, and `RAW_DRAWS` draws at most. Both clouds are cut to equal
    size first: every one of these measures depends on how many points there are, and real beside real must be measured
    at the same number as generated beside real.
    """
    count = min(len(reference), len(candidate), MOST_POINTS)
    if count < ENOUGH:
        return None
    reference, candidate = reference.part(count, seed), candidate.part(count, seed + 1)
    a, b = reference.features, candidate.features
    distance = frechet
    if raw:
        distance, draws = (frechet_of_few if count < a.shape[1] else frechet), min(draws, RAW_DRAWS)
    else:
        a, b = standardised(a, b)
    both = [reference.lesion, candidate.lesion]
    member = membership(a, b)
    assert member is not None, "ENOUGH exceeds the neighbours"
    return Similarity(
        bootstrap(_on(distance, a, b), both, seed, draws, (0.0, np.inf)),
        bootstrap(_on(kernel, a, b), both, seed, draws),
        mean_of(member.precision, candidate.lesion, seed, (0.0, 1.0)),
        mean_of(member.recall, reference.lesion, seed, (0.0, 1.0)),
        mean_of(member.density, candidate.lesion, seed, (0.0, np.inf)),
        mean_of(member.coverage, reference.lesion, seed, (0.0, 1.0)),
        count,
    )


def standardised(reference: Features, *others: Features) -> tuple[Features, ...]:
    """All clouds with the reference's mean taken off and divided by its deviation, feature by feature."""
    mean, deviation = reference.mean(0), np.maximum(reference.std(0), 1e-6)
    return tuple((cloud - mean) / deviation for cloud in (reference, *others))


def _on(measure: Callable[[Features, Features], float], a: Features, b: Features) -> Callable[..., float]:
    def of(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
        return measure(a[first], b[second])

    return of
