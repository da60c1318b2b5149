"""Planted faults in photographs move the measures the way they should: what drawn lesions show holds of real ones."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.evaluation import handmade
from engine.evaluation.class_fidelity import ClassFidelity, class_fidelity
from engine.evaluation.mask_fidelity import mask_fidelity
from engine.evaluation.memorisation import memorisation
from engine.evaluation.observer import Fit, Observer, read, trained
from engine.evaluation.pictures import Pictures
from engine.evaluation.real import RealData, read_real
from engine.evaluation.similarity import Cloud, compare
from engine.training.split import is_test
from tests.evaluation.lesions import CLASSES

pytestmark = pytest.mark.timeout(600)  # 40 seconds of work, which a busy machine takes some minutes for
COUNTS = {False: 80, True: 36}
"""Of each class: pictures of the training and of the test split."""
FIT = Fit(100, batch=12)


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RealData:
    source, folder = shared_data / "dermoscopy", tmp_path_factory.mktemp("real") / "some"
    if not source.is_dir():
        pytest.skip("the photographs (../shared/data/dermoscopy) are absent")
    with (source / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    # HAM10000 alone: its melanomas and nevi come from the same clinics, and their lesions have ids.
    rows = [row for row in rows if row["source"] == "HAM10000" and row["dark_corners"] == "0"]
    kept, lesions = [], set()
    for dx in ("nv", "mel"):
        for test, count in COUNTS.items():
            first = {r["lesion_id"]: r for r in rows if r["dx"] == dx and is_test(r["lesion_id"]) == test}
            chosen = list(first.values())[:count]
            kept += chosen
            lesions |= {row["lesion_id"] for row in chosen}
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
        for row in kept:
            file = next((source / name).glob(f"{row['image_id']}*"))
            (folder / name / file.name).symlink_to(file)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(kept[0]))
        writer.writeheader()
        writer.writerows(kept)
    found = read_real([folder], CLASSES)
    assert len(found.train) > 120 and len(found.test) > 50
    return found


@pytest.fixture(scope="module")
def observer(real: RealData) -> Observer:
    return trained(real.train, FIT, torch.device("cpu"))


@pytest.fixture(scope="module")
def halves(real: RealData) -> tuple[Pictures, Pictures]:
    """The test pictures in two: those that play a network's, and those that say what chance is."""
    numbers = np.arange(len(real.test))
    return real.test.take(numbers % 2 == 0), real.test.take(numbers % 2 == 1)


@pytest.mark.parametrize("change", ["none", "flipped and noised"])
def test_a_copy_of_a_training_picture_is_told(real: RealData, halves: tuple[Pictures, Pictures], change: str) -> None:
    clean, others = halves
    quiet = memorisation(clean, real.train, others, 0, 20)
    assert quiet is not None and not quiet.copies and not quiet.alarming
    rgb = clean.rgb.copy()
    rgb[3] = real.train.rgb[40]
    if change != "none":
        noise = np.random.default_rng(1).normal(0, 6, rgb[3].shape)
        rgb[3] = np.clip(real.train.rgb[40][:, ::-1] + noise, 0, 255).astype(np.uint8)
    found = memorisation(replace(clean, rgb=rgb), real.train, others, 0, 20)
    assert found is not None and found.copies
    assert [row[:2] for row in found.alarming] == [(clean.name[3], real.train.name[40])]


def test_noise_takes_photographs_away_from_others(real: RealData) -> None:
    """In hand-made features. Those of an observer of so few steps hardly see noise."""
    nevi, reference = real.test.of_class("nevus"), real.train.of_class("nevus")
    noise = np.random.default_rng(1).normal(0, 12, nevi.rgb.shape)
    noised = replace(nevi, rgb=np.clip(nevi.rgb + noise, 0, 255).astype(np.uint8))
    clouds = [Cloud(handmade.features(p.rgb), p.lesion) for p in (reference, nevi, noised)]
    clean, bad = (compare(clouds[0], cloud, 0, 10) for cloud in clouds[1:])
    assert clean is not None and bad is not None
    assert bad.frechet.value > 1.5 * clean.frechet.value


def test_swapped_classes_turn_the_auc_and_the_abcd(real: RealData, observer: Observer) -> None:
    """Of pictures that the observer learnt from, which it knows: the measure is tested here, not the observer."""
    right = _classes(observer, real.train)
    swapped = _classes(observer, replace(real.train, label=1 - real.train.label))
    assert right.auc.value > 0.7 > 0.3 > swapped.auc.value
    for name in ("asymmetry", "colours"):
        assert right.order[name].value > 0.55 > 0.45 > swapped.order[name].value, (name, right.order)


def test_moved_masks_lower_the_dice(real: RealData, observer: Observer) -> None:
    test = real.test
    reading = read(observer, test.rgb)
    right = mask_fidelity(test, reading, 0)
    moved = mask_fidelity(replace(test, mask=np.roll(test.mask, (24, -24), (1, 2))), reading, 0)
    assert right is not None and moved is not None
    assert right.dice.value > 0.6 and moved.dice.high < right.dice.low - 0.1


def _classes(observer: Observer, pictures: Pictures) -> ClassFidelity:
    found = class_fidelity(pictures, read(observer, pictures.rgb), 0, 20)
    assert found is not None
    return found
