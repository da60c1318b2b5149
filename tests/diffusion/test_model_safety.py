"""What a model folder from elsewhere can't do: run code, take memory by its header, or paint with broken numbers."""

import json
import pickle
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DModel
from safetensors.torch import load_file, save_file

from engine.diffusion import checkpoint
from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.samplers import Task, dpmpp_2m_sde
from engine.errors import ModelError
from tests.diffusion.small_model import UNET, configured, refusal

SHARD = "model-0.safetensors"


def test_the_shipped_model_cleans_and_says_what_it_is() -> None:
    model = checkpoint.find("default")
    assert model.classes == ("nevus", "melanoma")
    assert "CC BY-NC 4.0" in model.licence
    assert "CC BY-NC 4.0" in (model.folder / "README.md").read_text(encoding="utf-8")
    assert all(shard.stat().st_size <= 16 << 20 for shard in model.shards)
    network = checkpoint.load(model)
    x0 = torch.zeros(1, 4, 64, 64)
    x0[:, 3] = -1
    noisy = x0 + 0.3 * torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        cleaned = network(noisy, torch.tensor([0.3]), torch.zeros_like(x0), torch.tensor([0]), torch.zeros(1))
    assert (cleaned - x0).square().mean() < 0.2 * (noisy - x0).square().mean()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"block_out_channels": [8] * 1000}, "block_out_channels"),
        ({"block_out_channels": [1 << 40, 16]}, "block_out_channels"),
        ({"block_out_channels": "8"}, "block_out_channels"),
        ({"layers_per_block": 10**9}, "layers"),
        ({"block_out_channels": [4096, 4096], "layers_per_block": 8}, "parameters"),
        ({"in_channels": 3}, r"unet\.in_channels"),
        ({"out_channels": 4}, r"unet\.out_channels"),
        ({"num_class_embeds": 7}, r"unet\.num_class_embeds"),
        ({"norm_num_groups": 0}, "describes no network"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_network_that_can_not_be_ours_takes_no_memory(folder: Path, change: dict[str, Any], named: str) -> None:
    configured(folder, unet={**UNET, **change})
    with pytest.raises(ModelError, match=named):
        checkpoint.load(checkpoint.find(folder))


@pytest.mark.parametrize("classes", [["nevus", "nevus", "any"], ["any"], ["", "nevus", "any"]])
def test_classes_that_can_not_be_told_apart_are_refused(folder: Path, classes: list[str]) -> None:
    configured(folder, classes=classes)
    assert "classes" in refusal(folder)


@pytest.mark.parametrize("length", [None, 1 << 60])
def test_a_header_that_claims_more_than_the_file_holds_is_refused(folder: Path, length: int | None) -> None:
    claim = {"w": {"dtype": "F32", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 1 << 42]}}
    header = json.dumps(claim).encode()
    (folder / SHARD).write_bytes(struct.pack("<Q", length or len(header)) + header)
    assert SHARD in refusal(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_noticed(folder: Path, value: float) -> None:
    state = load_file(folder / SHARD)
    name = min(state)
    state[name].view(-1)[0] = value
    save_file(state, folder / SHARD)
    assert name in refusal(folder)


def test_pickles_are_never_opened(folder: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    checkpoint.load(checkpoint.find(folder))
    (folder / SHARD).write_bytes(pickle.dumps(Trap()))
    assert SHARD in refusal(folder)
    assert not (tmp_path / "sprung").exists()


def test_a_repository_comes_from_the_local_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    commit = "0" * 40
    cached = tmp_path / "hub" / "models--someone--lesions"
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    assert checkpoint.find("someone/lesions").fingerprint == checkpoint.find(folder).fingerprint
    with pytest.raises(ModelError, match="someone/else"):
        checkpoint.find("someone/else")


def test_a_network_without_a_known_map_paints_by_replacement(folder: Path) -> None:
    torch.manual_seed(0)
    unet = {**UNET, "in_channels": 17}
    for shard in folder.glob("*.safetensors"):
        shard.unlink()
    save_file(dict(UNet2DModel(**unet).state_dict()), folder / SHARD)
    configured(folder, unet=unet)
    network = checkpoint.load(checkpoint.find(folder))
    assert not network.conditional
    known, values = torch.zeros(1, 4, 16, 16), torch.rand(1, 4, 16, 16)
    known[..., :4] = 1
    task = Task(known, values, torch.zeros(1, dtype=torch.long), torch.zeros(1))
    with torch.inference_mode():
        x0 = dpmpp_2m_sde(network, task, SeededNoise([1]), schedule(3))
    assert torch.equal(x0[known > 0], values[known > 0])
    assert bool(x0.isfinite().all())
