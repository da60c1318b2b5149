"""A model of one network per class: each class is painted by its own, and what doesn't fit together is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.diffusion import checkpoint
from engine.diffusion.denoiser import ByClass
from engine.errors import ModelError
from tests.diffusion.small_model import CONFIG, refusal, write_model

FAMILY = {**CONFIG, "classes": ["melanoma", "nevus"], "per_class": {"melanoma": "dark", "nevus": "plain"}}


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """Two networks whose last bias differs, in a folder that names them."""
    folder = tmp_path / "family"
    folder.mkdir()
    for number, name in enumerate(("dark", "plain")):
        part = write_model(folder / name)
        for shard in part.glob("*.safetensors"):
            state = load_file(shard)
            if "conv_out.bias" in state:
                state["conv_out.bias"] = torch.full_like(state["conv_out.bias"], float(number))
                save_file(state, shard)
    say(folder)
    return folder


def say(folder: Path, **changes: Any) -> None:
    """The family's config."""
    (folder / "config.json").write_text(json.dumps({**FAMILY, **changes}), encoding="utf-8")


def test_each_picture_is_cleaned_by_the_network_of_its_class(family: Path) -> None:
    model = checkpoint.find(family)
    assert (model.classes, model.any_label, model.shards) == (("melanoma", "nevus"), -1, ())
    both = checkpoint.denoiser(model)
    assert isinstance(both, ByClass) and both.conditional
    x, known = torch.randn(4, 4, 16, 16), torch.zeros(4, 4, 16, 16)
    sigma, zoom, label = torch.full((4,), 0.7), torch.zeros(4), torch.tensor([1, 0, 1, 1])
    mixed = both(x, sigma, known, label, zoom)
    for part, mine, own in zip(model.parts, (label == 0, label == 1), (1, 0), strict=True):
        alone = checkpoint.load(part)
        expected = alone(x[mine], sigma[mine], known[mine], torch.full((int(mine.sum()),), own), zoom[mine])
        torch.testing.assert_close(mixed[mine], expected)
    other = both(x, sigma, known, 1 - label, zoom)
    assert bool(((mixed - other).abs().flatten(1).amax(1) > 0.1).all())


def test_the_fingerprint_follows_the_inner_weights(family: Path) -> None:
    before = checkpoint.find(family).fingerprint
    shard = family / "dark" / "model-0.safetensors"
    state = load_file(shard)
    state[next(iter(state))] += 1e-3
    save_file(state, shard)
    assert checkpoint.find(family).fingerprint != before


def test_it_is_no_single_network(family: Path) -> None:
    with pytest.raises(ModelError, match="one network per class; name one of them"):
        checkpoint.load(checkpoint.find(family))


@pytest.mark.parametrize(
    ("per_class", "message"),
    [
        ({"melanoma": "dark"}, "for each of the classes melanoma, nevus"),
        ({"melanoma": "dark", "nevus": 3}, "for each of the classes"),
        (["dark", "plain"], "for each of the classes"),
        ({"melanoma": "../family/dark", "nevus": "plain"}, "must be a folder beside config.json"),
        ({"melanoma": "dark", "nevus": ".."}, "must be a folder beside config.json"),
        ({"melanoma": "dark", "nevus": "missing"}, "must be a folder beside config.json"),
    ],
)
def test_names_that_lead_nowhere_or_out_are_refused(family: Path, per_class: Any, message: str) -> None:
    say(family, per_class=per_class)
    assert message in refusal(family)


def test_a_family_within_a_family_is_refused(family: Path) -> None:
    (family / "plain" / "config.json").write_text(json.dumps(FAMILY), encoding="utf-8")
    assert "itself" in refusal(family)


def test_networks_that_differ_in_kind_are_refused(family: Path) -> None:
    (family / "plain" / "config.json").write_text(json.dumps({**CONFIG, "sigma_data": 0.4}), encoding="utf-8")
    assert "'sigma_data'" in refusal(family)
    (family / "plain" / "config.json").write_text(
        json.dumps({**CONFIG, "classes": ["keratosis", "melanoma", "any"]}), encoding="utf-8"
    )
    assert "doesn't know the class nevus" in refusal(family)
