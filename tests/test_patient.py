"""Regions that a user names: parts of a material, painted masks of any kind of picture, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tube import tube_avatar

from engine import BadInput
from engine.patient import LARGEST_MASK, Patient, read_mask

PATIENT = Patient(tube_avatar(materials=2))
PAINTED = np.zeros((32, 48), bool)
PAINTED[8:20, 10:30] = True


def test_a_material_narrows_the_skin_to_its_own_faces() -> None:
    region = PATIENT.region(None, "skin1")
    assert region.masks is None
    assert np.array_equal(region.faces, PATIENT.surface.face_material == 1)
    assert PATIENT.region(None).faces.all()


def test_a_material_that_is_not_there_is_refused_with_the_names_that_are() -> None:
    with pytest.raises(BadInput, match=r"'bone'.*skin0, skin1"):
        PATIENT.region(None, "bone")


def test_a_mask_lies_on_the_material_that_was_named(tmp_path: Path) -> None:
    Image.fromarray(np.where(PAINTED, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    region = PATIENT.region(str(tmp_path / "mask.png"), "skin1")
    assert np.array_equal(region.faces, PATIENT.surface.face_material == 1)
    assert region.masks is not None and np.array_equal(region.masks[1], PAINTED)


def _grey(painted: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(painted, 200, 30).astype(np.uint8))


def _sixteen_bits(painted: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(painted, 60000, 900).astype(np.uint16))


def _transparent(painted: np.ndarray) -> Image.Image:
    pixels = np.full((*painted.shape, 4), 255, np.uint8)
    pixels[..., 3] = np.where(painted, 255, 0)
    return Image.fromarray(pixels)


def _palette(painted: np.ndarray) -> Image.Image:
    return _grey(painted).convert("P")


@pytest.mark.parametrize("kind", [_grey, _sixteen_bits, _transparent, _palette])
def test_what_looks_white_is_inside_whatever_the_picture_s_kind(kind, tmp_path: Path) -> None:
    kind(PAINTED).save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png"), PAINTED)


@pytest.mark.parametrize("side", [LARGEST_MASK + 1, 9600, 16384])
def test_a_mask_that_is_too_large_is_one_error_with_the_limit(side: int, tmp_path: Path) -> None:
    Image.new("1", (side, side), 1).save(tmp_path / "mask.png")
    with pytest.raises(BadInput, match=f"at most {LARGEST_MASK}"):
        read_mask(tmp_path / "mask.png")


def test_a_black_mask_is_refused(tmp_path: Path) -> None:
    _grey(np.zeros((8, 8), bool)).save(tmp_path / "mask.png")
    with pytest.raises(BadInput, match="black"):
        read_mask(tmp_path / "mask.png")
