"""Pictures of a body without a graphics card: rays against the surface, studio light, shading in linear light."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine import antialiasing
from engine.colour import LINEAR_OF_BYTE, to_bytes
from engine.errors import BadInput
from engine.lighting import irradiance, lighting, sheen, transfer, unit, unshadowed
from engine.surface.patch import up_and_right

if TYPE_CHECKING:
    from engine.lesion import Site
    from engine.surface.surface import Surface

Floats = NDArray[np.float64]

BACKGROUND = (226, 227, 228)
"""The studio's backdrop, sRGB."""

UNTEXTURED = 0.60
"""Linear albedo of materials that have no texture, such as plain eyeballs."""

LARGEST_SIDE = 16384
_SAMPLES_AT_ONCE = 400_000
_COARSE_TEXELS = 0.7
"""Pixels that show less of a texture than this many texels side by side look at it once."""
_MARGIN = 1.06
_RING_LIGHT = np.float32(0.75)
"""Share of a close-up's light that comes from about the lens, where no limb throws a shadow."""


@dataclass(frozen=True)
class View:
    """A camera: what it looks at, from which side, and how much of it the picture's height spans.

    target: metres. toward: from the target to the eye, any length. up: what stands upright in the picture.
    height_m: height of the picture at the target's depth. distance_m: from the target to the eye.
    perspective: parallel rays where false, so that a millimetre is as long everywhere in the picture.
    near_cut: the eye's plane may cut through the body; what it cuts open is left out and what lies behind is shown.
    """

    target: tuple[float, float, float]
    toward: tuple[float, float, float]
    height_m: float
    distance_m: float
    up: tuple[float, float, float] = (0.0, 1.0, 0.0)
    perspective: bool = False
    near_cut: bool = False

    @classmethod
    def front(cls, surface: "Surface", aspect: float = 2 / 3) -> Self:
        """The whole body from the front (+Z); aspect: the picture's width / height."""
        return cls._whole(surface, 1.0, aspect)

    @classmethod
    def back(cls, surface: "Surface", aspect: float = 2 / 3) -> Self:
        """The whole body from the back."""
        return cls._whole(surface, -1.0, aspect)

    @classmethod
    def at(cls, surface: "Surface", site: "Site", height_m: float, turn_deg: float = 0.0) -> Self:
        """A close-up along the surface normal, turned as `Surface.patch` turns; other limbs in the way are cut away."""
        normal = surface.normal(site)
        up, _ = up_and_right(normal, turn_deg)
        point = surface.point(site)
        _, _, free = surface.cast((point + 1e-3 * normal)[None], normal[None])
        distance = float(np.clip(0.8 * free[0], 5e-3, 0.05))
        return cls(_triple(point), _triple(normal), height_m, distance, _triple(up), near_cut=True)

    @classmethod
    def _whole(cls, surface: "Surface", side: float, aspect: float) -> Self:
        low, high = surface.vertices[np.unique(surface.faces)].min(0), surface.vertices[np.unique(surface.faces)].max(0)
        size = high - low
        height = _MARGIN * max(size[1], size[0] / aspect)
        return cls(_triple((low + high) / 2), (0.0, 0.0, side), float(height), float(2 * np.linalg.norm(size)))

    @cached_property
    def axes(self) -> Floats:
        """Unit vectors to the picture's right, its top, and the eye: float64 [3, 3], one a row."""
        toward = np.asarray(self.toward, float)
        toward = toward / np.linalg.norm(toward)
        right = np.cross(np.asarray(self.up, float), toward)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(toward, right), toward])

    def project(self, points: ArrayLike, width: int, height: int) -> Floats:
        """Where points [N, 3] (metres) appear: float64 [N, 2] in pixels; (0, 0) is the picture's top left corner."""
        x, y, depth = ((np.atleast_2d(np.asarray(points, float)) - self.target) @ self.axes.T).T
        scale = height / self.height_m * np.ones_like(x)
        if self.perspective:
            scale = scale * self.distance_m / np.maximum(self.distance_m - depth, 1e-9)
        return np.stack([width / 2 + x * scale, height / 2 - y * scale], -1)

    def rays(self, positions: Floats, width: int, height: int) -> tuple[Floats, Floats]:
        """Origins and unit directions [N, 3] of the rays through positions [N, 2] in the picture, in pixels."""
        right, up, toward = self.axes
        metres = self.height_m / height
        across = (positions[:, :1] - width / 2) * metres * right + (height / 2 - positions[:, 1:]) * metres * up
        eye = np.asarray(self.target) + self.distance_m * toward
        if not self.perspective:
            return eye + across, np.broadcast_to(-toward, across.shape)
        directions = across - self.distance_m * toward
        return np.broadcast_to(eye, across.shape), directions / np.linalg.norm(directions, axis=1, keepdims=True)


@dataclass(frozen=True)
class _Shot:
    """A picture under way. offsets: a pixel's samples, in pixels from its middle, [S, 2]. light: harmonics [9]; shadow:
    how much of it comes to each vertex [M]."""

    pixels: Mapping[int, NDArray[np.uint8]]
    view: View
    width: int
    height: int
    offsets: Floats
    light: NDArray[np.float32]
    shadow: NDArray[np.float32]

    @property
    def pixel_m(self) -> float:
        """A pixel's side at the target's depth, metres."""
        return self.view.height_m / self.height

    @property
    def across(self) -> Floats:
        """How far a pixel to the right and one down lead there, metres [2, 3]."""
        return self.pixel_m * np.stack([self.view.axes[0], -self.view.axes[1]])


@dataclass(frozen=True)
class _Met:
    """What rays met: faces int32 [N] (-1: none), barycentric [N, 3], distances [N] and directions [N, 3]."""

    faces: NDArray[np.int32]
    barycentric: Floats
    distances: Floats
    directions: Floats

    def of(self, chosen: NDArray[np.intp]) -> "_Met":
        """Some of them."""
        return _Met(self.faces[chosen], self.barycentric[chosen], self.distances[chosen], self.directions[chosen])


class Studio:
    """A body under soft light that stands with the camera: key from the upper left, fill from the right, pale dome.

    Light is white, and a point that faces the camera shows its albedo. Built once per surface (0.4 s), used for many
    pictures.
    """

    def __init__(self, surface: "Surface") -> None:
        self.surface = surface
        self._normals = np.asarray(surface.vertex_normals, np.float32)
        self._transfer = transfer(surface)
        self._open = self._transfer[:, 0] / unshadowed(self._normals)[:, 0]
        along, beside = np.moveaxis(surface.corner_uvs[:, 1:] - surface.corner_uvs[:, :1], 1, 0).astype(float)
        areas = np.abs(along[:, 0] * beside[:, 1] - along[:, 1] * beside[:, 0]) / 2
        self._uv_per_m = np.sqrt(areas / np.maximum(surface.face_areas, 1e-12))

    def render(
        self, pixels: Mapping[int, NDArray[np.uint8]], view: View, width: int, height: int, supersample: int = 2
    ) -> NDArray[np.uint8]:
        """The picture, uint8 sRGB [height, width, 3]; pixels no ray hits stay exactly BACKGROUND.

        pixels: uint8 [H, W, 4] sRGB by material. supersample: rays per pixel and axis.
        """
        if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE and 1 <= supersample <= 8):
            raise BadInput(
                f"picture: {width}x{height} with {supersample} rays a side; 1-{LARGEST_SIDE} pixels and 1-8 rays fit"
            )
        light = lighting(view.axes)
        received = self._transfer @ light / np.maximum(irradiance(self._normals, light), 1e-3)
        shadow: NDArray[np.float32] = np.clip(received, 0, 1)
        if view.near_cut:
            shadow = _RING_LIGHT + (1 - _RING_LIGHT) * shadow
        steps = (np.arange(supersample) + 0.5) / supersample - 0.5
        offsets = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
        shot = _Shot(pixels, view, width, height, offsets, light, shadow)
        candidates = self._candidates(view, width, height)
        picture = np.empty((height, width, 3), np.uint8)
        picture[:] = BACKGROUND
        rows = max(1, _SAMPLES_AT_ONCE // (width * len(offsets)))
        for top in range(0, height, rows):
            self._render_rows(shot, candidates, top, min(top + rows, height), picture)
        return picture

    def _candidates(self, view: View, width: int, height: int) -> NDArray[np.bool_]:
        """The pixels that may show the body, bool [height, width].

        Found by one ray per 2×2 pixels and by the vertices' places, widened by two pixels.
        """
        from scipy.ndimage import maximum_filter

        rough = np.zeros(((height + 1) // 2, (width + 1) // 2), bool)
        rows = max(1, _SAMPLES_AT_ONCE // rough.shape[1])
        for top in range(0, len(rough), rows):
            part = rough[top : top + rows]
            y, x = np.indices(part.shape).reshape(2, -1)
            places = np.stack([2.0 * x + 1, 2.0 * (y + top) + 1], -1)
            part[:] = self.surface.hidden(*view.rays(places, width, height)).reshape(part.shape)
        spots = np.floor(view.project(self.surface.vertices, width, height) / 2)
        inside = ((spots >= 0) & (spots < (rough.shape[1], rough.shape[0]))).all(1)
        x, y = spots[inside].astype(int).T
        rough[y, x] = True
        rough = maximum_filter(rough, 3)
        return np.repeat(np.repeat(rough, 2, 0), 2, 1)[:height, :width]

    def _render_rows(
        self, shot: "_Shot", candidates: NDArray[np.bool_], top: int, bottom: int, picture: NDArray[np.uint8]
    ) -> None:
        """Fill the picture's rows from `top` to before `bottom`. A row on either side is looked at for its edges."""
        low, high = max(0, top - 1), min(bottom + 1, shot.height)
        y, x = np.nonzero(candidates[low:high])
        middles = np.stack([x, y + low], -1).astype(np.float64) + 0.5
        met = self._cast(shot, middles)
        own = (y + low >= top) & (y + low < bottom)
        edges = own & ~self._even(shot, met, (high - low, shot.width), (y, x))
        hit = np.flatnonzero(own & ~edges)
        picture[y[hit] + low, x[hit]] = to_bytes(self._shade(shot, met.of(hit)))
        for chosen in np.array_split(np.flatnonzero(edges), 1 + edges.sum() * len(shot.offsets) // _SAMPLES_AT_ONCE):
            light, touched = self._all_samples(shot, middles[chosen])
            chosen = chosen[touched]
            picture[y[chosen] + low, x[chosen]] = to_bytes(light[touched].mean(1))

    def _even(
        self,
        shot: "_Shot",
        met: "_Met",
        shape: tuple[int, int],
        places: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> NDArray[np.bool_]:
        """The pixels, bool [N], whose samples see about the same as their middle."""
        if len(shot.offsets) == 1:
            return met.faces >= 0
        normals = unit(_blend(met.barycentric.astype(np.float32), self._normals[self.surface.faces[met.faces]]))
        material = self.surface.face_material
        return antialiasing.even(shape, places, met.faces, met.distances, normals, material, shot.pixel_m)

    def _all_samples(self, shot: "_Shot", middles: Floats) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The light of every sample [N, S, 3] of these pixels, a ray for each; and whether any of them met the body."""
        met = self._cast(shot, (middles[:, None] + shot.offsets).reshape(-1, 2))
        hit = np.flatnonzero(met.faces >= 0)
        samples = np.tile(LINEAR_OF_BYTE[np.array(BACKGROUND)], (len(met.faces), 1))
        samples[hit] = self._leaving(shot, met.of(hit), None)
        shape = (len(middles), len(shot.offsets))
        return samples.reshape(*shape, 3), np.asarray((met.faces >= 0).reshape(shape).any(1))

    def _cast(self, shot: "_Shot", positions: Floats) -> "_Met":
        """What the rays through positions [N, 2] in the picture meet."""
        origins, directions = shot.view.rays(positions, shot.width, shot.height)
        faces, barycentric, distances = self.surface.cast(origins, directions)
        for _ in range(2 if shot.view.near_cut else 0):
            hit = np.flatnonzero(faces >= 0)
            inside = hit[np.einsum("nc,nc->n", self.surface.face_normals[faces[hit]], directions[hit]) > 0]
            if not len(inside):
                break
            beyond = origins[inside] + (distances[inside, None] + 1e-4) * directions[inside]
            faces[inside], barycentric[inside], further = self.surface.cast(beyond, directions[inside])
            distances[inside] += further + 1e-4
        return _Met(faces, barycentric, distances, directions)

    def _shade(self, shot: "_Shot", met: "_Met") -> NDArray[np.float32]:
        """Linear light [N, 3] that leaves each hit's pixel towards the eye: light of the hit, albedo of its samples."""
        leaving = np.empty((len(met.faces), 3), np.float32)
        fine = self._texels(shot, met) > _COARSE_TEXELS if len(shot.offsets) > 1 else np.zeros(len(met.faces), bool)
        for chosen, offsets in ((np.flatnonzero(~fine), None), (np.flatnonzero(fine), shot.offsets)):
            if len(chosen):
                leaving[chosen] = self._leaving(shot, met.of(chosen), offsets)
        return leaving

    def _texels(self, shot: "_Shot", met: "_Met") -> NDArray[np.float32]:
        """How many texels a pixel is wide at each hit, along the way on which it shows the most of them; [N]."""
        sides = np.zeros(int(self.surface.face_material.max(initial=0)) + 1)
        for material, atlas in shot.pixels.items():
            if material < len(sides):
                sides[material] = max(atlas.shape[:2])
        facing = np.abs(np.einsum("nc,nc->n", self.surface.face_normals[met.faces], met.directions))
        side = sides[self.surface.face_material[met.faces]]
        wide: NDArray[np.float32] = shot.pixel_m * self._uv_per_m[met.faces] * side / np.maximum(facing, 0.1)
        return wide

    def _leaving(self, shot: "_Shot", met: "_Met", offsets: Floats | None) -> NDArray[np.float32]:
        """The mean light [N, 3] of the samples at these offsets; of the hits themselves where None."""
        weights = met.barycentric.astype(np.float32)
        corners = self.surface.faces[met.faces]
        normals = unit(_blend(weights, self._normals[corners]))
        lit, free = _blend(weights, np.stack([shot.shadow, self._open], -1)[corners]).T
        arriving = irradiance(normals, shot.light) * lit
        gloss = sheen(shot.view.axes, normals, met.directions, lit)
        if offsets is None:
            albedo = self._albedo(shot.pixels, met.faces, weights)[:, None]
        else:
            samples = antialiasing.beside(
                self.surface, met.faces, met.barycentric, met.directions, shot.across, offsets
            )
            faces = np.repeat(met.faces, len(offsets))
            albedo = self._albedo(shot.pixels, faces, samples.reshape(-1, 3)).reshape(-1, len(offsets), 3)
        # What the body hides of the studio, it replaces by light that has met skin once: creases glow, not blacken.
        bounce = np.clip(1 - free, 0, 1)[:, None, None] * albedo * np.float32(0.7)
        leaving: NDArray[np.float32] = (albedo * (arriving[:, None, None] + bounce)).mean(1) + gloss[:, None]
        return leaving

    def _albedo(
        self, pixels: Mapping[int, NDArray[np.uint8]], faces: NDArray[np.int32], weights: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Linear albedo of each hit, bilinear between texels."""
        uv = _blend(weights, self.surface.corner_uvs[faces])
        albedo = np.full((len(faces), 3), UNTEXTURED, np.float32)
        material = self.surface.face_material[faces]
        for index in np.unique(material):
            if int(index) in pixels:
                own = material == index
                albedo[own] = _bilinear(pixels[int(index)], uv[own])
        return albedo


def render_body(
    surface: "Surface",
    pixels: Mapping[int, NDArray[np.uint8]],
    view: View,
    width: int,
    height: int,
    supersample: int = 2,
) -> NDArray[np.uint8]:
    """One picture of a body, uint8 sRGB [height, width, 3]; for several of one surface, keep a `Studio`."""
    return Studio(surface).render(pixels, view, width, height, supersample)


def visible(surface: "Surface", view: View, points: ArrayLike) -> NDArray[np.bool_]:
    """Whether nothing stands between each of the points [N, 3] on the surface and the eye."""
    points = np.atleast_2d(np.asarray(points, float))
    toward = np.broadcast_to(view.axes[2], points.shape)
    if view.perspective:
        toward = np.asarray(view.target) + view.distance_m * view.axes[2] - points
        toward = toward / np.linalg.norm(toward, axis=1, keepdims=True)
    # A millimetre off the surface, so that the point's own triangle is not met again.
    return ~surface.hidden(points + 1e-3 * toward, toward)


def _blend(weights: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Barycentric mean [N, C] of the values [N, 3, C] at three corners."""
    blended: NDArray[np.float32] = np.einsum("nk,nkc->nc", weights, values)
    return blended


def _bilinear(atlas: NDArray[np.uint8], uv: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = atlas.shape[:2]
    x, y = np.clip(uv[:, 0], 0, 1) * width - 0.5, np.clip(uv[:, 1], 0, 1) * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - left).astype(np.float32)[:, None], (y - top).astype(np.float32)[:, None]
    texels = atlas.reshape(-1, atlas.shape[2])
    rows = [np.clip(top + step, 0, height - 1) * width for step in (0, 1)]
    columns = [np.clip(left + step, 0, width - 1) for step in (0, 1)]
    corner = [LINEAR_OF_BYTE[texels[row + column, :3]] for row in rows for column in columns]
    upper, lower = corner[0] + fx * (corner[1] - corner[0]), corner[2] + fx * (corner[3] - corner[2])
    mixed: NDArray[np.float32] = upper + fy * (lower - upper)
    return mixed


def _triple(values: ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.asarray(values, float).reshape(3))
    return x, y, z
