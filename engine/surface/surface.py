"""One avatar's skin as the tool works on it: positions merged across UV seams, UVs per corner, metres."""

from collections import OrderedDict
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.avatar.model import Avatar
from engine.errors import BadInput
from engine.lesion import Site
from engine.surface.islands import label_islands
from engine.surface.patch import Patch, cut_patch
from engine.surface.raster import barycentric_at, barycentric_gradients, face_map

MERGE_M = 1e-6
"""Vertices closer than about this are one: seams repeat a position exactly, up to rounding."""

_OWNER_BYTES = 600 * 2**20


class Surface:
    """A body's skin.

    vertices: float64 [M, 3], metres, +Y up, the body looks along +Z. faces: int32 [F, 3], in the avatar's order.
    corner_uvs: float32 [F, 3, 2], origin top-left. face_material: int16 [F]. `of` builds one from an avatar.
    """

    def __init__(
        self,
        vertices: NDArray[np.float64],
        faces: NDArray[np.int32],
        corner_uvs: NDArray[np.float32],
        face_material: NDArray[np.int16],
    ) -> None:
        self.vertices = vertices
        self.faces = faces
        self.corner_uvs = corner_uvs
        self.face_material = face_material
        self._owners: OrderedDict[tuple[int, int, int], NDArray[np.int32]] = OrderedDict()

    @classmethod
    def of(cls, avatar: Avatar) -> "Surface":
        """Merge the avatar's vertices by position, whatever made the file split them."""
        grid = np.round(avatar.positions / MERGE_M).astype(np.int64)
        _, first, merged = np.unique(grid, axis=0, return_index=True, return_inverse=True)
        faces = merged.reshape(-1)[avatar.faces].astype(np.int32)
        return cls(
            avatar.positions[first].astype(np.float64),
            faces,
            avatar.uvs[avatar.faces].astype(np.float32),
            avatar.face_material,
        )

    @cached_property
    def _face_crosses(self) -> NDArray[np.float64]:
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        return np.cross(b - a, c - a)

    @cached_property
    def face_areas(self) -> NDArray[np.float64]:
        """Square metres, float64 [F]."""
        areas: NDArray[np.float64] = np.linalg.norm(self._face_crosses, axis=1) / 2
        return areas

    @cached_property
    def face_normals(self) -> NDArray[np.float64]:
        """Unit normals, float64 [F, 3]; zero where the face has no area."""
        return _unit(self._face_crosses)

    @cached_property
    def vertex_normals(self) -> NDArray[np.float64]:
        """Unit normals, float64 [M, 3], faces weighted by their angle at the vertex (Thürmer & Wüthrich 1998)."""
        corners = self.vertices[self.faces]
        total = np.zeros_like(self.vertices)
        for k in range(3):
            a, b = _unit(corners[:, k - 2] - corners[:, k]), _unit(corners[:, k - 1] - corners[:, k])
            angle = np.arccos(np.clip((a * b).sum(1), -1, 1))
            np.add.at(total, self.faces[:, k], self.face_normals * angle[:, None])
        return _unit(total)

    @cached_property
    def face_island(self) -> NDArray[np.int32]:
        """The UV island of each face, int32 [F], counted from 0 over all materials."""
        return label_islands(self.faces, self.corner_uvs, self.face_material)

    @cached_property
    def face_spheres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A ball around each face: centres float64 [F, 3], radii float64 [F]."""
        corners = self.vertices[self.faces]
        centres = corners.mean(1)
        return centres, np.linalg.norm(corners - centres[:, None], axis=2).max(1)

    @cached_property
    def _caster(self) -> object:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        scene = EmbreeScene()
        TriangleMesh(scene, self.vertices[self.faces].astype(np.float32))
        return scene

    def point(self, site: Site) -> NDArray[np.float64]:
        """Where the site is, float64 [3], metres. BadInput where the surface has no such face."""
        return np.asarray(site.barycentric @ self.vertices[self.faces[self._checked(site)]])

    def normal(self, site: Site) -> NDArray[np.float64]:
        """The smooth outward unit normal at the site, float64 [3]."""
        corners = self.faces[self._checked(site)]
        return _unit(np.asarray(site.barycentric) @ self.vertex_normals[corners])

    def uv(self, site: Site) -> tuple[int, float, float]:
        """The site's material and UV, origin top-left."""
        u, v = np.asarray(site.barycentric) @ self.corner_uvs[self._checked(site)].astype(np.float64)
        return int(self.face_material[site.face]), float(u), float(v)

    def site_at_uv(self, material: int, u: float, v: float) -> Site:
        """The site that a texture coordinate shows; of faces that overlap there, the first.

        BadInput where none of the material's faces lies there.
        """
        low, high = self._uv_bounds
        inside = (low <= (u, v)).all(1) & (high >= (u, v)).all(1) & (self.face_material == material)
        candidates = np.flatnonzero(inside)
        position = np.full(len(candidates), u), np.full(len(candidates), v)
        uvs = self.corner_uvs[candidates]
        barycentric = barycentric_at(np.arange(len(candidates)), *position, *barycentric_gradients(uvs, 1, 1))
        hits = np.flatnonzero((barycentric >= -1e-6).all(1) & (barycentric <= 1 + 1e-6).all(1))
        # A degenerate face has no gradients and would claim every point as its first corner.
        hits = hits[np.abs((barycentric[hits][..., None] * uvs[hits]).sum(1) - (u, v)).max(1, initial=0.0) < 1e-4]
        if not len(hits):
            raise BadInput(f"uv: no skin lies at ({u:g}, {v:g}) of this material's texture; (0, 0) is its top left")
        return site_of(int(candidates[hits[0]]), barycentric[hits[0]])

    def cast(
        self, origins: NDArray[np.floating], directions: NDArray[np.floating]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """The first faces that rays meet.

        origins, directions: [N, 3]; directions need not be of unit length.
        Returns faces int32 [N] (-1: none), barycentric float64 [N, 3], distances float64 [N] in metres (inf: none).
        """
        unit = _unit(np.asarray(directions, np.float64))
        found = self._caster.run(  # type: ignore[attr-defined]
            np.ascontiguousarray(origins, np.float32), unit.astype(np.float32), output=True
        )
        faces = found["primID"].astype(np.int32)
        hit = faces >= 0
        barycentric = np.zeros((len(faces), 3))
        barycentric[hit, 1], barycentric[hit, 2] = found["u"][hit], found["v"][hit]
        barycentric[hit] = np.clip(barycentric[hit], 0, 1)
        barycentric[hit, 0] = np.maximum(1 - barycentric[hit, 1:].sum(1), 0)
        barycentric[hit] /= barycentric[hit].sum(1, keepdims=True)
        points = (barycentric[hit, :, None] * self.vertices[self.faces[faces[hit]]]).sum(1)
        distances = np.full(len(faces), np.inf)
        distances[hit] = np.linalg.norm(points - np.asarray(origins, np.float64)[hit], axis=1)
        return faces, barycentric, distances

    def hidden(self, origins: NDArray[np.floating], directions: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether rays meet any face, bool [N]; as `cast`, and quicker."""
        found = self._caster.run(  # type: ignore[attr-defined]
            np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32), query="OCCLUDED"
        )
        met: NDArray[np.bool_] = np.asarray(found) >= 0
        return met

    def owners(self, material: int, width: int, height: int) -> NDArray[np.int32]:
        """`face_map` of one material's faces, int32 [height, width]; kept, up to 600 MiB, for the next who asks."""
        key = (material, width, height)
        if key not in self._owners:
            faces = np.flatnonzero(self.face_material == material)
            self._owners[key] = face_map(self.corner_uvs, width, height, faces)
            self._owners[key].setflags(write=False)
            while len(self._owners) > 1 and sum(kept.nbytes for kept in self._owners.values()) > _OWNER_BYTES:
                self._owners.popitem(last=False)
        self._owners.move_to_end(key)
        return self._owners[key]

    def patch(self, site: Site, width_mm: float, size: int, turn_deg: float = 0.0) -> Patch:
        """A square metric window around the site; see `Patch`.

        width_mm: side, in mm along the surface. size: side in pixels. turn_deg: rotates the window counter-clockwise.
        BadInput for a site that the surface doesn't have, AvatarError where the surface is degenerate there.
        """
        self._checked(site)
        return cut_patch(self, site, width_mm, size, turn_deg)

    @cached_property
    def _uv_bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.corner_uvs.min(1) - np.float32(1e-6), self.corner_uvs.max(1) + np.float32(1e-6)

    def _checked(self, site: Site) -> int:
        if not 0 <= site.face < len(self.faces):
            raise BadInput(f"site: face {site.face} does not exist; the body has faces 0 to {len(self.faces) - 1}")
        return site.face


def site_of(face: int, barycentric: NDArray[np.floating]) -> Site:
    """A site with its coordinates cut to the face and summing to 1."""
    inside = np.clip(np.asarray(barycentric, np.float64), 0, None)
    a, b, c = (float(x) for x in inside / inside.sum())
    return Site(face, (a, b, c))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0))
