"""A body's mesh as the graphics card takes it; made in the background, because it takes a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from engine.surface import Surface

Box = tuple[int, int, int, int]
"""Left, top, right and bottom of some pixels, right and bottom not included."""


@dataclass(frozen=True)
class Part:
    """Faces that are drawn together: `count` from `first` on. closed: none of their back sides can be seen."""

    material: int
    first: int
    count: int
    closed: bool


@dataclass(frozen=True)
class BodyMesh:
    """corners: float32 [3 F, 11], of each face's corners, faces sorted by part: position, normal, UV, openness, island,
    mm per texel. parts: what is drawn together. place_of: where a face stands among the sorted ones. uv_boxes:
    float32 [F, 4], the smallest and the largest UV of each sorted face. centre, radius: a ball about the body, m.
    """

    corners: NDArray[np.float32]
    parts: tuple[Part, ...]
    place_of: NDArray[np.intp]
    uv_boxes: NDArray[np.float32]
    centre: NDArray[np.float64]
    radius: float

    @classmethod
    def of(cls, surface: Surface, openness: NDArray[np.floating], texel_mm: NDArray[np.floating]) -> Self:
        """openness: [V], how much of the sky a vertex sees. texel_mm: [F]; what isn't finite has no texels."""
        key = 2 * surface.face_material.astype(np.int64) + ~closed(surface)
        order = np.argsort(key, kind="stable")
        counts = np.bincount(key)
        starts = np.cumsum(counts) - counts
        parts = [Part(int(k) // 2, int(starts[k]), int(counts[k]), k % 2 == 0) for k in np.flatnonzero(counts)]
        body = surface.vertices[np.unique(surface.faces)]
        centre = (body.min(0) + body.max(0)) / 2
        radius = float(np.linalg.norm(body - centre, axis=1).max()) * 1.01
        corners = surface.faces[order].reshape(-1)
        side = np.where(np.isfinite(texel_mm), texel_mm, 1e9)
        uvs = surface.corner_uvs[order]
        columns: list[NDArray[Any]] = [
            surface.vertices[corners],
            np.asarray(surface.vertex_normals)[corners],
            uvs.reshape(-1, 2),
            openness[corners],
            np.repeat(surface.face_island[order], 3),
            np.repeat(side[order], 3),
        ]
        boxes = np.hstack([uvs.min(1), uvs.max(1)]).astype(np.float32)
        return cls(np.column_stack(columns).astype(np.float32), tuple(parts), np.argsort(order), boxes, centre, radius)

    def corners_within(self, material: int, boxes: Sequence[tuple[float, ...]]) -> NDArray[np.float32]:
        """Positions float32 [N, 3] of the corners of a material's faces that meet one of the UV boxes."""
        found = []
        for part in (part for part in self.parts if part.material == material):
            rows = slice(part.first, part.first + part.count)
            low, high = self.uv_boxes[rows, :2], self.uv_boxes[rows, 2:]
            hit = np.zeros(part.count, bool)
            for left, top, right, bottom in boxes:
                hit |= (low <= (right, bottom)).all(1) & (high >= (left, top)).all(1)
            places = 3 * (part.first + np.flatnonzero(hit))
            found.append(self.corners[(places[:, None] + np.arange(3)).reshape(-1), :3])
        return np.concatenate(found) if found else np.empty((0, 3), np.float32)


def closed(surface: Surface) -> NDArray[np.bool_]:
    """Which faces belong to a piece without holes that is turned outside out, bool [F]: nobody sees into it."""
    faces, count = surface.faces.astype(np.int64), len(surface.vertices)
    starts, ends = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    known, first, times = np.unique(starts * count + ends, return_inverse=True, return_counts=True)
    back = ends * count + starts
    place = np.minimum(np.searchsorted(known, back), len(known) - 1)
    paired = (times[first] == 1) & (known[place] == back) & (times[place] == 1)
    joined = coo_matrix((np.ones(len(starts), np.int8), (starts, ends)), shape=(count, count))
    pieces, piece_of = connected_components(joined, directed=False)
    piece = piece_of[faces[:, 0]]
    corners = surface.vertices[faces]
    volumes = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    whole = np.bincount(piece, volumes, minlength=pieces) > 0
    whole[np.repeat(piece, 3)[~paired]] = False
    return np.asarray(whole[piece])
