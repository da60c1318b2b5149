"""Materials of a glTF document: their names, the slots where their maps hang, and how a map lies in UV space."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.avatar import accessors, gltf, texture
from engine.avatar.gltf import Container, Json
from engine.avatar.model import ALBEDO, Material, TextureImage
from engine.errors import AvatarError

SLOTS: dict[str, tuple[str, ...]] = {
    ALBEDO: ("pbrMetallicRoughness", "baseColorTexture"),
    "normal": ("normalTexture",),
    "roughness": ("pbrMetallicRoughness", "metallicRoughnessTexture"),
    "occlusion": ("occlusionTexture",),
    "emissive": ("emissiveTexture",),
}
"""Where in a material's JSON each map hangs."""
SPECULAR_GLOSSINESS = "KHR_materials_pbrSpecularGlossiness"
_OLD_ALBEDO = ("extensions", SPECULAR_GLOSSINESS, "diffuseTexture")
TEXTURE_TRANSFORM = "KHR_texture_transform"
_UNREAD_TEXTURES = ("KHR_texture_basisu", "MSFT_texture_dds", "EXT_texture_avif")
REPEAT, CLAMP, MIRROR = 10497, 33071, 33648


@dataclass(frozen=True)
class Placement:
    """How a map lies in UV space: set, affine transform (2×3, from the set's UVs to the image's), wrap modes."""

    uv_set: int = 0
    affine: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    wraps: tuple[int, int] = (REPEAT, REPEAT)

    def apply(self, uvs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The image's UVs [V, 2] of the set's UVs; the same array where there is no transform."""
        if self.affine == Placement().affine:
            return uvs
        matrix = np.array(self.affine).reshape(2, 3)
        moved: NDArray[np.float32] = (uvs @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        return moved


def unique_names(document: Json) -> tuple[str, ...]:
    """A name for every material, and one more at the end for faces without a material; repeated names are numbered."""
    rows = gltf.rows(document, "materials")
    wished = [gltf.text(row, "name", f"material-{index}") for index, row in enumerate(rows)] + ["default"]
    taken: set[str] = set()
    names = []
    for wish in wished:
        name, number = wish, 2
        while name in taken or (number > 2 and name in wished):
            name, number = f"{wish}-{number}", number + 1
        taken.add(name)
        names.append(name)
    return tuple(names)


def slot_path(material: Json, map_name: str) -> tuple[str, ...]:
    """Keys from a material's JSON to a map's texture reference, whether there is one or not."""
    old = (
        map_name == ALBEDO
        and _follow(material, SLOTS[ALBEDO]) is None
        and _follow(material, _OLD_ALBEDO[:2]) is not None
    )
    return _OLD_ALBEDO if old else SLOTS[map_name]


def slot(material: Json, map_name: str, where: str) -> Json | None:
    """A map's texture reference (`{"index": …}`), None where the material has no such map."""
    found = _follow(material, slot_path(material, map_name))
    if found is not None and not isinstance(found, dict):
        raise AvatarError(f"{where}: the {map_name} texture must be an object: the file is damaged")
    return found


def _follow(owner: Json, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(owner, dict) or key not in owner:
            return None
        owner = owner[key]
    return owner


def image_of(document: Json, reference: Json, where: str) -> int:
    """Index of the image behind a texture reference; extensions that hide it are refused by name."""
    index = gltf.integer(reference, "index", where)
    row = gltf.entry(document, "textures", index, where)
    here = f"{where}: textures[{index}]"
    gltf.refuse_extension(row, _UNREAD_TEXTURES, here)
    webp = gltf.obj(gltf.obj(row, "extensions", here), "EXT_texture_webp", here)
    return gltf.integer(webp if webp else row, "source", here)


def source_of(document: Json, reference: Json, where: str) -> int | None:
    """Index of the image behind a texture reference; None where an extension that isn't read hides it."""
    row = gltf.entry(document, "textures", gltf.integer(reference, "index", where), where)
    hidden = any(name in gltf.obj(row, "extensions", where) for name in _UNREAD_TEXTURES)
    return None if hidden else image_of(document, reference, where)


def placement(document: Json, reference: Json, where: str) -> Placement:
    """UV set, transform (KHR_texture_transform) and wrap modes of a texture reference."""
    transform = gltf.obj(gltf.obj(reference, "extensions", where), TEXTURE_TRANSFORM, where)
    uv_set = gltf.integer(transform, "texCoord", where, gltf.integer(reference, "texCoord", where, 0))
    du, dv = gltf.numbers(transform, "offset", where, (0.0, 0.0))
    su, sv = gltf.numbers(transform, "scale", where, (1.0, 1.0))
    angle = gltf.number(transform, "rotation", where, 0.0)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    row = gltf.entry(document, "textures", gltf.integer(reference, "index", where), where)
    sampler = gltf.reference(row, "sampler", where)
    owner = {} if sampler is None else gltf.entry(document, "samplers", sampler, where)
    wraps = (gltf.integer(owner, "wrapS", where, REPEAT), gltf.integer(owner, "wrapT", where, REPEAT))
    return Placement(uv_set, (cos * su, sin * sv, du, -sin * su, cos * sv, dv), wraps)


def main_placement(document: Json, material: Json, where: str) -> Placement:
    """Where the material's albedo lies, or the first map that it has; the plain placement without any."""
    for map_name in SLOTS:
        reference = slot(material, map_name, where)
        if reference is not None:
            return placement(document, reference, where)
    return Placement()


class MapReader:
    """Reads materials' maps; an image that several of them share is one object in all of them."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._images: dict[int, TextureImage] = {}
        self.warnings: list[str] = []

    def read(self, index: int | None, name: str) -> Material:
        """A material with all maps that lie as its albedo does; others are left in the file and named in `warnings`."""
        if index is None:
            return Material(name, {})
        document = self._container.document
        row = gltf.entry(document, "materials", index, "a mesh")
        where = f"material '{name}'"
        main = main_placement(document, row, where)
        maps = {}
        for map_name in SLOTS:
            reference = slot(row, map_name, where)
            if reference is None:
                continue
            lies = placement(document, reference, where)
            if (lies.uv_set, lies.affine) == (main.uv_set, main.affine):
                maps[map_name] = self._image(image_of(document, reference, where), where)
            else:
                self.warnings.append(
                    f"{where}: its {map_name} map lies otherwise in UV space than its albedo; it is left alone"
                )
        colour = base_colour(row, where)
        if ALBEDO in maps and min(colour[:3]) < 0.98:
            tint = ", ".join(f"{part:.2f}" for part in colour[:3])
            self.warnings.append(
                f"{where}: its base colour ({tint}) tints the albedo; colours are measured without the tint"
            )
        return Material(name, maps, colour)

    def _image(self, index: int, where: str) -> TextureImage:
        if index not in self._images:
            row = gltf.entry(self._container.document, "images", index, where)
            name = gltf.text(row, "name", f"image-{index}")
            if "uri" in row and "bufferView" not in row:
                raise AvatarError(f"{where}: texture '{name}' lies outside the file; export the body as one GLB")
            view = gltf.integer(row, "bufferView", f"{where}: images[{index}]")
            encoded = bytes(accessors.view_bytes(self._container, view, f"images[{index}]"))
            try:
                self._images[index] = texture.describe(name, encoded)
            except AvatarError as error:
                raise AvatarError(f"{where}: {error}") from error
        return self._images[index]


def base_colour(material: Json, where: str) -> tuple[float, float, float, float]:
    """Base colour factor, linear RGB and alpha in [0, 1]."""
    if slot_path(material, ALBEDO) == _OLD_ALBEDO:
        old = gltf.obj(gltf.obj(material, "extensions", where), SPECULAR_GLOSSINESS, where)
        values = gltf.numbers(old, "diffuseFactor", where, (1.0, 1.0, 1.0, 1.0))
    else:
        pbr = gltf.obj(material, "pbrMetallicRoughness", where)
        values = gltf.numbers(pbr, "baseColorFactor", where, (1.0, 1.0, 1.0, 1.0))
    red, green, blue, alpha = (min(max(value, 0.0), 1.0) for value in values)
    return red, green, blue, alpha
