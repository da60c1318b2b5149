"""A surface is one skin: merged across seams, found by UV and by rays, and measured in millimetres per texel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.avatar.model import Avatar, Material
from engine.errors import BadInput
from engine.lesion import Site
from engine.surface import Surface, site_of
from engine.surface.density import density, texel_sides
from engine.surface.islands import seam_length
from tests.surface.bodies import cylinder, sheet, sphere

FINE_BALL = sphere(0.05, 192, 96)


def _split_avatar(surface) -> Avatar:
    """Every corner a vertex of its own, as the worst of exporters do it."""
    return Avatar(
        "split",
        b"",
        1.0,
        surface.vertices[surface.faces].reshape(-1, 3),
        np.arange(3 * len(surface.faces), dtype=np.int32).reshape(-1, 3),
        surface.corner_uvs.reshape(-1, 2),
        surface.face_material,
        (Material("skin", {}),),
    )


def test_merging_undoes_every_split():
    tube = cylinder(columns=32, rows=8)
    surface = Surface.of(_split_avatar(tube))
    assert len(surface.vertices) == len(np.unique(tube.faces))
    assert np.allclose(surface.vertices[surface.faces], tube.vertices[tube.faces])
    assert (surface.corner_uvs == tube.corner_uvs).all()


def test_islands_and_seams_of_a_cylinder_in_strips():
    tube = cylinder(islands=3, columns=48)
    assert tube.face_island.max() + 1 == 3
    assert seam_length(tube.vertices, tube.faces, tube.corner_uvs, tube.face_material) == pytest.approx(3 * 0.12)
    assert sheet().face_island.max() == 0
    flat = sheet()
    assert seam_length(flat.vertices, flat.faces, flat.corner_uvs, flat.face_material) == 0.0


def test_materials_part_islands():
    whole = sheet()
    material = (whole.vertices[whole.faces].mean(1)[:, 0] > 0).astype(np.int16)
    surface = Surface(whole.vertices, whole.faces, whole.corner_uvs, material)
    assert len(np.unique(surface.face_island)) == 2
    assert seam_length(whole.vertices, whole.faces, whole.corner_uvs, material) == pytest.approx(0.1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.tuples(*[st.floats(0.05, 1)] * 3))
def test_a_sites_uv_leads_back_to_the_site(face, weights):
    surface = cylinder(columns=64, rows=16)
    site = site_of(face % len(surface.faces), np.array(weights))
    material, u, v = surface.uv(site)
    back = surface.site_at_uv(material, u, v)
    assert np.abs(surface.point(back) - surface.point(site)).max() < 1e-5


@pytest.mark.parametrize(
    ("material", "u", "v"), [(0, 0.001, 0.5), (1, 0.3, 0.5), (0, float("nan"), 0.5), (0, -3.0, 0.5)]
)
def test_a_uv_where_nothing_lies_is_refused(material, u, v):
    with pytest.raises(BadInput, match="uv: no skin"):
        cylinder().site_at_uv(material, u, v)


def test_a_degenerate_face_does_not_claim_every_uv():
    ball = sphere()
    site = ball.site_at_uv(0, 0.5, 0.5)
    assert ball.face_areas[site.face] > 0


@settings(max_examples=30, deadline=None)
@given(st.floats(-1, 1), st.floats(-1, 1))
def test_rays_meet_the_sphere_where_geometry_says(x, y):
    ball = FINE_BALL
    origin = np.array([x * 0.03, y * 0.03, 1.0])
    faces, barycentric, distances = ball.cast(np.stack([origin, origin]), np.array([[0, 0, -2.0], [0, 0, 1.0]]))
    assert faces[0] >= 0 and faces[1] == -1 and np.isinf(distances[1])
    expected = 1 - np.sqrt(0.05**2 - origin[0] ** 2 - origin[1] ** 2)
    assert distances[0] == pytest.approx(expected, abs=1e-4)
    point = ball.point(site_of(int(faces[0]), barycentric[0]))
    assert np.abs(point - (origin + distances[0] * np.array([0, 0, -1]))).max() < 1e-6


def test_normals_look_outwards_and_are_smooth():
    ball = sphere()
    site = Site(3000, (0.2, 0.5, 0.3))
    assert ball.normal(site) @ (ball.point(site) / np.linalg.norm(ball.point(site))) > 0.999
    assert ball.vertex_normals == pytest.approx(ball.vertices / 0.05, abs=0.02)


def test_owner_maps_are_kept_and_belong_to_one_material():
    surface = sheet()
    owners = surface.owners(0, 64, 64)
    assert surface.owners(0, 64, 64) is owners and (owners >= 0).any()
    assert (surface.owners(3, 64, 64) == -1).all()
    with pytest.raises(ValueError, match="read-only"):
        owners[0, 0] = 1


def test_density_of_a_stretched_sheet():
    surface = sheet(0.1, 0.05, uv=(0.25, 0.25, 0.75, 0.75))
    longer, shorter = texel_sides(surface, {0: (1000, 1000)})
    assert longer == pytest.approx(np.full(200, 0.2)) and shorter == pytest.approx(np.full(200, 0.1))
    found = density(surface, {0: (1000, 1000)})
    assert found is not None
    assert found.mm_per_texel == pytest.approx((np.sqrt(0.02),) * 3)
    assert found.anisotropy == pytest.approx((2.0, 2.0), rel=1e-4) and found.area_cm2 == pytest.approx(50)
    assert density(surface, {}) is None
    assert density(surface, {0: (1000, 1000)}, np.zeros(200, bool)) is None


def test_density_is_weighted_by_area_and_chosen_by_faces():
    surface = cylinder(islands=2, columns=64)
    half = surface.face_island == 0
    found = density(surface, {0: (2048, 2048)}, half)
    assert found is not None and found.area_cm2 == pytest.approx(surface.face_areas[half].sum() * 1e4)
