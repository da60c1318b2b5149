"""A trained network as a model folder: config, shards, card, sample sheet; the form that `engine.diffusion.checkpoint`
reads and that can be put on a hub as it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.colour import SKIN_REFERENCE
from engine.diffusion.checkpoint import Model
from engine.diffusion.denoiser import UNetDenoiser
from engine.errors import OutputError
from engine.output.atomic import telling, write_atomic
from engine.training.card import NAME as CARD
from engine.training.card import family_text

SHARD_BYTES = 16 << 20
_HEADING = 1 << 18
"""Room for a shard's own heading."""


@dataclass(frozen=True)
class Origin:
    """Where a network comes from. licence: of the weights, in words. trained: steps, images, seconds, device, data.

    saw_test_split: whether it or an ancestor saw the test split, so that figures on it would mean nothing.
    """

    licence: str
    trained: Mapping[str, Any]
    saw_test_split: bool


def config_of(
    network: UNetDenoiser,
    unet: Mapping[str, Any],
    classes: tuple[str, ...],
    origin: Origin,
    sigma_min: float,
    chroma_radius: float,
    max_zoom: float,
) -> dict[str, Any]:
    """What `config.json` says."""
    return {
        "unet": dict(unet),
        "sigma_data": network.sigma_data,
        "classes": list(classes),
        "skin_reference_linear": [float(v) for v in SKIN_REFERENCE],
        "trained": dict(origin.trained),
        "saw_test_split": origin.saw_test_split,
        "licence": origin.licence,
        "sigma_min": sigma_min,
        "chroma_radius": chroma_radius,
        "max_zoom": max_zoom,
    }


def write_model(folder: Path, network: UNetDenoiser, config: Mapping[str, Any]) -> None:
    """Write shards (fp16, ≤ 16 MiB each) and config. Shards of an earlier state that the new one lacks go last.

    OutputError where a weight has no fp16 value, or the folder can't be written.
    """
    from safetensors.torch import save

    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
    shards = _shards(network)
    names = [f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors" for i in range(len(shards))]
    for name, shard in zip(names, shards, strict=True):
        write_atomic(folder / name, save(shard))
    write_atomic(folder / "config.json", json.dumps(config, indent=1).encode() + b"\n")
    for old in folder.glob("model-*.safetensors"):
        if old.name not in names:
            old.unlink()


def write_family(folder: Path, parts: Mapping[str, Model], command: str) -> None:
    """Make the folder that holds one model per class a model itself: its config, which names them, and its card.

    parts: by class, each in a folder directly inside, with one architecture. command: the line that trained them.
    """
    one = next(iter(parts.values()))
    seen = [part.config.get("saw_test_split") for part in parts.values()]
    config = {
        **{name: one.config[name] for name in ("unet", "sigma_data", "skin_reference_linear", "licence")},
        "classes": list(parts),
        "per_class": {name: part.folder.name for name, part in parts.items()},
        "trained": {name: part.config["trained"] for name, part in parts.items()},
        "saw_test_split": seen != [False] * len(seen),
        "sigma_min": max(part.sigma_min for part in parts.values()),
        "chroma_radius": max(part.chroma_radius for part in parts.values()),
        "max_zoom": min(part.max_zoom for part in parts.values()),
    }
    write_atomic(folder / CARD, family_text(folder, parts, one.licence, command).encode())
    write_atomic(folder / "config.json", json.dumps(config, indent=1).encode() + b"\n")


def _shards(network: UNetDenoiser) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    size = _HEADING
    for name, weights in network.unet.state_dict().items():
        half = weights.detach().to("cpu", torch.float16).contiguous()
        if not bool(torch.isfinite(half).all()):
            raise OutputError(f"{name}: has weights that fp16 can't hold; the training went wrong, lower the rate")
        needed = half.numel() * half.element_size()
        if size + needed > SHARD_BYTES and shards[-1]:
            shards.append({})
            size = _HEADING
        shards[-1][name] = half
        size += needed
    return shards
