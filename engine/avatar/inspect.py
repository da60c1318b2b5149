"""What an avatar is made of and how good it is to work on: materials, maps, texel density, skin tone, warnings.

Skin tone is the median Lab of a part's texels, as ITA and phototype (see `engine.colour`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.atlas import decode
from engine.avatar import bodyparts
from engine.avatar.model import ALBEDO, Avatar, TextureImage
from engine.colour import LINEAR_OF_BYTE, Floats, ita_degrees, linear_to_lab, phototype
from engine.surface import Surface
from engine.surface.density import Density, density
from engine.surface.islands import seam_length
from engine.surface.raster import face_map

TONE_GRID = 1024
"""Skin tone is measured on every n-th texel, so that about this many are left along a side."""
OPAQUE = 128
MIN_TONE_TEXELS = 20
NO_SKELETON = "without a skeleton the body parts have no names: give regions as painted mask images"
UNKNOWN_BONES = "the skeleton's bones are not known, so body parts have no names: give regions as painted mask images"


@dataclass(frozen=True)
class MapReport:
    """One map: kind of file, texels, bytes as they stand in the file."""

    mime: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True)
class MaterialReport:
    """A material: its triangles, UV islands, area on the body in cm², and maps."""

    name: str
    triangles: int
    islands: int
    area_cm2: float
    maps: Mapping[str, MapReport]


@dataclass(frozen=True)
class ToneReport:
    """Median CIE Lab of the skin, its individual typology angle in degrees, and the phototype that this suggests."""

    lab: tuple[float, float, float]
    ita: float
    phototype: str


@dataclass(frozen=True)
class PartReport:
    """A body part: `mm_per_texel` p5, p50, p95 and `anisotropy` p50, p95, by area; None where it has no albedo."""

    name: str
    triangles: int
    area_cm2: float
    mm_per_texel: tuple[float, float, float] | None
    anisotropy: tuple[float, float] | None
    tone: ToneReport | None


@dataclass(frozen=True)
class AvatarReport:
    """All of it. `parts` begins with the whole body; `joints` and `humanoid` count bones; `seam_m`: all UV seams."""

    name: str
    height_m: float
    metres_per_unit: float
    vertices: int
    triangles: int
    islands: int
    seam_m: float
    joints: int
    humanoid: int
    materials: tuple[MaterialReport, ...]
    parts: tuple[PartReport, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists of the same names."""
        return asdict(self)


def inspect(avatar: Avatar) -> AvatarReport:
    """Measure an avatar. AvatarError where an albedo can't be decoded."""
    surface = Surface.of(avatar)
    labels = bodyparts.label(avatar)
    area = surface.face_areas * 1e4
    albedos = {
        index: material.maps[ALBEDO] for index, material in enumerate(avatar.materials) if ALBEDO in material.maps
    }
    sizes = {index: (albedo.width, albedo.height) for index, albedo in albedos.items()}
    lab, owner = _tones(surface, albedos)
    rows = [("whole body", np.ones(len(surface.faces), bool))]
    if labels is not None:
        rows += [(name, labels.of_face == index) for index, name in enumerate(labels.names)]
    parts = [
        _part(name, faces, area, density(surface, sizes, faces), lab[faces[owner]])
        for name, faces in rows
        if faces.any()
    ]
    skeleton = avatar.skeleton
    notes = [] if labels is not None else [NO_SKELETON if skeleton is None else UNKNOWN_BONES]
    return AvatarReport(
        name=avatar.name,
        height_m=round(float(np.ptp(surface.vertices[surface.faces.ravel(), 1])), 4),
        metres_per_unit=avatar.scale,
        vertices=len(avatar.positions),
        triangles=len(avatar.faces),
        islands=int(surface.face_island.max()) + 1,
        seam_m=round(seam_length(surface.vertices, surface.faces, surface.corner_uvs, surface.face_material), 3),
        joints=0 if skeleton is None else len(skeleton.names),
        humanoid=0 if skeleton is None else len(skeleton.humanoid),
        materials=tuple(_material(avatar, surface, index, area) for index in range(len(avatar.materials))),
        parts=tuple(parts),
        warnings=(*avatar.warnings, *notes),
    )


def _material(avatar: Avatar, surface: Surface, index: int, area: NDArray[np.float64]) -> MaterialReport:
    faces = surface.face_material == index
    maps = avatar.materials[index].maps
    return MaterialReport(
        name=avatar.materials[index].name,
        triangles=int(faces.sum()),
        islands=len(np.unique(surface.face_island[faces])),
        area_cm2=round(float(area[faces].sum()), 1),
        maps={name: MapReport(map_.mime, map_.width, map_.height, len(map_.encoded)) for name, map_ in maps.items()},
    )


def _tones(surface: Surface, albedos: Mapping[int, TextureImage]) -> tuple[Floats, NDArray[np.int32]]:
    """Lab [T, 3] of a sample of all albedos' opaque texels, and the face [T] that each belongs to."""
    colours: list[Floats] = [np.zeros((0, 3))]
    owners = [np.zeros(0, np.int32)]
    for index, albedo in albedos.items():
        pixels = decode(albedo)
        step = max(1, max(pixels.shape[:2]) // TONE_GRID)
        sample = pixels[step // 2 :: step, step // 2 :: step]
        faces = np.flatnonzero(surface.face_material == index)
        owner = face_map(surface.corner_uvs, sample.shape[1], sample.shape[0], faces)
        shown = (owner >= 0) & (sample[..., 3] >= OPAQUE)
        colours.append(linear_to_lab(LINEAR_OF_BYTE[sample[..., :3][shown]].astype(np.float64)))
        owners.append(owner[shown])
    return np.concatenate(colours), np.concatenate(owners)


def _part(
    name: str, faces: NDArray[np.bool_], area: NDArray[np.float64], texels: Density | None, lab: Floats
) -> PartReport:
    own_area = round(float(area[faces].sum()), 1)
    if texels is None:
        return PartReport(name, int(faces.sum()), own_area, None, None, _tone(lab))
    p5, p50, p95 = (round(side, 4) for side in texels.mm_per_texel)
    a50, a95 = (round(ratio, 3) for ratio in texels.anisotropy)
    return PartReport(name, int(faces.sum()), own_area, (p5, p50, p95), (a50, a95), _tone(lab))


def _tone(lab: Floats) -> ToneReport | None:
    if len(lab) < MIN_TONE_TEXELS:
        return None
    median = np.median(lab, axis=0)
    ita = float(ita_degrees(median))
    lightness, a, b = (round(float(value), 1) for value in median)
    return ToneReport((lightness, a, b), round(ita, 1), phototype(ita))
