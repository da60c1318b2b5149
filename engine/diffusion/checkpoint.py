"""Models on the disk: a folder with `config.json`, safetensors shards and a card. Nothing else is read or executed.

A model of one network per class has no shards of its own: its config's `per_class` names an inner folder for each.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.diffusion.denoiser import ByClass, UNetDenoiser
from engine.diffusion.noise import SIGMA_MAX, SIGMA_MIN
from engine.errors import ModelError

BUNDLED = Path(__file__).resolve().parent.parent / "models"
ANY_CLASS = "any"
MAX_ZOOM = 2.0
MOST_BYTES = 4 << 30
MOST_PARAMETERS = 1_000_000_000
_MOST_CONFIG_BYTES = 1 << 20
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_HUB_FILES = ("config.json", "*/config.json", "*.safetensors", "*trained-images.json", "README.md")
_INNER_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,63}")
"""Of a folder inside a model's: nothing that leads out of it."""
_MOST_LAYERS = 8
_MOST_BLOCKS = 8
_MOST_CHANNELS = 4096


@dataclass(frozen=True)
class Model:
    """What a model folder says of itself. classes: in the network's order, the label for "any" left out.

    sigma_min: the lowest noise level that the network cleans well; below it, it leaves noise in.
    max_zoom: the largest magnification that it was trained with.
    chroma_radius: the scale, in pixels of 128, above which its colour differences can be trusted.
    fingerprint: SHA-256 over the names and bytes of the config and of all shards.
    parts: the models of its classes, in their order, where it has one network per class.
    """

    folder: Path
    config: Mapping[str, Any]
    classes: tuple[str, ...]
    any_label: int
    licence: str
    sigma_min: float
    chroma_radius: float
    max_zoom: float
    fingerprint: str
    shards: tuple[Path, ...]
    parts: tuple["Model", ...] = ()


def find(name: str | Path) -> Model:
    """A model by its name among the bundled ones, by its folder, or by its Hugging Face repository (owner/name).

    ModelError, one line, where it can't be used.
    """
    text = str(name)
    folder = BUNDLED / text if "/" not in text and "\\" not in text and (BUNDLED / text).is_dir() else Path(name)
    if not folder.is_dir() and _HUB_NAME.fullmatch(text) and not folder.parent.is_dir():
        folder = _from_hub(text)
    if not folder.is_dir():
        names = ", ".join(sorted(p.name for p in BUNDLED.iterdir() if (p / "config.json").is_file()))
        raise ModelError(f"--model: {text!r} is neither a model folder nor one of the shipped models: {names}")
    config = _read_config(folder / "config.json")
    parts = _parts(folder, config)
    shards = () if parts else tuple(sorted(folder.glob("*.safetensors")))
    if not shards and not parts:
        raise ModelError(f"{folder}: has no *.safetensors; the weights are missing")
    if sum(shard.stat().st_size for shard in shards) > MOST_BYTES:
        raise ModelError(f"{folder}: the weights exceed {MOST_BYTES >> 30} GiB")
    labels = list(config["classes"])
    return Model(
        folder,
        config,
        tuple(label for label in labels if label != ANY_CLASS),
        labels.index(ANY_CLASS) if ANY_CLASS in labels else -1,
        str(config.get("licence", "see the model card")),
        float(config.get("sigma_min", SIGMA_MIN)),
        float(config.get("chroma_radius", 0.0)),
        float(config.get("max_zoom", MAX_ZOOM)),
        _fingerprint([folder / "config.json", *shards], parts),
        shards,
        parts,
    )


def denoiser(model: Model) -> UNetDenoiser | ByClass:
    """What paints all of the model's classes, in fp32 on the CPU. ModelError as `load`."""
    if not model.parts:
        return load(model)
    own = [list(part.config["classes"]).index(name) for name, part in zip(model.classes, model.parts, strict=True)]
    return ByClass([load(part) for part in model.parts], own)


def load(model: Model) -> UNetDenoiser:
    """The network in fp32 on the CPU, ready to evaluate. ModelError where weights are missing, damaged or don't fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if model.parts:
        raise ModelError(f"{model.folder}: holds one network per class; name one of them: {model.parts[0].folder}")
    unet = _empty_network(model)
    state: dict[str, torch.Tensor] = {}
    for shard in model.shards:
        try:
            state |= {name: tensor.float() for name, tensor in load_file(shard).items()}
        except (SafetensorError, OSError, ValueError) as error:
            raise ModelError(f"{shard}: is damaged ({error}); copy the model anew") from error
    expected = unet.state_dict()
    wrong = sorted(expected.keys() ^ state.keys())
    wrong += sorted(n for n in expected.keys() & state.keys() if expected[n].shape != state[n].shape)
    if wrong:
        raise ModelError(
            f"{model.folder}: {len(wrong)} weights are missing or don't fit config.json, such as {wrong[0]}"
        )
    broken = sorted(name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all()))
    if broken:
        raise ModelError(f"{model.folder}: weights that are no numbers, such as {broken[0]}; copy the model anew")
    unet.load_state_dict(state, assign=True)
    unet.eval().requires_grad_(False)
    unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return UNetDenoiser(unet, float(model.config["sigma_data"]))


def _empty_network(model: Model) -> torch.nn.Module:
    """The network without memory for its weights. ModelError where the config describes none that fits ours."""
    from diffusers import UNet2DModel

    path, described = model.folder / "config.json", model.config["unet"]
    blocks, layers = described.get("block_out_channels"), described.get("layers_per_block", 2)
    good = isinstance(blocks, list) and 1 <= len(blocks) <= _MOST_BLOCKS and type(layers) is int
    if (
        not good
        or not all(type(b) is int and 0 < b <= _MOST_CHANNELS for b in blocks)
        or not 0 < layers <= _MOST_LAYERS
    ):
        raise ModelError(f"{path}: 'unet' must have 1 to {_MOST_BLOCKS} block_out_channels, 1 to {_MOST_LAYERS} layers")
    for name, possible in (
        ("in_channels", UNetDenoiser.IN_CHANNELS),
        ("out_channels", (UNetDenoiser.OUT_CHANNELS,)),
        ("num_class_embeds", (len(model.config["classes"]),)),
    ):
        if described.get(name) not in possible:
            wanted = " or ".join(map(str, possible))
            raise ModelError(f"{path}: 'unet.{name}' is {described.get(name)}; it must be {wanted}")
    try:
        with torch.device("meta"):
            unet = UNet2DModel(**described)
    except (TypeError, ValueError, KeyError, ArithmeticError, AttributeError) as error:
        raise ModelError(f"{path}: 'unet' describes no network ({error})") from error
    if sum(weights.numel() for weights in unet.parameters()) > MOST_PARAMETERS:
        raise ModelError(f"{path}: 'unet' has more than {MOST_PARAMETERS:,} parameters")
    network: torch.nn.Module = unet
    return network


def _from_hub(repository: str) -> Path:
    """The folder of a Hugging Face repository, from the local cache or the network; only config, weights and card."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, allow_patterns=list(_HUB_FILES)))
    except Exception as error:  # the hub's own, its HTTP library's, the system's: they differ by version
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"--model: {repository!r} is no folder, and can't be had from Hugging Face ({reason}); give a model folder"
        ) from error


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"{path.parent}: has no config.json; it is no model folder")
    if path.stat().st_size > _MOST_CONFIG_BYTES:
        raise ModelError(f"{path}: is too large for a config")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{path}: is no JSON ({error})") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path}: must be a JSON object")
    classes = config.get("classes")
    if not (isinstance(config.get("unet"), dict)):
        raise ModelError(f"{path}: 'unet' must be the network's configuration")
    if not (isinstance(classes, list) and classes and all(isinstance(c, str) and c for c in classes)):
        raise ModelError(f"{path}: 'classes' must be a list of names")
    if len(set(classes)) != len(classes) or set(classes) == {ANY_CLASS}:
        raise ModelError(f"{path}: 'classes' must name each class once, and at least one beside {ANY_CLASS!r}")
    for name, default, low, high in (
        ("sigma_data", None, 1e-3, SIGMA_MAX),
        ("sigma_min", SIGMA_MIN, 1e-4, SIGMA_MAX / 2),
        ("chroma_radius", 0.0, 0.0, 16.0),
    ):
        value = config.get(name, default)
        if not (isinstance(value, (int, float)) and math.isfinite(value) and low <= value <= high):
            raise ModelError(f"{path}: '{name}' is {value!r}; it must be a number from {low:g} to {high:g}")
    return config


def _parts(folder: Path, config: Mapping[str, Any]) -> tuple[Model, ...]:
    """The models that `per_class` names, in the order of `classes`; none where it isn't there."""
    named = config.get("per_class")
    if named is None:
        return ()
    path, classes = folder / "config.json", config["classes"]
    if not (isinstance(named, dict) and list(named) == classes and all(isinstance(n, str) for n in named.values())):
        raise ModelError(f"{path}: 'per_class' must name a folder for each of the classes {', '.join(classes)}")
    parts = []
    for name, inner in named.items():
        if not _INNER_NAME.fullmatch(inner) or not (folder / inner).is_dir():
            raise ModelError(f"{path}: 'per_class.{name}' is {inner!r}; it must be a folder beside config.json")
        if "per_class" in _read_config(folder / inner / "config.json"):
            raise ModelError(f"{folder / inner}: holds one network per class itself; it must be a single one")
        part = find(folder / inner)
        if name not in part.classes:
            raise ModelError(f"{part.folder}: doesn't know the class {name}, which {path} takes from it")
        for key in ("unet", "sigma_data"):
            if part.config.get(key) != config.get(key):
                raise ModelError(f"{part.folder}: has another {key!r} than {path}; train both from the same model")
        parts.append(part)
    return tuple(parts)


def _fingerprint(files: list[Path], parts: tuple[Model, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(f"{file.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    for part in parts:
        digest.update(f"{part.folder.name} {part.fingerprint}\n".encode())
    return digest.hexdigest()
