"""Distances between clouds have the values that theory gives, and neighbourhoods say what lies where."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from engine.evaluation.distances import frechet, frechet_of_few, frechet_of_moments, kernel
from engine.evaluation.manifold import membership


def cloud(count: int, seed: int, dimensions: int = 4, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, scale, (count, dimensions))


def test_frechet_distance_of_axis_aligned_gaussians_has_its_closed_form() -> None:
    mean1, mean2 = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    deviation1, deviation2 = np.array([1.0, 2.0, 0.5]), np.array([2.0, 1.0, 0.5])
    expected = ((mean1 - mean2) ** 2).sum() + ((deviation1 - deviation2) ** 2).sum()
    assert frechet_of_moments(mean1, np.diag(deviation1**2), mean2, np.diag(deviation2**2)) == pytest.approx(expected)


def test_frechet_distance_of_covariances_that_do_not_commute() -> None:
    rng = np.random.default_rng(3)
    a, b = (m @ m.T for m in rng.normal(size=(2, 5, 5)))
    expected = np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert frechet_of_moments(np.zeros(5), a, np.zeros(5), b) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_samples_approaches_that_of_their_gaussians() -> None:
    found = frechet(cloud(20_000, 1), cloud(20_000, 2, shift=0.5, scale=2.0))
    assert found == pytest.approx(4 * (0.5**2 + 1.0**2), rel=0.03)


@pytest.mark.parametrize("dimensions", [3, 100])
def test_frechet_distance_by_points_is_that_by_features(dimensions: int) -> None:
    a, b = cloud(40, 1, dimensions), cloud(50, 2, dimensions, shift=0.3, scale=1.5)
    assert frechet_of_few(a, b) == pytest.approx(frechet(a, b), rel=1e-6)


def test_kernel_distance_is_unbiased() -> None:
    equal = [kernel(cloud(30, seed), cloud(30, 1000 + seed)) for seed in range(300)]
    assert abs(np.mean(equal)) < 3 * np.std(equal) / np.sqrt(len(equal))
    assert kernel(cloud(200, 1), cloud(200, 2, shift=1.0)) > 10 * np.std(equal)


def test_kernel_distance_takes_a_point_drawn_twice_for_one() -> None:
    a, b = cloud(50, 1), cloud(60, 2)
    assert kernel(np.concatenate([a, a]), b) == pytest.approx(kernel(a, b))


def test_equal_gaussians_cover_each_other() -> None:
    found = membership(cloud(500, 1), cloud(500, 2))
    assert found is not None
    assert found.precision.mean() > 0.9 and found.recall.mean() > 0.9
    assert found.density.mean() == pytest.approx(1.0, abs=0.1)
    # Naeem et al. 2020, eq. 9: equal distributions of N and M points cover 1 - (N-1)…(N-k)/((M+N-1)…(M+N-k)).
    expected = 1 - np.prod([(500 - i) / (1000 - i) for i in range(1, 6)])
    assert found.coverage.mean() == pytest.approx(expected, abs=0.03)


def test_a_narrow_cloud_is_precise_and_recalls_little_and_a_wide_one_the_other_way_round() -> None:
    real = cloud(400, 1)
    narrow, wide = membership(real, cloud(400, 2, scale=0.3)), membership(real, cloud(400, 3, scale=4.0))
    assert narrow is not None and wide is not None
    assert narrow.precision.mean() > 0.95 and narrow.recall.mean() < 0.3 and narrow.coverage.mean() < 0.6
    assert wide.precision.mean() < 0.3 and wide.recall.mean() > 0.95


def test_a_distant_cloud_shares_nothing() -> None:
    found = membership(cloud(100, 1), cloud(100, 2, shift=50.0))
    assert found is not None
    assert not found.precision.any() and not found.recall.any() and not found.coverage.any()


def test_too_few_points_say_nothing() -> None:
    assert membership(cloud(5, 1), cloud(100, 2)) is None
    assert np.isnan(frechet(cloud(1, 1), cloud(9, 2))) and np.isnan(kernel(cloud(1, 1), cloud(9, 2)))
