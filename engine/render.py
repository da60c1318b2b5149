"""Pictures of a body without a graphics card: rays against the surface, studio light, shading in linear light."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
        picture = np.empty((height * width, 3), np.uint8)
        picture[:] = BACKGROUND
        light = lighting(view.axes)
        received = self._transfer @ light / np.maximum(irradiance(self._normals, light), 1e-3)
        shadow: NDArray[np.float32] = np.clip(received, 0, 1)
        if view.near_cut:
            shadow = _RING_LIGHT + (1 - _RING_LIGHT) * shadow
        steps = (np.arange(supersample) + 0.5) / supersample
        offsets = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
        backdrop = LINEAR_OF_BYTE[np.array(BACKGROUND)]
        for chosen in self._blocks(view, width, height, len(offsets)):
            corners = np.stack([chosen % width, chosen // width], -1).astype(float)
            positions = (corners[:, None] + offsets).reshape(-1, 2)
            origins, directions = view.rays(positions, width, height)
            faces, barycentric = self._cast(view, origins, directions)
            hit = np.flatnonzero(faces >= 0)
            samples = np.tile(backdrop, (len(positions), 1))
            samples[hit] = self._shade(pixels, view, light, shadow, faces[hit], barycentric[hit], directions[hit])
            touched = (faces >= 0).reshape(-1, len(offsets)).any(1)
            picture[chosen[touched]] = to_bytes(samples.reshape(-1, len(offsets), 3).mean(1)[touched])
        return picture.reshape(height, width, 3)

    def _blocks(self, view: View, width: int, height: int, rays: int) -> Iterator[NDArray[np.int64]]:
        """Indices of the pixels that may show the body, in portions that fit the memory.

        Found by one ray per 2×2 pixels and by the vertices' places, widened by two pixels.
        """
        from scipy.ndimage import maximum_filter

        rough = np.zeros(((height + 1) // 2, (width + 1) // 2), bool)
        rows = max(1, _SAMPLES_AT_ONCE // rough.shape[1])
        for top in range(0, len(rough), rows):
            part = rough[top : top + rows]
            y, x = np.indices(part.shape).reshape(2, -1)
            places = np.stack([2.0 * x + 1, 2.0 * (y + top) + 1], -1)
            part[:] = (self.surface.cast(*view.rays(places, width, height))[0] >= 0).reshape(part.shape)
        spots = np.floor(view.project(self.surface.vertices, width, height) / 2)
        inside = ((spots >= 0) & (spots < (rough.shape[1], rough.shape[0]))).all(1)
        x, y = spots[inside].astype(int).T
        rough[y, x] = True
        rough = maximum_filter(rough, 3)
        chosen = np.flatnonzero(np.repeat(np.repeat(rough, 2, 0), 2, 1)[:height, :width])
        step = max(1, _SAMPLES_AT_ONCE // rays)
        for start in range(0, len(chosen), step):
            yield chosen[start : start + step]

    def _cast(self, view: View, origins: Floats, directions: Floats) -> tuple[NDArray[np.int32], Floats]:
        """The faces [N] (-1: none) and barycentric coordinates [N, 3] that rays meet."""
        faces, barycentric, distances = self.surface.cast(origins, directions)
        for _ in range(2 if view.near_cut else 0):
            hit = np.flatnonzero(faces >= 0)
            inside = hit[np.einsum("nc,nc->n", self.surface.face_normals[faces[hit]], directions[hit]) > 0]
            beyond = origins[inside] + (distances[inside, None] + 1e-4) * directions[inside]
            faces[inside], barycentric[inside], further = self.surface.cast(beyond, directions[inside])
            distances[inside] += further + 1e-4
        return faces, barycentric

    def _shade(
        self,
        pixels: Mapping[int, NDArray[np.uint8]],
        view: View,
        light: NDArray[np.float32],
        shadow: NDArray[np.float32],
        faces: NDArray[np.int32],
        barycentric: Floats,
        directions: Floats,
    ) -> NDArray[np.float32]:
        """Linear light that leaves each hit towards the eye."""
        weights = barycentric.astype(np.float32)
        corners = self.surface.faces[faces]
        normals = unit(_blend(weights, self._normals[corners]))
        albedo = self._albedo(pixels, faces, weights)
        lit, free = _blend(weights, np.stack([shadow, self._open], -1)[corners]).T
        arriving = irradiance(normals, light) * lit
        # What the body hides of the studio, it replaces by light that has met skin once: creases glow, not blacken.
        bounce = np.clip(1 - free, 0, 1)[:, None] * albedo * np.float32(0.7)
        leaving: NDArray[np.float32] = albedo * (arriving[:, None] + bounce)
        leaving += sheen(view.axes, normals, directions, lit)[:, None]
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
    faces, _, _ = surface.cast(points + 1e-3 * toward, toward)
    return np.asarray(faces) < 0


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
