"""How large a texel is on the skin: the singular values of each face's map from texels to millimetres.

The map's Jacobian is [e1 e2] [t1 t2]⁻¹ with the face's edges e in millimetres and t in texels; its singular values come
from the eigenvalues of its Gram matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.surface.surface import Surface


@dataclass(frozen=True)
class Density:
    """Texels of some part of the skin, weighted by area.

    mm_per_texel: 5th, 50th and 95th percentile of the side of a square as large as a texel. anisotropy: 50th and 95th
    percentile of its longer over its shorter side. area_cm2: of the faces that were counted.
    """

    mm_per_texel: tuple[float, float, float]
    anisotropy: tuple[float, float]
    area_cm2: float


def texel_sides(
    surface: "Surface", sizes: Mapping[int, tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longer and shorter side of a texel on each face, millimetres, float64 [F] each.

    sizes: width and height of the map by material. Both sides are infinite where a material has no size or a face no
    area in the texture.
    """
    count = int(surface.face_material.max(initial=0)) + 1
    size = np.full((count, 2), np.nan)
    for material, extent in sizes.items():
        if material < count:
            size[material] = extent
    corners = surface.vertices[surface.faces] * 1e3
    texels = surface.corner_uvs.astype(np.float64) * size[surface.face_material][:, None]
    edges, steps = corners[:, 1:] - corners[:, :1], texels[:, 1:] - texels[:, :1]
    doubled = steps[:, 0, 0] * steps[:, 1, 1] - steps[:, 0, 1] * steps[:, 1, 0]
    seen = np.isfinite(doubled) & (np.abs(doubled) > 1e-9)
    longer, shorter = np.full(len(doubled), np.inf), np.full(len(doubled), np.inf)
    jacobian = np.linalg.inv(steps[seen]) @ edges[seen]
    gram = jacobian @ jacobian.transpose(0, 2, 1)
    mean = (gram[:, 0, 0] + gram[:, 1, 1]) / 2
    spread = np.hypot((gram[:, 0, 0] - gram[:, 1, 1]) / 2, gram[:, 0, 1])
    longer[seen], shorter[seen] = np.sqrt(mean + spread), np.sqrt(np.maximum(mean - spread, 0))
    return longer, shorter


def density(
    surface: "Surface", sizes: Mapping[int, tuple[int, int]], faces: NDArray[np.bool_] | None = None
) -> Density | None:
    """Texel density of the chosen `faces` (bool [F], all by default); None where none of them has texels."""
    longer, shorter = texel_sides(surface, sizes)
    counted = np.isfinite(longer) & (shorter > 0) & (surface.face_areas > 0)
    if faces is not None:
        counted &= faces
    if not counted.any():
        return None
    area = surface.face_areas[counted]
    side = np.sqrt(longer[counted] * shorter[counted])
    p5, p50, p95 = _percentiles(side, area, (5, 50, 95))
    a50, a95 = _percentiles(longer[counted] / shorter[counted], area, (50, 95))
    return Density((p5, p50, p95), (a50, a95), float(area.sum() * 1e4))


def _percentiles(values: NDArray[np.float64], weights: NDArray[np.float64], wanted: tuple[int, ...]) -> list[float]:
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum() * 100
    places = np.minimum(np.searchsorted(reached, np.asarray(wanted, float)), len(order) - 1)
    return [float(value) for value in values[order[places]]]
