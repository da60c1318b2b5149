"""Where a training stands: everything that the next step depends on, in one file that is there whole or not at all.

safetensors only: numbers and a JSON heading, nothing that could run when it is read. Batches aren't in it: they are
drawn from the seed and the number of the step.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.diffusion.denoiser import UNetDenoiser
from engine.errors import DataError
from engine.output.atomic import telling, temporary_beside

FORMAT = "moulage-training-1"
NAME = "checkpoint.safetensors"
_MOST_BYTES = 32 << 30


@dataclass
class Progress:
    """step: the number of the next step. images: seen so far. seconds: of training, over all calls. settings: what
    must not change on the way; data: the pack's digest. recent: losses since the last report."""

    step: int = 0
    images: int = 0
    seconds: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    data: str = ""
    recent: list[float] = field(default_factory=list)
    history: list[tuple[int, float]] = field(default_factory=list)


def save(
    path: Path, network: UNetDenoiser, average: UNetDenoiser, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Make the file say where the training stands; after a crash at any moment the old or the new state is there."""
    from safetensors.torch import save_file

    tensors = _named("net", network.unet.state_dict()) | _named("ema", average.unet.state_dict())
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= _named(f"opt.{number}", state)
    heading = {"format": FORMAT, "progress": json.dumps(asdict(progress)), "unet": _architecture(network)}
    with temporary_beside(path) as temporary, telling(path):
        save_file(tensors, temporary, heading)


def load(
    path: Path, network: UNetDenoiser, average: UNetDenoiser, optimizer: torch.optim.Optimizer, device: torch.device
) -> Progress:
    """Put weights and optimiser into the state that was saved. DataError where the file is damaged or another's."""
    from safetensors import SafetensorError, safe_open

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: exceeds {_MOST_BYTES >> 30} GiB; it is no checkpoint of ours")
        with safe_open(path, framework="pt", device=str(device)) as stream:
            heading = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        if heading.get("format") != FORMAT:
            raise DataError(f"{path}: is no checkpoint of this version; remove it to begin anew")
        progress = Progress(**json.loads(heading["progress"]))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: is damaged ({error}); remove it to begin anew") from error
    if heading.get("unet") != _architecture(network):
        raise DataError(f"{path}: is of a network of another architecture; choose another -o, or the same --size")
    parts: dict[str, dict[str, Tensor]] = {"net": {}, "ema": {}}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "opt":
            number, _, key = rest.partition(".")
            moments.setdefault(int(number), {})[key] = tensor
        else:
            parts[kind][rest] = tensor
    try:
        network.unet.load_state_dict(parts["net"])
        average.unet.load_state_dict(parts["ema"])
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        _lay_out(optimizer)
    except (RuntimeError, ValueError, KeyError) as error:
        raise DataError(f"{path}: doesn't fit this network ({error}); remove it to begin anew") from error
    progress.history = [(int(step), float(loss)) for step, loss in progress.history]
    return progress


def _lay_out(optimizer: torch.optim.Optimizer) -> None:
    """Give the moments their weights' order in memory: fused steps over two orders round differently."""
    for weights, moments in optimizer.state.items():
        for name, tensor in moments.items():
            if tensor.shape == weights.shape:
                moments[name] = torch.empty_like(weights, requires_grad=False).copy_(tensor)


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each tensor in the order of its numbers, whatever its memory looks like."""
    return {f"{prefix}.{name}": tensor.detach().contiguous() for name, tensor in tensors.items()}


def _architecture(network: UNetDenoiser) -> str:
    shapes = {name: list(tensor.shape) for name, tensor in network.unet.state_dict().items()}
    return json.dumps(shapes, sort_keys=True)
