"""A patient: an avatar with everything that lesions need at hand: surface, base atlases, body parts, canvas."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from engine.avatar import bodyparts
from engine.avatar.model import ALBEDO, Avatar
from engine.canvas import Canvas
from engine.clinic import usual_density
from engine.errors import AvatarError, BadInput
from engine.lesion import LesionLayer, Site
from engine.scatter import SkinRegion
from engine.surface import Surface

if TYPE_CHECKING:
    from PIL import Image

LARGEST_MASK = 8192
"""Pixels along the longer side of a painted region, as of a texture."""


class Patient:
    """Built once per avatar; holds the atlases in memory.

    avatar, surface, canvas: see there. parts: the body parts, or None for an avatar without a skeleton.
    """

    def __init__(self, avatar: Avatar) -> None:
        self.avatar = avatar
        self.surface = Surface.of(avatar)
        self.parts = bodyparts.label(avatar)
        self.canvas = Canvas(self.surface, avatar)

    @classmethod
    def of(cls, avatar: Avatar, layers: Sequence[LesionLayer] = ()) -> Self:
        """The avatar with these layers shown on it."""
        patient = cls(avatar)
        patient.canvas.show(layers)
        return patient

    def bare(self) -> "Patient":
        """The same avatar without lesions, as a patient of its own; what never changes is shared."""
        twin = Patient.__new__(Patient)
        twin.avatar, twin.surface, twin.parts = self.avatar, self.surface, self.parts
        twin.canvas = Canvas(self.surface, self.avatar, self.canvas)
        return twin

    @property
    def height_m(self) -> float:
        """From sole to crown in the bind pose."""
        return float(np.ptp(self.avatar.positions[:, 1]))

    def material(self, name: str | None) -> int:
        """Index of a material by name; the only one with an albedo map, or the largest on the surface, where None."""
        materials = self.avatar.materials
        names = [m.name for m in materials]
        if name is not None:
            if name not in names:
                raise BadInput(f"--material: {name!r} is not among this avatar's materials: {', '.join(names)}")
            return names.index(name)
        area = np.bincount(self.surface.face_material, self.surface.face_areas, len(materials))
        textured = np.array([ALBEDO in m.maps for m in materials])
        return int(np.where(textured, area, area - area.max() - 1).argmax())

    def region(self, text: str | None, material: str | None = None) -> SkinRegion:
        """A body part by name, a painted mask image (white is in) by its path, or all skin where None.

        material: narrows the region to one material. A mask belongs to one material's UV layout (where None, as
        `material` chooses) and may have any size. BadInput for a material, part or mask that isn't there.
        """
        own = np.ones(len(self.surface.faces), bool)
        if material is not None:
            own = self.surface.face_material == self.material(material)
        if text is None:
            return SkinRegion(self._skin() & own if self.parts is not None else own)
        path = Path(text)
        if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}:
            index = self.material(material)
            return SkinRegion(self.surface.face_material == index, {index: read_mask(path)})
        if self.parts is None:
            raise BadInput(
                f"--region: {self.avatar.name} has no skeleton, so its body parts have no names; give a mask image"
            )
        return SkinRegion(self.parts.select(text) & own)

    def as_usual(self, region: SkinRegion, lesion_class: str) -> SkinRegion:
        """The region with the class' usual density by body part; as it is where the body has no named parts."""
        return region if self.parts is None else replace(region, density=usual_density(self.parts, lesion_class))

    def site_at_uv(self, u: float, v: float, material: str | None = None) -> Site:
        """The site at a UV position (origin top-left, as in glTF)."""
        return self.surface.site_at_uv(self.material(material), u, v)

    def site_at_face(self, material: str, face: int, barycentric: tuple[float, float, float]) -> Site:
        """The site on the `face`-th triangle of a material."""
        own = np.flatnonzero(self.surface.face_material == self.material(material))
        if not 0 <= face < len(own):
            raise BadInput(f"--site: material {material!r} has faces 0 to {len(own) - 1}, not {face}")
        total = sum(barycentric)
        if min(barycentric) < 0 or total <= 0:
            raise BadInput(f"--site: barycentric coordinates {barycentric} must be ≥ 0 and not all 0")
        b0, b1, b2 = (b / total for b in barycentric)
        return Site(int(own[face]), (b0, b1, b2))

    def site_facing(self, origin: Sequence[float], direction: Sequence[float]) -> Site:
        """The first point of the body that a ray meets; origin in metres."""
        faces, barycentric, _ = self.surface.cast(np.array([origin], float), np.array([direction], float))
        if faces[0] < 0:
            raise AvatarError(f"{self.avatar.name}: nothing of the body lies along the ray from {tuple(origin)}")
        b0, b1, b2 = (float(b) for b in barycentric[0])
        return Site(int(faces[0]), (b0, b1, b2))

    def body_part(self, site: Site) -> str:
        """Name of the body part, or an empty string for an avatar without a skeleton."""
        return self.parts.name_of(site.face) if self.parts is not None else ""

    def _skin(self) -> NDArray[np.bool_]:
        assert self.parts is not None
        skin: NDArray[np.bool_] = self.parts.of_face >= 0
        return skin


def read_mask(path: Path) -> NDArray[np.bool_]:
    """A painted region, bool [H, W]: true where the image is brighter than half and not transparent.

    BadInput where it can't be read, is too large, or black everywhere.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is below Pillow's
            with Image.open(path) as image:
                if max(image.size) > LARGEST_MASK:
                    raise BadInput(f"--region: {path} is {image.width}×{image.height}; at most {LARGEST_MASK} a side")
                mask = _painted(image)
    except Image.DecompressionBombError as error:
        raise BadInput(f"--region: {path} is too large; at most {LARGEST_MASK} pixels a side") from error
    except (OSError, UnidentifiedImageError) as error:
        raise BadInput(f"--region: {path} can't be read as an image ({error})") from error
    if not mask.any():
        raise BadInput(f"--region: {path} is black everywhere; paint the region white")
    return mask


def _painted(image: "Image.Image") -> NDArray[np.bool_]:
    """Pillow clips 16 bits to 8 instead of scaling them, and paints programs leave white behind transparent pixels."""
    if image.mode.startswith("I;16"):
        return np.asarray(np.asarray(image) > 0x7FFF)
    bright = np.asarray(image.convert("L")) > 127
    if image.has_transparency_data:
        bright = bright & (np.asarray(image.convert("RGBA"))[..., 3] > 127)
    return bright
