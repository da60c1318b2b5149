"""A body's mesh as the graphics card takes it; made in the background, because it takes a while."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.surface import Surface


@dataclass(frozen=True)
class BodyMesh:
    """corners: float32 [3 F, 11], of each face's corners, faces sorted by material: position, normal, UV, openness,
    island, mm per texel. place_of: where a face stands among the sorted ones. centre, radius: a ball about the body, m.
    """

    corners: NDArray[np.float32]
    place_of: NDArray[np.intp]
    centre: NDArray[np.float64]
    radius: float

    @classmethod
    def of(cls, surface: Surface, openness: NDArray[np.floating], texel_mm: NDArray[np.floating]) -> Self:
        """openness: [V], how much of the sky a vertex sees. texel_mm: [F]; what isn't finite has no texels."""
        order = np.argsort(surface.face_material, kind="stable")
        body = surface.vertices[np.unique(surface.faces)]
        centre = (body.min(0) + body.max(0)) / 2
        radius = float(np.linalg.norm(body - centre, axis=1).max()) * 1.01
        corners = surface.faces[order].reshape(-1)
        side = np.where(np.isfinite(texel_mm), texel_mm, 1e9)
        columns = [
            surface.vertices[corners],
            np.asarray(surface.vertex_normals)[corners],
            surface.corner_uvs[order].reshape(-1, 2),
            openness[corners],
            np.repeat(surface.face_island[order], 3),
            np.repeat(side[order], 3),
        ]
        return cls(np.column_stack(columns).astype(np.float32), np.argsort(order), centre, radius)
