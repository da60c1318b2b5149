"""Tiles cover what is to be painted, overlap enough, and lead to any size by one rule."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diffusion.pyramid import Level, padded, pyramid
from engine.diffusion.tiles import LARGEST, OVERLAP, TILE, cover, hann, sizes, starts


def test_the_poster_s_sizes_and_tiles():
    assert sizes(454) == (128, 241, 454)
    assert starts(0, 241, 241) == [0, 113]
    assert starts(0, 454, 454) == [0, 109, 217, 326]
    assert [len(starts(0, side, side)) ** 2 for side in (241, 454)] == [4, 16]


def test_512_pools_exactly_by_two():
    assert sizes(512) == (128, 256, 512)


@given(st.integers(64, LARGEST))
def test_any_target_is_reached_in_even_steps_of_at_most_two(target):
    sides = sizes(target)
    assert sides[-1] == target
    assert sides[0] == min(target, TILE)
    scales = [after / before for before, after in pairwise(sides)]
    assert all(1 < scale <= 2.001 for scale in scales)
    assert not scales or max(scales) / min(scales) < 1.02


@settings(deadline=None)
@given(st.integers(TILE, LARGEST), st.data())
def test_tiles_of_an_axis_cover_the_region_and_overlap(size, data):
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first + 1, size))
    found = starts(first, last, size)
    assert found[0] <= first and found[-1] + TILE >= last
    assert all(0 <= start <= size - TILE for start in found)
    assert all(a + TILE - b >= OVERLAP - 1 for a, b in pairwise(found))
    fewer = len(found) - 1
    assert fewer == 0 or fewer * TILE - (fewer - 1) * OVERLAP < last - first


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([200, 241, 454]), st.tuples(*[st.floats(0.1, 0.9)] * 2), st.floats(0.01, 0.6))
def test_tiles_cover_the_editable_region_and_none_is_idle(size, centre, radius):
    axis = (np.arange(size) + 0.5) / size
    free = np.hypot(axis[:, None] - centre[0], axis - centre[1]) < radius
    painted = np.zeros_like(free)
    for tile in cover(free[None]):
        part = (slice(tile.row, tile.row + TILE), slice(tile.column, tile.column + TILE))
        assert free[part].any()
        painted[part] = True
    assert painted[free].all()


def test_a_small_lesion_costs_few_tiles():
    axis = np.abs(np.arange(454) - 226.5)
    lesion = np.hypot(axis[:, None], axis) < 125
    assert len(cover(lesion[None])) <= 9 < len(cover(np.ones((1, 454, 454), bool)))


def test_fading_tiles_sum_to_one_without_a_step():
    weights = hann(TILE).double()
    total, first = torch.zeros(241, 241, dtype=torch.float64), torch.zeros(241, 241, dtype=torch.float64)
    for row in (0, 113):
        for column in (0, 113):
            total[row : row + TILE, column : column + TILE] += weights
    first[:TILE, :TILE] = weights
    share = (first / total)[60]
    assert share.min() >= 0 and share[100] == pytest.approx(1)
    assert share.diff().abs().max() < 0.15


def test_every_level_is_the_pooled_finer_one_and_keeps_what_is_known():
    rng = np.random.default_rng(3)
    skin = rng.uniform(-1, 1, (3, 454, 454)).astype(np.float32)
    axis = np.arange(454) - 226.5
    editable = np.hypot(axis[:, None], axis) < 120
    levels = pyramid(Level(skin, editable, editable.astype(np.float32)), sizes(454))
    assert [level.skin.shape[-1] for level in levels] == [128, 241, 454]
    assert levels[-1].skin is skin
    assert abs(levels[0].skin.mean() - skin.mean()) < 1e-5
    assert all(level.shape is not None and level.shape.min() >= 0 and level.shape.max() <= 1 for level in levels)
    assert 0.9 < levels[0].editable.mean() / editable.mean() <= 1


def test_padding_adds_only_what_may_not_change():
    level = Level(np.ones((3, 100, 100), np.float32), np.ones((100, 100), bool), None)
    grown = padded(level, 16)
    assert grown.skin.shape == (3, 112, 112)
    assert not grown.editable[100:].any() and not grown.editable[:, 100:].any()
