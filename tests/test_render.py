"""Pictures of the body: what is painted appears where the camera's geometry says, and nothing else does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import BadInput, render
from engine.colour import LINEAR_OF_BYTE, to_bytes
from engine.render import BACKGROUND, Studio, View, render_body, visible
from engine.surface.surface import Surface
from tests.egg import RADII, egg_surface, painted, skin


@pytest.fixture(scope="module")
def egg() -> Surface:
    return egg_surface()


@pytest.fixture(scope="module")
def studio(egg: Surface) -> Studio:
    return Studio(egg)


def _green(picture: np.ndarray) -> np.ndarray:
    return picture[..., 1].astype(int) > picture[..., 0].astype(int) + 20


@pytest.mark.parametrize("perspective", [False, True])
@pytest.mark.parametrize(("u", "v"), [(0.5, 0.5), (0.42, 0.35), (0.6, 0.62), (0.55, 0.3)])
def test_a_lesion_appears_where_its_site_projects(
    egg: Surface, studio: Studio, u: float, v: float, perspective: bool
) -> None:
    site = egg.site_at_uv(0, u, v)
    view = View((0.0, 0.9, 0.0), (0.1, 0.05, 1.0), 1.9, 2.5, perspective=perspective)
    picture = studio.render({0: painted(egg, site, 0.012)}, view, 500, 750)
    rows, columns = np.nonzero(_green(picture))
    assert len(rows) > 20
    centre = view.project(egg.point(site)[None], 500, 750)[0]
    assert np.hypot(columns.mean() + 0.5 - centre[0], rows.mean() + 0.5 - centre[1]) < 1.0


def test_where_no_ray_meets_the_body_the_background_is_untouched(studio: Studio) -> None:
    view = View((0.0, 0.9, 0.0), (0.0, 0.0, 1.0), 2.0, 3.0)
    picture = studio.render({0: skin()}, view, 300, 600)
    y, x = np.indices((600, 300)) + 0.5
    metres = np.stack([(x - 150) * 2 / 600 / RADII[0], (300 - y) * 2 / 600 / RADII[1]], -1)
    distance = np.linalg.norm(metres, axis=-1)
    assert (picture[distance > 1.02] == BACKGROUND).all()
    assert (picture[distance < 0.96] != BACKGROUND).any(-1).all()


@pytest.mark.parametrize("tone", [(240, 205, 185), (150, 105, 80), (72, 48, 38)])
def test_skin_that_faces_the_camera_shows_its_albedo(studio: Studio, tone: tuple[int, int, int]) -> None:
    atlas = np.tile(np.array([*tone, 255], np.uint8), (64, 64, 1))
    picture = studio.render({0: atlas}, View((0.0, 0.9, 0.0), (0.0, 0.0, 1.0), 0.2, 1.0), 40, 40)
    shown = LINEAR_OF_BYTE[picture[18:22, 18:22]].mean((0, 1))
    assert shown == pytest.approx(LINEAR_OF_BYTE[np.array(tone)], rel=0.15, abs=0.03)


def test_parallel_rays_show_a_millimetre_equally_long_everywhere() -> None:
    view = View((0.3, 1.0, 0.2), (0.4, 0.2, 1.0), 0.05, 0.3)
    across = view.axes[0] * 0.004
    for shift in view.axes @ np.diag([0.01, 0.02, 0.03]):
        start = np.asarray(view.target) + shift
        ends = view.project(np.stack([start, start + across]), 400, 400)
        assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(0.004 * 400 / 0.05)


@pytest.mark.parametrize("perspective", [False, True])
def test_rays_and_projection_are_each_others_inverse(perspective: bool) -> None:
    view = View((0.1, 0.9, -0.2), (-0.7, 0.3, 0.4), 0.8, 2.0, perspective=perspective)
    positions = np.random.default_rng(5).uniform(0, 200, (50, 2))
    origins, directions = view.rays(positions, 200, 160)
    for depth in (0.5, 1.7):
        assert view.project(origins + depth * directions, 200, 160) == pytest.approx(positions)


@pytest.mark.parametrize("turn", [0.0, 35.0, -120.0])
@pytest.mark.parametrize(("u", "v"), [(0.5, 0.5), (0.2, 0.4), (0.0, 0.6)])
def test_a_close_up_stands_as_the_patch_does(egg: Surface, u: float, v: float, turn: float) -> None:
    site = egg.site_at_uv(0, u, v)
    patch = egg.patch(site, 16.0, 32, turn)
    view = View.at(egg, site, 0.016, turn)
    for row, column in ((4, 16), (16, 27), (25, 7)):
        face = patch.face[row, column]
        point = patch.barycentric[row, column] @ egg.vertices[egg.faces[face]]
        assert view.project(point[None], 32, 32)[0] == pytest.approx((column + 0.5, row + 0.5), abs=1.0)


def test_portions_that_fit_the_memory_change_no_pixel(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    atlas = rng.integers(0, 256, (256, 256, 4), dtype=np.uint8)
    view = View.front(studio.surface)
    whole = studio.render({0: atlas}, view, 120, 180)
    monkeypatch.setattr(render, "_SAMPLES_AT_ONCE", 777)
    assert (studio.render({0: atlas}, view, 120, 180) == whole).all()


@pytest.mark.parametrize("perspective", [False, True])
@pytest.mark.parametrize(("texels", "darkest", "most"), [(32, 200, 0.8), (512, 0, 10)])
def test_fewer_rays_show_what_a_ray_for_every_sample_shows(
    studio: Studio, texels: int, darkest: int, most: float, perspective: bool
) -> None:
    """Beside the same picture of twice the size, one ray per pixel, averaged in linear light.

    A texel is several pixels wide, or a fourth of one: there, one look at the texture per pixel would be off by 40.
    """
    atlas = np.random.default_rng(2).integers(darkest, 256, (texels, texels, 4), dtype=np.uint8)
    view = View((0.0, 0.9, 0.0), (0.1, 0.05, 1.0), 1.9, 2.5, perspective=perspective)
    large = LINEAR_OF_BYTE[studio.render({0: atlas}, view, 400, 600, supersample=1)]
    wanted = to_bytes(large.reshape(300, 2, 200, 2, 3).mean((1, 3))).astype(int)
    picture = studio.render({0: atlas}, view, 200, 300)
    body = (wanted != BACKGROUND).any(2)
    assert np.abs(picture - wanted)[body].mean() < most


def test_a_limb_before_a_site_is_cut_away_from_its_close_up(egg: Surface) -> None:
    """A second egg stands 3 cm before the first one; the close-up behind it shows the lesion all the same."""
    other = egg.vertices + np.array([0, 0, 2 * RADII[2] + 0.03])
    both = Surface(
        np.concatenate([egg.vertices, other]),
        np.concatenate([egg.faces, egg.faces + len(egg.vertices)]).astype(np.int32),
        np.concatenate([egg.corner_uvs, egg.corner_uvs]),
        np.concatenate([egg.face_material, egg.face_material + 1]).astype(np.int16),
    )
    site = egg.site_at_uv(0, 0.5, 0.45)
    pixels = {0: painted(egg, site, 0.006), 1: skin()}
    assert not visible(both, View.front(both), both.point(site))[0]
    picture = render_body(both, pixels, View.at(both, site, 0.03), 60, 60)
    assert _green(picture)[30, 30]


def test_a_face_without_a_texture_is_plain_grey(egg: Surface) -> None:
    picture = render_body(egg, {}, View((0.0, 0.9, 0.0), (0.0, 0.0, 1.0), 0.2, 1.0), 20, 20)
    assert np.ptp(picture[10, 10].astype(int)) <= 2
    assert picture[10, 10, 0] > 150


@settings(max_examples=25, deadline=None)
@given(st.integers(-3, 20000), st.integers(-3, 20000), st.integers(-1, 12))
def test_impossible_sizes_are_refused_before_memory_is_taken(width: int, height: int, supersample: int) -> None:
    good = 0 < width <= 16384 and 0 < height <= 16384 and 1 <= supersample <= 8
    if good:
        return
    with pytest.raises(BadInput, match="picture"):
        Studio.render(None, {}, None, width, height, supersample)  # type: ignore[arg-type]
