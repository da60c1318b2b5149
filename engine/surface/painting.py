"""Regions of skin as painted texels: brushed by distance on the body, filled by outlines, grown and shrunk in mm.

A region is a mask per material on a `SkinGrid`. Since brushes and growth measure on the body, both banks of a UV seam
are painted alike. Unowned texels beside a painted one are painted too: whoever looks a UV up in the mask finds skin on
the very edge of an island.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from engine.atlas import Rect, merge
from engine.surface.islands import label_islands
from engine.surface.raster import barycentric_at, barycentric_gradients, face_map
from engine.surface.surface import Surface

LARGEST_GRID = 4096
"""Masks are at most this many texels a side; an 8192² atlas gets one of half its size."""
_BLOCK = 1 << 20

Mask = NDArray[np.bool_]
Masks = dict[int, Mask]


@dataclass(frozen=True)
class Piece:
    """Texels to paint: bool [rect.height, rect.width] of one material's mask."""

    material: int
    rect: Rect
    inside: Mask


class SkinGrid:
    """The texels of a body on which regions are painted. sizes: width and height of the mask by material."""

    def __init__(self, surface: Surface, atlas_sizes: Mapping[int, tuple[int, int]]) -> None:
        self.surface = surface
        self.sizes = {material: _bounded(*size) for material, size in atlas_sizes.items()}
        self._owners: dict[int, NDArray[np.int32]] = {}

    def owners(self, material: int) -> NDArray[np.int32]:
        """The face that each texel of a material's mask belongs to, int32 [H, W], -1 for none; kept."""
        if material not in self._owners:
            self._owners[material] = self.surface.owners(material, *self.sizes[material])
        return self._owners[material]

    def empty(self, material: int) -> Mask:
        """A mask with nothing painted."""
        width, height = self.sizes[material]
        return np.zeros((height, width), bool)

    def fitted(self, masks: Mapping[int, Mask]) -> Masks:
        """Masks that may have another size, on this grid; materials that it doesn't know are left out."""
        result: Masks = {}
        for material, mask in masks.items():
            size = self.sizes.get(material)
            if size is not None and mask.any():
                height, width = mask.shape
                same = (width, height) == size
                result[material] = mask.copy() if same else _resized(mask, size)
        return result

    # what is inside

    def brushed(self, path: NDArray[np.floating], radius_mm: float, start: int) -> list[Piece]:
        """Texels within `radius_mm` of a path.

        path: [K, 3], metres, one point or more. start: the face at its beginning; only skin that hangs together with
        it near the path is painted, not another sheet that happens to pass by.
        """
        points = np.asarray(path, np.float64).reshape(-1, 3)
        faces = self._near(points, radius_mm / 1000, start)
        result = []
        for part in self._parts(faces):
            found = self._window(part)
            if found is None:
                continue
            material, rect, rows, columns, positions = found
            close = _distance_to_path(positions, points) <= radius_mm / 1000
            inside = np.zeros((rect.height, rect.width), bool)
            inside[rows[close], columns[close]] = True
            if close.any():
                result.append(Piece(material, rect, inside))
        return result

    def outlined(self, material: int, outline: NDArray[np.floating]) -> list[Piece]:
        """Skin inside a closed outline in the texture: [K, 2], UV with its origin at the top left."""
        width, height = self.sizes[material]
        corners = np.asarray(outline, np.float64).reshape(-1, 2) * (width, height)
        low = np.clip(np.floor(corners.min(0)), 0, (width, height)).astype(int)
        high = np.clip(np.ceil(corners.max(0)), 0, (width, height)).astype(int)
        if (high <= low).any():
            return []
        rect = Rect(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
        filled = np.zeros((rect.height, rect.width), np.uint8)
        shift = 4
        fixed = np.rint((corners - low - 0.5) * (1 << shift)).astype(np.int32)
        cv2.fillPoly(filled, [fixed], 1, shift=shift)
        inside = filled.view(bool) & (self.owners(material)[rect.slices] >= 0)
        return [Piece(material, rect, inside)] if inside.any() else []

    def of_faces(self, faces: Mask) -> list[Piece]:
        """All texels of the chosen faces, bool [F]."""
        chosen = np.append(faces, False)
        result = []
        for material in sorted({int(m) for m in self.surface.face_material[faces]} & set(self.sizes)):
            inside = chosen[self.owners(material)]
            if inside.any():
                rect = _around(inside)
                result.append(Piece(material, rect, inside[rect.slices]))
        return result

    # changing masks

    def paint(self, masks: Masks, pieces: Sequence[Piece], add: bool = True) -> dict[int, list[Rect]]:
        """Add pieces to masks or take them away, in place; the rectangles that may have changed."""
        dirty: dict[int, list[Rect]] = {}
        for piece in pieces:
            if piece.material not in masks:
                if not add:
                    continue
                masks[piece.material] = self.empty(piece.material)
            mask = masks[piece.material]
            window = mask[piece.rect.slices]
            if add:
                window |= piece.inside
            else:
                window &= ~piece.inside
            dirty.setdefault(piece.material, []).append(self._gutter(piece.material, mask, piece.rect))
        return {material: merge(rects) for material, rects in dirty.items()}

    def inverted(self, masks: Mapping[int, Mask], faces: Mask | None = None) -> Masks:
        """All skin that is not painted; faces: bool [F], what counts as skin (all where None)."""
        chosen = None if faces is None else np.append(faces, False)
        result: Masks = {}
        for material in self.sizes:
            owners = self.owners(material)
            inside = owners >= 0 if chosen is None else chosen[owners]
            if material in masks:
                inside = inside & ~masks[material]
            if inside.any():
                result[material] = inside
                height, width = inside.shape
                self._gutter(material, inside, Rect(0, 0, width, height))
        return result

    def grown(self, masks: Mapping[int, Mask], by_mm: float) -> Masks:
        """The region with its rim moved outwards by so many millimetres; inwards where negative."""
        result = {material: mask.copy() for material, mask in masks.items()}
        rim = list(self._rim(result, by_mm < 0))
        if not rim or by_mm == 0:
            return result
        points, faces = np.concatenate([r[0] for r in rim]), np.concatenate([r[1] for r in rim])
        normals, reach = self.surface.face_normals, abs(by_mm) / 1000
        centres, radii = self.surface.face_spheres
        if by_mm < 0:
            painted = np.flatnonzero(self.faces_of(result))
            farthest = reach + float(radii[painted].max())
            near = np.isfinite(cKDTree(centres[painted]).query(points, distance_upper_bound=farthest)[0])
            points, faces = points[near], faces[near]
        else:
            painted = np.arange(len(centres))
        if not len(points):
            return result
        tree = cKDTree(points)
        close = painted[tree.query(centres[painted])[0] <= reach + radii[painted]]
        for part in self._parts(close):
            found = self._window(part)
            if found is None:
                continue
            material, rect, rows, columns, positions = found
            distance, nearest = tree.query(positions, distance_upper_bound=reach)
            hit = np.isfinite(distance)
            own = self._owner_of(part, material, rect)[rows[hit], columns[hit]]
            # Skin that faces the other way is the far side of an ear or a finger.
            same = (normals[own] * normals[faces[nearest[hit]]]).sum(1) > 0
            inside = np.zeros((rect.height, rect.width), bool)
            inside[rows[hit][same], columns[hit][same]] = True
            self.paint(result, [Piece(material, rect, inside)], by_mm > 0)
        return {material: mask for material, mask in result.items() if mask.any()}

    # looking at masks

    def faces_of(self, masks: Mapping[int, Mask]) -> Mask:
        """The faces that own a painted texel, bool [F]."""
        owns = np.zeros(len(self.surface.faces) + 1, bool)
        for material, mask in masks.items():
            if mask.any():
                rect = _around(mask)
                owns[self.owners(material)[rect.slices][mask[rect.slices]]] = True
        return owns[:-1]

    def places(
        self, masks: Mapping[int, Mask], most: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.float64]]:
        """Where painted texels are on the body: points [N, 3], their faces and barycentric coordinates [N, 3].

        Of more than `most` texels a material, evenly chosen ones.
        """
        points, faces, inside = [np.zeros((0, 3))], [np.zeros(0, np.int32)], [np.zeros((0, 3))]
        for material, mask in masks.items():
            if not mask.any():
                continue
            rect = _around(mask)
            own = self.owners(material)[rect.slices]
            rows, columns = np.nonzero(mask[rect.slices] & (own >= 0))
            chosen = np.arange(0, len(rows), max(len(rows) // most, 1))
            rows, columns = rows[chosen], columns[chosen]
            origin, gradients = barycentric_gradients(self.surface.corner_uvs, *self.sizes[material])
            faces.append(own[rows, columns])
            inside.append(barycentric_at(faces[-1], columns + rect.x + 0.5, rows + rect.y + 0.5, origin, gradients))
            points.append(np.einsum("nk,nkc->nc", inside[-1], self.surface.vertices[self.surface.faces[faces[-1]]]))
        return np.concatenate(points), np.concatenate(faces), np.concatenate(inside)

    def area_cm2(self, masks: Mapping[int, Mask]) -> float:
        """How much skin is painted."""
        total = 0.0
        for material, mask in masks.items():
            if not mask.any():
                continue
            rect = _around(mask)
            owner = self.owners(material)[rect.slices][mask[rect.slices]]
            width, height = self.sizes[material]
            faces, count = np.unique(owner[owner >= 0], return_counts=True)
            uv = self.surface.corner_uvs[faces].astype(np.float64) * (width, height)
            first, second = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
            texels = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
            total += float((count * self.surface.face_areas[faces] / np.maximum(texels, 1e-9)).sum())
        return total * 1e4

    # inside

    def _near(self, points: NDArray[np.float64], radius: float, start: int) -> NDArray[np.intp]:
        """Faces near a path that hang together with the starting face."""
        centres, radii = self.surface.face_spheres
        near = np.flatnonzero(_distance_to_path(centres, points) <= radius + radii)
        if start not in near:
            return near
        _, corners = np.unique(self.surface.faces[near], return_inverse=True)
        corners = corners.reshape(-1, 3)
        count = int(corners.max()) + 1
        ends = corners[:, [0, 1, 1, 2]].reshape(-1, 2)
        graph = coo_array((np.ones(len(ends), bool), (ends[:, 0], ends[:, 1])), shape=(count, count))
        _, label = connected_components(graph, directed=False)
        ours = label[corners[np.searchsorted(near, start), 0]]
        return np.asarray(near[label[corners[:, 0]] == ours])

    def _parts(self, faces: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Faces split into what hangs together in the texture, so that a window around each part is small."""
        if not len(faces):
            return
        surface = self.surface
        label = label_islands(surface.faces[faces], surface.corner_uvs[faces], surface.face_material[faces])
        order = np.argsort(label, kind="stable")
        yield from np.split(faces[order], np.flatnonzero(np.diff(label[order])) + 1)

    def _window(
        self, part: NDArray[np.intp]
    ) -> tuple[int, Rect, NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]] | None:
        """The texels of a part: material, rectangle, rows and columns in it, and where they are on the body [N, 3]."""
        material = int(self.surface.face_material[part[0]])
        if material not in self.sizes:
            return None
        rect = self._rect(part, material)
        if rect.width <= 0 or rect.height <= 0:
            return None
        own = self._owner_of(part, material, rect)
        rows, columns = np.nonzero(own >= 0)
        width, height = self.sizes[material]
        local = np.full(len(self.surface.faces), -1)
        local[part] = np.arange(len(part))
        origin, gradients = barycentric_gradients(self.surface.corner_uvs[part], width, height)
        corners = self.surface.vertices[self.surface.faces[part]]
        positions = np.empty((len(rows), 3))
        for low in range(0, len(rows), _BLOCK):
            block = slice(low, low + _BLOCK)
            index = local[own[rows[block], columns[block]]]
            x, y = columns[block] + rect.x + 0.5, rows[block] + rect.y + 0.5
            inside = barycentric_at(index, x, y, origin, gradients)
            positions[block] = np.einsum("nk,nkc->nc", inside, corners[index])
        return material, rect, rows, columns, positions

    def _owner_of(self, part: NDArray[np.intp], material: int, rect: Rect) -> NDArray[np.int32]:
        """Faces of the part alone on its texels: where UVs overlap, each part paints what it shares."""
        width, height = self.sizes[material]
        scale, shift = (width / rect.width, height / rect.height), (rect.x / rect.width, rect.y / rect.height)
        uvs = (self.surface.corner_uvs[part].astype(np.float64) * scale - shift).astype(np.float32)
        own = face_map(uvs, rect.width, rect.height)
        return np.where(own >= 0, part[own], -1).astype(np.int32)

    def _rect(self, part: NDArray[np.intp], material: int) -> Rect:
        width, height = self.sizes[material]
        uvs = self.surface.corner_uvs[part].reshape(-1, 2) * (width, height)
        low = np.clip(np.floor(uvs.min(0)), 0, (width, height)).astype(int)
        high = np.clip(np.ceil(uvs.max(0)), 0, (width, height)).astype(int)
        return Rect(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))

    def _rim(self, masks: Mapping[int, Mask], inwards: bool) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int32]]]:
        """Positions and faces of the texels along the rim: the painted ones, or, inwards, the unpainted ones.

        The edge of an island counts as rim, since the texture alone doesn't tell what is on the seam's other bank.
        """
        square = np.ones((3, 3), np.uint8)
        for material in self.sizes if inwards else masks:
            own = self.owners(material)
            mask = masks.get(material)
            around = Rect(0, 0, own.shape[1], own.shape[0])
            if mask is None:
                mask = np.zeros(own.shape, bool)
            elif not inwards:
                if not mask.any():
                    continue
                around = _padded(_around(mask), 2, mask.shape)
            own, painted = own[around.slices], mask[around.slices]
            side = (painted != inwards) & (own >= 0)
            beyond = cv2.dilate((~side).view(np.uint8), square).view(bool)
            rows, columns = np.nonzero(side & beyond)
            faces = own[rows, columns]
            width, height = self.sizes[material]
            origin, gradients = barycentric_gradients(self.surface.corner_uvs, width, height)
            inside = barycentric_at(faces, columns + around.x + 0.5, rows + around.y + 0.5, origin, gradients)
            yield np.einsum("nk,nkc->nc", inside, self.surface.vertices[self.surface.faces[faces]]), faces

    def _gutter(self, material: int, mask: Mask, rect: Rect) -> Rect:
        """Paint the unowned texels beside painted ones; the rectangle that may have changed."""
        outer = _padded(rect, 1, mask.shape)
        owned = self.owners(material)[outer.slices] >= 0
        wider = _padded(outer, 1, mask.shape)
        source = mask[wider.slices] & (self.owners(material)[wider.slices] >= 0)
        spread = cv2.dilate(source.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
        inner = Rect(outer.x - wider.x, outer.y - wider.y, outer.width, outer.height)
        window = mask[outer.slices]
        np.copyto(window, spread[inner.slices], where=~owned)
        return outer


def _bounded(width: int, height: int) -> tuple[int, int]:
    shrunk = max(1.0, max(width, height) / LARGEST_GRID)
    return max(round(width / shrunk), 1), max(round(height / shrunk), 1)


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)


def _around(mask: Mask) -> Rect:
    """The smallest rectangle around what is painted."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Rect(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1)


def _padded(rect: Rect, by: int, shape: tuple[int, ...]) -> Rect:
    left, top = max(rect.x - by, 0), max(rect.y - by, 0)
    right, bottom = min(rect.x + rect.width + by, shape[1]), min(rect.y + rect.height + by, shape[0])
    return Rect(left, top, right - left, bottom - top)


def _distance_to_path(points: NDArray[np.float64], path: NDArray[np.float64]) -> NDArray[np.float64]:
    """From each point [N, 3] to the nearest place on the path [K, 3]."""
    nearest = np.full(len(points), np.inf)
    for a, b in zip(path, path[1:] if len(path) > 1 else path, strict=False):
        along = b - a
        share = np.clip((points - a) @ along / max(float(along @ along), 1e-18), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(points - a - share[:, None] * along, axis=1))
    return nearest
