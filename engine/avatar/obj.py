"""Wavefront OBJ bodies, packed into a GLB in memory: images keep their bytes, vertices are split where the UVs are.

Format: Wavefront OBJ specification (polygons become fans; free-form surfaces are not read).
OBJ puts UV (0, 0) at the bottom left, glTF at the top left.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.avatar import materials, texture
from engine.avatar.assemble import BinaryBuilder
from engine.avatar.gltf import Json
from engine.avatar.meshes import MAX_TRIANGLES
from engine.avatar.mtl import ObjMaterial, decode_text, read_image, read_mtl
from engine.errors import AvatarError

SKIN_ROUGHNESS = 0.6
"""OBJ says nothing that glTF could use as roughness; skin is neither glossy nor chalk."""
_FREE_FORM = frozenset({"curv", "curv2", "surf", "cstype"})


@dataclass
class _Text:
    """What the lines of an OBJ say. `corner_of` numbers the corners (`v/vt/vn`) as they first appear."""

    vertices: list[list[float]] = field(default_factory=list)
    uvs: list[list[float]] = field(default_factory=list)
    normals: list[list[float]] = field(default_factory=list)
    corner_of: dict[str, int] = field(default_factory=dict)
    triangles: dict[str, list[int]] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)


def glb_of_obj(path: Path) -> tuple[bytes, list[str]]:
    """A GLB of an OBJ with its MTL files and images, and warnings. AvatarError names the line that can't be used."""
    text = _read_lines(decode_text(path.read_bytes()))
    if not any(text.triangles.values()):
        raise AvatarError("the file has no faces: export the body's mesh with it")
    library: dict[str, ObjMaterial] = {}
    warnings: list[str] = []
    for name in text.libraries:
        found, left_out = read_mtl(path.parent, name, "mtllib")
        library |= found
        warnings += left_out
    warnings += [
        f"material '{name}' is not defined in {', '.join(text.libraries) or 'any MTL file'}; it is plain grey"
        for name in text.triangles
        if name and name not in library
    ]
    return _pack(text, library, path), warnings


def _read_lines(content: str) -> _Text:
    text = _Text()
    own: list[int] = text.triangles.setdefault("", [])
    columns = {"v": (text.vertices, 3), "vt": (text.uvs, 2), "vn": (text.normals, 3)}
    count = 0
    for number, line in enumerate(content.replace("\\\n", " ").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key = words[0]
        if key == "f":
            count += len(words) - 3
            if count > MAX_TRIANGLES:
                raise AvatarError(
                    f"the body has more than {MAX_TRIANGLES} triangles, which is the limit: decimate it first"
                )
            own += _fan(words, text, number)
        elif key in columns:
            rows, width = columns[key]
            rows.append(_numbers(words, width, number))
        elif key == "usemtl":
            own = text.triangles.setdefault(line.split(None, 1)[1].strip() if len(words) > 1 else "", [])
        elif key == "mtllib" and len(words) > 1:
            text.libraries.append(line.split(None, 1)[1].strip())
        elif key in _FREE_FORM:
            raise AvatarError(f"line {number}: free-form surfaces ({key}) are not read: export the body as triangles")
    return text


def _numbers(words: list[str], width: int, number: int) -> list[float]:
    values = words[1 : width + 1]
    if words[0] == "vt" and len(values) == 1:
        values = [*values, "0"]
    try:
        found = [float(value) for value in values]
    except ValueError:
        found = []
    if len(found) != width:
        raise AvatarError(f"line {number}: '{words[0]}' needs {width} numbers, not '{' '.join(words[1:])[:40]}'")
    return found


def _fan(words: list[str], text: _Text, number: int) -> list[int]:
    if len(words) < 4:
        raise AvatarError(f"line {number}: a face needs at least three corners")
    corner_of = text.corner_of
    corners = []
    for word in words[1:]:
        key = _absolute(word, text, number) if "-" in word else word
        corners.append(corner_of.setdefault(key, len(corner_of)))
    if len(corners) == 3:
        return corners
    return [corner for k in range(1, len(corners) - 1) for corner in (corners[0], corners[k], corners[k + 1])]


def _absolute(word: str, text: _Text, number: int) -> str:
    """A corner with its indices counted from the end (`-1/-1`) turned into ordinary ones."""
    parts = word.split("/")
    try:
        pairs = [(part, len(rows)) for part, rows in zip(parts, (text.vertices, text.uvs, text.normals), strict=False)]
        return "/".join(
            part if not part else str(int(part) + (count + 1 if int(part) < 0 else 0)) for part, count in pairs
        )
    except ValueError as error:
        raise AvatarError(f"line {number}: '{word}' is no corner of a face") from error


def _corners(text: _Text) -> NDArray[np.int64]:
    """Indices [C, 3] of position, UV and normal of each corner, from 0; -1 where it has none."""
    table = np.full((len(text.corner_of), 3), -1, np.int64)
    for word, row in text.corner_of.items():
        for column, part in enumerate(word.split("/")[:3]):
            if part:
                try:
                    table[row, column] = int(part) - 1
                except (ValueError, OverflowError) as error:
                    raise AvatarError(f"'{word}' is no corner of a face") from error
    for column, (name, rows) in enumerate((("v", text.vertices), ("vt", text.uvs), ("vn", text.normals))):
        lowest = 0 if column == 0 else -1
        bad = (table[:, column] < lowest) | (table[:, column] >= len(rows))
        if bad.any():
            word = list(text.corner_of)[int(bad.argmax())]
            raise AvatarError(f"the face corner '{word}' is out of range: there are {len(rows)} '{name}' lines")
    return table


def _pack(text: _Text, library: dict[str, ObjMaterial], path: Path) -> bytes:
    table = _corners(text)
    document: Json = {"asset": {"version": "2.0", "generator": "Moulage"}, "scene": 0, "scenes": [{"nodes": [0]}]}
    document["nodes"] = [{"mesh": 0, "name": path.stem}]
    builder = BinaryBuilder(document)
    positions = np.array(text.vertices)[table[:, 0]]
    shared = {"POSITION": builder.add_positions(_finite_bounds(positions.astype(np.float32)))}
    stated = np.array(text.normals)[table[:, 2]] if (table[:, 2] >= 0).all() else _smooth_normals(text, table)
    shared["NORMAL"] = builder.add_array(_unit(stated), "VEC3")
    mapped = table[:, 1] >= 0
    uv_set = None
    if mapped.any():
        uvs = np.array(text.uvs)[table[:, 1]]
        flipped = np.stack([uvs[:, 0], 1 - uvs[:, 1]], axis=1).astype(np.float32)
        uv_set = builder.add_array(flipped, "VEC2")
    rows = _Materials(document, builder, library, path)
    primitives = []
    for name, corners in text.triangles.items():
        faces = np.array(corners, np.int64).reshape(-1, 3)
        has_uvs = mapped[faces].all(axis=1)
        for chosen, attributes in ((has_uvs, {**shared, "TEXCOORD_0": uv_set}), (~has_uvs, shared)):
            if chosen.any():
                triangles = builder.add_triangles(faces[chosen])
                primitives.append({"attributes": attributes, "indices": triangles, "material": rows.index(name)})
    document["meshes"] = [{"name": path.stem, "primitives": primitives}]
    return builder.glb()


def _smooth_normals(text: _Text, table: NDArray[np.int64]) -> NDArray[np.float64]:
    """A normal for each corner [C, 3]: the sum of its vertex's faces, by area, whatever the UVs cut there."""
    vertices = np.array(text.vertices)
    faces = table[np.concatenate([np.array(own, np.int64) for own in text.triangles.values()]).reshape(-1, 3), 0]
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, faces[:, k], np.cross(b - a, c - a))
    return normals[table[:, 0]]


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    bad = ~(np.isfinite(length) & (length > 0))
    return np.where(bad, (0.0, 1.0, 0.0), vectors / np.where(bad, 1, length)).astype(np.float32)


def _finite_bounds(positions: NDArray[np.float32]) -> NDArray[np.float32]:
    bad = ~np.isfinite(positions).all(axis=1)
    if bad.any():
        raise AvatarError(
            f"{int(bad.sum())} of {len(positions)} vertices have NaN or infinite positions: repair the mesh"
            " and export it again"
        )
    return positions


class _Materials:
    """glTF materials of an OBJ's, made as the faces ask for them; an image file that several use is packed once."""

    def __init__(self, document: Json, builder: BinaryBuilder, library: dict[str, ObjMaterial], path: Path) -> None:
        self._document = document
        self._builder = builder
        self._library = library
        self._path = path
        self._rows: dict[str, int] = {}
        self._textures: dict[tuple[Path, str], int] = {}

    def index(self, name: str) -> int:
        if name not in self._rows:
            table = self._document.setdefault("materials", [])
            table.append(self._row(self._library.get(name) or ObjMaterial(name or self._path.stem, self._path.parent)))
            self._rows[name] = len(table) - 1
        return self._rows[name]

    def _row(self, material: ObjMaterial) -> Json:
        colour = (1.0, 1.0, 1.0) if "albedo" in material.maps else material.colour
        pbr: Json = {
            "baseColorFactor": [*colour, material.opacity],
            "metallicFactor": 0.0,
            "roughnessFactor": SKIN_ROUGHNESS,
        }
        row: Json = {"name": material.name, "pbrMetallicRoughness": pbr}
        if material.opacity < 1:
            row["alphaMode"] = "BLEND"
        if "roughness" in material.maps:
            pbr["roughnessFactor"] = 1.0
        if "emissive" in material.maps:
            row["emissiveFactor"] = [1.0, 1.0, 1.0]
        for map_name, file in material.maps.items():
            *keys, last = materials.SLOTS[map_name]
            owner = row
            for key in keys:
                owner = owner[key]
            owner[last] = {"index": self._texture(material, file)}
        return row

    def _texture(self, material: ObjMaterial, file: str) -> int:
        key = (material.folder, file)
        if key not in self._textures:
            encoded = read_image(material.folder, file, f"material '{material.name}'")
            described = texture.describe(file, encoded)
            images = self._document.setdefault("images", [])
            view = self._builder.add_bytes(encoded)
            name = file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
            images.append({"name": name, "mimeType": described.mime, "bufferView": view})
            row: Json = {"source": len(images) - 1}
            if described.mime == texture.WEBP:
                row = {"extensions": {"EXT_texture_webp": row}}
                used = self._document.setdefault("extensionsUsed", [])
                used += [] if "EXT_texture_webp" in used else ["EXT_texture_webp"]
            textures = self._document.setdefault("textures", [])
            textures.append(row)
            self._textures[key] = len(textures) - 1
        return self._textures[key]
