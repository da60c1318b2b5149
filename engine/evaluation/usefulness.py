"""Measure 5: whether generated pictures help to train: an observer on real, real and generated, or generated pictures
alone, in equally many steps, each measured on the same real test pictures."""

from dataclasses import dataclass

import numpy as np

from engine.evaluation.class_fidelity import BENIGN, MALIGNANT, auc_of
from engine.evaluation.estimate import Estimate
from engine.evaluation.mask_fidelity import mask_fidelity
from engine.evaluation.observer import Reading
from engine.evaluation.pictures import Pictures, joined

MOST_REAL = 1000
FEWEST = 24
REAL = "real"
_LEAST_FOR_THREE = 100


@dataclass(frozen=True)
class Diet:
    """What an observer is trained on. name: for the table."""

    name: str
    pictures: Pictures


@dataclass(frozen=True)
class Usefulness:
    """How an observer of that diet does on real test pictures; auc is None without both classes."""

    diet: str
    pictures: int
    dice: Estimate | None
    auc: Estimate | None


def diets(real: Pictures, generated: Pictures, seed: int, most_real: int = MOST_REAL) -> tuple[list[list[Diet]], str]:
    """Sets to be compared, in groups that share their real pictures; and a remark on what is left out ("" if nothing).

    Each group's first diet is its real pictures alone. Equally many real and generated ones, as many as there are of
    both; three times as many generated ones beside the same real pictures where so many exist, else beside fewer.
    """
    count = min(most_real, len(real), len(generated))
    if count < FEWEST:
        return [], f"needs {FEWEST} real and {FEWEST} generated pictures, has {len(real)} and {len(generated)}"
    some, alike = _drawn(real, count, seed), _drawn(generated, count, seed)
    equal = [
        Diet(REAL, some),
        Diet("real + generated 1×", joined([some, alike])),
        Diet("generated only", alike),
    ]
    third = min(count, len(generated) // 3)
    if third < min(_LEAST_FOR_THREE, count):
        return [equal], f"three times as many generated as real: left out, {len(generated)} pictures are too few"
    few = some if third == count else _drawn(real, third, seed)
    threefold = Diet("real + generated 3×", joined([few, _drawn(generated, 3 * third, seed)]))
    return [[*equal, threefold]] if few is some else [equal, [Diet(REAL, few), threefold]], ""


def usefulness(diet: Diet, test: Pictures, reading: Reading, seed: int, draws: int) -> Usefulness:
    """What that diet's observer reads in the test pictures."""
    outlines = mask_fidelity(test, reading, seed)
    malignant = {BENIGN, MALIGNANT} <= set(test.known_classes) and test.classes.index(MALIGNANT)
    score = None
    if malignant is not False:
        part = np.isin(test.label, [malignant, test.classes.index(BENIGN)])
        chosen = test.take(part)
        score = auc_of(reading.probability[part][:, malignant], chosen.label == malignant, chosen.lesion, seed, draws)
    return Usefulness(diet.name, len(diet.pictures), None if outlines is None else outlines.dice, score)


def _drawn(pictures: Pictures, count: int, seed: int) -> Pictures:
    """`count` of the pictures, without repetition, classes in turn as long as they last."""
    rng = np.random.default_rng([seed, len(pictures), count])
    queues = [list(rng.permutation(np.flatnonzero(pictures.label == c))) for c in np.unique(pictures.label)]
    chosen: list[int] = []
    while len(chosen) < count:
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(int(queue.pop()))
    return pictures.take(np.sort(np.array(chosen, np.int64)))
