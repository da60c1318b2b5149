"""A small model folder that loads, for tests that damage it, and the one clear line that refuses a damaged one."""

import json
from pathlib import Path
from typing import Any

import pytest
from diffusers import UNet2DModel
from safetensors.torch import save_file

from engine.diffusion import checkpoint
from engine.errors import ModelError

UNET = {
    "sample_size": 16,
    "in_channels": 25,
    "out_channels": 16,
    "layers_per_block": 1,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "attention_head_dim": 8,
    "norm_num_groups": 4,
    "num_class_embeds": 3,
}
CONFIG = {"unet": UNET, "sigma_data": 0.5, "classes": ["nevus", "melanoma", "any"]}


def write_model(model: Path) -> Path:
    """Two shards and a config."""
    model.mkdir()
    state = {name: tensor.contiguous() for name, tensor in UNet2DModel(**UNET).state_dict().items()}
    names = sorted(state)
    for number, part in enumerate((names[::2], names[1::2])):
        save_file({name: state[name] for name in part}, model / f"model-{number}.safetensors")
    (model / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return model


def refusal(folder: Path) -> str:
    """What is said of it: one line that names the folder."""
    with pytest.raises(ModelError) as caught:
        checkpoint.load(checkpoint.find(folder))
    message = str(caught.value)
    assert "\n" not in message and folder.name in message
    return message


def configured(folder: Path, **changes: Any) -> None:
    """Its config with other values."""
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}), encoding="utf-8")
