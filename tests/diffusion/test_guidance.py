"""Guidings as known maps: what each holds, and what their combination means."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diffusion.guidance import (
    LESION,
    SKIN,
    BorderGuiding,
    ClassBorderGuiding,
    Guiding,
    SegmentationGuiding,
    combine,
)

SIZE = 16


def _border(seed: int = 0) -> BorderGuiding:
    rng = np.random.default_rng(seed)
    skin = rng.uniform(-1, 1, (3, SIZE, SIZE)).astype(np.float32)
    return BorderGuiding(skin, rng.random((SIZE, SIZE)) < 0.5)


def _shape(seed: int = 0) -> SegmentationGuiding:
    return SegmentationGuiding(np.random.default_rng(seed).random((SIZE, SIZE)).astype(np.float32))


ALL: tuple[Guiding, ...] = (_border(), _shape(), ClassBorderGuiding(SIZE, 3))


def test_border_guiding_holds_colour_and_mask_outside_a_region_of_any_shape() -> None:
    border = _border()
    held = border.known()
    assert (held.known == ~border.editable).all()
    outside = ~border.editable
    assert (held.values[:3, outside] == border.skin[:, outside]).all()
    assert (held.values[3, outside] == SKIN).all()


def test_segmentation_guiding_holds_the_mask_channel_alone() -> None:
    shape = _shape()
    held = shape.known()
    assert (held.known[:3] == 0).all() and (held.known[3] == 1).all()
    assert np.allclose(held.values[3], SKIN + (LESION - SKIN) * shape.shape)


def test_class_border_guiding_holds_the_mask_channel_of_the_border_alone() -> None:
    held = ClassBorderGuiding(SIZE, 3).known()
    inside = np.zeros((SIZE, SIZE), bool)
    inside[3:-3, 3:-3] = True
    assert (held.known[:3] == 0).all()
    assert (held.known[3] == ~inside).all()
    assert (held.values[3, ~inside] == SKIN).all()


def test_without_guidings_everything_is_free() -> None:
    assert not combine([], SIZE).known.any()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_combination_knows_what_any_of_them_knows_and_the_later_one_decides(order: tuple[int, ...]) -> None:
    chosen = [ALL[i] for i in order]
    together = combine(chosen, SIZE)
    decided = np.zeros((4, SIZE, SIZE), bool)
    for guiding in reversed(chosen):
        own = guiding.known()
        new = (own.known > 0) & ~decided
        assert (together.known[new] == 1).all()
        assert (together.values[new] == own.values[new]).all()
        decided |= own.known > 0
    assert (together.known == decided).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.integers(0, 2**16))
def test_repeating_a_guiding_changes_nothing(first: int, second: int) -> None:
    border, shape = _border(first), _shape(second)
    once, twice = combine([border, shape], SIZE), combine([border, border, shape, shape], SIZE)
    assert (once.known == twice.known).all() and (once.values == twice.values).all()
