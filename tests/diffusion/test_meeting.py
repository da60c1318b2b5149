"""Painted skin meets the known skin: known pixels stay, the seam goes, on random fields whose answer is known."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.guidance_measures import colour_step, gradient_ratio
from engine.diffusion.grain import Grain
from engine.diffusion.meeting import local_course, meet, membrane

SIDE = 96
FRAME = np.zeros((SIDE, SIDE), bool)
FRAME[14:-14, 14:-14] = True
NO_LESION = np.zeros((SIDE, SIDE), np.float32)


def _field(seed: int, smooth: float, side: int = SIDE) -> NDArray[np.float32]:
    """Correlated colour noise of deviation 0.01, [3, S, S]."""
    noise = np.random.default_rng(seed).standard_normal((side, side, 3)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), smooth, borderType=cv2.BORDER_REFLECT) @ np.array(
        [[1, 0.5, 0.4], [0, 0.6, 0.3], [0, 0, 0.5]], np.float32
    )
    return (0.01 * noise / noise.std()).transpose(2, 0, 1).astype(np.float32)


def _skin(seed: int, smooth: float = 1.0) -> NDArray[np.float32]:
    slope = np.linspace(-0.05, 0.05, SIDE, dtype=np.float32)[None, :, None]
    return _field(seed, smooth) + np.array([0.6, 0.28, 0.19], np.float32)[:, None, None] + slope


def _badly_painted(skin: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """The skin with a cast and a coarse speckle inside the frame, as a briefly trained network leaves it."""
    cast = np.array([0.04, 0.02, -0.03], np.float32)[:, None, None]
    return np.where(FRAME, skin + cast + 3 * _field(seed + 1000, 0.7), skin).astype(np.float32)


def _disc(radius: float, side: int = SIDE) -> NDArray[np.float32]:
    axis = (np.arange(side) + 0.5) / side - 0.5
    return (np.hypot(axis[:, None], axis) < radius).astype(np.float32)


@pytest.mark.parametrize("smooth", [0.7, 1.5])
def test_a_field_of_known_statistics_is_continued_without_a_seam(smooth):
    before, after, steps, own = [], [], [], []
    for seed in range(6):
        skin = _skin(seed, smooth)
        painted = _badly_painted(skin, seed)
        met = meet(painted, FRAME, NO_LESION, np.random.default_rng(seed))
        before.append(gradient_ratio(painted, FRAME))
        after.append(gradient_ratio(met, FRAME))
        steps.append(colour_step(met, FRAME))
        own.append(colour_step(skin, FRAME))
        assert (met == painted)[:, ~FRAME].all()
    assert np.mean(before) > 1.8
    assert np.mean(after) == pytest.approx(1, abs=0.07)
    assert np.mean(steps) < np.mean(own) + 0.3


@pytest.mark.parametrize("region", ["blob", "to the edge", "everything but a corner"])
def test_known_pixels_stay_bit_for_bit_whatever_the_region(region):
    editable = {
        "blob": _disc(0.3) > 0,
        "to the edge": np.arange(SIDE)[None].repeat(SIDE, 0) > 30,
        "everything but a corner": ~((np.indices((SIDE, SIDE)) < 12).all(0)),
    }[region]
    painted = _badly_painted(_skin(3), 3)
    met = meet(painted, editable, _disc(0.15), np.random.default_rng(0))
    assert np.isfinite(met).all()
    assert (met == painted)[:, ~editable].all()
    assert (met != painted)[:, editable].mean() > 0.9


def test_without_known_skin_or_without_a_region_the_picture_stays():
    painted = _badly_painted(_skin(3), 3)
    for editable in (np.ones((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool)):
        assert (meet(painted, editable, NO_LESION, np.random.default_rng(0)) == painted).all()


def test_the_lesion_keeps_its_detail_and_loses_the_cast():
    lesion = _disc(0.2)
    skin = _skin(5)
    painted = _badly_painted(skin, 5) - 0.5 * lesion
    met = meet(painted, FRAME, lesion, np.random.default_rng(5))
    moved = (met - painted)[:, lesion > 0]
    assert moved.std(1).max() < 0.004
    assert moved.mean(1) == pytest.approx([-0.04, -0.02, 0.03], abs=0.012)


def test_even_skin_gets_no_grain():
    even = np.full((3, SIDE, SIDE), 0.3, np.float32)
    painted = np.where(FRAME, even + _field(1, 0.7), even)
    assert np.abs(meet(painted, FRAME, NO_LESION, np.random.default_rng(1)) - even).max() < 0.004


def test_grain_has_the_exemplars_covariance():
    exemplar = _field(7, 1.2, 192)
    seen = np.ones((192, 192), bool)
    seen[40:-40, 40:-40] = False
    grain = Grain(exemplar, seen, 6.0)
    drawn = np.stack([grain.draw(np.random.default_rng(seed)) for seed in range(4)])
    for lag in (0, 1, 2, 4):
        wanted = (exemplar[:, :, : 192 - lag] * exemplar[:, :, lag:]).mean((1, 2))
        found = (drawn[..., : 192 - lag] * drawn[..., lag:]).mean((0, 2, 3))
        assert found == pytest.approx(wanted, abs=0.08 * float((exemplar**2).mean()))
    colours = np.cov(drawn.transpose(1, 0, 2, 3).reshape(3, -1))
    assert colours == pytest.approx(np.cov(exemplar.reshape(3, -1)), rel=0.15)


def test_continued_grain_is_the_exact_conditional_draw():
    """The mean of many draws is the kriging mean of a dense solve with the same covariance."""
    side, count = 12, 120
    grain = Grain(_field(9, 1.2, side), np.ones((side, side), bool), 3.0)
    given = np.zeros((side, side), bool)
    given[:, :3] = True
    values = grain.draw(np.random.default_rng(99))
    draws = [grain.continued(values, given, np.random.default_rng(seed)) for seed in range(count)]
    deviation = np.sqrt(grain.variance)
    assert np.abs(draws[0] - values)[:, given].max() < 0.2 * deviation

    fields = np.stack([grain.draw(np.random.default_rng([seed, 1])) for seed in range(1500)])
    known, target = fields[:, 0][:, given], fields[:, 0, 6, 3]
    covariance = known.T @ known / len(fields) + 1e-3 * grain.variance * np.eye(int(given.sum()))
    exact = (known * target[:, None]).mean(0) @ np.linalg.solve(covariance, values[0][given])
    found = np.stack(draws)[:, 0, 6, 3]
    assert found.mean() == pytest.approx(exact, abs=4 * found.std() / np.sqrt(count) + 0.1 * deviation)
    assert found.std() < 0.9 * np.std(target)


def test_the_membrane_is_harmonic():
    rows, columns = np.indices((SIDE, SIDE)) / SIDE
    values = np.stack([rows, columns, rows**2 - columns**2]).astype(np.float32)
    rim = ~FRAME & (cv2.dilate(FRAME.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    found = membrane(np.where(rim, values, 0), rim, FRAME)
    assert np.abs(found - values)[:, FRAME].max() < 1e-3
    assert (membrane(values, np.zeros_like(rim), FRAME) == 0).all()


def test_a_course_seen_from_one_side_is_continued_as_a_line():
    columns = np.broadcast_to(np.linspace(0, 1, SIDE, dtype=np.float32), (3, SIDE, SIDE))
    fitted, seen = local_course(columns, np.indices((SIDE, SIDE))[1] < 48, 6.0)
    assert fitted[:, 20:-20, 40:52] == pytest.approx(columns[:, 20:-20, 40:52], abs=0.02)
    assert seen[48, 10] == pytest.approx(1, abs=0.06) and seen[48, 90] < 1e-3


def test_hair_is_no_grain():
    """Skin painted beside hair has the grain of the skin between the hairs."""

    def roughness(skin):
        met = meet(_badly_painted(skin, 3), FRAME, NO_LESION, np.random.default_rng(3))
        return np.abs(np.diff(met[:, 24:-24, 24:-24], axis=1)).mean()

    haired = np.ascontiguousarray(_skin(3).transpose(1, 2, 0))
    for near, far in (((4, 0), (30, 10)), ((0, 40), (11, 88)), ((92, 30), (84, 95)), ((85, 0), (89, 60))):
        cv2.line(haired, near, far, (0.1, -0.1, -0.2), 1, cv2.LINE_AA)
    assert roughness(haired.transpose(2, 0, 1)) == pytest.approx(roughness(_skin(3)), rel=0.1)
