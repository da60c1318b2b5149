"""The yardstick: what was written into texels, found again and measured along exact geodesics (libigl, after Mitchell,
Mount & Papadimitriou 1987), by none of the code that wrote it."""

import igl
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from engine.lesion import Site
from engine.surface import Surface

_NO_FACES = np.zeros(0, np.int64)


def written_diameter_mm(
    surface: Surface, site: Site, values: NDArray[np.floating], owners: NDArray[np.int32], radius_mm: float
) -> float:
    """Longest diameter of the region ≥ 0.5 in `values` [H, W], an atlas, within `radius_mm` of the site.

    The outline is where texels of one island cross 0.5; texels next to a seam have no neighbour there, and add nothing.
    """
    faces, barycentric = texel_outline(surface, values, owners)
    points = (surface.vertices[surface.faces[faces]] * barycentric[..., None]).sum(1)
    near = np.linalg.norm(points - surface.point(site), axis=1) < radius_mm * 1e-3
    return exact_diameter_mm(surface, site, faces[near], barycentric[near], radius_mm)


def texel_outline(
    surface: Surface, values: NDArray[np.floating], owners: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Faces [N] and barycentric coordinates [N, 3] where neighbouring texels of one island cross 0.5."""
    height, width = values.shape
    islands = np.append(surface.face_island, -1)[owners]
    found_faces, found_uv = [], []
    for dx, dy in ((1, 0), (0, 1)):
        here = values[: height - dy, : width - dx]
        there = values[dy:, dx:]
        same = (islands[: height - dy, : width - dx] == islands[dy:, dx:]) & (owners[: height - dy, : width - dx] >= 0)
        rows, columns = np.nonzero(same & ((here >= 0.5) != (there >= 0.5)))
        a, b = here[rows, columns].astype(float), there[rows, columns].astype(float)
        step = (0.5 - a) / (b - a)
        nearer = step > 0.5
        found_faces.append(owners[rows + dy * nearer, columns + dx * nearer])
        found_uv.append(np.stack([(columns + 0.5 + dx * step) / width, (rows + 0.5 + dy * step) / height], 1))
    faces, uv = np.concatenate(found_faces).astype(np.int64), np.concatenate(found_uv)
    corners = surface.corner_uvs[faces].astype(float)
    system = np.concatenate([np.swapaxes(corners, 1, 2), np.ones((len(faces), 1, 3))], 1)
    weights = np.linalg.solve(system, np.column_stack([uv, np.ones(len(uv))])[..., None])[..., 0]
    weights = np.clip(weights, 1e-3, None)
    return faces, weights / weights.sum(1, keepdims=True)


def exact_diameter_mm(
    surface: Surface, site: Site, faces: NDArray[np.int64], barycentric: NDArray[np.float64], radius_mm: float
) -> float:
    """Longest exact geodesic between any two of the points, millimetres; 0 without points."""
    if not len(faces):
        return 0.0
    centres, radii = surface.face_spheres
    close = np.linalg.norm(centres - surface.point(site), axis=1) < radius_mm * 1.6e-3 + radii
    vertices, triangles, points = with_points(surface, np.flatnonzero(close), faces, barycentric)
    longest = 0.0
    for source in points:
        ways = igl.exact_geodesic(vertices, triangles, source[None], _NO_FACES, points, _NO_FACES)
        longest = max(longest, float(ways[np.isfinite(ways)].max()))
    return longest * 1e3


def with_points(
    surface: Surface, chosen: NDArray[np.int64], faces: NDArray[np.int64], barycentric: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The `chosen` faces as a mesh in which the points are vertices. Returns vertices, triangles, points."""
    positions = (surface.vertices[surface.faces[faces]] * barycentric[..., None]).sum(1)
    ids = len(surface.vertices) + np.arange(len(faces))
    whole = np.setdiff1d(chosen, faces)
    triangles = [surface.faces[whole].astype(np.int64)]
    for face in np.unique(faces):
        inside = np.flatnonzero(faces == face)
        corners = surface.faces[face]
        names = np.concatenate([corners, ids[inside]])
        plane = np.concatenate([np.eye(3), barycentric[inside]])[:, :2]
        simplices = Delaunay(plane).simplices
        a, b, c = (plane[simplices[:, k]] for k in range(3))
        turned = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] < 0
        simplices[turned] = simplices[turned][:, [0, 2, 1]]
        triangles.append(names[simplices].astype(np.int64))
    everything = np.concatenate(triangles)
    used, compact = np.unique(everything, return_inverse=True)
    vertices = np.concatenate([surface.vertices, positions])[used]
    return vertices, compact.reshape(-1, 3).astype(np.int64), np.searchsorted(used, ids)
