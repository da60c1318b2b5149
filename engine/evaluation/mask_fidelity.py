"""Measure 3: whether the fourth channel outlines what is painted: Dice of an observer that was trained on real pictures
only, against the generated masks; on real test pictures it is the ceiling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.estimate import Estimate, mean_of
from engine.evaluation.observer import Reading
from engine.evaluation.pictures import Pictures

_EMPTY = 0.005
"""A mask below this share of the picture shows no lesion."""


@dataclass(frozen=True)
class MaskFidelity:
    """dice: mean per picture. empty: share of pictures whose mask shows no lesion; they count as 0 where the observer
    finds one."""

    dice: Estimate
    empty: Estimate


def mask_fidelity(pictures: Pictures, reading: Reading, seed: int) -> MaskFidelity | None:
    """The observer's outlines beside the pictures' own; None where none has a mask."""
    which = np.flatnonzero(pictures.masked)
    if not len(which):
        return None
    own = pictures.mask[which] >= 128
    lesions = [pictures.lesion[i] for i in which]
    scores = dice(reading.mask[which] >= 0.5, own)
    empty = own.mean((1, 2)) < _EMPTY
    return MaskFidelity(mean_of(scores, lesions, seed, (0.0, 1.0)), mean_of(empty, lesions, seed, (0.0, 1.0)))


def dice(found: NDArray[np.bool_], own: NDArray[np.bool_]) -> NDArray[np.float64]:
    """2 |A ∩ B| / (|A| + |B|) of masks [N, H, W], one value each; 1 where both are empty."""
    both, total = (found & own).sum((1, 2)), found.sum((1, 2)) + own.sum((1, 2))
    return np.where(total > 0, 2 * both / np.maximum(total, 1), 1.0)
