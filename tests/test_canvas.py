"""The atlases show base plus layers exactly, whatever way they came there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tube import layer, tube_avatar

from engine.canvas import Canvas
from engine.lesion import Site
from engine.surface import Surface

AVATAR = tube_avatar()
SURFACE = Surface.of(AVATAR)


def at(u: float, v: float) -> Site:
    return SURFACE.site_at_uv(0, u, v)


FIVE = [
    layer("a", at(0.50, 0.50), tone=30),
    layer("b", at(0.54, 0.50), tone=90),
    layer("c", at(0.58, 0.51), tone=60),
    layer("d", at(0.11, 0.50), tone=45),
    layer("e", at(0.30, 0.20), 8.0, tone=50),
]


def fresh(layers: list) -> Canvas:
    canvas = Canvas(SURFACE, AVATAR)
    canvas.number_of = {one.id: number for number, one in enumerate(FIVE, 1)}
    canvas.show(layers)
    return canvas


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(st.sampled_from(FIVE), unique_by=lambda one: one.id), min_size=1, max_size=4))
def test_any_way_to_the_same_layers_gives_the_same_texels(states: list) -> None:
    canvas = fresh([])
    for state in states:
        canvas.show(state)
    expected = fresh(states[-1])
    assert np.array_equal(canvas.pixels[0], expected.pixels[0])
    assert np.array_equal(canvas.index[0], expected.index[0])


def test_what_changed_lies_in_the_rectangles_and_nowhere_else() -> None:
    canvas = fresh(FIVE[:2])
    before = canvas.pixels[0].copy()
    dirty = canvas.show([FIVE[1], FIVE[3]])
    covered = np.zeros(before.shape[:2], bool)
    for rect in dirty[0]:
        covered[rect.slices] = True
    changed = (canvas.pixels[0] != before).any(-1)
    assert changed.any()
    assert not changed[~covered].any()
    assert covered.mean() < 0.2


def test_nothing_to_do_changes_nothing() -> None:
    canvas = fresh(FIVE)
    assert canvas.show(FIVE) == {}


def test_hidden_layers_are_absent() -> None:
    hidden = [replace(FIVE[0], visible=False), FIVE[1]]
    canvas = fresh(hidden)
    assert np.array_equal(canvas.pixels[0], fresh(FIVE[1:2]).pixels[0])
    assert set(np.unique(canvas.index[0])) == {0, 2}


def test_the_upper_layer_owns_the_overlap() -> None:
    up, down = fresh([FIVE[0], FIVE[1]]), fresh([FIVE[1], FIVE[0]])
    both = (up.index[0] != down.index[0]) & (up.index[0] > 0) & (down.index[0] > 0)
    assert both.any()
    assert set(np.unique(up.index[0][both])) == {2}
    assert set(np.unique(down.index[0][both])) == {1}


def test_a_lesion_across_the_seam_stands_on_both_edges() -> None:
    columns = np.flatnonzero((fresh([FIVE[3]]).index[0] > 0).any(0))
    assert columns.min() < 0.2 * 512 and columns.max() > 0.8 * 512


def test_materials_with_one_texture_share_its_pixels() -> None:
    avatar = tube_avatar(materials=2, shared=True)
    surface = Surface.of(avatar)
    canvas = Canvas(surface, avatar)
    assert canvas.pixels[0] is canvas.pixels[1]
    own = tube_avatar(materials=2)
    assert Canvas(Surface.of(own), own).pixels[0] is not Canvas(Surface.of(own), own).pixels[1]


@pytest.mark.parametrize("tone", [40, 160])
def test_the_same_layer_follows_the_skin_it_lies_on(tone: int) -> None:
    """Moved to darker skin, a layer gets darker; its contrast to the skin keeps its direction."""
    canvas = fresh([])
    for name in ("base", "pixels"):
        getattr(canvas, name)[0][256:] //= 2
    light, dark = layer("x", at(0.5, 0.3), tone=tone), layer("y", at(0.5, 0.8), tone=tone)
    close = [canvas.close_up(one)[14:18, 14:18].mean() for one in (light, dark)]
    skin = [canvas.close_up(one)[:3].mean() for one in (light, dark)]
    assert close[1] < close[0]
    assert (close[0] < skin[0]) and (close[1] < skin[1])
