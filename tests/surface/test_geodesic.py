"""Geodesic polar coordinates agree with the plane, and with exact geodesics on curved meshes."""

import igl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.surface.geodesic import Unfolding
from engine.surface.local import cut_out, subdivide
from tests.surface.bodies import sheet, sphere

RIGHT, UP = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 199), st.tuples(*[st.floats(0.02, 1)] * 3))
def test_in_the_plane_distance_and_direction_are_those_of_the_plane(face, weights):
    surface = sheet(jitter=0.3)
    barycentric = np.array(weights) / sum(weights)
    point = barycentric @ surface.vertices[surface.faces[face]]
    unfolding = Unfolding.of(surface.vertices, surface.faces)
    distance, angle = unfolding.from_point(surface.faces[face], barycentric, RIGHT, UP)
    places = distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    # A way along an edge's own line takes the root of what rounding leaves: some µm on this sheet of 20 cm.
    assert np.abs(places - (surface.vertices - point)[:, :2]).max() < 5e-6


def test_on_a_sphere_distances_are_the_exact_ones():
    surface = sphere()
    face = 4000
    corners = surface.faces[face]
    centre = surface.vertices[corners].mean(0)
    chosen = np.flatnonzero(np.linalg.norm(surface.vertices[surface.faces].mean(1) - centre, axis=1) < 0.03)
    mesh = subdivide(cut_out(surface.vertices, surface.faces, chosen), 0.004, centre, 0.03)
    start = 7
    source = mesh.faces[start][0]
    unfolding = Unfolding.of(mesh.vertices, mesh.faces)
    distance, _ = unfolding.from_point(mesh.faces[start], np.array([0.998, 0.001, 0.001]), RIGHT, UP)
    none = np.zeros(0, np.int64)
    everything = np.arange(len(mesh.vertices))
    exact = igl.exact_geodesic(mesh.vertices, mesh.faces.astype(np.int64), np.array([source]), none, everything, none)
    far = exact > 0.003
    assert np.abs(distance[far] / exact[far] - 1).max() < 0.01


def test_several_points_at_once_are_measured_like_each_alone():
    surface = sheet(jitter=0.3)
    unfolding = Unfolding.of(surface.vertices, surface.faces)
    corners, weights = surface.faces[[0, 77, 150]], np.random.default_rng(3).dirichlet([1, 1, 1], 3)
    together = unfolding.distances(corners, weights)
    for at, weight, distance in zip(corners, weights, together, strict=True):
        assert np.array_equal(distance, unfolding.from_point(at, weight, RIGHT, UP)[0])


def test_what_is_not_connected_is_not_reached():
    one, other = sheet(), sheet()
    vertices = np.concatenate([one.vertices, other.vertices + np.array([0, 0, 0.001])])
    faces = np.concatenate([one.faces, other.faces + len(one.vertices)])
    distance, _ = Unfolding.of(vertices, faces).from_point(faces[100], np.full(3, 1 / 3), RIGHT, UP)
    assert np.isfinite(distance[: len(one.vertices)]).all()
    assert np.isinf(distance[len(one.vertices) :]).all()


def test_points_inside_faces_are_measured_like_vertices():
    surface = sheet(columns=6, rows=6)
    unfolding = Unfolding.of(surface.vertices, surface.faces)
    distance, _ = unfolding.from_point(surface.faces[0], np.full(3, 1 / 3), RIGHT, UP)
    centre = surface.vertices[surface.faces[0]].mean(0)
    corners = surface.faces[20:60]
    weights = np.random.default_rng(1).dirichlet([1, 1, 1], len(corners))
    points = (surface.vertices[corners] * weights[..., None]).sum(1)
    assert unfolding.to_points(distance, corners, weights) == pytest.approx(np.linalg.norm(points - centre, axis=1))


@settings(max_examples=20, deadline=None)
@given(st.floats(0.002, 0.05), st.integers(0, 199))
def test_subdivision_keeps_the_surface_and_has_no_cracks(longest, face):
    surface = sheet(jitter=0.3)
    mesh = subdivide(
        cut_out(surface.vertices, surface.faces, np.arange(len(surface.faces))), longest, surface.vertices[0], 1.0
    )
    corners = mesh.vertices[mesh.faces]
    assert np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max() <= longest
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] / 2
    assert area.min() > 0 and area.sum() == pytest.approx(surface.face_areas.sum())
    from_parent = mesh.corners @ surface.vertices[surface.faces[mesh.parent]]
    assert np.abs(from_parent - corners).max() < 1e-12
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
    ends, count = np.unique(edges, axis=0, return_counts=True)
    rim = mesh.vertices[ends[count == 1]]
    assert (np.abs(np.abs(rim[..., :2]).max(-1) - 0.05) < 1e-9).all()
    assert count.max() == 2
