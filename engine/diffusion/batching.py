"""The network in batches that fit into memory: large ones are split, and halved where memory runs out."""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoiser
from engine.errors import MoulageError

_SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
_log = logging.getLogger(__name__)


class Batched:
    """A denoiser that never evaluates more than `most` pictures at once.

    before: called ahead of each evaluation; may raise to stop. Where memory runs out the batch is halved for good,
    which is logged; `most` tells what is left of it. evaluated: pictures so far. largest: the largest batch so far.
    """

    def __init__(self, denoiser: Denoiser, most: int, before: Callable[[], None] | None = None) -> None:
        self.conditional = denoiser.conditional
        self.most = most
        self.before = before
        self.evaluated = 0
        self.largest = 0
        self._denoiser = denoiser

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `Denoiser`. MoulageError where memory is short even for a single picture."""
        inputs = (x, sigma, known, label, zoom)
        parts: list[Tensor] = []
        done = 0
        while done < len(x):
            size = min(self.most, len(x) - done)
            if self.before is not None:
                self.before()
            part = self._part([values[done : done + size] for values in inputs])
            if part is None:
                self._halve(size)
                continue
            parts.append(part)
            done += size
            self.evaluated += size
            self.largest = max(self.largest, size)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _part(self, inputs: list[Tensor]) -> Tensor | None:
        """The answer, or None where memory ran out. The failed attempt's tensors are free once this returns."""
        try:
            return self._denoiser(*inputs)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None

    def _halve(self, size: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if size == 1:
            raise MoulageError("memory is short even for one picture; close other programs or use --device cpu")
        self.most = size // 2
        _log.warning("memory is short for %d pictures at once: going on with %d", size, self.most)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch (CPU, CUDA or MPS) or Python says by this error that memory ran out."""
    text = str(error).lower()
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(sign in text for sign in _SIGNS)
