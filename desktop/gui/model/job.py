"""Lesions on their way: what was asked for, how far it is, and how long it will take."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from engine.lesion import LesionLayer, LesionSpec
from engine.place import Placement


class Kind(Enum):
    """What becomes of the lesions when they are painted."""

    ADD = "add"
    CHOOSE = "choose"
    REPLACE = "replace"


@dataclass(frozen=True)
class Prepared:
    """A batch that is with the engine: which lesions of the job, and their skin."""

    numbers: tuple[int, ...]
    placements: tuple[Placement, ...]


@dataclass
class Job:
    """One wish of the user, one step of the history: `specs` become lesions with these `ids`, batch by batch.

    batch: what the engine paints now, None while skin is being cut out. done, total: network evaluations of that batch.
    protected: bool [H, W] by material, where nothing may be painted.
    """

    id: str
    kind: Kind
    name: str
    specs: tuple[LesionSpec, ...]
    ids: tuple[str, ...]
    protected: Mapping[int, NDArray[np.bool_]] = field(default_factory=dict)
    layers: dict[int, LesionLayer] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    batch: Prepared | None = None
    done: int = 0
    total: int = 0
    cancelled: bool = False
    painting_since: float | None = None

    @property
    def count(self) -> int:
        """How many lesions were asked for."""
        return len(self.specs)

    @property
    def share(self) -> float:
        """How much of the painting is done, 0 to 1."""
        of_batch = self.done / self.total if self.total and self.batch is not None else 0.0
        batch = len(self.batch.numbers) if self.batch is not None else 0
        return min((len(self.layers) + of_batch * batch) / max(self.count, 1), 1.0)

    @property
    def seconds_left(self) -> float | None:
        """From the pace so far; None before there is one."""
        share = self.share
        if self.painting_since is None or share <= 0:
            return None
        return (time.monotonic() - self.painting_since) * (1 - share) / share
