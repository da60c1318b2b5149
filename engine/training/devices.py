"""On what is trained: one device as it is, or one of several processes that accelerate (or torchrun) started."""

import contextlib
import os
from datetime import timedelta
from typing import Any

import torch

from engine.diffusion import precision
from engine.errors import BadInput

_PATIENCE = timedelta(hours=6)
"""How long processes wait for one another: the first one packs all images while the others do."""


class Devices:
    """This process's device, and its part in a group of processes. One process needs no accelerate."""

    def __init__(self, device: str | None = None, kind: str | None = None) -> None:
        """device: `cpu`, `cuda`, `mps`, the best where None. kind: `fp32`, `bf16`, what pays where None."""
        self._accelerator: Any = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            self._accelerator = _accelerator(device)
            self.device = torch.device(self._accelerator.device)
        else:
            self.device = torch.device(device or _best())
            try:
                torch.zeros(1, device=self.device)
            except (RuntimeError, AssertionError) as error:
                raise BadInput(f"--device: {device!r} can't be used here ({error}); leave it out") from error
        if kind not in (None, "fp32", "bf16"):
            raise BadInput(f"--precision: is {kind!r}; choose fp32 or bf16, or leave it out")
        self.precision = kind or precision.choose(self.device).precision
        if self.device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True

    @property
    def number(self) -> int:
        """This process's, from 0."""
        return 0 if self._accelerator is None else int(self._accelerator.process_index)

    @property
    def count(self) -> int:
        """How many processes train together."""
        return 1 if self._accelerator is None else int(self._accelerator.num_processes)

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.number == 0

    @property
    def name(self) -> str:
        """For a model card."""
        one = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else _processor(self.device)
        return one if self.count == 1 else f"{self.count} × {one}"

    def joined(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network whose gradients are averaged over all processes."""
        return network if self._accelerator is None else self._accelerator.prepare_model(network)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The precision in which the network is evaluated; weights and optimiser stay fp32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def largest(self, value: float) -> float:
        """The largest of all processes' values: what they must agree on, such as the clock or a wish to stop."""
        if self._accelerator is None:
            return value
        values = self._accelerator.gather(torch.tensor([value], dtype=torch.float32, device=self.device))
        return float(values.max())

    def wait(self) -> None:
        """Until all processes are here."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()


def _accelerator(device: str | None) -> Any:
    try:
        from accelerate import Accelerator
        from accelerate.utils import InitProcessGroupKwargs
    except ImportError as error:
        raise BadInput("several processes: need accelerate; pip install 'moulage[train]'") from error
    return Accelerator(cpu=device == "cpu", kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)])


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _processor(device: torch.device) -> str:
    return "Apple GPU" if device.type == "mps" else f"CPU, {torch.get_num_threads()} threads"
