"""The pool is an exact area average, and its right inverse is exact at every pair of sizes."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diffusion.pooling import Pooling, area_matrix, project

pairs = st.integers(2, 96).flatmap(lambda coarse: st.tuples(st.just(coarse), st.integers(coarse, 2 * coarse)))


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_pooling_what_was_spread_gives_it_back(pair):
    coarse, fine = pair
    low = torch.randn(2, coarse, coarse, generator=torch.Generator().manual_seed(0))
    pooling = Pooling.between(fine, coarse)
    amplified = pooling.spread(low).abs().max().clamp(min=1)
    assert (pooling.pool(pooling.spread(low)) - low).abs().max() < 1e-5 * amplified


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_pooling_averages_and_loses_no_area(pair):
    coarse, fine = pair
    P = area_matrix(fine, coarse)
    assert P.min() >= 0
    assert torch.allclose(P.sum(1), torch.ones(coarse, dtype=torch.float64))
    assert torch.allclose(P.sum(0), torch.full((fine,), coarse / fine, dtype=torch.float64))


@pytest.mark.parametrize(("fine", "coarse"), [(454, 241), (241, 128), (256, 128)])
def test_pooling_is_area_resampling(fine, coarse):
    picture = np.random.default_rng(0).random((fine, fine), np.float32)
    pooled = Pooling.between(fine, coarse).pool(torch.from_numpy(picture)).numpy()
    assert np.abs(pooled - cv2.resize(picture, (coarse, coarse), interpolation=cv2.INTER_AREA)).max() < 1e-5


def test_at_a_whole_scale_spreading_is_nearest_upsampling():
    low = torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(0))
    spread = Pooling.between(32, 16).spread(low)
    assert torch.allclose(spread, low.repeat_interleave(2, 1).repeat_interleave(2, 2), atol=1e-6)


@pytest.mark.parametrize(("fine", "coarse"), [(60, 32), (64, 32)])
def test_the_noise_that_pooling_leaves_has_the_stated_deviation(fine, coarse):
    pooling = Pooling.between(fine, coarse)
    noise = torch.randn(4000, fine, fine, generator=torch.Generator().manual_seed(0))
    measured = pooling.pool(noise).std(0)
    assert (measured / pooling.noise_std - 1).abs().max() < 0.06
    assert (measured / pooling.noise_std - 1).mean().abs() < 0.002


@settings(max_examples=20, deadline=None)
@given(pairs, st.integers(0, 99))
def test_a_projected_picture_pools_to_the_low_one_and_moves_as_little_as_possible(pair, seed):
    coarse, fine = pair
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 1, fine, fine, generator=generator)
    other = torch.randn(1, 1, fine, fine, generator=generator)
    pooling = Pooling.between(fine, coarse)
    low = pooling.pool(other)
    projected = project(pooling, x, low, torch.ones_like(x), 1)
    assert (pooling.pool(projected) - low).abs().max() < 1e-3
    assert (projected - x).norm() <= (other - x).norm() * (1 + 1e-4)


def test_beside_known_pixels_the_projection_still_meets_the_low_picture():
    generator = torch.Generator().manual_seed(1)
    picture = torch.randn(1, 3, 241, 241, generator=generator)
    axis = torch.arange(241) - 120
    free = (torch.hypot(axis[:, None].float(), axis.float()) < 70).float().expand(1, 3, -1, -1)
    pooling = Pooling.between(241, 128)
    low = pooling.pool(picture)
    start = torch.where(free > 0, torch.zeros(()), picture)
    projected = project(pooling, start, low, free, 12)
    assert torch.equal(projected[free == 0], picture[free == 0])
    whole = pooling.pool(free) > 1 - 1e-5
    assert 0.2 < whole.float().mean() < 0.3
    assert (pooling.pool(projected) - low)[whole].abs().max() < 1e-3
    exact = project(pooling, start, low, free, 60)
    assert (projected - start).norm() == pytest.approx(float((exact - start).norm()), rel=1e-3)


def test_a_tile_s_own_pooling_agrees_with_the_whole_picture_s():
    picture = torch.randn(1, 1, 241, 241, generator=torch.Generator().manual_seed(2))
    pooling = Pooling.between(241, 128)
    own, rows, columns = pooling.within(57, 113, 128)
    tile = picture[:, :, 57:185, 113:241]
    assert torch.allclose(own.pool(tile), pooling.pool(picture)[:, :, rows, columns], atol=1e-5)
    assert columns.stop == 128 and rows.stop - rows.start >= 66
