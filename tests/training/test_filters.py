"""Filters leave out what they say and count it; sharpness decides which magnifications an image serves."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import trees
from numpy.typing import NDArray

from engine.colour import LINEAR_OF_BYTE, SKIN_REFERENCE
from engine.errors import DataError
from engine.training import artefacts, layouts, packing
from engine.training.packing import Filters
from engine.training.preparation import normalised, outside, sharp_share, square

SIDE = 224


def plain(seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    rgb, mask = trees.picture(seed, (SIDE, SIDE))
    return cv2.GaussianBlur(rgb, (0, 0), 1.5), mask > 0


def hairy(count: int) -> NDArray[np.uint8]:
    rgb, rng = plain()[0].copy(), np.random.default_rng(1)
    for _ in range(count):
        ends = rng.integers(0, SIDE, (3, 2)).astype(np.float64)
        t = np.linspace(0, 1, 60)[:, None]
        curve = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * ends[1] + t**2 * ends[2]
        cv2.polylines(rgb, [curve.astype(np.int32)], False, (60, 40, 35), 2, cv2.LINE_AA)
    return rgb


def ruled() -> NDArray[np.uint8]:
    rgb = plain()[0].copy()
    for i in range(14):
        cv2.line(rgb, (20 + 9 * i, 200), (20 + 9 * i, 207), (50, 45, 50), 1, cv2.LINE_AA)
    return rgb


def test_clean_skin_has_no_artefacts() -> None:
    for seed in range(5):
        found = artefacts.measure(*plain(seed))
        assert found.hair < 0.01 and not found.ruler and found.dark_corners == 0


def test_more_hair_measures_as_more() -> None:
    shares = [artefacts.measure(hairy(count), plain()[1]).hair for count in (0, 3, 8, 20)]
    assert shares == sorted(shares) and shares[-1] > 0.07 > shares[0]


def test_a_rulers_marks_are_a_ruler_and_scattered_marks_are_none() -> None:
    assert artefacts.measure(ruled(), plain()[1]).ruler
    scattered, rng = plain()[0].copy(), np.random.default_rng(2)
    for x, y in rng.integers(8, SIDE - 8, (14, 2)):
        cv2.line(scattered, (int(x), int(y)), (int(x), int(y) + 7), (50, 45, 50), 1, cv2.LINE_AA)
    assert not artefacts.measure(scattered, plain()[1]).ruler


def test_a_dark_rim_is_counted_by_corners() -> None:
    rgb, mask = plain()
    y, x = np.mgrid[:SIDE, :SIDE]
    rim = np.hypot(x - SIDE / 2, y - SIDE / 2) > 0.58 * SIDE
    assert artefacts.measure(np.where(rim[..., None], 5, rgb).astype(np.uint8), mask).dark_corners == 4


def test_every_filter_counts_what_it_left_out(tmp_path: Path) -> None:
    from PIL import Image

    folder = trees.simple(tmp_path, trees.drawn(6))
    full, tiny = np.full(trees.SIZE[::-1], 255, np.uint8), np.zeros(trees.SIZE[::-1], np.uint8)
    full[:3] = 0
    tiny[30:33, 40:43] = 255
    cut = np.zeros(trees.SIZE[::-1], np.uint8)
    cut[20:60, :60] = 255
    for i, mask in enumerate((full, tiny, cut)):
        Image.fromarray(mask).save(folder / "masks" / f"ISIC_{i:07d}.png")
    samples = layouts.read([folder]).samples
    outcome = packing.prepare(samples, Filters(), 128, 256)
    assert outcome.refused == {"lesion too small or too large": 2, "lesion cut off": 1}
    assert len(outcome.items) == 3 and not outcome.problems
    off = Filters(share=None, border=None, hair=None, dark_corners=None, ruler=False)
    assert len(packing.prepare(samples[1:], off, 128, 256).items) == 5


def test_skin_is_moved_to_the_reference() -> None:
    rgb, mask = plain(3)
    image = normalised(rgb, mask, "x")
    median = np.median(LINEAR_OF_BYTE[image.rgb][outside(image.mask)], axis=0)
    np.testing.assert_allclose(median, SKIN_REFERENCE, rtol=0.02)


def test_an_image_without_skin_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"x\.jpg: shows no skin"):
        normalised(plain()[0], np.ones((SIDE, SIDE), bool), "x.jpg")


@pytest.mark.parametrize("factor", [2, 3])
def test_enlarging_a_picture_adds_no_sharpness(factor: int) -> None:
    sharp = np.random.default_rng(0).normal(128, 12, (128, 128, 3)).clip(0, 255).astype(np.uint8)
    large = cv2.resize(sharp, (128 * factor,) * 2, interpolation=cv2.INTER_CUBIC)
    large = cv2.GaussianBlur(large, (0, 0), 0.8 * factor)
    assert sharp_share(sharp, None) == 1.0
    assert sharp_share(large, None) <= 1.4 / factor


def test_what_the_data_set_says_of_sharpness_counts() -> None:
    flat = np.full((128, 128, 3), 128, np.uint8)
    assert sharp_share(flat, 1.5) == 1.0
    assert sharp_share(flat, 0.5) == 0.35


def test_real_close_crops_serve_high_magnifications_and_small_images_low_ones(shared_data: Path) -> None:
    close = layouts.read([shared_data / "dermoscopy-512" / "tight"]).with_masks().samples[:6]
    items = [packing.item_of(square(sample), sample, 176, 352) for sample in close]
    assert all(1 <= item.zoom[0] <= item.zoom[1] <= packing.MAX_ZOOM for item in items)
    assert max(item.zoom[1] for item in items) > 1.9
    assert all(item.side * item.zoom[0] / item.zoom[1] >= 127 for item in items)  # a crop is never enlarged
