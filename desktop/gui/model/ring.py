"""A true-size ring on the skin, as both views draw it: a circle in the tangent plane, dropped onto the surface."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.lesion import Site
from engine.surface import Surface
from engine.surface.patch import up_and_right

COUNT = 72
_HEIGHT = 0.6
"""From how high above the skin the circle is dropped, in radii."""

_JUMP = 8.0
"""A step in the texture so many times the usual one crosses a cut."""


@dataclass(frozen=True)
class Ring:
    """points float64 [N, 3], metres; normals [N, 3]; uv float64 [N, 2] and island int32 [N] (-1: off the surface)."""

    points: NDArray[np.float64]
    normals: NDArray[np.float64]
    uv: NDArray[np.float64]
    island: NDArray[np.int32]


def ring(surface: Surface, site: Site, diameter_mm: float) -> Ring:
    """The ring of a lesion of this diameter about a site; closed: the last point is the first again."""
    centre, normal = surface.point(site), surface.normal(site)
    up, right = up_and_right(normal, 0.0)
    angle = np.linspace(0, 2 * np.pi, COUNT + 1)[:, None]
    radius = diameter_mm / 2000
    flat = centre + radius * (np.cos(angle) * up + np.sin(angle) * right)
    lift = max(_HEIGHT * radius, 1e-3)
    faces, barycentric, distances = surface.cast(flat + lift * normal, np.broadcast_to(-normal, flat.shape))
    hit = (faces >= 0) & (distances < 3 * lift + radius)
    points, normals = flat.copy(), np.tile(normal, (len(flat), 1))
    uv, island = np.zeros((len(flat), 2)), np.full(len(flat), -1, np.int32)
    found = faces[hit]
    points[hit] = (barycentric[hit, :, None] * surface.vertices[surface.faces[found]]).sum(1)
    normals[hit] = surface.face_normals[found]
    uv[hit] = (barycentric[hit, :, None] * surface.corner_uvs[found]).sum(1)
    island[hit] = surface.face_island[found]
    return Ring(points, normals, uv, island)


def strokes(outline: Ring, island_material: NDArray[np.int16], material: int) -> list[NDArray[np.float64]]:
    """The ring's pieces in one material's atlas, UV [K, 2] each, of two points and more.

    It breaks where it crosses a seam: into another island, or to the other side of a cut within one.
    """
    steps = np.linalg.norm(np.diff(outline.uv, axis=0), axis=1)
    jumps = steps > _JUMP * max(float(np.median(steps)), 1e-9)
    breaks = np.flatnonzero((np.diff(outline.island) != 0) | jumps) + 1
    pieces = zip(np.split(outline.uv, breaks), np.split(outline.island, breaks), strict=True)
    return [uv for uv, island in pieces if len(uv) > 1 and island[0] >= 0 and island_material[island[0]] == material]
