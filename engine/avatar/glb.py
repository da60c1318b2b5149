"""A skinned body as a binary glTF 2.0 file, in the plain form that every game engine reads.

One mesh, one material with an albedo PNG, one skin whose joints are nodes without rotation (glTF 2.0 specification,
sections 3.7.3 and 5.28). The same arguments give the same bytes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.avatar.gltf import build
from engine.avatar.model import Skeleton

_FLOAT, _UINT16, _UINT32 = 5126, 5123, 5125
_VERTICES, _INDICES = 34962, 34963


class _Buffer:
    """The BIN chunk while it grows, with the views and accessors into it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.length = 0

    def view(self, data: bytes, target: int | None = None) -> int:
        row: dict[str, Any] = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data)}
        self.views.append(row | ({} if target is None else {"target": target}))
        padding = -len(data) % 4
        self.parts += [data, b"\0" * padding]
        self.length += len(data) + padding
        return len(self.views) - 1

    def accessor(
        self, values: NDArray[Any], component: int, kind: str, target: int | None = None, bounds: bool = False
    ) -> int:
        row: dict[str, Any] = {
            "bufferView": self.view(np.ascontiguousarray(values).tobytes(), target),
            "componentType": component,
            "count": len(values),
            "type": kind,
        }
        if bounds:
            row |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        self.accessors.append(row)
        return len(self.accessors) - 1


def write(
    positions: NDArray[np.float32],
    normals: NDArray[np.float32],
    uvs: NDArray[np.float32],
    faces: NDArray[np.uint32],
    skeleton: Skeleton,
    albedo: bytes,
    *,
    name: str,
    roughness: float,
    copyright_: str,
    extras: Mapping[str, Any],
) -> bytes:
    """The GLB's bytes.

    positions, normals: float32 [V, 3], metres, +Y up, in the bind pose; uvs: float32 [V, 2], origin top-left.
    faces: uint32 [F, 3], counter-clockwise from outside. albedo: a PNG. extras go to the asset.
    """
    buffer = _Buffer()
    attributes = {
        "POSITION": buffer.accessor(positions, _FLOAT, "VEC3", _VERTICES, bounds=True),
        "NORMAL": buffer.accessor(normals, _FLOAT, "VEC3", _VERTICES),
        "TEXCOORD_0": buffer.accessor(uvs, _FLOAT, "VEC2", _VERTICES),
        "JOINTS_0": buffer.accessor(skeleton.joints.astype(np.uint16), _UINT16, "VEC4", _VERTICES),
        "WEIGHTS_0": buffer.accessor(skeleton.weights.astype(np.float32), _FLOAT, "VEC4", _VERTICES),
    }
    indices = buffer.accessor(faces.astype(np.uint32).reshape(-1), _UINT32, "SCALAR", _INDICES)
    bind = buffer.accessor(_inverse_bind(skeleton.heads), _FLOAT, "MAT4")
    image = buffer.view(albedo)
    joints, roots = _joint_nodes(skeleton)
    document = {
        "asset": {"version": "2.0", "generator": "Moulage", "copyright": copyright_, "extras": dict(extras)},
        "scene": 0,
        "scenes": [{"nodes": [0, *roots]}],
        "nodes": [{"name": name, "mesh": 0, "skin": 0}, *joints],
        "meshes": [
            {
                "name": name,
                "primitives": [{"attributes": attributes, "indices": indices, "material": 0, "mode": 4}],
            }
        ],
        "skins": [
            {
                "name": name,
                "inverseBindMatrices": bind,
                "joints": list(range(1, 1 + len(joints))),
                "skeleton": roots[0],
            }
        ],
        "materials": [
            {
                "name": "skin",
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "metallicFactor": 0.0,
                    "roughnessFactor": roughness,
                },
            }
        ],
        "textures": [{"sampler": 0, "source": 0}],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],
        "images": [{"name": "skin_albedo", "mimeType": "image/png", "bufferView": image}],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.length}],
    }
    return build(document, b"".join(buffer.parts))


def _joint_nodes(skeleton: Skeleton) -> tuple[list[dict[str, Any]], list[int]]:
    """One node per joint, from node 1 on, translated against its parent; and the roots' node indices."""
    nodes: list[dict[str, Any]] = []
    for joint, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents, strict=True)):
        origin = skeleton.heads[parent] if parent >= 0 else np.zeros(3)
        offset = (skeleton.heads[joint] - origin).astype(np.float32)
        nodes.append({"name": name, "translation": [float(value) for value in offset]})
        children = [1 + child for child, of in enumerate(skeleton.parents) if of == joint]
        if children:
            nodes[-1]["children"] = children
    return nodes, [1 + joint for joint, parent in enumerate(skeleton.parents) if parent < 0]


def _inverse_bind(heads: NDArray[np.float64]) -> NDArray[np.float32]:
    """Column-major matrices [J, 16] that take the bind pose to each joint's own space: translations only."""
    matrices = np.tile(np.eye(4, dtype=np.float32), (len(heads), 1, 1))
    matrices[:, 3, :3] = -heads
    return matrices.reshape(-1, 16)
