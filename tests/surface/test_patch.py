"""A patch is a true-to-size window: on the plane, around bends and across seams."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import AvatarError, BadInput
from engine.lesion import Site
from engine.surface import Surface, site_of
from tests.surface.bodies import cylinder, disc, sheet, sphere, surface_of

MIDDLE = (0.4, 0.35, 0.25)


def _points(patch):
    surface = patch.surface
    return (surface.vertices[surface.faces[patch.face]] * patch.barycentric[..., None].astype(float)).sum(2)


def _site_at(surface, point):
    """The site of the face that lies nearest, at the foot of the point."""
    face = int(np.linalg.norm(surface.face_spheres[0] - point, axis=1).argmin())
    return Site(face, MIDDLE)


@settings(max_examples=15, deadline=None)
@given(st.floats(-360, 360), st.integers(30, 64), st.floats(5, 30))
def test_on_a_plane_pixels_lie_where_the_ruler_says(turn, size, width):
    surface = sheet(jitter=0.3, columns=16, rows=16)
    site = _site_at(surface, np.zeros(3))
    patch = surface.patch(site, width, size, turn)
    right = (np.arange(size) + 0.5 - size / 2) * width * 1e-3 / size
    t = np.radians(turn)
    x = right[None, :] * np.cos(t) + right[:, None] * np.sin(t)
    y = right[None, :] * np.sin(t) - right[:, None] * np.cos(t)
    expected = surface.point(site) + np.stack([x, y, np.zeros_like(x)], -1)
    assert (patch.face >= 0).all()
    assert np.abs(_points(patch) - expected).max() < 6e-6


def test_around_a_cylinder_and_across_its_seam_the_window_is_the_unrolled_cylinder():
    radius, size, width = 0.02, 96, 30.0
    surface = cylinder(radius)
    site = _site_at(surface, np.array([0.0003, 0.001, radius]))
    patch = surface.patch(site, width, size)
    assert len(np.unique(surface.face_island[patch.face])) == 2
    points, start = _points(patch), surface.point(site)
    around = np.arctan2(points[..., 0], points[..., 2]) - np.arctan2(start[0], start[2])
    across = (np.arange(size) + 0.5 - size / 2) * width / size
    assert np.abs(around * radius * 1e3 - across).max() < 0.02
    assert np.abs((points[..., 1] - start[1]) * 1e3 + across[:, None]).max() < 0.02


def test_row_0_is_up_and_columns_run_to_the_viewers_right():
    surface = sphere()
    for direction in ([0, 0, 1], [1, 0, 0], [-0.6, 0.5, -0.6]):
        unit = np.array(direction) / np.linalg.norm(direction)
        patch = surface.patch(_site_at(surface, 0.05 * unit), 12.0, 33)
        points = _points(patch)
        assert points[0, 16, 1] > points[16, 16, 1] > points[-1, 16, 1]
        viewers_right = np.cross([0, 1, 0], unit)
        assert (points[16, -1] - points[16, 0]) @ viewers_right > 0.008


def test_up_is_carried_over_the_crown_and_under_the_soles():
    surface = sphere()
    crown = _points(surface.patch(_site_at(surface, np.array([0.004, 0.05, 0])), 10.0, 9))
    sole = _points(surface.patch(_site_at(surface, np.array([0.004, -0.05, 0])), 10.0, 9))
    assert crown[0, 4, 2] < crown[-1, 4, 2]
    assert sole[0, 4, 2] > sole[-1, 4, 2]


def test_a_turned_window_is_turned_counter_clockwise():
    surface = sheet()
    site = _site_at(surface, np.zeros(3))
    straight, turned = surface.patch(site, 20.0, 41), surface.patch(site, 20.0, 41, 90.0)
    assert np.abs(_points(turned)[0, 20] - _points(straight)[20, 0]).max() < 1e-6


def test_pixels_off_the_surface_say_so():
    surface = sheet()
    patch = surface.patch(_site_at(surface, np.array([0.05, 0, 0])), 20.0, 40)
    outside = patch.face < 0
    assert outside[:, 30:].all() and not outside[:, :10].any()
    assert (patch.material[outside] == -1).all() and (patch.barycentric[outside] == 0).all()
    pixels = {0: np.full((64, 64, 4), 200, np.uint8)}
    colour, valid = patch.sample(pixels)
    assert (valid == ~outside).all() and (colour[outside] == 0).all()
    assert any("beyond the edge" in warning for warning in patch.warnings)


def test_the_far_sheet_of_a_thin_body_is_not_in_the_window():
    front, back = sheet(), sheet()
    vertices = np.concatenate([front.vertices, back.vertices - (0, 0, 0.002)])
    faces = np.concatenate([front.faces, back.faces[:, ::-1] + len(front.vertices)])
    uvs = np.concatenate([front.corner_uvs, back.corner_uvs])
    surface = Surface(vertices, faces, uvs, np.zeros(len(faces), np.int16))
    patch = surface.patch(Site(100, MIDDLE), 30.0, 32)
    assert (patch.face < len(front.faces)).all()


@pytest.mark.parametrize("columns", [1, 2, 400])
def test_meshes_much_coarser_and_much_finer_than_the_lesion(columns):
    surface = sheet(0.08, 0.08, columns, columns)
    patch = surface.patch(_site_at(surface, np.array([0.0, 0.0, 0])), 13.2, 64)
    assert (patch.face >= 0).all()
    assert patch.diameter_mm(disc(64, 13.2, 6.0)) == pytest.approx(6.0, rel=0.01)


def test_at_size_is_the_same_window():
    surface = cylinder()
    patch = surface.patch(Site(3000, MIDDLE), 20.0, 32)
    finer = patch.at_size(96)
    assert finer.chart is patch.chart and patch.at_size(32) is patch
    assert np.abs(_points(finer)[1::3, 1::3] - _points(patch)).max() < 3e-6


def test_curvature_and_its_warning():
    ball = sphere(0.01, 64, 32)
    site = _site_at(ball, np.array([0, 0, 0.01]))
    assert ball.patch(site, 6.6, 16).curvature_radius_mm == pytest.approx(10, rel=0.05)
    assert not ball.patch(site, 2.2 * 6, 16).warnings
    assert "radius of curvature" in ball.patch(site, 2.2 * 9, 16).warnings[0]
    tube = cylinder(0.02)
    assert tube.patch(_site_at(tube, np.array([0, 0, 0.02])), 13.2, 16).curvature_radius_mm == pytest.approx(
        20, rel=0.05
    )
    flat = sheet()
    assert flat.patch(_site_at(flat, np.zeros(3)), 13.2, 16).curvature_radius_mm > 900


def test_diameters_are_measured_along_the_surface():
    tube = cylinder(0.01, columns=120, rows=8)  # slivers, 30 times as long as wide
    patch = tube.patch(_site_at(tube, np.array([0, 0, 0.01])), 40.0, 128)
    bar = np.zeros((128, 128), bool)
    bar[62:66, 14:114] = True
    assert patch.diameter_mm(bar) == pytest.approx(100 / 128 * 40, rel=0.01)
    assert patch.diameter_mm(np.zeros((128, 128))) == 0.0
    assert patch.diameter_mm(disc(128, 40.0, 12.0)) == pytest.approx(12.0, rel=0.01)


def test_hostile_topology_gives_a_patch_all_the_same():
    flat = sheet()
    fin = np.array([[60, 61, len(flat.vertices)]])  # a third face at an edge
    tiny = np.array([[0, 0, 0], [1e-7, 0, 0], [0, 1e-7, 0]]) + np.array([0.001, 0.001, 0.0005])
    vertices = np.concatenate([flat.vertices, [[0.0, 0.0, 0.02]], tiny])
    lone = np.arange(3)[None] + len(flat.vertices) + 1
    collapsed = np.array([[60, 60, 61], [50, 61, 72]])  # no area: two corners in one, three in a line
    faces = np.concatenate([flat.faces, flat.faces[90:110], fin, lone, collapsed])
    corner_uvs = np.concatenate(
        [
            flat.corner_uvs,
            flat.corner_uvs[90:110],
            np.full((4, 3, 2), 0.95) + np.random.default_rng(0).random((4, 3, 2)) * 0.01,
        ]
    )
    surface = Surface(vertices, faces.astype(np.int32), corner_uvs.astype(np.float32), np.zeros(len(faces), np.int16))
    patch = surface.patch(Site(55, MIDDLE), 30.0, 48)
    assert (patch.face >= 0).mean() > 0.99
    assert patch.diameter_mm(disc(48, 30.0, 10.0)) == pytest.approx(10.0, rel=0.02)
    with pytest.raises(AvatarError, match="no area"):
        surface.patch(Site(len(faces) - 2, MIDDLE), 10.0, 16)
    with pytest.raises(AvatarError, match="repeats another face"):
        surface.patch(Site(len(flat.faces) + 3, MIDDLE), 10.0, 16)


@pytest.mark.parametrize(
    ("site", "width", "size", "turn", "named"),
    [
        (Site(10**6, MIDDLE), 10.0, 32, 0.0, "face 1000000"),
        (Site(0, MIDDLE), 0.0, 32, 0.0, "width_mm"),
        (Site(0, MIDDLE), float("nan"), 32, 0.0, "width_mm"),
        (Site(0, MIDDLE), 10.0, 1, 0.0, "size"),
        (Site(0, MIDDLE), 10.0, 100_000, 0.0, "size"),
        (Site(0, MIDDLE), 10.0, 32, float("inf"), "turn_deg"),
    ],
)
def test_impossible_windows_are_refused_by_name(site, width, size, turn, named):
    with pytest.raises(BadInput, match=named):
        sheet().patch(site, width, size, turn)


def test_equal_calls_give_equal_patches():
    surface = sphere()
    one, other = (surface.patch(Site(3000, MIDDLE), 20.0, 64, 30.0) for _ in range(2))
    assert (one.face == other.face).all() and (one.barycentric == other.barycentric).all()


def test_two_sites_in_one_face_and_on_its_edges():
    surface = sheet(0.2, 0.2, 1, 1)
    for barycentric in ([1, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0.2, 0.3, 0.5]):
        site = site_of(0, np.array(barycentric, float))
        point = surface.point(site)
        patch = surface.patch(site, 20.0, 21)
        if np.abs(point[:2]).max() < 0.09:
            assert np.abs(_points(patch)[10, 10] - point).max() < 2e-4


def test_a_bowtie_of_two_triangles_does_not_break_the_patch():
    vertices = [[0, 0, 0], [0.02, 0.01, 0], [0.02, -0.01, 0], [-0.02, 0.01, 0], [-0.02, -0.01, 0]]
    surface = surface_of(vertices, [[0, 2, 1], [0, 3, 4]], np.array(vertices)[:, :2] * 10 + 0.5)
    patch = surface.patch(Site(0, MIDDLE), 8.0, 16)
    assert patch.face[8, 8] == 0
