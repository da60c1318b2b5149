"""One network per class: fine-tuned each on its own images, together a model that every command takes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trees
from small_training import CLASSES

from desktop.training import train_per_class
from engine.diffusion import checkpoint
from engine.errors import BadInput, ModelError
from engine.generators.ddpm import DdpmGenerator
from engine.training import sheet
from engine.training.devices import Devices
from engine.training.run import Run, Wishes, join_classes
from engine.training.settings import Stage, TrainSettings


@pytest.fixture(scope="module")
def wishes(tmp_path_factory: pytest.TempPathFactory) -> Wishes:
    """Two steps from a network of two steps, on drawn images."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("training")
    data = trees.ham10000(folder / "data", trees.drawn(16))
    settings = TrainSettings(steps=2, batch=2, stages=(Stage(32, 1.0),))
    first = Wishes((data,), folder / "one", settings, size="tiny", pack_mib=4, sheet_steps=2)
    Run(first, Devices("cpu", "fp32"), print).train()
    pack = folder / "one" / "training" / "data.pack"
    return replace(
        first,
        data=(pack,),
        output=folder / "wax",
        size=None,
        start=str(folder / "one"),
        command="moulage train --per-class",
    )


@pytest.fixture(scope="module")
def family(wishes: Wishes) -> Path:
    train_per_class(wishes, Devices("cpu", "fp32"), 3600)
    return wishes.output


def test_each_class_has_learnt_apart_and_both_are_one_model(family: Path) -> None:
    model = checkpoint.find(family)
    assert (model.classes, [part.folder.name for part in model.parts]) == (CLASSES, list(CLASSES))
    assert model.config["saw_test_split"] is False
    nevus, melanoma = (checkpoint.load(part).unet.state_dict() for part in model.parts)
    assert any(not torch.equal(nevus[name], melanoma[name]) for name in nevus)
    card = (family / "README.md").read_text(encoding="utf-8")
    assert all(f"({name}/README.md)" in card for name in CLASSES)
    for fact in ("```\nmoulage train --per-class\n```", "## Limits", "## Licence and attribution", "CC BY-NC 4.0"):
        assert fact in card, fact


def test_it_paints_each_class_with_its_own_network(family: Path) -> None:
    both = DdpmGenerator(family, device="cpu", threads=1)
    requests = [sheet.request(name, "skin and shape known", 3, steps=2) for name in CLASSES]
    results = both.generate(requests)
    for name, request, result in zip(CLASSES, requests, results, strict=True):
        (alone,) = DdpmGenerator(family / name, device="cpu", threads=1).generate([request])
        assert result.model == both.fingerprint != alone.model
        np.testing.assert_allclose(result.rgb, alone.rgb, atol=1e-4)


def test_nothing_continues_from_two_networks_at_once(family: Path, wishes: Wishes, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"name one of them: .*{CLASSES[0]}"):
        Run(replace(wishes, output=tmp_path / "next" / "nevus", start=str(family)), Devices("cpu", "fp32"), print)
    assert not any(tmp_path.iterdir())


def test_a_class_that_is_missing_yet_makes_no_model(wishes: Wishes, tmp_path: Path) -> None:
    unfinished = replace(wishes, output=tmp_path / "wax")
    assert not join_classes(unfinished)
    assert not (tmp_path / "wax").exists()
    with pytest.raises(BadInput, match="name it with --from"):
        join_classes(replace(unfinished, start=None))
