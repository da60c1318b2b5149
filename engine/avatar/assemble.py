"""Put arrays and images into a glTF's binary chunk, aligned as the format asks (Khronos glTF 2.0, section 3.6.2.4)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.avatar import gltf
from engine.avatar.accessors import COMPONENTS, WIDTHS
from engine.avatar.gltf import Json

ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963


class BinaryBuilder:
    """A document and its binary chunk while things are added to them. The document is changed in place."""

    def __init__(self, document: Json, binary: bytes = b"") -> None:
        self._document = document
        self._binary = bytearray(binary)

    def add_bytes(self, body: bytes, **fields: Any) -> int:
        """Index of a new buffer view with `body`."""
        self._binary += b"\0" * (-len(self._binary) % 4)
        views = self._document.setdefault("bufferViews", [])
        views.append({"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(body), **fields})
        self._binary += body
        return len(views) - 1

    def add_array(self, values: NDArray[Any], kind: str, target: int | None = ARRAY_BUFFER, **fields: Any) -> int:
        """Index of a new accessor with `values` [count, width] of a kind such as `VEC2`; rows are padded to 4 bytes."""
        component = next(code for code, dtype in COMPONENTS.items() if dtype == values.dtype)
        rows = values.reshape(len(values), WIDTHS[kind])
        size = rows.shape[1] * rows.itemsize
        stride = size + (-size % 4 if target == ARRAY_BUFFER else 0)
        if stride != size:
            padded = np.zeros((len(rows), stride), np.uint8)
            padded[:, :size] = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), size)
            view = self.add_bytes(padded.tobytes(), byteStride=stride, target=target)
        else:
            view = self.add_bytes(
                np.ascontiguousarray(rows).tobytes(), **({} if target is None else {"target": target})
            )
        accessors = self._document.setdefault("accessors", [])
        accessors.append({"bufferView": view, "componentType": component, "count": len(rows), "type": kind, **fields})
        return len(accessors) - 1

    def add_positions(self, values: NDArray[np.float32]) -> int:
        """Index of a new POSITION accessor, which must state its bounds."""
        bounds = {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()} if len(values) else {}
        return self.add_array(values, "VEC3", **bounds)

    def add_triangles(self, faces: NDArray[np.integer]) -> int:
        """Index of a new accessor of triangle corners; faces [F, 3]."""
        return self.add_array(faces.astype(np.uint32).reshape(-1, 1), "SCALAR", ELEMENT_ARRAY_BUFFER)

    def glb(self, other: tuple[tuple[int, bytes], ...] = ()) -> bytes:
        """The finished file."""
        if self._binary:
            self._document["buffers"] = [
                {**(self._document.get("buffers") or [{}])[0], "byteLength": len(self._binary)}
            ]
        return gltf.build(self._document, bytes(self._binary), other)
