"""The frozen split: by the hash of the lesion alone, and no photograph on both sides."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import trees
from PIL import Image

from engine.training import dataset as ds
from engine.training import duplicates, layouts
from engine.training.split import is_test, split


def test_the_rule_is_the_published_one() -> None:
    for name in ("HAM_0000001", "ISIC_0000004", "x"):
        assert is_test(name) == (int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 10 == 0)
    share = np.mean([is_test(f"HAM_{i:07d}") for i in range(20_000)])
    assert abs(share - 0.1) < 0.01


def test_the_split_follows_the_lesion_whatever_else_is_there(tmp_path: Path) -> None:
    images = trees.drawn(60)
    whole = split(layouts.read([trees.simple(tmp_path / "whole", images)]))
    half = split(layouts.read([trees.simple(tmp_path / "half", images[::2])]))
    assert not whole.duplicates
    assert {s.image_id for s in whole.test.samples} == {i.image_id for i in images if is_test(i.lesion_id)}
    assert {s.image_id for s in half.test.samples} <= {s.image_id for s in whole.test.samples}
    assert len(whole.train) + len(whole.test) == 60


def test_images_of_one_lesion_stay_together(tmp_path: Path) -> None:
    names = [f"HAM_{i:07d}" for i in range(200)]
    tested, trained = next(n for n in names if is_test(n)), next(n for n in names if not is_test(n))
    images = [trees.Drawn(f"ISIC_{i:07d}", "nv", tested if i < 4 else trained, i) for i in range(8)]
    parts = split(layouts.read([trees.simple(tmp_path, images)]))
    assert [s.image_id for s in parts.test.samples] == [f"ISIC_{i:07d}" for i in range(4)]


def test_an_image_has_the_lesion_that_any_data_set_names(tmp_path: Path) -> None:
    images = trees.drawn(60)
    told = trees.simple(tmp_path / "told", images)
    bare = trees.isic2017(tmp_path / "bare", images)
    for folders in ((told, bare), (bare, told)):
        parts = split(layouts.read(folders))
        assert {s.image_id for s in parts.test.samples} == {i.image_id for i in images if is_test(i.lesion_id)}
        assert {s.lesion_id for s in parts.test.samples} <= {i.lesion_id for i in images}
        assert len(parts.train) + len(parts.test) == 120


def test_a_lesion_of_two_names_is_one(tmp_path: Path) -> None:
    names = [f"HAM_{i:07d}" for i in range(200)]
    tested, trained = next(n for n in names if is_test(n)), next(n for n in names if not is_test(n))
    images = [trees.Drawn(f"ISIC_{i:07d}", "nv", trained, i) for i in range(3)]
    one = trees.simple(tmp_path / "one", images)
    other = trees.simple(tmp_path / "other", [replace(images[0], lesion_id=tested)])
    sides = []
    for folders in ((one, other), (other, one)):
        parts = split(layouts.read(folders))
        sides.append(({s.image_id for s in parts.train.samples}, {s.image_id for s in parts.test.samples}))
    assert sides == [(set(), {i.image_id for i in images})] * 2


def test_a_copy_under_another_name_is_no_training_image(tmp_path: Path) -> None:
    images = trees.drawn(60)
    original = next(i for i in images if is_test(i.lesion_id))
    copy = next(i for i in images if not is_test(i.lesion_id))
    folder = trees.simple(tmp_path, images)
    files = [folder / "images" / f"{i.image_id}.jpg" for i in (original, copy)]
    with Image.open(files[0]) as image:  # coloured, compressed and resized once more
        warm = np.asarray(image).astype(np.float32) * (1.05, 1.0, 0.93)
    small = cv2.resize(np.clip(warm, 0, 255).astype(np.uint8), (80, 60), interpolation=cv2.INTER_AREA)
    Image.fromarray(cv2.resize(small, trees.SIZE)).save(files[1], quality=60)
    shutil.copy(folder / "masks" / f"{original.image_id}.png", folder / "masks" / f"{copy.image_id}.png")
    parts = split(layouts.read([folder]))
    assert parts.joined == (copy.lesion_id,)
    assert {copy.image_id, original.image_id} <= {s.image_id for s in parts.test.samples}
    assert set(parts.duplicates[0]) == {copy.image_id, original.image_id}


def test_different_lesions_are_no_duplicates() -> None:
    grey = [cv2.cvtColor(trees.picture(seed)[0], cv2.COLOR_RGB2GRAY) for seed in range(80)]
    small = np.stack([cv2.resize(g, (duplicates.THUMBNAIL,) * 2, interpolation=cv2.INTER_AREA) for g in grey])
    assert duplicates.pairs(small) == []


def test_clusters_chain() -> None:
    found = duplicates.clusters(["a", "b", "c", "d"], [("c", "b"), ("b", "a")])
    assert found == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_a_cut_jpeg_is_listed_not_fatal(tmp_path: Path) -> None:
    folder = trees.simple(tmp_path, trees.drawn(12))
    path = folder / "images" / "ISIC_0000003.jpg"
    path.write_bytes(path.read_bytes()[:900])
    parts = split(layouts.read([folder]))
    assert [(p.reason, Path(p.where).name) for p in parts.train.problems] == [(ds.BROKEN_PICTURE, path.name)]
    assert len(parts.train) + len(parts.test) == 11


def test_no_photograph_of_the_real_test_split_is_trained_on(shared_data: Path) -> None:
    parts = split(layouts.read([shared_data / "dermoscopy-512"]))
    lesions = [{s.lesion_id for s in part.samples} for part in (parts.train, parts.test)]
    assert not lesions[0] & lesions[1]
    assert not any(is_test(lesion) for lesion in lesions[0])
    assert 0.05 < len(parts.test) / (len(parts.test) + len(parts.train)) < 0.15
