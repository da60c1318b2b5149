"""Pages and marks: bars as long as they say, numbers that point at their lesion, headings that fit."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import BadInput
from engine.annotate import INK, LABEL_GAP, PAPER, Marker, bar_length, draw_bar, draw_markers, place_labels, plain
from engine.render import BACKGROUND
from engine.sheet import Finding, body_size, body_views, contact_sheet, mark, preview_sheet
from engine.surface.surface import Surface
from tests.egg import egg_surface, painted


@pytest.fixture(scope="module")
def egg() -> Surface:
    return egg_surface()


@settings(deadline=None, max_examples=40)
@given(st.floats(1.5, 400), st.integers(120, 600), st.sampled_from([20, 240]))
def test_a_bar_is_as_long_as_it_says(width_mm: float, width_px: int, shade: int) -> None:
    picture = np.full((width_px, width_px, 3), shade, np.uint8)
    length_mm, _ = bar_length(width_mm, width_px)
    drawn = draw_bar(picture, width_mm)
    ink = np.array(INK if shade > 120 else PAPER)
    margin = max(10, width_px // 22)
    row = (drawn[width_px - margin - 1] == ink).all(-1)
    assert abs(row.sum() - length_mm * width_px / width_mm) <= 1
    assert length_mm <= 0.4 * width_mm
    assert (drawn[: width_px // 2] == shade).all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(60, 540), st.floats(0, 900)), max_size=70))
def test_labels_neither_touch_nor_leave_the_picture_nor_change_order(places: list[tuple[float, float]]) -> None:
    markers = [Marker(i + 1, x, y, 6.0) for i, (x, y) in enumerate(places)]
    labels = place_labels(markers, 600, 900, 26)
    for side in (26, 574):
        column = [label for label in labels if label.x == side]
        heights = [label.y for label in column]
        assert all(b - a >= LABEL_GAP - 1e-6 for a, b in pairwise(heights))
        assert all(LABEL_GAP / 2 - 1e-6 <= y <= 900 - LABEL_GAP / 2 + 1e-6 for y in heights)
        assert [label.marker.y for label in column] == sorted(label.marker.y for label in column)
        wanted = sum((x < 300) == (side == 26) for x, _ in places)
        assert len(column) == min(wanted, int((900 - LABEL_GAP) // LABEL_GAP))


def test_a_marker_rings_its_place_and_leaves_the_lesion_to_be_seen() -> None:
    picture = np.full((200, 300, 3), 180, np.uint8)
    marker = Marker(3, 150.5, 80.5, 9.0)
    drawn = draw_markers(picture, [marker], place_labels([marker], 300, 200, 26))
    assert (drawn[76:85, 146:155] == 180).all()
    assert drawn[80, 150 - 9 : 150 - 7].min() < 150
    assert drawn[80, 150 + 8 : 150 + 11].min() < 150
    assert (drawn[150:] == 180).all()


def test_each_lesion_is_marked_in_the_view_that_shows_it(egg: Surface) -> None:
    sites = [egg.site_at_uv(0, u, v) for u, v in ((0.5, 0.4), (0.999, 0.4), (0.751, 0.5))]
    findings = [Finding(i + 1, site, "nevus", 5.0) for i, site in enumerate(sites)]
    front, back = mark(egg, body_views(egg), findings)
    everything = {m.number: (m, view) for view, markers in (("front", front), ("back", back)) for m in markers}
    assert everything[1][1] == "front" and not everything[1][0].hidden
    assert everything[2][1] == "back" and not everything[2][0].hidden
    assert everything[3][0].hidden


def test_a_page_shows_the_lesion_inside_its_ring(egg: Surface) -> None:
    site = egg.site_at_uv(0, 0.45, 0.42)
    finding = Finding(1, site, "nevus", 20.0)
    page = preview_sheet(egg, {0: painted(egg, site, 0.010)}, [finding], "A page")
    (marker,), _ = mark(egg, body_views(egg), [finding])
    rows, columns = np.nonzero((page == BACKGROUND).all(-1))
    top, left = rows.min(), columns.min()
    x, y = left + round(marker.x - 0.5), top + round(marker.y - 0.5)
    shown = page[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
    assert (shown[:, 1] > shown[:, 0] + 20).all()
    assert body_size(egg)[1] < page.shape[0]


def test_a_page_carries_the_close_ups_and_grows_with_their_number(egg: Surface) -> None:
    stripes = np.zeros((115, 115, 3), np.uint8)
    stripes[:, ::5] = (255, 0, 255)
    site = egg.site_at_uv(0, 0.5, 0.5)
    atlas = {0: np.full((64, 64, 4), 200, np.uint8)}
    few = preview_sheet(egg, atlas, [Finding(1, site, "melanoma", 8.0, "chest", 0.0, stripes, 17.6)], "Žofie 李")
    none = preview_sheet(egg, atlas, [], "nobody")
    assert few.shape[1] > none.shape[1]
    magenta = (few[..., 0].astype(int) - few[..., 1] > 100) & (few[..., 2].astype(int) - few[..., 1] > 100)
    rows, columns = np.nonzero(magenta)
    assert np.ptp(rows) == pytest.approx(229, abs=2)
    assert np.ptp(columns) == pytest.approx(222, abs=5)


def test_a_grid_keeps_its_tiles_pixel_for_pixel() -> None:
    rng = np.random.default_rng(4)
    tiles = [[rng.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(3)] for _ in range(2)]
    page = contact_sheet(tiles, ["I", "II"], ["one", "two", "three"], "Title", "a note")
    flat = page.tobytes()
    for row in tiles:
        for tile in row:
            for line in tile:
                assert line.tobytes() in flat


def test_a_grid_that_does_not_fit_its_headings_is_refused() -> None:
    tile = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(BadInput, match="contact sheet"):
        contact_sheet([[tile], [tile, tile]], ["a", "b"], ["x"])
    with pytest.raises(BadInput, match="contact sheet"):
        contact_sheet([[tile, tile[:4]]], ["a"], ["x", "y"])


@given(st.text())
def test_lettering_is_always_drawable(text: str) -> None:
    assert all((c.isascii() and c.isprintable()) or c in "·°±…" for c in plain(text))


def test_accents_are_dropped_rather_than_the_letter() -> None:
    assert plain("Zoë 5 × 3 µm") == "Zoe 5 x 3 ?m"
