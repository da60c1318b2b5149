"""The guidance benchmark's measures on pictures whose seam, colour step and lesion are known."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.guidance_measures import colour_step, overlap, seam_ratio, segmented, touches_frame
from engine.colour import delta_e2000, from_network, lab_to_linear, linear_to_lab, to_network

SIDE = 96
FREE = np.zeros((SIDE, SIDE), bool)
FREE[16:-16, 16:-16] = True


def _skin(seed: int = 0) -> NDArray[np.float32]:
    grain = np.random.default_rng(seed).normal(0, 0.03, (SIDE, SIDE, 3)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 1.0)
    return (grain + np.array([0.6, 0.28, 0.19], np.float32)).transpose(2, 0, 1)


def _shifted(skin: NDArray[np.float32], lightness: float) -> NDArray[np.float32]:
    lab = linear_to_lab(from_network(skin.transpose(1, 2, 0)).astype(np.float64))
    moved = to_network(lab_to_linear(lab + np.array([lightness, 0, 0]))).transpose(2, 0, 1)
    return np.where(FREE, moved, skin)


def test_untouched_skin_has_no_seam_and_hardly_a_step() -> None:
    assert seam_ratio(_skin(), _skin(), FREE) == 1
    assert colour_step(_skin(), FREE) < 0.6


def test_skin_of_another_texture_but_the_same_kind_is_a_seam_of_the_texture_alone() -> None:
    other = np.where(FREE, _skin(1), _skin(0))
    assert 1.1 < seam_ratio(other, _skin(), FREE) < 2.5
    flat = np.where(FREE, _skin().mean((1, 2), keepdims=True), _skin())
    assert seam_ratio(flat, _skin(), FREE) != pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("lightness", [-6.0, -3.0, 3.0])
def test_a_lighter_or_darker_inside_is_a_seam_and_a_step_of_its_own_size(lightness: float) -> None:
    picture = _shifted(_skin(), lightness)
    lab = linear_to_lab(from_network(_skin().transpose(1, 2, 0)).astype(np.float64)).mean((0, 1))
    exact = float(delta_e2000(lab, lab + np.array([lightness, 0, 0])))
    assert colour_step(picture, FREE) == pytest.approx(exact, abs=0.4)
    assert seam_ratio(picture, _skin(), FREE) > 1.5


def test_a_painted_lesion_is_found_by_its_colour_and_nothing_else_is() -> None:
    rows, columns = np.indices((SIDE, SIDE))
    lesion = np.hypot(rows - 50, 1.4 * (columns - 45)) < 22
    darker = np.where(lesion, _skin() - 0.4, _skin()).astype(np.float32)
    found = segmented(darker, ~FREE)
    assert overlap(found, lesion) > 0.85  # a quarter of the way grows an edge that is sharp, not soft
    assert not touches_frame(found)
    assert not segmented(_skin(), ~FREE).any()
    cut = np.where(np.hypot(rows - 5, columns - 45) < 22, _skin() - 0.4, _skin()).astype(np.float32)
    assert touches_frame(segmented(cut, ~FREE))
