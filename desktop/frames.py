"""Messages between the window and the engine process: a JSON header and raw arrays in one frame, over pipes.

Nothing is unpickled; sizes are checked before memory is taken.
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Message = tuple[dict[str, Any], Arrays]

_LENGTHS = struct.Struct("<II")
_DTYPES = ("|u1", "|b1", "<f4")
LARGEST = 256 << 20


def pack(message: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """One frame. arrays: uint8, bool or float32, of any shape."""
    ordered = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in ordered.items()]
    header = json.dumps({"message": dict(message), "arrays": listed}).encode()
    body = b"".join(array.tobytes() for array in ordered.values())
    if len(header) + len(body) > LARGEST or any(dtype not in _DTYPES for _, dtype, _ in listed):
        raise ValueError("a message is too large or has arrays of another type")
    return _LENGTHS.pack(len(header), len(body)) + header + body


class Unpacker:
    """Puts frames together again from the pieces in which a pipe delivers them."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with these bytes. ValueError for what `pack` can't have made."""
        self._pending += data
        while len(self._pending) >= _LENGTHS.size:
            header, body = _LENGTHS.unpack_from(self._pending)
            if header + body > LARGEST:
                raise ValueError(f"a frame of {header + body} bytes; at most {LARGEST} are taken")
            end = _LENGTHS.size + header + body
            if len(self._pending) < end:
                return
            frame = bytes(self._pending[_LENGTHS.size : end])
            del self._pending[:end]
            yield _unpacked(frame[:header], frame[header:])


def _unpacked(header: bytes, body: bytes) -> Message:
    document = json.loads(header)
    arrays: Arrays = {}
    offset = 0
    for name, dtype, shape in document["arrays"]:
        if dtype not in _DTYPES or any(type(side) is not int or side < 0 for side in shape):
            raise ValueError(f"array {name!r}: {dtype} {shape} is not taken")
        count = math.prod(shape)
        arrays[name] = np.frombuffer(body, dtype, count, offset).reshape(shape)
        offset += arrays[name].nbytes
    return document["message"], arrays
