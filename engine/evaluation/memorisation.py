"""Measure 6: whether generated pictures are copies of real ones that the network was trained on.

Each picture is compared with every training picture in all eight flips and quarter turns, at 32² in sRGB. What counts
is how much nearer the nearest is than the next fifty (the ratio of Carlini et al. 2023, arXiv:2301.13188, section 4.2):
a plain distance would call every smooth picture a copy. Real pictures that are no copies say which ratios chance gives.

There are two alarms: more near pictures than chance explains, and a single one far nearer than chance brings. Measured
on 7,625 photographs, each among all others: six lie below the second, three pairs that show one lesion under two ids
(0.12 to 0.17); next come 0.34, 0.36 and 0.46, and 1 % lie below 0.65. Of 150 planted copies each, exact ones lie at
0.02 and below, flipped ones with noise of 6 of 255 at 0.20 and below.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from engine.errors import Cancelled
from engine.evaluation.estimate import Estimate, bootstrap
from engine.evaluation.pictures import Pictures
from engine.generators.protocol import Cancel

SIDE = 32
OTHERS = 50
QUANTILE = 0.01
"""Share of real pictures whose ratio is taken for chance's lowest; so many of the generated may lie below."""
SIGNIFICANT = 0.01
ALARM = 0.5
"""One picture is enough whose ratio lies below this share of the real ones' lowest `QUANTILE`."""
_CHUNK = 128
_FEWEST = 20
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Nearest:
    """Of each query: ratio [N] of its distance to the nearest to that to the next `OTHERS`; which [N] is nearest."""

    ratio: Floats
    which: NDArray[np.int64]


@dataclass(frozen=True)
class Memorisation:
    """median: of the generated pictures' ratios; real_median: of the real ones'.

    suspicious: how many generated pictures lie below the real ones' lowest `QUANTILE`; expected: how many would by
    chance; probability: of at least as many by chance. names: the suspicious pictures, what each is nearest to and its
    ratio, the nearest first.
    """

    median: Estimate
    real_median: Estimate
    threshold: float
    suspicious: int
    expected: float
    probability: float
    names: tuple[tuple[str, str, float], ...]

    @property
    def alarm(self) -> float:
        """The ratio below which one picture is enough."""
        return ALARM * self.threshold

    @property
    def alarming(self) -> tuple[tuple[str, str, float], ...]:
        """The pictures below it; as `names`."""
        return tuple(row for row in self.names if row[2] < self.alarm)

    @property
    def copies(self) -> bool:
        """Whether there are more close pictures than chance explains, or any that is far too close."""
        return self.probability < SIGNIFICANT or bool(self.alarming)


def memorisation(
    generated: Pictures, gallery: Pictures, real: Pictures, seed: int, draws: int, cancel: Cancel | None = None
) -> Memorisation | None:
    """gallery: what the network was trained on. real: pictures that are no copies; lesions of the gallery are skipped
    when their own picture is compared. None where there are too few to say anything."""
    left = len(gallery) - max(Counter(gallery.lesion).values(), default=0)
    if left <= OTHERS or len(real) < _FEWEST or not len(generated):
        return None
    found = nearest(generated, gallery, cancel)
    chance = nearest(real, gallery, cancel)
    threshold = float(np.quantile(chance.ratio, QUANTILE))
    close = np.flatnonzero(found.ratio < threshold)
    names = sorted((float(found.ratio[i]), generated.name[i], gallery.name[found.which[i]]) for i in close)
    return Memorisation(
        _median(found.ratio, generated.lesion, seed, draws),
        _median(chance.ratio, real.lesion, seed, draws),
        threshold,
        len(close),
        QUANTILE * len(generated),
        float(binom.sf(len(close) - 1, len(generated), _upper_share(len(real)))),
        tuple((name, other, ratio) for ratio, name, other in names),
    )


def nearest(queries: Pictures, gallery: Pictures, cancel: Cancel | None = None) -> Nearest:
    """The nearest gallery picture of another lesion, over flips and turns."""
    known = _flat(_small(gallery.rgb))
    norms = (known * known).sum(1)
    numbers = {lesion: i for i, lesion in enumerate(dict.fromkeys(gallery.lesion))}
    owner = np.array([numbers[lesion] for lesion in gallery.lesion])
    ratios: list[Floats] = []
    which = []
    for start in range(0, len(queries), _CHUNK):
        if cancel is not None and cancel():
            raise Cancelled("stopped; nothing was changed")
        small = _small(queries.rgb[start : start + _CHUNK])
        distance = np.full((len(small), len(known)), np.inf, np.float32)
        for turned in _orientations(small):
            distance = np.minimum(distance, _squared(_flat(turned), known, norms))
        own = np.array([numbers.get(lesion, -1) for lesion in queries.lesion[start : start + _CHUNK]])
        distance[own[:, None] == owner[None]] = np.inf
        best = np.sqrt(np.partition(distance, OTHERS, axis=1)[:, : OTHERS + 1].astype(np.float64))
        best.sort(axis=1)
        ratios.append(best[:, 0] / np.maximum(best[:, 1:].mean(1), 1e-9))
        which.append(distance.argmin(1))
    return Nearest(np.concatenate(ratios), np.concatenate(which))


def _upper_share(count: int) -> float:
    """The share below the threshold that as few as `count` real pictures can't exclude: `QUANTILE` and two standard
    errors of a quantile that was itself estimated."""
    return QUANTILE + 2 * math.sqrt(QUANTILE * (1 - QUANTILE) / count)


def _median(ratio: Floats, lesions: Sequence[str], seed: int, draws: int) -> Estimate:
    return bootstrap(lambda which: float(np.median(ratio[which])), [lesions], seed, draws, (0.0, 1.0))


def _small(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 [N, 32, 32, 3] in [0, 1]."""
    size = (SIDE, SIDE)
    small = np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in rgb])
    return small.astype(np.float32) / np.float32(255)


def _orientations(small: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    flipped = small[:, :, ::-1]
    return [np.rot90(p, turn, (1, 2)) for p in (small, flipped) for turn in range(4)]


def _squared(some: NDArray[np.float32], known: NDArray[np.float32], norms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances [N, M] in float32: twice as fast as in float64, and exact to about 0.001."""
    found: NDArray[np.float32] = np.maximum((some * some).sum(1)[:, None] + norms[None] - 2 * some @ known.T, 0)
    return found


def _flat(small: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(small).reshape(len(small), -1)
