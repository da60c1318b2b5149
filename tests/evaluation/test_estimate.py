"""Intervals contain the truth as often as they promise, and know that pictures of one lesion are not independent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evaluation.distances import frechet
from engine.evaluation.estimate import Estimate, auc, bootstrap, mean_of
from engine.evaluation.figures import Figure, merged


def test_intervals_of_a_mean_cover_the_truth() -> None:
    rng = np.random.default_rng(1)
    names = [str(i) for i in range(40)]
    hits = 0
    for seed in range(300):
        found = mean_of(rng.exponential(1.0, 40), names, seed)
        hits += found.low <= 1.0 <= found.high
    # A percentile interval of 40 skewed values covers a little less than 95 %.
    assert 0.87 <= hits / 300 <= 0.985


def test_pictures_of_one_lesion_count_as_one() -> None:
    values = np.random.default_rng(2).normal(size=30)
    alone = mean_of(values, [str(i) for i in range(30)], 0)
    fourfold = mean_of(np.repeat(values, 4), [str(i) for i in range(30) for _ in range(4)], 0)
    assert fourfold.count == 30
    assert fourfold.high - fourfold.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_the_interval_of_a_biased_distance_lies_about_its_value() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 60, 20))
    names = [str(i) for i in range(60)]
    found = bootstrap(lambda i, j: frechet(a[i], b[j]), [names, names], 0)
    drawn_mean = np.mean([frechet(a[rng.integers(60, size=60)], b[rng.integers(60, size=60)]) for _ in range(50)])
    assert drawn_mean > found.high, "resampling alone would have moved the interval off its value"
    assert found.low < found.value < found.high


def test_a_single_lesion_has_no_interval() -> None:
    found = mean_of(np.ones(5), ["same"] * 5, 0)
    assert found.value == 1 and np.isnan(found.low) and found.count == 1
    assert found.text() == "1.000"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_auc_counts_pairs(rows: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([float(s) for s, _ in rows]), np.array([p for _, p in rows])
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[positive] for b in scores[~positive]]
    if pairs:
        assert auc(scores, positive) == pytest.approx(np.mean(pairs))
    else:
        assert np.isnan(auc(scores, positive))


def test_seeds_are_merged_line_by_line() -> None:
    def line(value: float, group: str = "nevus") -> Figure:
        return Figure("Dice", group, Estimate(value, value - 0.1, value + 0.1, 9), None, "", "high")

    found = merged([[line(0.4), line(0.1, "melanoma")], [line(0.6)]])
    assert [f.group for f in found] == ["nevus", "melanoma"]
    both = found[0].generated
    assert both is not None
    assert (both.value, both.low, both.high) == pytest.approx((0.5, 0.3, 0.7))
