"""Hand-made features agree with others' implementations, and with what theory says of simple pictures."""

import numpy as np
import pytest
from skimage.feature import local_binary_pattern as reference_pattern

from engine.evaluation import abcd, handmade
from engine.evaluation.diversity import diversity, luma, mean_of_pairs, ms_ssim, random_pairs
from tests.evaluation.lesions import picture, pictures


@pytest.mark.parametrize("radius", handmade.RADII)
def test_local_binary_patterns_are_scikit_images(radius: int) -> None:
    grey = np.random.default_rng(1).integers(0, 256, (96, 96)).astype(float)
    codes = reference_pattern(grey.astype(np.uint8), 8, radius, "uniform")
    inner = codes[radius + 1 : -radius - 1, radius + 1 : -radius - 1]
    expected = np.bincount(inner.astype(int).ravel(), minlength=10) / inner.size
    assert np.abs(handmade.local_binary_pattern(grey, radius) - expected).max() < 0.01


def test_a_wave_stands_in_its_band_of_the_spectrum() -> None:
    x = np.arange(128)
    edges = np.geomspace(2, 64, handmade.BANDS + 1)
    for cycles in (4, 12, 40):
        found = handmade.spectrum(np.tile(np.sin(2 * np.pi * cycles * x / 128), (128, 1)))
        assert found.argmax() == np.digitize(cycles, edges) - 1


def test_every_feature_is_named_and_finite() -> None:
    found = handmade.features(pictures(2, 1).rgb)
    assert found.shape == (4, len(handmade.NAMES)) and np.isfinite(found).all()
    flat = handmade.features(np.full((1, 128, 128, 3), 200, np.uint8))
    assert np.isfinite(flat).all()


def test_ms_ssim_is_one_for_equal_pictures_and_falls_with_noise() -> None:
    grey = luma(picture("nevus", 1)[0])
    rng = np.random.default_rng(1)
    values = [ms_ssim(grey, np.clip(grey + rng.normal(0, s, grey.shape), 0, 255)) for s in (0, 5, 20, 80)]
    assert values[0] == pytest.approx(1.0)
    assert values == sorted(values, reverse=True)
    assert ms_ssim(grey, 255 - grey) < 0.3


def test_copies_of_few_pictures_are_less_various() -> None:
    many = pictures(24, 1).of_class("melanoma")
    few = many.take(np.arange(24) % 3)
    names = tuple(map(str, range(24)))
    assert diversity(few.rgb, 0, names).low > diversity(many.rgb, 0, names).high


def test_pairs_show_different_lesions() -> None:
    lesions = tuple("aabbc")
    assert all(lesions[i] != lesions[j] for i, j in random_pairs(lesions, 100, 0))
    assert len(random_pairs(lesions, 100, 0)) == 8
    assert random_pairs(("a", "a"), 10, 0) == []


@pytest.mark.parametrize("count", [20, 400])
def test_intervals_of_pairs_know_that_pairs_share_lesions(count: int) -> None:
    """20 lesions in 150 pairs are 20, not 150; of 400, nearly every pair is one of its own."""
    lesions = tuple(map(str, range(count)))
    hits, width = 0, 0.0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        own, pairs = rng.normal(size=count), random_pairs(lesions, 150, seed)
        values = np.array([own[i] + own[j] + rng.normal() for i, j in pairs])
        found = mean_of_pairs(values, pairs, lesions, (-np.inf, np.inf))
        hits += found.low <= 0 <= found.high
        width += (found.high - found.low) / 200
    assert 0.87 <= hits / 200 <= 0.99
    assert count == 20 or width < 1.4 * 2 * 1.96 * np.sqrt(3 / 150), "as wide as independent pairs would be"


def test_abcd_of_a_disc() -> None:
    axis = np.arange(128) - 63.5
    disc = (np.hypot(axis[:, None], axis) < 32).astype(np.uint8) * 255
    found = abcd.abcd(np.full((128, 128, 3), 120, np.uint8), disc)
    assert found is not None
    assert found.asymmetry < 0.02 and found.colours < 0.01
    assert found.border == pytest.approx(1.0, abs=0.15)
    assert found.diameter == pytest.approx(0.5, abs=0.02)


def test_each_abcd_number_answers_to_its_own_letter() -> None:
    plain, mask = picture("nevus", 4)
    base = abcd.abcd(plain, mask)
    cut = mask.copy()
    rows, columns = np.nonzero(mask)
    cut[: int(rows.mean()), : int(columns.mean())] = 0
    one_sided = abcd.abcd(plain, cut)
    blotched = plain.copy()
    blotched[: int(rows.mean())][mask[: int(rows.mean())] > 0] //= 2
    coloured = abcd.abcd(blotched, mask)
    assert base is not None and one_sided is not None and coloured is not None
    assert one_sided.asymmetry > 2 * base.asymmetry
    assert coloured.colours > 3 * base.colours and coloured.border == base.border
    melanomas, nevi = (
        abcd.scores(part.rgb, part.mask) for part in (pictures(12, 2).of_class(c) for c in ("melanoma", "nevus"))
    )
    assert (np.median(melanomas, axis=0) > np.median(nevi, axis=0)).all()


def test_a_picture_without_a_lesion_has_no_abcd() -> None:
    assert np.isnan(abcd.scores(np.zeros((1, 128, 128, 3), np.uint8), np.zeros((1, 128, 128), np.uint8))).all()
