"""The frozen test split: one lesion in ten, by the hash of its id, never trained on.

The rule needs no list and no random number: the same lesion is on the same side in every data set, for ever. Images
of one lesion, and near-duplicates under other ids, stay together: a cluster with a test lesion is a test cluster.
"""

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.errors import DataError
from engine.training import duplicates
from engine.training.dataset import BROKEN_PICTURE, Dataset, Problem, Sample
from engine.training.pictures import read_grey

ONE_IN = 10


@dataclass(frozen=True)
class Split:
    """A data set in two. joined: lesion ids that lie in the test split only because a near-duplicate does.

    duplicates: pairs of images that show the same photograph under different lesion ids.
    """

    train: Dataset
    test: Dataset
    joined: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]


def is_test(lesion_id: str) -> bool:
    """Whether the rule puts this lesion into the test split."""
    return int(hashlib.sha256(lesion_id.encode()).hexdigest()[:8], 16) % ONE_IN == 0


def split(dataset: Dataset) -> Split:
    """Train and test. Decodes every image small, 1.5 ms each; those that can't be decoded are listed and left out.

    An image that one data set names a lesion for has that lesion's id in all. The order of the samples decides nothing.
    The problems of the whole data set stand in `train.problems`.
    """
    named = _named(dataset)
    decoded, thumbnails, problems = _thumbnails(dataset)
    decoded = [replace(s, lesion_id=named[s.image_id][0]) if s.image_id in named else s for s in decoded]
    lesions = [sample.lesion_id for sample in decoded]
    found = duplicates.pairs(thumbnails)
    linked = [(lesions[i], lesions[j]) for i, j in found if lesions[i] != lesions[j]]
    linked += [pair for names in named.values() for pair in pairwise(names)]
    cluster = duplicates.clusters(sorted({*lesions, *(name for pair in linked for name in pair)}), linked)
    tested = {cluster[lesion] for lesion in cluster if is_test(lesion)}
    side = [cluster[lesion] in tested for lesion in lesions]
    return Split(
        dataset.keeping((s for s, t in zip(decoded, side, strict=True) if not t), problems),
        Dataset(tuple(s for s, t in zip(decoded, side, strict=True) if t)),
        tuple(sorted(lesion for lesion in cluster if cluster[lesion] in tested and not is_test(lesion))),
        tuple((decoded[i].image_id, decoded[j].image_id) for i, j in found if lesions[i] != lesions[j]),
    )


def _named(dataset: Dataset) -> dict[str, list[str]]:
    """By image id, the lesion's names, sorted, where a data set has one that isn't the image's own."""
    names: dict[str, set[str]] = {}
    for sample in dataset.samples:
        if sample.lesion_id != sample.image_id:
            names.setdefault(sample.image_id, set()).add(sample.lesion_id)
    return {image: sorted(found) for image, found in names.items()}


def _thumbnails(dataset: Dataset) -> tuple[list[Sample], NDArray[np.uint8], list[Problem]]:
    good, grey, problems = [], [], []
    for sample in dataset.samples:
        try:
            grey.append(read_grey(sample.image, duplicates.THUMBNAIL))
            good.append(sample)
        except DataError as error:
            problems.append(Problem(BROKEN_PICTURE, str(sample.image), str(error).partition(": ")[2]))
    if not good:
        raise DataError(f"--data: none of {len(dataset)} images can be decoded, such as {problems[0].where}")
    return good, np.stack(grey), problems
