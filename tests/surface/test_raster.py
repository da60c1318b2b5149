"""Each texel belongs to the face its centre lies in, and to one face only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from engine.surface.raster import barycentric_map, face_map


def _triangulation(seed: int, points: int) -> Delaunay:
    return Delaunay(np.random.default_rng(seed).random((points, 2)).astype(np.float32).astype(np.float64))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(4, 300), st.integers(1, 120), st.integers(1, 120))
def test_a_texel_belongs_to_the_face_that_contains_its_centre(seed, points, width, height):
    triangulation = _triangulation(seed, points)
    corner_uvs = triangulation.points[triangulation.simplices].astype(np.float32)
    owners = face_map(corner_uvs, width, height)
    centres = np.stack(np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height), -1)
    expected = triangulation.find_simplex(centres.reshape(-1, 2)).reshape(height, width)
    differs = owners != expected
    # scipy decides centres within rounding of an edge its own way.
    barycentric = barycentric_map(owners, corner_uvs)
    assert np.abs(barycentric[differs & (owners >= 0)].min(-1, initial=1.0)).max(initial=0.0) < 1e-5
    assert differs.sum() <= 2


def test_a_grid_whose_edges_pass_through_centres_is_covered_exactly_once():
    n = 8
    corner = np.arange(n + 1) / n
    u, v = np.meshgrid(corner, corner)
    index = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    a, b, c, d = (x.ravel() for x in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    points = np.stack([u.ravel(), v.ravel()], 1).astype(np.float32)
    size = n * 5  # texel centres lie on the diagonals
    owners = face_map(points[faces], size, size)
    assert (owners >= 0).all()
    texels = np.bincount(owners.ravel(), minlength=len(faces))
    assert texels.sum() == size * size
    drawn_alone = sum((face_map(points[faces], size, size, faces=np.array([f])) >= 0).sum() for f in range(len(faces)))
    assert drawn_alone == size * size


def test_barycentric_coordinates_give_back_the_texel_centre():
    triangulation = _triangulation(3, 60)
    corner_uvs = triangulation.points[triangulation.simplices].astype(np.float32)
    owners = face_map(corner_uvs, 97, 61)
    barycentric = barycentric_map(owners, corner_uvs)
    y, x = np.nonzero(owners >= 0)
    uv = (corner_uvs[owners[y, x]] * barycentric[y, x][..., None]).sum(1)
    assert np.abs(uv - np.stack([(x + 0.5) / 97, (y + 0.5) / 61], 1)).max() < 1e-6
    assert (barycentric[owners < 0] == 0).all()


def test_overlapping_faces_leave_the_texel_to_the_lowest_index():
    triangle = np.array([[[0, 0], [1, 0], [0, 1]]], np.float32)
    owners = face_map(np.repeat(triangle, 3, 0), 32, 32)
    assert set(np.unique(owners)) == {-1, 0}


@pytest.mark.parametrize("corner", [[np.nan, 0.5], [np.inf, 0.5], [40.0, 0.5], [-1e9, -1e9]])
def test_impossible_and_far_uvs_are_cut_off(corner):
    triangle = np.array([[corner, [0.2, 0.2], [0.2, 0.9]], [[0, 0], [0.1, 0], [0, 0.1]]], np.float32)
    owners = face_map(triangle, 64, 64)
    assert owners.shape == (64, 64) and (owners == 1).any()


def test_degenerate_faces_own_nothing():
    line = np.array([[[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]], [[0.3, 0.3]] * 3], np.float32)
    assert (face_map(line, 64, 64) == -1).all()
