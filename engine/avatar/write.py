"""Write changed maps back into a GLB; skeleton, animations, extensions and all other images stay as they are."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from engine.avatar import accessors, gltf, materials, texture
from engine.avatar.gltf import Container, Json
from engine.avatar.model import ALBEDO
from engine.errors import AvatarError

Slot = tuple[str, str]
"""A material's name (as `Avatar.materials` has it) and a map's name."""


def replace_maps(glb: bytes, changed: Mapping[Slot, bytes]) -> bytes:
    """The GLB with the named maps replaced by PNGs; `glb` itself where nothing is changed.

    changed: encoded PNG by (material, map). A map that the material lacks is added to it; an added albedo sets the base
    colour to white. An image that other materials or maps use too is replaced only where all get the same bytes;
    otherwise this material gets an image of its own and the others keep theirs.
    In the JSON only the replaced image, its buffer view, and the offsets of views behind it differ.
    AvatarError for a material that the file lacks, an unknown map, or bytes that are no PNG.
    """
    if not changed:
        return glb
    container = gltf.parse(glb)
    edited = _EditedDocument(container)
    for (material, map_name), png in changed.items():
        if map_name not in materials.SLOTS:
            raise AvatarError(f"map '{map_name}' is unknown; choose one of {', '.join(materials.SLOTS)}")
        if texture.describe(f"{material} {map_name}", png).mime != texture.PNG:
            raise AvatarError(f"the new {map_name} of material '{material}' must be a PNG")
    for slots, png in _groups(edited, changed):
        edited.replace(slots, png)
    return edited.glb()


def _groups(edited: "_EditedDocument", changed: Mapping[Slot, bytes]) -> Iterator[tuple[list[Slot], bytes]]:
    """Slots that share an image and get the same bytes, together."""
    groups: dict[tuple[int | Slot, bytes], list[Slot]] = {}
    for slot, png in changed.items():
        image = edited.image(slot)
        groups.setdefault((slot if image is None else image, png), []).append(slot)
    for (_, png), slots in groups.items():
        yield slots, png


class _EditedDocument:
    """A document while its images are exchanged; new bytes wait until `glb` lays the binary chunk out anew."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._document: Json = copy.deepcopy(container.document)
        self._row_of = {name: index for index, name in enumerate(materials.unique_names(container.document))}
        self._new_bodies: dict[int, bytes] = {}
        self._users: dict[int, set[Slot]] = {}
        count = len(gltf.rows(self._document, "materials"))
        for name, index in self._row_of.items():
            for map_name in materials.SLOTS if index < count else ():
                image = self.image((name, map_name))
                if image is not None:
                    self._users.setdefault(image, set()).add((name, map_name))

    def _material(self, name: str) -> Json | None:
        if name not in self._row_of:
            raise AvatarError(
                f"the file has no material '{name}'; it has {', '.join(list(self._row_of)[:-1]) or 'none'}"
            )
        rows = gltf.rows(self._document, "materials")
        index = self._row_of[name]
        return rows[index] if index < len(rows) else None

    def _reference(self, slot: Slot) -> Json | None:
        row = self._material(slot[0])
        return None if row is None else materials.slot(row, slot[1], f"material '{slot[0]}'")

    def image(self, slot: Slot) -> int | None:
        """Index of the image that a slot shows; None where it has none, or one of a kind that isn't read."""
        reference = self._reference(slot)
        return None if reference is None else materials.source_of(self._document, reference, f"material '{slot[0]}'")

    def replace(self, slots: list[Slot], png: bytes) -> None:
        image = self.image(slots[0])
        if image is not None and self._users[image] == set(slots):
            self._replace_image(image, png)
            return
        new = self._append("images", {"mimeType": texture.PNG, "bufferView": self._new_view(png)})
        self._document["images"][new]["name"] = f"{slots[0][0]}-{slots[0][1]}"
        if image is not None:
            self._users[image] -= set(slots)
        textures: dict[int | None, int] = {}
        for slot in slots:
            reference = self._reference(slot)
            old = None if reference is None else gltf.integer(reference, "index", slot[0])
            if old not in textures:
                row = {} if old is None else copy.deepcopy(self._document["textures"][old])
                row.pop("extensions", None)
                textures[old] = self._append("textures", {**row, "source": new})
            if reference is None or old is None:
                self._add_reference(slot, textures[old])
            else:
                reference["index"] = textures[old]
                self._follow_in_extensions(slot, old, textures[old])

    def _append(self, table: str, row: Json) -> int:
        rows = gltf.rows(self._document, table) or self._document.setdefault(table, [])
        rows.append(row)
        return len(rows) - 1

    def _new_view(self, png: bytes) -> int:
        view = self._append("bufferViews", {"buffer": 0, "byteOffset": 0, "byteLength": len(png)})
        self._new_bodies[view] = png
        return view

    def _replace_image(self, image: int, png: bytes) -> None:
        row: Json = self._document["images"][image]
        row["mimeType"] = texture.PNG
        view = gltf.integer(row, "bufferView", f"images[{image}]")
        others = [*gltf.rows(self._document, "images"), *gltf.rows(self._document, "accessors")]
        if any(other is not row and other.get("bufferView") == view for other in others):
            row["bufferView"] = self._new_view(png)
        else:
            self._new_bodies[view] = png
        for index, owner in enumerate(gltf.rows(self._document, "textures")):
            extensions = gltf.obj(owner, "extensions", f"textures[{index}]")
            if gltf.obj(extensions, "EXT_texture_webp", f"textures[{index}]").get("source") == image:
                owner["source"] = image
                del extensions["EXT_texture_webp"]
                if not extensions:
                    del owner["extensions"]

    def _add_reference(self, slot: Slot, new: int) -> None:
        row = self._material(slot[0])
        if row is None:
            row = self._default_material(slot[0])
        *keys, last = materials.slot_path(row, slot[1])
        owner = row
        for key in keys:
            owner = owner.setdefault(key, {})
        owner[last] = {"index": new}
        if slot[1] == "emissive":
            row["emissiveFactor"] = [1.0, 1.0, 1.0]
        if slot[1] == ALBEDO:
            factor = "baseColorFactor" if last == "baseColorTexture" else "diffuseFactor"
            if factor in owner:
                owner[factor] = [1.0, 1.0, 1.0, owner[factor][3]]

    def _default_material(self, name: str) -> Json:
        """The material of faces that had none, written out."""
        index = self._append("materials", {"name": name, "pbrMetallicRoughness": {"metallicFactor": 0.0}})
        for number, mesh in enumerate(gltf.rows(self._document, "meshes")):
            for primitive in gltf.rows(mesh, "primitives", f"meshes[{number}]"):
                primitive.setdefault("material", index)
        row: Json = self._document["materials"][index]
        return row

    def _follow_in_extensions(self, slot: Slot, old: int, new: int) -> None:
        """Toon shading (VRM) names the albedo a second time; it must not go on showing the old one."""
        if slot[1] != ALBEDO:
            return
        row = self._material(slot[0])
        for owner in _dicts(row["extensions"]) if row and "extensions" in row else ():
            if owner.get("index") == old:
                owner["index"] = new
        vrm = gltf.obj(gltf.obj(self._document, "extensions", "the document"), "VRM", "extensions")
        toon = gltf.rows(vrm, "materialProperties", "VRM")
        index = self._row_of[slot[0]]
        if index < len(toon):
            properties = gltf.obj(toon[index], "textureProperties", "VRM.materialProperties")
            properties.update({key: new for key, value in properties.items() if value == old})

    def glb(self) -> bytes:
        """Lay the binary chunk out: replaced images are taken out, new ones go to the end, the rest keeps its order."""
        old = self._container.binary
        views = gltf.rows(self._document, "bufferViews")
        known = len(gltf.rows(self._container.document, "bufferViews"))
        ranges = [accessors.view_range(self._container, index, "a texture") for index in range(known)]
        holes = self._holes(ranges)
        kept = bytearray()
        position = 0
        for start, stop in [*holes, (len(old), len(old))]:
            kept += old[position:start]
            position = stop
        for index, (offset, _) in enumerate(ranges):
            if index not in self._new_bodies:
                gone = sum(stop - start for start, stop in holes if stop <= offset)
                if gone:
                    views[index]["byteOffset"] = offset - gone
        for index, body in self._new_bodies.items():
            kept += b"\0" * (-len(kept) % 4)
            views[index].update(byteOffset=len(kept), byteLength=len(body))
            kept += body
        kept += b"\0" * (-len(kept) % 4)
        buffers = gltf.rows(self._document, "buffers") or self._document.setdefault("buffers", [{}])
        buffers[0]["byteLength"] = len(kept)
        return gltf.build(self._document, bytes(kept), self._container.other)

    def _holes(self, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Byte ranges that nothing needs any more, whole multiples of 4 long so that the rest stays aligned."""
        if any("extensions" in view for view in gltf.rows(self._document, "bufferViews")):
            return []
        holes = []
        for index in sorted(self._new_bodies.keys() & set(range(len(ranges))), key=lambda k: ranges[k]):
            start, length = ranges[index]
            end = start + length
            alone = all(other + size <= start or end <= other for k, (other, size) in enumerate(ranges) if k != index)
            if alone and length >= 4:
                holes.append((start, end - length % 4))
        return holes


def _dicts(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dicts(child)
