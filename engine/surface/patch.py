"""A square metric window on the skin: from a site to pixels, by the surface's own geodesic polar coordinates."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import ReferenceType

import numpy as np
from numpy.typing import NDArray

from engine.errors import AvatarError, BadInput
from engine.lesion import Site
from engine.surface.affine import affine_maps, apply_affine
from engine.surface.diameter import longest_diameter
from engine.surface.geodesic import Unfolding, spread_tears
from engine.surface.local import LocalMesh, cut_out, subdivide
from engine.surface.raster import face_map
from engine.surface.reading import read_patch

if TYPE_CHECKING:
    from engine.surface.surface import Surface
    from engine.surface.writing import Footprint

WIDTH_MM = (0.2, 400.0)
SIZE = (2, 4096)
LESIONS_PER_WIDTH = 2.2
"""A patch is this many lesion diameters wide."""

NEARLY_CURVED = 0.75
"""From this share of the radius of curvature on, a diameter is said to approach it."""

_PARTS_OF_RADIUS = 8
_MARGIN = 1.15
_TORN = 4.0


class Patch:
    """A square metric window on the skin.

    Row 0 is "up" on the body, columns run to the viewer's right; pixel (row, column) has its centre at +0.5.
    face: int32 [P, P], the surface's face that each pixel shows, -1 off the surface. barycentric: float32 [P, P, 3].
    uv: float32 [P, P, 2], origin top-left. material: int16 [P, P], -1 off the surface.
    curvature_radius_mm: the smallest radius of curvature about the site. warnings: for the user, one line each.
    """

    def __init__(
        self, surface: "Surface", site: Site, width_mm: float, size: int, turn_deg: float, chart: "Chart"
    ) -> None:
        self.surface = surface
        self.site = site
        self.width_mm = width_mm
        self.size = size
        self.turn_deg = turn_deg
        self.chart = chart

    @cached_property
    def piece(self) -> NDArray[np.int32]:
        """The face of the chart's local mesh that each pixel shows, int32 [P, P], -1 off the surface."""
        return face_map(self.chart.places, self.size, self.size)

    @cached_property
    def face(self) -> NDArray[np.int32]:
        """See the class."""
        return np.where(self.piece >= 0, self.chart.mesh.parent[self.piece], -1).astype(np.int32)

    @cached_property
    def barycentric(self) -> NDArray[np.float32]:
        """See the class."""
        return self._interpolated(self.chart.mesh.corners)

    @cached_property
    def uv(self) -> NDArray[np.float32]:
        """See the class."""
        return self._interpolated(self.chart.uvs)

    @cached_property
    def material(self) -> NDArray[np.int16]:
        """See the class."""
        return np.where(self.face >= 0, self.surface.face_material[self.face], -1).astype(np.int16)

    @property
    def curvature_radius_mm(self) -> float:
        """See the class."""
        return self.chart.curvature_radius_mm

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """See the class."""
        found = []
        diameter = self.width_mm / LESIONS_PER_WIDTH
        if diameter > NEARLY_CURVED * self.curvature_radius_mm:
            found.append(
                f"a lesion of {diameter:.1f} mm approaches the skin's radius of curvature here "
                f"({self.curvature_radius_mm:.1f} mm): it bends around the body and looks distorted from some sides"
            )
        rows, columns = np.indices((self.size, self.size)) + 0.5 - self.size / 2
        disc = np.hypot(rows, columns) < self.size / 2 / LESIONS_PER_WIDTH * 1.1
        lost = float((self.piece[disc] < 0).mean()) if disc.any() else 0.0
        if lost > 0.01:
            found.append(f"{lost:.0%} of the lesion's place lies beyond the edge of the surface or behind a sharp fold")
        return tuple(found)

    def at_size(self, size: int) -> "Patch":
        """The same window in another number of pixels; the geodesics are not computed again."""
        _require_size(size)
        return (
            self
            if size == self.size
            else Patch(self.surface, self.site, self.width_mm, size, self.turn_deg, self.chart)
        )

    def sample(self, pixels: Mapping[int, NDArray[np.uint8]]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The skin in the window.

        pixels: sRGB uint8 [H, W, 4] by material. Returns linear light float32 [P, P, 3], and bool [P, P]: False where
        there is no surface, or its material has no pixels; colours are 0 there.
        """
        return read_patch(self, pixels)

    def diameter_mm(self, mask: NDArray[np.floating] | NDArray[np.bool_]) -> float:
        """Longest diameter of the mask's region ≥ 0.5, [P, P], measured on the surface along geodesics; 0 if empty."""
        return longest_diameter(self, mask)

    def _interpolated(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Values [m, 3, k] at the chart's corners, for each pixel [P, P, k]; 0 off the surface."""
        maps = affine_maps(self.chart.places.astype(np.float64) * self.size, values)
        result = np.zeros((self.size, self.size, values.shape[2]), np.float32)
        rows, columns = np.nonzero(self.piece >= 0)
        result[rows, columns] = apply_affine(maps, self.piece[rows, columns], columns + 0.5, rows + 0.5)
        return result


class Chart:
    """What patches of one window share: a local mesh and its place in the window.

    mesh: faces sorted by their distance from the site. places: float32 [m, 3, 2], corners in the window, (0, 0) its
    top left, (1, 1) its bottom right. uvs: float64 [m, 3, 2]. footprints: see `engine.surface.writing.footprints`.
    """

    def __init__(
        self,
        mesh: LocalMesh,
        places: NDArray[np.float32],
        uvs: NDArray[np.float64],
        unfolding: Unfolding,
        curvature_radius_mm: float,
    ) -> None:
        self.mesh = mesh
        self.places = places
        self.uvs = uvs
        self.unfolding = unfolding
        self.curvature_radius_mm = curvature_radius_mm
        self.footprints: dict[tuple[int, int], tuple[ReferenceType[NDArray[np.int32]], list[Footprint]]] = {}


def cut_patch(surface: "Surface", site: Site, width_mm: float, size: int, turn_deg: float) -> Patch:
    """Compute the window; see `Surface.patch`."""
    if not WIDTH_MM[0] <= width_mm <= WIDTH_MM[1]:
        raise BadInput(f"width_mm: is {width_mm:g}; it must lie between {WIDTH_MM[0]:g} and {WIDTH_MM[1]:g}")
    _require_size(size)
    if not np.isfinite(turn_deg):
        raise BadInput(f"turn_deg: is {turn_deg}; it must be a number of degrees")
    return Patch(surface, site, width_mm, size, turn_deg, _chart(surface, site, width_mm * 1e-3, turn_deg))


def up_and_right(normal: NDArray[np.float64], turn_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors [3] in the tangent plane: "up" on the body and the viewer's right, turned counter-clockwise.

    Up is +Y; where the skin faces up or down it is where +Y goes when it is carried there from the body's front:
    backwards on the crown, towards the toes on a sole.
    """
    up = np.array([0.0, 1.0, 0.0]) if abs(normal[1]) < 0.98 else np.array([0.0, 0.0, -np.sign(normal[1])])
    up = up - normal * (up @ normal)
    up /= np.linalg.norm(up)
    right = np.cross(up, normal)
    turn = np.radians(turn_deg)
    return np.cos(turn) * up - np.sin(turn) * right, np.cos(turn) * right + np.sin(turn) * up


def _chart(surface: "Surface", site: Site, width: float, turn_deg: float) -> Chart:
    """The local mesh about the site and its log map, over a window `width` metres wide."""
    point, normal = surface.point(site), surface.face_normals[site.face]
    if not normal.any():
        raise AvatarError(f"site: face {site.face} has no area; choose another place")
    radius = width / np.sqrt(2) * _MARGIN
    mesh, face, barycentric = _neighbourhood(surface, site, point, radius)
    unfolding = Unfolding.of(mesh.vertices, mesh.faces)
    up, right = up_and_right(normal, turn_deg)
    distance, angle = unfolding.from_point(mesh.faces[face], barycentric, right, up)
    reached = np.isfinite(distance)
    flat = np.where(reached, distance, 0.0)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    flat = spread_tears(unfolding, flat, distance, mesh.faces[face])
    curvature = _curvature_radius(surface, mesh, flat, distance, normal, up, right, width / LESIONS_PER_WIDTH)
    kept = reached[mesh.faces].all(1) & (distance[mesh.faces].min(1) <= radius) & _untorn(mesh, flat)
    order = np.flatnonzero(kept)[np.argsort(distance[mesh.faces[kept]].mean(1), kind="stable")]
    mesh = LocalMesh(mesh.vertices, mesh.faces[order], mesh.parent[order], mesh.corners[order])
    places = flat[mesh.faces] * (1 / width, -1 / width) + 0.5
    uvs = mesh.corners @ surface.corner_uvs[mesh.parent].astype(np.float64)
    return Chart(mesh, places.astype(np.float32), uvs, unfolding, curvature * 1e3)


def _neighbourhood(
    surface: "Surface", site: Site, point: NDArray[np.float64], radius: float
) -> tuple[LocalMesh, int, NDArray[np.float64]]:
    """The surface within `radius` of the site, finely divided, and the site's face and coordinates in it."""
    centres, radii = surface.face_spheres
    close = np.flatnonzero(((centres - point) ** 2).sum(1) <= (radii + radius) ** 2)
    mesh = cut_out(surface.vertices, surface.faces, np.union1d(close, [site.face]))
    if site.face not in mesh.parent:
        raise AvatarError(f"site: face {site.face} repeats another face; choose another place")
    mesh = subdivide(mesh, radius / _PARTS_OF_RADIUS, point, radius)
    pieces = np.flatnonzero(mesh.parent == site.face)
    weights = np.linalg.solve(np.swapaxes(mesh.corners[pieces], 1, 2), np.asarray(site.barycentric)[None, :, None])
    best = int(weights[..., 0].min(1).argmax())
    return mesh, int(pieces[best]), np.clip(weights[best, :, 0], 0, 1)


def _untorn(mesh: LocalMesh, flat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Faces [m] that the log map keeps whole and the right way up: none that straddle the far side of a bend."""
    a, b, c = np.moveaxis(flat[mesh.faces], 1, 0)
    upright = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] > 0
    corners = mesh.vertices[mesh.faces]
    edges = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2)
    mapped = np.linalg.norm(flat[mesh.faces] - np.roll(flat[mesh.faces], 1, 1), axis=2)
    whole: NDArray[np.bool_] = upright & (mapped <= _TORN * edges + 1e-9).all(1)
    return whole


def _curvature_radius(
    surface: "Surface",
    mesh: LocalMesh,
    flat: NDArray[np.float64],
    distance: NDArray[np.float64],
    normal: NDArray[np.float64],
    up: NDArray[np.float64],
    right: NDArray[np.float64],
    diameter: float,
) -> float:
    """Smallest radius of curvature, metres, over about one lesion: how fast the smooth normal turns along the log map.

    The shape operator is fitted to the normals' turning angles, which stay proportional to the distance on a sphere or
    a cylinder however far they turn.
    """
    smooth = mesh.corners @ surface.vertex_normals[surface.faces[mesh.parent]]
    near = distance[mesh.faces] <= 0.75 * diameter
    if near.sum() < 6:
        near = np.isfinite(distance[mesh.faces])
    places, normals = flat[mesh.faces][near], smooth[near]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    sideways = normals @ np.stack([right, up], 1)
    sine = np.linalg.norm(sideways, axis=1)
    angle = np.arctan2(sine, normals @ normal)
    turned = sideways * np.divide(angle, sine, out=np.ones_like(sine), where=sine > 0)[:, None]
    design = np.column_stack([places, np.ones(len(places))])
    shape_operator = np.linalg.lstsq(design, turned, rcond=None)[0][:2]
    return float(1 / max(np.linalg.svd(shape_operator, compute_uv=False)[0], 1e-3))


def _require_size(size: int) -> None:
    if not SIZE[0] <= size <= SIZE[1]:
        raise BadInput(f"size: is {size}; a patch has {SIZE[0]} to {SIZE[1]} pixels a side")
