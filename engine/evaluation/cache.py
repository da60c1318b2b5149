"""Observers that were trained once: safetensors and a JSON beside it, by the fingerprint of data and settings."""

import json
from dataclasses import asdict
from pathlib import Path

import torch

from engine.evaluation.observer import Fit, Observer, Told, fingerprint, trained
from engine.evaluation.pictures import Pictures
from engine.generators.protocol import Cancel
from engine.output import telling, write_atomic


def observer_of(
    pictures: Pictures,
    fit: Fit,
    folder: Path,
    device: torch.device,
    told: Told | None = None,
    cancel: Cancel | None = None,
) -> Observer:
    """The observer of these pictures: from the folder where it is there and whole, else trained and kept there."""
    name = fingerprint(pictures, fit)
    path = folder / f"observer-{name[:32]}.safetensors"
    found = _loaded(path, name, len(pictures.classes))
    if found is not None:
        return found.to(device)
    observer = trained(pictures, fit, device, told, cancel)
    _keep(observer, path, name, pictures, fit)
    return observer


def _loaded(path: Path, name: str, classes: int) -> Observer | None:
    """None where it is missing or damaged: it can be trained again."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if about.get("fingerprint") != name:
            return None
        observer = Observer(classes)
        observer.load_state_dict(load_file(path))
    except (OSError, ValueError, AttributeError, RuntimeError, SafetensorError):
        return None
    return observer.eval()


def _keep(observer: Observer, path: Path, name: str, pictures: Pictures, fit: Fit) -> None:
    """Weights first: a JSON without weights would be believed."""
    from safetensors.torch import save

    about = {
        "fingerprint": name,
        "fit": asdict(fit),
        "classes": list(pictures.classes),
        "pictures": len(pictures),
        "torch": torch.__version__,
    }
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.detach().cpu().contiguous() for key, value in observer.state_dict().items()}
    write_atomic(path, save(state))
    write_atomic(path.with_suffix(".json"), json.dumps(about, indent=1, sort_keys=True).encode() + b"\n")
