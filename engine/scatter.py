"""Choosing sites: lesions spread over a region of the skin without touching each other or leaving the region.

Uniform by area, or by a density, rejected where too near (dart throwing, Cook 1986), largest first so that the small
ones fill the gaps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from engine.errors import BadInput
from engine.lesion import Site
from engine.surface import Surface

SPACING = 1.15
"""Least distance of two centres, in sums of the radii. An outline reaches at most 1.155 radii from its centre (Jung's
theorem), a round one 1, and its fade 0.16 farther: outlines stay apart, the faint ends of two fades may meet."""
TRIES = 400


@dataclass(frozen=True)
class SkinRegion:
    """Where lesions may lie: faces bool [F]; masks bool [H, W] by material narrow it further to painted texels.

    density: float64 [F] ≥ 0, how many lesions an area gets beside others; the same everywhere where None.
    """

    faces: NDArray[np.bool_]
    masks: Mapping[int, NDArray[np.bool_]] | None = None
    density: NDArray[np.float64] | None = None

    def holds_texel(self, material: int, u: float, v: float) -> bool:
        """Whether the painted masks allow this UV position (origin top-left)."""
        if self.masks is None:
            return True
        mask = self.masks.get(material)
        if mask is None:
            return False
        height, width = mask.shape
        return bool(mask[min(int(v * height), height - 1), min(int(u * width), width - 1)])


@dataclass(frozen=True)
class Taken:
    """A place that is occupied: centre in metres and radius in mm."""

    centre: NDArray[np.float64]
    radius_mm: float


def scatter(
    surface: Surface,
    region: SkinRegion,
    diameters_mm: Sequence[float],
    seed: int,
    taken: Sequence[Taken] = (),
    gap_mm: float = 0.0,
) -> list[Site | None]:
    """A site for each diameter, in the order given; None where no free place was found in 400 tries.

    Straight-line distances decide, so that lesions keep their distance on the surface all the more. gap_mm: how much
    farther apart than `SPACING` asks. BadInput where the region has no area.
    """
    areas = surface.face_areas * region.faces
    if region.density is not None:
        areas = areas * region.density
    total = float(areas.sum())
    if total <= 0:
        raise BadInput("region: it covers no skin of this avatar")
    cumulative = np.cumsum(areas) / total
    rim = _rim_tree(surface, region.faces)
    rng = np.random.default_rng(seed)
    occupied = list(taken)
    sites: list[Site | None] = [None] * len(diameters_mm)
    for number in sorted(range(len(diameters_mm)), key=lambda n: (-diameters_mm[n], n)):
        radius = diameters_mm[number] / 2
        for _ in range(TRIES):
            site = _random_site(cumulative, rng)
            if _free(surface, region, site, radius, occupied, rim, gap_mm):
                sites[number] = site
                occupied.append(Taken(surface.point(site), radius))
                break
    return sites


def _random_site(cumulative: NDArray[np.float64], rng: np.random.Generator) -> Site:
    """A face by its share, in it uniform by area (Osada et al. 2002, eq. 1)."""
    face = int(np.searchsorted(cumulative, rng.random(), side="right"))
    root, along = np.sqrt(rng.random()), rng.random()
    return Site(min(face, len(cumulative) - 1), (float(1 - root), float(root * (1 - along)), float(root * along)))


def _free(
    surface: Surface,
    region: SkinRegion,
    site: Site,
    radius_mm: float,
    occupied: Sequence[Taken],
    rim: "cKDTree[None] | None",
    gap_mm: float,
) -> bool:
    point = surface.point(site)
    for other in occupied:
        if np.linalg.norm(point - other.centre) * 1000 < SPACING * (radius_mm + other.radius_mm) + gap_mm:
            return False
    if rim is not None and rim.query(point)[0] * 1000 < SPACING * radius_mm:
        return False
    return region.masks is None or _inside_masks(surface, region, site, radius_mm)


def _inside_masks(surface: Surface, region: SkinRegion, site: Site, radius_mm: float) -> bool:
    """Whether the whole disc lies on painted texels."""
    if not region.holds_texel(*surface.uv(site)):
        return False
    patch = surface.patch(site, 2 * radius_mm, 24)
    axis = (np.arange(patch.size) + 0.5) / patch.size - 0.5
    for row, column in np.argwhere(np.hypot(axis[:, None], axis) <= 0.5):
        u, v = patch.uv[row, column]
        on_skin = patch.face[row, column] >= 0
        if not (on_skin and region.holds_texel(int(patch.material[row, column]), float(u), float(v))):
            return False
    return True


def _rim_tree(surface: Surface, faces: NDArray[np.bool_], spacing_m: float = 0.001) -> "cKDTree[None] | None":
    """Points every millimetre along the edges where the region ends; None where it has no rim."""
    corners = surface.faces[faces]
    edges = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    ends = surface.vertices[unique[counts == 1]]
    if not len(ends):
        return None
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    pieces = np.maximum(np.ceil(lengths / spacing_m).astype(int), 1)
    edge = np.repeat(np.arange(len(ends)), pieces)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = (within / pieces[edge])[:, None]
    return cKDTree(ends[edge, 0] * (1 - share) + ends[edge, 1] * share)
