"""Measure 4: whether a melanoma looks like one: an observer that was trained on real pictures only tells the classes
apart, and the numbers of the ABCD rule are larger in melanomas than in nevi, as they are in real ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.evaluation import abcd
from engine.evaluation.estimate import Estimate, auc, bootstrap
from engine.evaluation.observer import Reading
from engine.evaluation.pictures import Pictures

BENIGN, MALIGNANT = "nevus", "melanoma"


@dataclass(frozen=True)
class ClassFidelity:
    """auc: melanoma against nevus by the observer; 0.5 is chance.

    order: by the name of each ABCD number, how often a melanoma's exceeds a nevus's; 0.5 where they don't differ.
    """

    auc: Estimate
    order: dict[str, Estimate]


def class_fidelity(pictures: Pictures, reading: Reading, seed: int, draws: int) -> ClassFidelity | None:
    """None where the pictures don't have both classes."""
    if not {BENIGN, MALIGNANT} <= set(pictures.known_classes):
        return None
    malignant = pictures.classes.index(MALIGNANT)
    concerned = np.isin(pictures.label, [malignant, pictures.classes.index(BENIGN)])
    part = pictures.take(concerned)
    positive = part.label == malignant
    numbers = abcd.scores(part.rgb, part.mask)
    numbers[~part.masked] = np.nan
    return ClassFidelity(
        auc_of(reading.probability[concerned][:, malignant], positive, part.lesion, seed, draws),
        {
            name: auc_of(numbers[:, column], positive, part.lesion, seed, draws)
            for column, name in enumerate(abcd.NAMES)
        },
    )


def auc_of(
    scores: NDArray[np.floating], positive: NDArray[np.bool_], lesions: tuple[str, ...], seed: int, draws: int
) -> Estimate:
    """AUC with its interval; pictures whose score is NaN don't count."""
    good = np.flatnonzero(np.isfinite(scores))
    return bootstrap(
        lambda which: auc(scores[good][which], positive[good][which]),
        *([[lesions[i] for i in good]], seed, draws, (0.0, 1.0)),
    )
