"""Affine maps from a triangle's plane to values at its corners: barycentric interpolation, ready to evaluate."""

import numpy as np
from numpy.typing import NDArray


def affine_maps(places: NDArray[np.float64], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """For each triangle the map that takes its corners' places to its corners' values.

    places: float64 [m, 3, 2]; values: [m, 3, k]. Returns float64 [m, k, 3]: factors of x, of y, and a constant. A
    triangle without area maps everything to its first corner's values.
    """
    first, second = places[:, 1] - places[:, 0], places[:, 2] - places[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    inverse = np.divide(1.0, area, out=np.zeros_like(area), where=np.abs(area) > 1e-14)[:, None]
    along, across = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    dx = (along * second[:, 1:] - across * first[:, 1:]) * inverse
    dy = (across * first[:, :1] - along * second[:, :1]) * inverse
    constant = values[:, 0] - dx * places[:, 0, :1] - dy * places[:, 0, 1:]
    return np.stack([dx, dy, constant], -1)


def apply_affine(
    maps: NDArray[np.float64], triangles: NDArray[np.integer], x: NDArray[np.floating], y: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Values [N, k] of `triangles` [N] at the places x, y [N]; they extrapolate outside of the triangle."""
    chosen = maps[triangles]
    return np.asarray(chosen[..., 0] * x[:, None] + chosen[..., 1] * y[:, None] + chosen[..., 2])
