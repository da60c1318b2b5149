"""Where a picture needs more than one ray per pixel, and what a ray's neighbours in its pixel see of the texture.

Rays go through the middle of every pixel; only pixels about an edge (of the body, a fold, a material) get a ray for
every sample (adaptive supersampling, after Whitted 1980). Elsewhere light and shape hardly change within a pixel, and
the texture alone is sampled more finely, at the places that the ray's derivatives give (Igehy 1999).
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.surface.surface import Surface

Floats = NDArray[np.float64]

_STEEPEST = 6.0
"""Most difference in depth among a pixel and its eight neighbours, in pixels: what a slope of 3 makes of them."""
_ROUNDEST = 0.25
"""Most difference in a component of the unit normal among them."""
_NOTHING = 1e9


def even(
    shape: tuple[int, int],
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    faces: NDArray[np.int32],
    depths: Floats,
    normals: NDArray[np.float32],
    material: NDArray[np.int16],
    pixel_m: float,
) -> NDArray[np.bool_]:
    """Whether nothing ends or folds about each of N pixels of a grid `shape`; bool [N].

    places: rows and columns [N]. faces (-1: none), depths (metres) and unit normals [N, 3]: what the rays through them
    met. material: of all faces. pixel_m: a pixel's side. Pixels of the grid that aren't among the N show nothing.
    """
    met = faces >= 0
    grid = np.full((*shape, 5), _NOTHING, np.float32)
    seen = np.concatenate([depths[:, None], normals, material[faces][:, None]], 1)
    grid[places] = np.where(met[:, None], seen, _NOTHING)
    kernel = np.ones((3, 3), np.uint8)
    spread = (cv2.dilate(grid, kernel) - cv2.erode(grid, kernel))[places]
    limits = np.array([_STEEPEST * pixel_m, _ROUNDEST, _ROUNDEST, _ROUNDEST, 0.5], np.float32)
    flat: NDArray[np.bool_] = met & (spread <= limits).all(1)
    return flat


def beside(
    surface: "Surface",
    faces: NDArray[np.int32],
    barycentric: Floats,
    directions: Floats,
    across: Floats,
    offsets: Floats,
) -> NDArray[np.float32]:
    """Where rays beside those that met these faces meet them: barycentric float32 [N, S, 3], cut to the face.

    directions: of the rays, [N, 3]. across: how far the ray moves for a pixel to the right and one down, metres
    [2, 3]. offsets: from the pixel's middle, in pixels, [S, 2].
    """
    corners = surface.vertices[surface.faces[faces]]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    cross = np.cross(first, second)
    square = np.maximum(np.einsum("nc,nc->n", cross, cross), 1e-30)[:, None]
    gradients = np.stack([np.cross(second, cross), np.cross(cross, first)], 1) / square[:, None]
    along = np.einsum("nc,nc->n", directions, cross)[:, None]
    along = np.where(np.abs(along) < 1e-30, 1e-30, along)
    on_face = [step - directions * ((cross @ step)[:, None] / along) for step in across]
    shifts = np.stack([np.einsum("nkc,nc->nk", gradients, step) for step in on_face], 1).astype(np.float32)
    weights = np.empty((len(faces), len(offsets), 3), np.float32)
    weights[..., 1:] = barycentric[:, None, 1:]
    weights[..., 1:] += np.einsum("sa,nak->nsk", offsets.astype(np.float32), shifts)
    weights[..., 0] = 1 - weights[..., 1] - weights[..., 2]
    np.maximum(weights, 0, out=weights)
    weights /= (weights[..., 0] + weights[..., 1] + weights[..., 2])[..., None]
    return weights
