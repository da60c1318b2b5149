"""Pictures to be measured, real or generated: arrays of one size, colour-normalised, with masks and classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

SIDE = 128
"""Side at which everything is measured: the network's own."""
MOST = 20_000
"""Pictures of one set; 1.3 GB at 128²."""


@dataclass(frozen=True)
class Pictures:
    """A set of pictures.

    rgb: uint8 [N, 128, 128, 3], sRGB, skin at the reference colour. mask: uint8 [N, 128, 128], lesion ≥ 128.
    masked: bool [N], whether the mask is known. label: int64 [N], the class by `classes`, -1 where unknown.
    lesion: [N], pictures of one lesion share it. name: [N], unique, for reports.
    """

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    masked: NDArray[np.bool_]
    label: NDArray[np.int64]
    lesion: tuple[str, ...]
    name: tuple[str, ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rgb)

    def take(self, which: NDArray[np.integer] | NDArray[np.bool_]) -> Self:
        """The pictures with these numbers, or where `which` holds."""
        numbers = np.flatnonzero(which) if which.dtype == bool else np.asarray(which, np.int64)
        return type(self)(
            self.rgb[numbers],
            self.mask[numbers],
            self.masked[numbers],
            self.label[numbers],
            tuple(self.lesion[i] for i in numbers),
            tuple(self.name[i] for i in numbers),
            self.classes,
        )

    def of_class(self, name: str) -> Self:
        """The pictures of one class."""
        return self.take(self.label == self.classes.index(name))

    @property
    def known_classes(self) -> tuple[str, ...]:
        """Classes that occur, in order."""
        return tuple(name for i, name in enumerate(self.classes) if bool((self.label == i).any()))


def joined(sets: Sequence[Pictures]) -> Pictures:
    """All pictures of sets that have the same classes."""
    first = sets[0]
    if any(s.classes != first.classes for s in sets):
        raise ValueError("sets of different classes can't be joined")
    return Pictures(
        np.concatenate([s.rgb for s in sets]),
        np.concatenate([s.mask for s in sets]),
        np.concatenate([s.masked for s in sets]),
        np.concatenate([s.label for s in sets]),
        tuple(lesion for s in sets for lesion in s.lesion),
        tuple(name for s in sets for name in s.name),
        first.classes,
    )
