"""The longest diameter of a region on the skin: the longest shortest way between two points of its outline."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.surface.affine import affine_maps, apply_affine

if TYPE_CHECKING:
    from engine.surface.patch import Patch

_STARTS = 3
_SWEEPS = 8
_FINEST = 1024
_MANY_FACES = 4000


def longest_diameter(patch: "Patch", mask: NDArray[np.floating] | NDArray[np.bool_]) -> float:
    """See `Patch.diameter_mm`.

    From a few far-off points of the outline, the farthest point is looked for, and from there again, until the way
    grows no longer: on convex regions this finds the diameter, else one within a fraction of a percent of it.
    """
    if mask.shape != (patch.size, patch.size):
        raise BadInput(f"mask: is {list(mask.shape)}; this patch has {patch.size}×{patch.size} pixels")
    triangles, x, y = _outline(np.asarray(mask, np.float64), patch.piece)
    if not len(triangles):
        return 0.0
    chart = patch.chart
    triangles, barycentric = _located(patch, triangles, x, y)
    corners = chart.mesh.faces[triangles]
    points = (chart.mesh.vertices[corners] * barycentric[..., None]).sum(1)

    heres = _far_apart(x, y)[: _STARTS if len(chart.places) < _MANY_FACES else 1]
    reach = dict.fromkeys(heres, 0.0)
    seen: set[int] = set()
    longest = 0.0
    for _ in range(_SWEEPS):
        if not reach:
            break
        starts = np.array(list(reach))
        seen.update(reach)
        farther: dict[int, float] = {}
        distances = chart.unfolding.distances(corners[starts], barycentric[starts])
        for here, distance in zip(reach, distances, strict=True):
            ways = chart.unfolding.to_points(distance, corners, barycentric)
            same = triangles == triangles[here]
            ways[same] = np.linalg.norm(points[same] - points[here], axis=1)
            ways[~np.isfinite(ways)] = 0.0
            farthest = int(ways.argmax())
            longest = max(longest, float(ways[farthest]))
            if ways[farthest] > reach[here] * (1 + 1e-4) and farthest not in seen:
                farther[farthest] = max(farther.get(farthest, 0.0), float(ways[farthest]))
        reach = farther
    return longest * 1e3


def _outline(
    mask: NDArray[np.float64], piece: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Where the mask crosses 0.5 between neighbouring pixels: face of the chart, x and y [N] in pixels."""
    value = np.pad(np.where(piece >= 0, mask, 0.0), 1)
    on_surface = np.pad(piece, 1, constant_values=-1)
    found: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]] = []
    inside = value >= 0.5
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        beyond = np.roll(value, (-dy, -dx), (0, 1))
        rows, columns = np.nonzero(inside & (beyond < 0.5))
        here, there = value[rows, columns], beyond[rows, columns]
        # Beyond the surface's edge or the window the mask is unknown: the pixel itself ends there.
        ends = np.roll(on_surface, (-dy, -dx), (0, 1))[rows, columns] < 0
        step = np.where(ends, 0.5, (here - 0.5) / (here - there))
        found.append((on_surface[rows, columns].astype(np.int64), columns - 0.5 + dx * step, rows - 0.5 + dy * step))
    triangles, x, y = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return triangles, x, y


def _located(
    patch: "Patch", triangles: NDArray[np.int64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The chart's faces [N] and barycentric coordinates [N, 3] at places x, y in pixels.

    triangles: the faces of the pixels nearby, for places where there is none. Places just outside of their face are
    moved to its nearest point: cutting off coordinates would shift them along a sliver's whole length.
    """
    times = max(1, min(4, _FINEST // patch.size))
    fine = patch.at_size(patch.size * times).piece
    rows, columns = (np.clip((v * times).astype(int), 0, len(fine) - 1) for v in (y, x))
    triangles = np.where(fine[rows, columns] >= 0, fine[rows, columns], triangles)
    corners = patch.chart.places[triangles].astype(np.float64) * patch.size
    place = np.stack([x, y], 1)
    maps = affine_maps(corners, np.broadcast_to(np.eye(3), (len(corners), 3, 3)))
    barycentric = apply_affine(maps, np.arange(len(corners)), x, y)
    outside = (barycentric < 0).any(1)
    nearest = np.full(len(corners), np.inf)
    for k in range(3):
        start, edge = corners[:, k], corners[:, k - 2] - corners[:, k]
        along = ((place - start) * edge).sum(1) / np.maximum((edge**2).sum(1), 1e-18)
        along = np.clip(along, 0, 1)
        distance = np.linalg.norm(start + along[:, None] * edge - place, axis=1)
        closer = outside & (distance < nearest)
        nearest[closer] = distance[closer]
        on_edge = np.zeros((len(corners), 3))
        on_edge[:, k], on_edge[:, k - 2] = 1 - along, along
        barycentric[closer] = on_edge[closer]
    return triangles, barycentric


def _far_apart(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[int]:
    """Points of the outline that lie farthest out in evenly spaced directions."""
    angles = np.pi * np.arange(_STARTS) / _STARTS
    return [int(np.argmax(np.cos(a) * x + np.sin(a) * y)) for a in angles]
