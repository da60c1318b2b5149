"""Small bodies, images and files for the avatar tests, made from scratch: a tube of a person's height, with UVs."""

import io
import json
import struct
from typing import Any

import numpy as np
from PIL import Image

Json = dict[str, Any]


def tube(height: float = 1.7, around: int = 12, along: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions float32 [V, 3], faces uint32 [F, 3], uvs float32 [V, 2]; UVs within 0.05-0.95, v from the top down."""
    turn, drop = np.meshgrid(np.linspace(0, 2 * np.pi, around + 1), np.linspace(0, 1, along + 1))
    positions = np.stack([0.15 * np.sin(turn), height * (1 - drop), 0.15 * np.cos(turn)], axis=-1).reshape(-1, 3)
    uvs = np.stack([0.05 + 0.9 * turn / (2 * np.pi), 0.05 + 0.9 * drop], axis=-1).reshape(-1, 2)
    row, column = np.meshgrid(np.arange(along), np.arange(around), indexing="ij")
    a = (row * (around + 1) + column).ravel()
    b, c, d = a + 1, a + around + 1, a + around + 2
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    return positions.astype(np.float32), faces.astype(np.uint32), uvs.astype(np.float32)


def png(width: int = 32, height: int = 32, seed: int = 0) -> bytes:
    return _encoded(width, height, seed, "PNG")


def jpeg(width: int = 32, height: int = 32, seed: int = 0) -> bytes:
    return _encoded(width, height, seed, "JPEG")


def webp(width: int = 32, height: int = 32, seed: int = 0, lossless: bool = True) -> bytes:
    return _encoded(width, height, seed, "WEBP", lossless=lossless)


def _encoded(width: int, height: int, seed: int, kind: str, **options: Any) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    output = io.BytesIO()
    Image.fromarray(pixels).save(output, kind, **options)
    return output.getvalue()


class Draft:
    """A glTF document and its buffer while a test puts them together; written without the engine's own code."""

    def __init__(self) -> None:
        self.document: Json = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": []}],
            "nodes": [],
            "meshes": [],
        }
        self.binary = bytearray()

    def row(self, table: str, value: Json) -> int:
        self.document.setdefault(table, []).append(value)
        return len(self.document[table]) - 1

    def view(self, body: bytes, **fields: Any) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        start = len(self.binary)
        self.binary += body
        return self.row("bufferViews", {"buffer": 0, "byteOffset": start, "byteLength": len(body), **fields})

    def array(self, values: np.ndarray, kind: str, **fields: Any) -> int:
        codes = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
        view = self.view(np.ascontiguousarray(values).tobytes())
        row = {
            "bufferView": view,
            "componentType": codes[values.dtype.name],
            "count": len(values),
            "type": kind,
            **fields,
        }
        return self.row("accessors", row)

    def texture(self, encoded: bytes, mime: str = "image/png", name: str = "skin", **fields: Any) -> int:
        image = self.row("images", {"name": name, "mimeType": mime, "bufferView": self.view(encoded)})
        return self.row("textures", {"source": image, **fields})

    def material(self, name: str, texture: int | None = None, **fields: Any) -> int:
        pbr = {} if texture is None else {"baseColorTexture": {"index": texture}}
        return self.row("materials", {"name": name, "pbrMetallicRoughness": pbr, **fields})

    def primitive(
        self,
        positions: np.ndarray,
        faces: np.ndarray | None,
        uvs: np.ndarray | None,
        material: int | None = None,
        **fields: Any,
    ) -> Json:
        attributes = {"POSITION": self.array(positions, "VEC3")}
        if uvs is not None:
            attributes["TEXCOORD_0"] = self.array(uvs, "VEC2")
        row: Json = {"attributes": attributes, **fields}
        if faces is not None:
            row["indices"] = self.array(faces.reshape(-1), "SCALAR")
        if material is not None:
            row["material"] = material
        return row

    def draw(self, *primitives: Json, **node: Any) -> int:
        mesh = self.row("meshes", {"name": "body", "primitives": list(primitives)})
        index = self.row("nodes", {"mesh": mesh, "name": "body", **node})
        self.document["scenes"][0]["nodes"].append(index)
        return index

    def glb(self) -> bytes:
        if self.binary:
            self.document["buffers"] = [{"byteLength": len(self.binary)}]
        return pack(self.document, bytes(self.binary))


def pack(document: Json | bytes, binary: bytes, extra: bytes = b"") -> bytes:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        body += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body) + len(extra)) + body + extra


def unpack(glb: bytes) -> tuple[Json, bytes]:
    length, _ = struct.unpack_from("<I4s", glb, 12)
    start = 20 + length
    binary = b""
    if start < len(glb):
        size, _ = struct.unpack_from("<I4s", glb, start)
        binary = glb[start + 8 : start + 8 + size]
    return json.loads(glb[20 : 20 + length]), binary


def view_bytes(glb: bytes, view: int) -> bytes:
    document, binary = unpack(glb)
    row = document["bufferViews"][view]
    return binary[row.get("byteOffset", 0) : row.get("byteOffset", 0) + row["byteLength"]]


def plain_body(height: float = 1.7, encoded: bytes | None = None, mime: str = "image/png") -> Draft:
    """One tube with one material `skin` and one image."""
    draft = Draft()
    skin = draft.material("skin", draft.texture(png() if encoded is None else encoded, mime))
    draft.draw(draft.primitive(*tube(height), skin))
    return draft


def rigged_body() -> Draft:
    """Two materials (PNG albedo with a normal map; JPEG albedo), a skin of three joints, an animation, extensions."""
    draft = Draft()
    first, second = draft.texture(png(seed=1), name="torso"), draft.texture(jpeg(seed=2), "image/jpeg", "legs")
    normal = draft.texture(png(seed=3), name="torso-normal")
    torso = draft.material(
        "torso", first, normalTexture={"index": normal, "scale": 0.5}, extras={"keep": [1, 2.5, "ä"]}
    )
    legs = draft.material("legs", second, extensions={"KHR_materials_specular": {"specularFactor": 0.25}})
    positions, faces, uvs = tube()
    upper = positions[faces].mean(axis=1)[:, 1] > 0.85
    hips, spine, head = (draft.row("nodes", {"name": name}) for name in ("hips", "spine", "head"))
    draft.document["nodes"][hips].update(translation=[0, 0.85, 0], children=[spine])
    draft.document["nodes"][spine].update(translation=[0, 0.45, 0], children=[head])
    draft.document["nodes"][head].update(translation=[0, 0.25, 0])
    heads = np.array([[0, 0.85, 0], [0, 1.3, 0], [0, 1.55, 0]])
    inverse = np.tile(np.eye(4, dtype=np.float32), (3, 1, 1))
    inverse[:, 3, :3] = -heads
    skin = draft.row(
        "skins", {"joints": [hips, spine, head], "inverseBindMatrices": draft.array(inverse.reshape(3, 16), "MAT4")}
    )
    nearest = np.abs(positions[:, 1:2] - heads[:, 1]).argsort(axis=1)
    joints = np.zeros((len(positions), 4), np.uint8)
    joints[:, :2] = nearest[:, :2]
    weights = np.zeros((len(positions), 4), np.float32)
    weights[:, :2] = 0.75, 0.25
    attributes = {
        "POSITION": draft.array(positions, "VEC3"),
        "TEXCOORD_0": draft.array(uvs, "VEC2"),
        "JOINTS_0": draft.array(joints, "VEC4"),
        "WEIGHTS_0": draft.array(weights, "VEC4"),
    }
    rows = [
        {"attributes": attributes, "indices": draft.array(faces[chosen].reshape(-1), "SCALAR"), "material": material}
        for chosen, material in ((upper, torso), (~upper, legs))
    ]
    draft.draw(*rows, skin=skin)
    draft.document["scenes"][0]["nodes"].append(hips)
    times, turns = np.array([0, 1], np.float32), np.array([[0, 0, 0, 1], [0, 1, 0, 0]], np.float32)
    sampler = {"input": draft.array(times, "SCALAR"), "output": draft.array(turns, "VEC4")}
    channel = {"sampler": 0, "target": {"node": spine, "path": "rotation"}}
    draft.row("animations", {"name": "turn", "samplers": [sampler], "channels": [channel]})
    draft.document["extensionsUsed"] = ["KHR_materials_specular"]
    draft.document["extras"] = {"exporter": "a test"}
    return draft


def obj_body(height: float = 1.7) -> str:
    """The tube as OBJ text with two materials, `upper` and `lower`, of `body.mtl`; closed along its UV seam."""
    positions, faces, uvs = tube(height)
    around = 13
    welded = np.arange(len(positions))
    welded[around - 1 :: around] -= around - 1
    lines = ["mtllib body.mtl", "o body"]
    lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in positions.tolist()]
    lines += [f"vt {u:.9g} {1 - v:.9g}" for u, v in uvs.astype(float).tolist()]
    upper = positions[faces].mean(axis=1)[:, 1] > height / 2
    for name, chosen in (("upper", upper), ("lower", ~upper)):
        lines.append(f"usemtl {name}")
        lines += [
            "f " + " ".join(f"{welded[corner - 1] + 1}/{corner}" for corner in row)
            for row in (faces[chosen] + 1).tolist()
        ]
    return "\n".join(lines) + "\n"
