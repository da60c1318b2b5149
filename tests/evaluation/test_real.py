"""Real pictures are framed and normalised as for training; what is broken is counted; nothing left is one line."""

from pathlib import Path

import numpy as np
import pytest

from engine import png
from engine.colour import LINEAR_OF_BYTE, SKIN_REFERENCE
from engine.errors import BadInput, Cancelled
from engine.evaluation.real import LEFT_OUT_LESION, read_real
from engine.training.dataset import BROKEN_PICTURE
from engine.training.split import is_test
from tests.evaluation.lesions import CLASSES, write_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", 24, 1)


def test_pictures_are_split_and_normalised(folder: Path) -> None:
    real = read_real([folder], CLASSES)
    assert len(real.train) + len(real.test) == 48 and len(real.test) > 0
    assert all(is_test(lesion) for lesion in real.test.lesion)
    assert not any(is_test(lesion) for lesion in real.train.lesion)
    for rgb, mask in zip(real.train.rgb, real.train.mask, strict=True):
        skin = np.median(LINEAR_OF_BYTE[rgb][mask == 0], axis=0)
        assert np.abs(skin / SKIN_REFERENCE - 1).max() < 0.06
    assert real.about()["with_mask"] == 48
    assert len(real.contrasts) == 48


def test_broken_pictures_are_counted_and_skipped(folder: Path) -> None:
    images = sorted((folder / "images").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:300])
    images[1].write_bytes(b"no picture")
    (folder / "masks" / images[2].name).write_bytes(png.encode(np.zeros((128, 128), np.uint8)))
    real = read_real([folder], CLASSES)
    assert len(real.train) + len(real.test) == 45
    assert real.skipped == {BROKEN_PICTURE: 2, LEFT_OUT_LESION: 1}


def test_pictures_without_masks_are_read_too(tmp_path: Path) -> None:
    real = read_real([write_folder(tmp_path / "bare", 24, 1, masks=False)], CLASSES)
    assert len(real.train) + len(real.test) == 48
    assert not real.train.masked.any() and not real.contrasts
    for rgb in real.train.rgb:
        corner = np.median(LINEAR_OF_BYTE[rgb[:10]].reshape(-1, 3), axis=0)
        assert np.abs(corner / SKIN_REFERENCE - 1).max() < 0.08


def test_nothing_left_is_one_clear_line(folder: Path) -> None:
    for image in (folder / "images").iterdir():
        image.write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"no usable image|can be decoded|no picture of") as told:
        read_real([folder], CLASSES)
    assert "\n" not in str(told.value)
    with pytest.raises(BadInput, match="no picture of blister"):
        read_real([write_folder(folder / "other", 4, 2)], ("blister",))


def test_one_side_of_the_split_alone_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data", 24, 1)
    rows = (folder / "metadata.csv").read_text().splitlines()
    kept = [row for row in rows[1:] if not is_test(row.split(",")[2])]
    (folder / "metadata.csv").write_text("\n".join([rows[0], *kept]) + "\n")
    with pytest.raises(BadInput, match="no usable test pictures"):
        read_real([folder], CLASSES)


def test_a_picture_counts_once(folder: Path) -> None:
    again = write_folder(folder / "closer", 24, 1)
    assert again.is_dir()
    real = read_real([folder], CLASSES)
    assert len(real.train) + len(real.test) == 48


def test_the_order_of_the_folders_decides_nothing(folder: Path, tmp_path: Path) -> None:
    """The second folder has the same images, but doesn't say which lesions they show."""
    bare = write_folder(tmp_path / "bare", 24, 1)
    rows = (bare / "metadata.csv").read_text().splitlines()
    (bare / "metadata.csv").write_text("\n".join(row.rpartition(",")[0] for row in rows) + "\n")
    alone = read_real([folder], CLASSES)
    one, other = read_real([folder, bare], CLASSES), read_real([bare, folder], CLASSES)
    assert set(one.test.name) == set(alone.test.name) and set(one.test.lesion) == set(alone.test.lesion)
    for ours, theirs in ((one.train, other.train), (one.test, other.test)):
        assert (ours.name, ours.lesion) == (theirs.name, theirs.lesion)
        assert np.array_equal(ours.rgb, theirs.rgb) and np.array_equal(ours.mask, theirs.mask)
    assert one.about() == other.about()


def test_reading_can_be_stopped(folder: Path) -> None:
    with pytest.raises(Cancelled):
        read_real([folder], CLASSES, cancel=lambda: True)
