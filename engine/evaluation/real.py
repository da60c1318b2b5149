"""Real pictures as the network would have seen them: the square about the lesion, colour-normalised, 128².

Framing, colour, the share that a lesion covers (2 to 75 %, where its mask is known) and the limit of one dark corner
(where the data say how many there are) are those of training. Its filters for hair, rulers and lesions that are cut off
are not applied, nor its magnifications: the network is held against some pictures harder than any it learnt from. What
can't be used is counted, by reason, and skipped.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.colour import LINEAR_OF_BYTE
from engine.errors import BadInput, Cancelled, DataError
from engine.evaluation.pictures import MOST, SIDE, Pictures
from engine.evaluation.skin_tones import Contrast, real_contrast
from engine.generators.protocol import Cancel
from engine.training import layouts
from engine.training.dataset import BROKEN_PICTURE, NAMED_TWICE, Dataset, Problem, Sample, problem_lines
from engine.training.pictures import read_mask, read_rgb
from engine.training.preparation import cut, normalised
from engine.training.seen import mark
from engine.training.split import split

COVERED = (0.02, 0.75)
_FRAME = 0.08
LEFT_OUT_CORNERS = "two or more dark corners"
LEFT_OUT_LESION = "lesion outside 2 to 75 % of the picture"
TRAINED_ON = "test picture of a lesion that the network was trained on"
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class RealData:
    """Real pictures, apart by the frozen split, and the contrasts of those with masks before any normalisation.

    skipped: what could not be used, by reason. folders: where it came from, by name.
    """

    train: Pictures
    test: Pictures
    contrasts: tuple[Contrast, ...]
    skipped: dict[str, int] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()

    def about(self) -> dict[str, Any]:
        """For the report."""
        return {
            "folders": list(self.folders),
            "licences": list(self.licences),
            **{
                name: {c: int((part.label == i).sum()) for i, c in enumerate(part.classes)}
                for name, part in (("train", self.train), ("test", self.test))
            },
            "with_mask": int(self.train.masked.sum() + self.test.masked.sum()),
            "skipped": dict(self.skipped),
        }

    def without(self, trained: Collection[str]) -> "RealData":
        """Less the test pictures of lesions of which the network was trained on an image; `skipped` counts them.

        trained: as `engine.training.seen.marks_of` lists them. BadInput where no test picture is left.
        """
        test = self.test
        known = {lesion for lesion, name in zip(test.lesion, test.name, strict=True) if mark(name) in trained}
        kept = np.array([lesion not in known for lesion in test.lesion], bool)
        if not kept.any():
            raise BadInput(f"--data: the network was trained on all {len(test)} test pictures; give other images")
        if kept.all():
            return self
        return replace(self, test=test.take(kept), skipped={**self.skipped, TRAINED_ON: int((~kept).sum())})


def read_real(
    folders: Sequence[Path], classes: Sequence[str], told: Told | None = None, cancel: Cancel | None = None
) -> RealData:
    """All usable pictures of these classes, each image once; the order of the folders decides nothing.

    BadInput where nothing is left, only one part of the split, or more than `MOST` pictures.
    """
    folders = sorted(folders)
    dataset = layouts.read(folders).of_classes(classes)
    if len(dataset) > MOST:
        raise BadInput(f"--data: has {len(dataset)} pictures; at most {MOST} are measured at once; name fewer folders")
    if not dataset.samples:
        raise BadInput(f"--data: no picture of {', '.join(classes)} in {', '.join(map(str, folders))}{_why(dataset)}")
    # Of two copies either may say which lesion it shows, so the split sees both.
    parts = split(dataset)
    sides = _once(parts.train), _once(parts.test)
    problems = [problem for side in sides for problem in side.problems]
    rows: list[list[_Row]] = [[], []]
    total = len(sides[0]) + len(sides[1])
    for number, sample in enumerate((*sides[0].samples, *sides[1].samples)):
        if cancel is not None and cancel():
            raise Cancelled("stopped; nothing was changed")
        if told is not None and number % 50 == 0:
            told(number, total)
        answer = _row(sample)
        if isinstance(answer, _Row):
            rows[number >= len(sides[0])].append(answer)
        else:
            problems.append(answer)
    skipped = dict(Counter(problem.reason for problem in problems).most_common())
    train, test = (_stacked(part, classes) for part in rows)
    if not len(train) or not len(test):
        missing = "training" if not len(train) else "test"
        reasons = "; ".join(f"{reason}: {count}" for reason, count in skipped.items()) or "none"
        raise BadInput(
            f"--data: no usable {missing} pictures of {', '.join(classes)} in {', '.join(map(str, folders))} "
            f"({len(train) + len(test)} usable in all; skipped: {reasons})"
        )
    contrasts = tuple(row.contrast for part in rows for row in part if row.contrast is not None)
    return RealData(*(train, test, contrasts, skipped, tuple(folder.name for folder in folders), dataset.licences()))


@dataclass(frozen=True)
class _Row:
    sample: Sample
    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    contrast: Contrast | None


def _once(dataset: Dataset) -> Dataset:
    """Each image id once: closer crops and second sizes of a picture would be its copies."""
    first: dict[str, Sample] = {}
    for sample in dataset.samples:
        first.setdefault(sample.image_id, sample)
    again = [Problem(NAMED_TWICE, str(s.image)) for s in dataset.samples if first[s.image_id] is not s]
    return dataset.keeping(first.values(), again)


def _why(dataset: Dataset) -> str:
    lines = problem_lines(dataset.problems, named=1)
    return f"; skipped: {'; '.join(lines)}" if lines else ""


def _row(sample: Sample) -> "_Row | Problem":
    """One picture, or why it can't be used."""
    where = str(sample.image)
    if (sample.dark_corners or 0) >= 2:
        return Problem(LEFT_OUT_CORNERS, where)
    try:
        whole = read_rgb(sample.image)
        empty = np.zeros(whole.shape[:2], bool)
        rgb, mask = cut(whole, empty if sample.mask is None else read_mask(sample.mask))
        if sample.mask is not None and not COVERED[0] <= mask.mean() <= COVERED[1]:
            return Problem(LEFT_OUT_LESION, where)
        rgb, mask = _resized(rgb), _resized(np.where(mask, 255, 0).astype(np.uint8)) >= 128
        lesion = None if sample.mask is None else mask
        found = normalised(rgb, _without_mask(SIDE) if lesion is None else lesion, where)
    except DataError as error:
        return Problem(BROKEN_PICTURE, where, str(error))
    contrast = None if lesion is None else real_contrast(sample.lesion_class, LINEAR_OF_BYTE[rgb], lesion)
    return _Row(sample, found.rgb, lesion, contrast)


def _without_mask(side: int) -> NDArray[np.bool_]:
    """Where skin isn't looked for in a picture without a mask: everywhere but along its frame."""
    middle = np.zeros((side, side), bool)
    width = max(2, round(_FRAME * side))
    middle[width:-width, width:-width] = True
    return middle


def _resized(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    how = cv2.INTER_AREA if len(values) > SIDE else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(values, (SIDE, SIDE), interpolation=how))


def _stacked(rows: Sequence[_Row], classes: Sequence[str]) -> Pictures:
    rgb = np.empty((len(rows), SIDE, SIDE, 3), np.uint8)
    mask = np.zeros((len(rows), SIDE, SIDE), np.uint8)
    for i, row in enumerate(rows):
        rgb[i] = row.rgb
        if row.mask is not None:
            mask[i] = np.where(row.mask, 255, 0)
    return Pictures(
        *(rgb, mask, np.array([row.mask is not None for row in rows], bool)),
        np.array([classes.index(row.sample.lesion_class) for row in rows], np.int64),
        tuple(row.sample.lesion_id for row in rows),
        tuple(row.sample.image_id for row in rows),
        tuple(classes),
    )
