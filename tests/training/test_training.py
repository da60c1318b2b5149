"""From a folder of images to a model: the loss falls, the folder is a model, its card is complete."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trees
from small_training import CLASSES, mean_loss, shelf, training

from desktop.cli import main
from engine.diffusion import checkpoint
from engine.errors import BadInput, DataError, ModelError, MoulageError
from engine.generators.ddpm import DdpmGenerator
from engine.training import card, sheet
from engine.training.architecture import (
    SIZES,
    classes_chosen,
    fresh,
    inherit,
    parameters,
    same_architecture,
    unet_config,
    with_any,
)
from engine.training.batches import Drawing, draw
from engine.training.card import SECTIONS, licence_of
from engine.training.devices import Devices
from engine.training.loss import edm_loss, target_of
from engine.training.publish import SHARD_BYTES, write_model
from engine.training.run import Run, Wishes, per_class
from engine.training.settings import Stage, TrainSettings, stages_of
from engine.training.trainer import learning_rate, weights_of


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_training_lowers_the_loss_on_batches_it_never_saw() -> None:
    run = training(70, ema=0.9)
    batches = [draw([shelf()], [torch.ones(16)], [1.0], 32, 24, Drawing(2), 10**9 + i) for i in range(3)]
    before = mean_loss(run, batches)
    run.run()
    assert mean_loss(run, batches) < 0.7 * before
    assert math.isfinite(run.progress.history[-1][1])


def test_a_loss_that_is_no_number_stops_and_saves_nothing(tmp_path: Path) -> None:
    run = training(40)
    with torch.no_grad():
        next(iter(run.network.parameters())).fill_(float("nan"))
    with pytest.raises(MoulageError, match="no number any more"):
        run.run(checkpoint=tmp_path / "checkpoint.safetensors")
    assert not any(tmp_path.iterdir())


def test_the_rate_warms_up_and_falls_as_a_cosine() -> None:
    settings = TrainSettings(steps=1000, warm_up=100)
    rates = [learning_rate(settings, step, step / 1000) for step in range(1000)]
    assert rates[0] < 0.02 * settings.learning_rate
    assert rates == [*sorted(rates[:90]), *rates[90:105], *sorted(rates[105:], reverse=True)]
    assert rates[-1] == pytest.approx(settings.floor * settings.learning_rate, rel=0.01)
    assert learning_rate(TrainSettings(steps=100, warm_up=1000), 10, 0.1) > 0.9 * settings.learning_rate
    assert learning_rate(settings, 5000, 0.5) == pytest.approx(settings.learning_rate / 2)


def test_classes_are_drawn_equally_often_however_many_images_they_have() -> None:
    one = shelf()
    one.label[:] = torch.tensor([0] * 14 + [1] * 2)
    (weights,) = weights_of([one], CLASSES, TrainSettings(steps=1))
    assert float(weights[one.label == 0].sum()) == pytest.approx(float(weights[one.label == 1].sum()))
    (only,) = weights_of([one], CLASSES, TrainSettings(steps=1, only_class="melanoma"))
    assert float(only[one.label == 0].sum()) == 0 < float(only[one.label == 1].sum())
    with pytest.raises(DataError, match="no image of class melanoma"):
        weights_of([one], ("nevus", "x", "melanoma"), TrainSettings(steps=1, only_class="melanoma"))


def test_stages_follow_one_another() -> None:
    settings = TrainSettings(steps=10, stages=stages_of("64:1,128:3"))
    assert [settings.size_at(done) for done in (0.0, 0.24, 0.26, 0.99, 1.0)] == [64, 64, 128, 128, 128]
    for wrong in ("64:x", "", "63", "64:0", "1024"):
        with pytest.raises(BadInput, match="--stages"):
            TrainSettings(steps=1, stages=stages_of(wrong))


def test_known_entries_do_not_count_in_the_loss() -> None:
    batch = draw([shelf()], [torch.ones(16)], [1.0], 32, 16, Drawing(2), 4)
    spoilt = torch.where(batch.known > 0, batch.x + 5, batch.x)
    assert float(edm_loss(spoilt, batch.x, batch)) == 0
    assert float(edm_loss(batch.x + 0.1, batch.x, batch)) > 0


def test_a_teacher_is_not_asked_below_the_noise_it_cleans() -> None:
    batch = draw([shelf()], [torch.ones(16)], [1.0], 32, 64, Drawing(2), 4)

    class Grey:
        conditional = True

        def __call__(self, x, sigma, known, label, zoom):  # type: ignore[no-untyped-def]
            return torch.zeros_like(x)

    target = target_of(batch, Grey(), 0.75, 0.25)
    low = batch.sigma < 0.25
    assert 0 < int(low.sum()) < 64
    assert torch.equal(target[low], batch.x[low])
    assert torch.allclose(target[~low], 0.25 * batch.x[~low])
    assert target_of(batch, None, 0.75, 0.25) is batch.x


def test_a_student_of_equal_form_is_its_teacher_and_a_smaller_one_takes_what_it_can() -> None:
    torch.manual_seed(1)
    teacher = fresh(unet_config(SIZES["tiny"], with_any(CLASSES)))
    torch.nn.init.normal_(teacher.unet.conv_out.weight)
    same = fresh(unet_config(SIZES["tiny"], with_any(CLASSES)))
    assert inherit(same, teacher) == parameters(same)
    batch = draw([shelf()], [torch.ones(16)], [1.0], 32, 2, Drawing(2), 4)
    with torch.inference_mode():
        answers = [n(batch.noisy, batch.sigma, batch.known, batch.label, batch.zoom) for n in (same, teacher)]
    assert torch.equal(*answers)
    deep = fresh(unet_config(SIZES["starter"], with_any(CLASSES)))
    with pytest.raises(ModelError, match="4 levels has no parts for one of 2"):
        inherit(same, deep)
    small = fresh(unet_config(SIZES["small"], with_any(CLASSES)))
    assert inherit(small, deep) == parameters(small)
    last = "up_blocks.3.resnets"
    ours, theirs = small.unet.state_dict(), deep.unet.state_dict()
    own, whole = ours[f"{last}.1.conv1.weight"], theirs[f"{last}.2.conv1.weight"]
    assert torch.equal(own, whole[: own.shape[0], : own.shape[1]])


def test_classes_are_chosen_by_name_not_by_number() -> None:
    network = fresh(unet_config(SIZES["tiny"], with_any(CLASSES)))
    before = network.unet.class_embedding.weight.clone()
    chosen = classes_chosen(network, with_any(CLASSES), ("melanoma", "wart", "any"))
    assert torch.equal(chosen.unet.class_embedding.weight, before[[1, 2, 2]])
    with pytest.raises(ModelError, match="but not wart"):
        classes_chosen(network, ("nevus", "melanoma"), ("wart",))


def test_shards_stay_below_their_size_and_old_ones_go(tmp_path: Path) -> None:
    config = {"unet": unet_config(SIZES["default"], with_any(CLASSES)), "sigma_data": 0.5}
    config["classes"] = list(with_any(CLASSES))
    network = fresh(config["unet"])
    (tmp_path / "model-00009-of-00009.safetensors").write_bytes(b"of an earlier state")
    write_model(tmp_path, network, config)
    model = checkpoint.find(tmp_path)
    assert len(model.shards) == 3 and all(path.stat().st_size <= SHARD_BYTES for path in model.shards)
    loaded = checkpoint.load(model)
    assert same_architecture(loaded, network)
    name = "down_blocks.0.resnets.0.conv1.weight"
    assert torch.equal(loaded.unet.state_dict()[name], network.unet.state_dict()[name].half().float())


@pytest.mark.parametrize(
    ("licences", "ancestor", "expected"),
    [
        (("CC-BY-NC-4.0", "CC0-1.0"), "", "CC BY-NC 4.0"),
        (("CC0-1.0",), "", "CC0 1.0"),
        (("CC0-1.0",), "CC BY-NC 4.0 (the network was trained on HAM10000)", "CC BY-NC 4.0"),
        (("CC0-1.0 (unconfirmed)",), "", "that of the training data"),
        ((), "", "not stated"),
    ],
)
def test_the_licence_follows_from_data_and_ancestors(licences: tuple[str, ...], ancestor: str, expected: str) -> None:
    assert expected in licence_of(licences, ancestor)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained from drawn images, stopped once on the way."""
    folder = tmp_path_factory.mktemp("training")
    data = trees.ham10000(folder / "data", trees.drawn(24))
    settings = TrainSettings(steps=6, batch=2, stages=(Stage(32, 1.0),))
    wishes = Wishes(
        (data,), folder / "wax", settings, size="tiny", pack_mib=4, sheet_steps=2, command="moulage train --data data"
    )
    first = Run(wishes, Devices("cpu", "fp32"), print)
    assert not first.train(stop=lambda: first.training.progress.step >= 3)
    assert not (wishes.output / sheet.NAME).exists()
    run = Run(wishes, Devices("cpu", "fp32"), print)
    assert run.training.progress.step == 3
    assert run.train()
    return wishes.output


def test_the_folder_is_a_model_that_paints(trained: Path) -> None:
    model = checkpoint.find(trained)
    assert model.classes == CLASSES and model.config["saw_test_split"] is False
    assert model.config["trained"]["steps"] == 6 and model.config["trained"]["images"] == 12
    generator = DdpmGenerator(trained, device="cpu", threads=1)
    (result,) = generator.generate([sheet.request("melanoma", "skin and shape known", 1, steps=2)])
    assert np.isfinite(result.rgb).all() and result.model == model.fingerprint


def test_the_card_is_complete(trained: Path) -> None:
    text = (trained / card.NAME).read_text(encoding="utf-8")
    model = checkpoint.find(trained)
    assert text.startswith("---\nlicense: cc-by-nc-4.0\n")
    for section in SECTIONS:
        body = text.partition(f"## {section}\n")[2].partition("\n## ")[0]
        assert len(body.strip()) > 40, section
    for fact in (
        model.fingerprint,
        "moulage train --data data",
        "doi:10.1038/sdata.2018.161",
        "Not for diagnosis",
        "CC BY-NC 4.0",
        "![samples](samples.png)",
        "6 steps, 12 images drawn",
        "images of the frozen test split were never trained on",
        "| last loss",
        "phototype III",
    ):
        assert fact in text, fact
    assert (trained / sheet.NAME).read_bytes().startswith(b"\x89PNG")


def test_weights_continue_in_another_folder_and_carry_what_they_saw(trained: Path, tmp_path: Path) -> None:
    data = trained / "training" / "data.pack"
    settings = TrainSettings(steps=1, batch=2, stages=(Stage(32, 1.0),))
    wishes = Wishes((data,), tmp_path / "next", settings, start=str(trained))
    run = Run(wishes, Devices("cpu", "fp32"), print)
    before = checkpoint.load(checkpoint.find(trained)).unet.state_dict()
    assert all(torch.equal(before[n], t) for n, t in run.training.network.unet.state_dict().items())
    own = per_class(wishes)
    assert [w.output.name for w in own] == list(CLASSES) and own[1].settings.only_class == "melanoma"
    taught = Wishes((data,), tmp_path / "taught", settings, size="small", teacher="default")
    student = Run(taught, Devices("cpu", "fp32"), print)
    config = student.training.progress
    assert config.data == run.pack.digest
    assert student.training._teacher is not None and student.training._teacher.sigma_min == 0.25


def test_a_finished_model_is_not_trained_over(trained: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "finished"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("training"))
    wishes = Wishes((tmp_path,), folder, TrainSettings(steps=1))
    with pytest.raises(BadInput, match="holds a finished model"):
        Run(wishes, Devices("cpu", "fp32"), print)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--data", "nowhere", "-o", "out", "--steps", "1"], "nowhere is no folder"),
        (["train", "--data", ".", "-o", "out", "--steps", "0"], "--steps: is 0"),
        (["train", "--data", ".", "-o", "out", "--batch", "0"], "--batch: is 0"),
        (["train", "--data", ".", "-o", "out", "--stages", ""], "--stages: ''"),
        (["train", "--data", ".", "-o", "out", "--from", "wax"], "--from: 'wax' is neither"),
        (["train", "--data", ".", "-o", "out", "--teacher", "wax"], "--teacher: 'wax' is neither"),
        (["train", "--data", ".", "-o", "out", "--size", "huge", "--steps", "1"], "--size: is 'huge'"),
        (["train", "--data", ".", "-o", "out", "--classes", "wart"], "--classes: 'wart' is unknown"),
        (["train", "--data", ".", "-o", "out", "--per-class"], "name it with --from"),
        (["pack", ".", "-o", "missing/x.pack"], "the folder missing is missing"),
    ],
)
def test_a_wrong_line_ends_with_one_line_and_two(
    tmp_path: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["moulage", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 2, told
    assert message in told and told.count("\n") == 1
    assert not any(tmp_path.iterdir())
