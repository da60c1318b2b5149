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
    places = chart.places.astype(np.float64) * patch.size
    corner_weights = np.broadcast_to(np.eye(3), (len(places), 3, 3))
    barycentric = np.clip(apply_affine(affine_maps(places, corner_weights), triangles, x, y), 0, 1)
    barycentric /= barycentric.sum(1, keepdims=True)
    corners = chart.mesh.faces[triangles]
    points = (chart.mesh.vertices[corners] * barycentric[..., None]).sum(1)

    longest, seen = 0.0, set()
    for start in _far_apart(x, y):
        here, reach = start, 0.0
        for _ in range(_SWEEPS):
            if here in seen:
                break
            seen.add(here)
            right, up = _plane(chart.mesh.vertices[corners[here]])
            distance, _ = chart.unfolding.from_point(corners[here], barycentric[here], right, up)
            ways = chart.unfolding.to_points(distance, corners, barycentric)
            same = triangles == triangles[here]
            ways[same] = np.linalg.norm(points[same] - points[here], axis=1)
            ways[~np.isfinite(ways)] = 0.0
            farthest = int(ways.argmax())
            if ways[farthest] <= reach * (1 + 1e-4):
                break
            here, reach = farthest, float(ways[farthest])
        longest = max(longest, reach)
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


def _far_apart(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[int]:
    """Points of the outline that lie farthest out in evenly spaced directions."""
    angles = np.pi * np.arange(_STARTS) / _STARTS
    return [int(np.argmax(np.cos(a) * x + np.sin(a) * y)) for a in angles]


def _plane(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two orthogonal unit vectors in a triangle's plane."""
    right = corners[1] - corners[0]
    right = right / np.linalg.norm(right)
    up = corners[2] - corners[0]
    up = up - right * (up @ right)
    return right, up / max(float(np.linalg.norm(up)), 1e-15)
