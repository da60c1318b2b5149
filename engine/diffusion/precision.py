"""Precision, threads and batch size for this machine: bf16 where it measurably pays, and batches that fit memory.

CPUs with AVX512-BF16, AMX or Arm BF16 multiply bf16 about twice as fast as fp32; others emulate it and lose. So it is
measured, on one convolution of the network's kind, where the processor could have such instructions at all: elsewhere
nothing that disturbs the measurement may change the bytes that a seed gives.
"""

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from engine.diffusion.denoiser import ByClass, UNetDenoiser

Network = TypeVar("Network", bound=UNetDenoiser | ByClass)

KINDS = ("fp32", "bf16")
_PAYS = 1.2
"""bf16 must be faster by this factor: below, its rounding isn't worth it."""
_ROUNDS = 8
_WITHOUT_BF16 = ("DEFAULT", "NO AVX", "AVX2")
"""What torch says of x86 processors that have no bf16 arithmetic: it came with AVX-512."""
_CPU_BATCH = 8
_ACCELERATOR_BATCH = 64
_PLANES = 28
"""Peak activations of a picture, in planes of the first level's width: 29 MB for the 10 M network (measured)."""
_OPTIMUM: dict[tuple[str, int], "Choice"] = {}


@dataclass(frozen=True)
class Choice:
    """precision: `fp32` or `bf16`. speedup: how many times faster bf16 was, None where it was not measured.

    why: in that case, in words.
    """

    precision: str
    speedup: float | None
    why: str = "as this kind of device does best"

    def text(self) -> str:
        """For a report."""
        if self.speedup is None:
            return f"{self.precision} ({self.why})"
        return f"{self.precision} (bf16 measured {self.speedup:.2f} times as fast as fp32)"


def choose(device: torch.device) -> Choice:
    """The precision for this device, measured once per process, device and thread count (some 50 ms)."""
    key = (str(device), torch.get_num_threads())
    if key not in _OPTIMUM:
        _OPTIMUM[key] = _measured(device)
    return _OPTIMUM[key]


def prepared(network: Network, choice: Choice) -> Network:
    """The network with weights of that precision, in place. The sampler's state stays fp32."""
    if choice.precision == "bf16":
        network.to(torch.bfloat16)
    return network


def threads() -> int:
    """Threads for torch: its own choice, but no more than the cores this process may use (affinity, container)."""
    return max(1, min(torch.get_num_threads(), usable_cores()))


def batch(network: torch.nn.Module, device: torch.device, memory_mb: float | None = None) -> int:
    """The most native pictures to evaluate at once: enough to fill the device, within the memory given or left."""
    most = _CPU_BATCH if device.type == "cpu" else _ACCELERATOR_BATCH
    limit = memory_mb
    if limit is None and device.type == "cuda":
        limit = 0.5 * torch.cuda.mem_get_info(device)[0] / 1e6
    if limit is None:
        return most
    return max(1, min(most, int(limit / picture_mb(network))))


def picture_mb(network: torch.nn.Module) -> float:
    """Memory in MB (10^6 bytes) that one more native picture in a batch takes at the peak of an evaluation."""
    first = next(network.parameters())
    return _PLANES * 64 * 64 * first.shape[0] * first.element_size() / 1e6


def _measured(device: torch.device) -> Choice:
    if device.type == "mps":
        return Choice("fp32", None)
    if device.type == "cuda":
        return Choice("bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32", None)
    if _lacks_bf16():
        return Choice("fp32", None, "this processor has no bf16 arithmetic")
    try:
        # In turns, the best of each: a moment in which other programs work then slows both down or is left out.
        rounds = [[_convolution_seconds(kind) for kind in (torch.float32, torch.bfloat16)] for _ in range(_ROUNDS)]
    except RuntimeError:
        return Choice("fp32", None)
    whole, half = (min(seconds) for seconds in zip(*rounds[1:], strict=True))
    return Choice("bf16" if whole / half >= _PAYS else "fp32", whole / half)


def _lacks_bf16() -> bool:
    x86 = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")
    return x86 and torch.backends.cpu.get_cpu_capability() in _WITHOUT_BF16


def _convolution_seconds(kind: torch.dtype) -> float:
    """One run of a 3×3 convolution with 96 channels, channels last."""
    x = torch.ones(1, 96, 32, 32, dtype=kind).contiguous(memory_format=torch.channels_last)
    kernel = torch.ones(96, 96, 3, 3, dtype=kind).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        started = time.perf_counter()
        torch.nn.functional.conv2d(x, kernel, padding=1)
        return time.perf_counter() - started


def usable_cores() -> int:
    """Cores by affinity, and by a container's share of processor time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = Path("/sys/fs/cgroup/cpu.max")
    if share.is_file():
        quota, period = share.read_text().split()[:2]
        if quota != "max":
            cores = min(cores, -(-int(quota) // int(period)))
    return cores
