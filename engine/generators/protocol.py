"""What turns a patch of skin and a specification into a lesion.

Implementations are found by entry point `moulage.generators`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.lesion import LesionSpec

Progress = Callable[[int, int], None]
Cancel = Callable[[], bool]


@dataclass(frozen=True)
class PatchRequest:
    """One lesion to make, in the network's space (sRGB-encoded, skin colour normalised, [-1, 1]).

    skin: float32 [3, P, P], the surrounding skin; P = spec.detail.
    editable: bool [P, P], where colour may change; everything else is held exactly (border guiding).
    shape: float32 [P, P] in [0, 1], the mask to fill (segmentation guiding), or None for a free shape.
    """

    skin: NDArray[np.float32]
    editable: NDArray[np.bool_]
    shape: NDArray[np.float32] | None
    spec: LesionSpec


@dataclass(frozen=True)
class PatchResult:
    """rgb: float32 [3, P, P] in [-1, 1], equal to the skin outside `editable`; mask: float32 [P, P] in [0, 1].

    model: SHA-256 fingerprint of the weights; precision, threads, batch_size: what else determines the bytes.
    """

    rgb: NDArray[np.float32]
    mask: NDArray[np.float32]
    model: str
    precision: str
    threads: int
    batch_size: int
    evaluations: int
    seconds: float


class Generator(Protocol):
    """Something that makes lesions, batch by batch.

    classes: what `LesionSpec.lesion_class` may be. fingerprint: SHA-256 of the weights. licence: of what it makes, in
    words.
    """

    classes: tuple[str, ...]
    fingerprint: str
    licence: str

    def generate(
        self, requests: Sequence[PatchRequest], progress: Progress | None = None, cancel: Cancel | None = None
    ) -> list[PatchResult]:
        """One result per request, in order. `progress(done, total)` counts network evaluations; `cancel()` is asked
        between two of them and makes the call raise `Cancelled`."""
        ...
