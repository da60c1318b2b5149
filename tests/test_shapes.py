"""Lesion outlines: one piece, of the asked size, as irregular and lopsided as asked."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.measure import find_contours, label, perimeter

from engine import SpecError
from engine.lesion import Shape
from engine.shapes import automatic, draw, fit, transformed

share = st.floats(0, 1)
seeds = st.integers(0, 2**31 - 1)


def level_set_diameter(mask: NDArray[np.float32]) -> float:
    """The longest diameter of the 0.5 level set, by scikit-image's marching squares."""
    outline = np.concatenate(find_contours(np.pad(mask, 1), 0.5))
    return float(pdist(outline[ConvexHull(outline).vertices]).max())


@settings(deadline=None, max_examples=25)
@given(share, share, seeds, st.sampled_from([(24.0, 64), (58.2, 128), (206.4, 454)]))
def test_a_drawn_shape_is_one_piece_without_holes_of_the_asked_diameter(irregularity, asymmetry, seed, sizes):
    diameter, size = sizes
    mask = draw(Shape("automatic", irregularity, asymmetry), diameter, size, seed)
    assert mask.shape == (size, size) and mask.dtype == np.float32
    assert mask.min() >= 0 and mask.max() <= 1
    lesion = mask >= 0.5
    assert label(lesion, connectivity=1).max() == 1
    assert label(~lesion, connectivity=1).max() == 1
    assert level_set_diameter(mask) == pytest.approx(diameter, rel=0.01)
    assert not (lesion[[0, -1]].any() or lesion[:, [0, -1]].any())


def test_the_seed_decides_and_nothing_else():
    one, same, other = (draw(Shape(), 58.2, 128, seed) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_edges_are_antialiased_and_the_area_is_that_of_the_disc():
    mask = draw(Shape("round"), 58.2, 128, 0)
    assert mask.sum() == pytest.approx(np.pi / 4 * 58.2**2, rel=0.02)
    assert 0.3 < np.mean((mask > 0) & (mask < 1)) / (np.pi * 58.2 / 128**2) < 3


def compactness(mask: NDArray[np.float32]) -> float:
    """Perimeter² / 4π area: 1 for a disc; the usual measure of border irregularity."""
    return float(perimeter(mask > 0.5) ** 2 / (4 * np.pi * (mask > 0.5).sum()))


def lopsidedness(mask: NDArray[np.float32]) -> float:
    """What does not cover its mirror image about the better principal axis, as a share of the area (the A of ABCD)."""
    rows, columns = np.nonzero(mask > 0.5)
    places = np.stack([rows, columns], 1) - [rows.mean(), columns.mean()]
    axes = np.linalg.eigh(np.cov(places.T))[1]
    turn = cv2.getRotationMatrix2D((columns.mean(), rows.mean()), np.degrees(np.arctan2(axes[0, 1], axes[1, 1])), 1)
    turn[:, 2] += np.array([128, 128]) - [columns.mean(), rows.mean()]
    upright = cv2.warpAffine(mask, turn, (257, 257)) > 0.5
    return float(min((upright ^ mirror).sum() for mirror in (upright[::-1], upright[:, ::-1])) / upright.sum())


def test_irregularity_roughens_the_border_and_asymmetry_makes_lopsided():
    many = range(25)
    rough = [np.mean([compactness(automatic(level, 0.3, seed)) for seed in many]) for level in (0.0, 0.3, 0.6, 0.9)]
    assert all(after > before for before, after in pairwise(rough)), rough
    assert rough[0] < 1.15 and rough[-1] > 1.2 * rough[0]
    parts = np.diff(rough) / (rough[-1] - rough[0])
    assert parts.min() > 0.2 and parts.max() < 0.5, "every third of the slider shows about as much"
    skewed = [np.mean([lopsidedness(automatic(0.01, level, seed)) for seed in many]) for level in (0.0, 0.5, 1.0)]
    assert all(after > 1.1 * before for before, after in pairwise(skewed)), skewed


def test_a_transformed_mask_is_the_mask_resized_and_turned():
    bar = np.zeros((200, 200), np.float32)
    bar[90:110, 60:140] = 1
    bred = transformed(bar, 0.5, 90.0, 0.0, seed=0)
    rows, columns = np.nonzero(bred)
    assert np.ptp(rows) + 1 == pytest.approx(80 * 0.5 * 256 / 200, abs=2)
    assert np.ptp(columns) + 1 == pytest.approx(20 * 0.5 * 256 / 200, abs=2)
    assert rows.mean() == pytest.approx(127.5, abs=1) and columns.mean() == pytest.approx(127.5, abs=1)


@settings(deadline=None, max_examples=15)
@given(st.floats(0.3, 3.0), st.floats(-360, 360), share, seeds)
def test_a_transformed_mask_stays_one_piece_inside_the_picture(scale, turn, elastic, seed):
    bred = transformed(automatic(0.4, 0.4, 5), scale, turn, elastic, seed)
    assert label(bred > 0, connectivity=1).max() == 1
    assert label(bred == 0, connectivity=1).max() == 1
    assert not (bred[[0, -1]].any() or bred[:, [0, -1]].any())


def test_elastic_deformation_makes_another_shape_of_about_the_same_size():
    parent = automatic(0.2, 0.2, 5)
    changed = [transformed(parent, 1.0, 0.0, 0.6, seed) for seed in range(6)]
    kept = transformed(parent, 1.0, 0.0, 0.0, 0)
    for bred in changed:
        overlap = np.minimum(bred, kept).sum() / np.maximum(bred, kept).sum()
        assert 0.5 < overlap < 0.97
        assert 0.7 < bred.sum() / kept.sum() < 1.4


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: fit(np.zeros((128, 128), np.float32), 50, 128), "shape.mask"),
        (lambda: fit(np.ones((128, 128), np.float32), 200, 128), "diameter"),
        (lambda: draw(Shape("free"), 50, 128, 0), "shape.kind"),
        (lambda: transformed(np.zeros((64, 64)), 1, 0, 0, 0), "shape.mask"),
        (lambda: transformed(np.ones((64, 64)), float("nan"), 0, 0, 0), "scale"),
    ],
)
def test_what_can_not_be_drawn_is_named(make, named):
    with pytest.raises(SpecError, match=named):
        make()
