"""A model tells which images it was trained on, by hash; no picture of their lesions is a test picture of it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import trees

from engine.diffusion import checkpoint
from engine.errors import BadInput, ModelError
from engine.evaluation.real import TRAINED_ON, read_real
from engine.training import seen
from engine.training.devices import Devices
from engine.training.run import Run, Wishes
from engine.training.settings import Stage, TrainSettings
from engine.training.split import is_test

CLASSES = ("nevus", "melanoma")
SETTINGS = TrainSettings(steps=1, batch=2, stages=(Stage(32, 1.0),))


def published(wishes: Wishes) -> Run:
    """A model folder without a step of training, which the list has no part in."""
    run = Run(wishes, Devices("cpu", "fp32"), print)
    run.publish(with_sheet=False)
    return run


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("training")
    data = trees.simple(folder / "data", trees.drawn(16))
    return published(Wishes((data,), folder / "wax", SETTINGS, size="tiny", pack_mib=4))


def others(count: int) -> list[trees.Drawn]:
    """Images of other names and lesions."""
    return [
        replace(one, image_id=f"WARD_{one.seed}", lesion_id=f"ward {one.seed}", seed=1000 + one.seed)
        for one in trees.drawn(count)
    ]


def test_a_model_lists_what_it_was_trained_on_by_hash(first: Run) -> None:
    folder = first.wishes.output
    text = (folder / seen.NAME).read_text(encoding="utf-8")
    told = json.loads(text)
    assert (told["schema"], told["version"]) == ("moulage-trained-images", 1)
    names = first.pack.image_id
    assert told["images"] == sorted(hashlib.sha256(name.lower().encode()).hexdigest()[:16] for name in names)
    assert not any(name.lower() in text.lower() for name in names)
    assert seen.mark("ISIC_0000007") == seen.mark("isic_0000007.JPG")
    model = checkpoint.find(folder)
    (folder / seen.NAME).rename(folder / "aside")
    assert checkpoint.find(folder).fingerprint == model.fingerprint
    assert seen.marks_of(model) is None
    (folder / "aside").rename(folder / seen.NAME)
    assert seen.marks_of(model) == set(told["images"])


def test_a_list_holds_the_ancestors_images_or_is_left_out(first: Run, tmp_path: Path) -> None:
    data, start = trees.simple(tmp_path / "data", others(12)), first.wishes.output
    child = published(Wishes((data,), tmp_path / "child", SETTINGS, start=str(start), pack_mib=4))
    marks = seen.marks_of(checkpoint.find(tmp_path / "child"))
    assert marks == {seen.mark(name) for name in (*first.pack.image_id, *child.pack.image_id)}
    (tmp_path / "child" / seen.NAME).unlink()
    pack = child.pack.path
    grandchild = Wishes((pack,), tmp_path / "grandchild", SETTINGS, teacher=str(tmp_path / "child"), size="tiny")
    published(grandchild)
    assert not (tmp_path / "grandchild" / seen.NAME).exists()


def test_one_network_per_class_has_the_lists_of_all(first: Run) -> None:
    model = checkpoint.find(first.wishes.output)
    assert seen.marks_of(replace(model, parts=(model, model))) == seen.marks_of(model)
    bare = replace(model, folder=model.folder / "elsewhere")
    assert seen.marks_of(replace(model, parts=(model, bare))) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no JSON", "can't be read as JSON"),
        ("[" * 100_000, "can't be read as JSON"),
        ("[]", "is no moulage-trained-images of version 1"),
        ('{"schema": "moulage-trained-images", "version": 2, "images": []}', "of version 1"),
        ('{"schema": "moulage-trained-images", "version": 1, "images": 3}', "'images' must be a list"),
        ('{"schema": "moulage-trained-images", "version": 1, "images": ["ISIC_1"]}', "16 hex digits"),
        ('{"schema": "moulage-trained-images", "version": 1, "images": [7]}', "16 hex digits"),
    ],
)
def test_a_damaged_list_is_one_line(first: Run, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / seen.NAME).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=told) as error:
        seen.marks_of(replace(checkpoint.find(first.wishes.output), folder=tmp_path))
    assert "\n" not in str(error.value) and seen.NAME in str(error.value)


def test_images_that_another_data_set_puts_into_the_test_split_are_no_test_pictures(tmp_path: Path) -> None:
    """The third task of 2018 without its groups of lesions; the same images as HAM10000."""
    tested = next(name for name in (f"HAM_9{i:06d}" for i in range(200)) if is_test(name))
    images = [replace(one, lesion_id=tested) if is_test(one.image_id) else one for one in trees.drawn(60)]
    challenge = trees.isic2018(tmp_path / "challenge", images)
    next(challenge.glob("*LesionGroupings.csv")).unlink()
    run = published(Wishes((challenge,), tmp_path / "wax", SETTINGS, size="tiny", pack_mib=4))
    real = read_real([trees.ham10000(tmp_path / "ham", images)], CLASSES)
    wrong = {name for name in real.test.name if name in run.pack.image_id}
    assert len(wrong) == 5 and set(real.test.name) - wrong
    marks = seen.marks_of(checkpoint.find(tmp_path / "wax"))
    assert marks is not None
    honest = real.without(marks)
    assert set(honest.test.name) == set(real.test.name) - wrong
    assert honest.skipped == {**real.skipped, TRAINED_ON: len(wrong)}
    assert honest.about()["skipped"][TRAINED_ON] == len(wrong)
    assert honest.train is real.train
    with pytest.raises(BadInput, match=r"trained on all \d+ test pictures; give other images"):
        real.without([seen.mark(name) for name in real.test.name])
    assert real.without([]) is real


def test_other_pictures_of_a_lesion_that_was_trained_on_are_left_out_too(tmp_path: Path) -> None:
    tested = [name for name in (f"HAM_{i:07d}" for i in range(200)) if is_test(name)][:2]
    images = [replace(one, lesion_id=tested[i // 2]) for i, one in enumerate(trees.drawn(4))] + others(8)
    real = read_real([trees.simple(tmp_path, images)], CLASSES)
    assert [name for name in real.test.name if name.startswith("ISIC")] == [one.image_id for one in images[:4]]
    honest = real.without([seen.mark("ISIC_0000001")])
    assert set(real.test.name) - set(honest.test.name) == {"ISIC_0000000", "ISIC_0000001"}
