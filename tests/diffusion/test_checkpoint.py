"""Model folders that are incomplete, damaged or of another kind: one clear line each, and nothing is executed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.diffusion import checkpoint
from engine.errors import ModelError
from tests.diffusion.small_model import UNET, configured, refusal


def test_a_sound_model_loads_from_its_folder(folder: Path) -> None:
    model = checkpoint.find(folder)
    assert (model.classes, model.any_label) == (("nevus", "melanoma"), 2)
    denoiser = checkpoint.load(model)
    x, known = torch.zeros(1, 4, 16, 16), torch.zeros(1, 4, 16, 16)
    x0 = denoiser(x, torch.ones(1), known, torch.zeros(1, dtype=torch.long), torch.zeros(1))
    assert x0.shape == x.shape and bool(x0.isfinite().all())


def test_the_fingerprint_follows_every_byte(folder: Path) -> None:
    before = checkpoint.find(folder).fingerprint
    assert checkpoint.find(folder).fingerprint == before
    state = load_file(folder / "model-0.safetensors")
    name = next(iter(state))
    state[name] = state[name] + 1e-3
    save_file(state, folder / "model-0.safetensors")
    assert checkpoint.find(folder).fingerprint != before


def test_a_name_that_is_no_model_lists_the_shipped_ones() -> None:
    with pytest.raises(ModelError, match=r"--model: 'nowhere'.*default"):
        checkpoint.find("nowhere")


def test_a_folder_without_a_config_is_no_model(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert "config.json" in refusal(folder)


def test_a_folder_without_weights_says_so(folder: Path) -> None:
    for shard in folder.glob("*.safetensors"):
        shard.unlink()
    assert "weights are missing" in refusal(folder)


def test_a_missing_shard_is_named_by_what_it_held(folder: Path) -> None:
    (folder / "model-1.safetensors").unlink()
    assert "missing or don't fit" in refusal(folder)


@pytest.mark.parametrize("keep", [0, 4, 100, -10])
def test_a_truncated_shard_is_named(folder: Path, keep: int) -> None:
    shard = folder / "model-1.safetensors"
    shard.write_bytes(shard.read_bytes()[:keep])
    message = refusal(folder)
    assert "model-1.safetensors" in message and "damaged" in message


def test_a_shard_that_is_something_else_is_named(folder: Path) -> None:
    (folder / "model-0.safetensors").write_bytes(b"\x80\x04" + b"pickle" * 100)
    assert "model-0.safetensors" in refusal(folder)


def test_weights_of_another_width_are_refused(folder: Path) -> None:
    configured(folder, unet={**UNET, "block_out_channels": [8, 24]})
    assert "don't fit config.json" in refusal(folder)


def test_weights_that_nothing_asks_for_are_refused(folder: Path) -> None:
    save_file({"surplus": torch.zeros(2)}, folder / "model-2.safetensors")
    assert "surplus" in refusal(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"unet": None},
        {"unet": []},
        {"unet": {**UNET, "no_such_option": 1}},
        {"unet": {**UNET, "down_block_types": ["NoSuchBlock", "DownBlock2D"]}},
        {"classes": []},
        {"classes": "nevus"},
        {"classes": [1, 2]},
        {"sigma_data": 0},
        {"sigma_data": "half"},
        {"sigma_data": float("nan")},
        {"sigma_min": -1},
        {"sigma_min": 1e9},
        {"chroma_radius": -1},
    ],
    ids=lambda change: str(change)[:50],
)
def test_a_config_with_an_impossible_value_is_refused(folder: Path, change: dict[str, Any]) -> None:
    configured(folder, **change)
    assert "config.json" in refusal(folder)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\xfe\x00{"),
        lambda path: path.write_text("[1, 2]", encoding="utf-8"),
        lambda path: path.write_text('{"unet": ', encoding="utf-8"),
        lambda path: path.write_text("[" * 100_000, encoding="utf-8"),
        lambda path: path.write_bytes(b" " * (2 << 20)),
    ],
    ids=["empty", "no text", "a list", "cut", "deep", "large"],
)
def test_a_config_that_is_no_object_is_refused(folder: Path, spoil: Callable[[Path], object]) -> None:
    spoil(folder / "config.json")
    assert "config.json" in refusal(folder)


def test_weights_beyond_the_limit_are_refused_before_they_are_read(folder: Path) -> None:
    with (folder / "model-9.safetensors").open("wb") as stream:
        stream.truncate(checkpoint.MOST_BYTES + 1)
    with pytest.raises(ModelError, match="exceed"):
        checkpoint.find(folder)
