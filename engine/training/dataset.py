"""Dermatoscopic images with masks, classes and lesion ids, whatever folder layout they came in.

What can't be used is counted and listed, never fatal: data sets of ten thousand files always have some.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

CLASS_OF_DIAGNOSIS = {
    "nv": "nevus",
    "nevus": "nevus",
    "mel": "melanoma",
    "melanoma": "melanoma",
    "malignant": "melanoma",
    "bkl": "benign keratosis",
    "seborrheic_keratosis": "benign keratosis",
    "bcc": "basal cell carcinoma",
    "akiec": "actinic keratosis",
    "df": "dermatofibroma",
    "vasc": "vascular lesion",
    "benign": "benign",
}
"""Classes by the names that HAM10000 and the ISIC challenges use. `malignant` in the challenge of 2016 is melanoma;
`benign` there is anything else."""
DEFAULT_CLASSES = ("nevus", "melanoma")

NO_MASK = "no mask"
UNKNOWN_CLASS = "unknown class"
BROKEN_PICTURE = "broken picture"
BROKEN_MASK = "broken mask"
MASK_OF_OTHER_SIZE = "mask of another size"
MISSING_PICTURE = "picture missing"
BAD_NAME = "name that is no file name"
NAMED_TWICE = "named twice"

NOT_STATED = "not stated"
"""The licence of images whose data set names none: unknown, not free."""


@dataclass(frozen=True)
class Sample:
    """One image.

    mask: lesion ≥ 128, as large as the image; None where there is none. lesion_id: images of one lesion share it;
    the image's own id where the data set doesn't say. lesion_class: a class's name as networks know it.
    size: width and height in pixels. fine_rms: how sharp the data set says it is (contrast at the finest scale, 8-bit
    steps), reduction: how many pixels of the original one pixel stands for, dark_corners: how many of the four corners
    show the dermatoscope's rim; None where the data set doesn't say. magnification: how much closer it is than the
    whole photograph (a closer crop of one that was taken from afar).
    """

    image: Path
    mask: Path | None
    image_id: str
    lesion_id: str
    lesion_class: str
    size: tuple[int, int]
    source: str = ""
    licence: str = ""
    fine_rms: float | None = None
    reduction: float | None = None
    dark_corners: int | None = None
    magnification: float = 1.0


@dataclass(frozen=True)
class Problem:
    """Something that was skipped. reason: one of this module's constants; where: the file; detail: what was found."""

    reason: str
    where: str
    detail: str = ""


@dataclass(frozen=True)
class Dataset:
    """Samples in a fixed order, and what was skipped on the way to them."""

    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def __add__(self, other: "Dataset") -> "Dataset":
        return Dataset(self.samples + other.samples, self.problems + other.problems)

    def keeping(self, kept: Iterable[Sample], problems: Iterable[Problem] = ()) -> Self:
        """The same data set with other samples, and what became of the rest."""
        return replace(self, samples=tuple(kept), problems=(*self.problems, *problems))

    def of_classes(self, classes: Collection[str]) -> Self:
        """Only samples of these classes; the others are no problem, they weren't asked for."""
        return self.keeping(sample for sample in self.samples if sample.lesion_class in classes)

    def with_masks(self) -> Self:
        """Only samples with a mask; the others are listed."""
        missing = [Problem(NO_MASK, str(s.image)) for s in self.samples if s.mask is None]
        return self.keeping((s for s in self.samples if s.mask is not None), missing)

    def counts(self) -> dict[str, int]:
        """Images by class, the largest first."""
        return dict(Counter(sample.lesion_class for sample in self.samples).most_common())

    def licences(self) -> tuple[str, ...]:
        """All licences that occur; `NOT_STATED` among them where an image has none."""
        return tuple(sorted({sample.licence or NOT_STATED for sample in self.samples}))


def problem_lines(problems: Sequence[Problem], named: int = 3) -> list[str]:
    """For a report: one line per reason with its count and the first few files."""
    lines = []
    for reason, count in Counter(problem.reason for problem in problems).most_common():
        first = [p for p in problems if p.reason == reason][:named]
        files = ", ".join(f"{Path(p.where).name} ({p.detail})" if p.detail else Path(p.where).name for p in first)
        lines.append(f"{reason}: {count} ({files}{', …' if count > named else ''})")
    return lines
