"""Tile payloads: raw pixels, or a QOI file (qoiformat.org) of them; docs/protocol.md §3.3.

`r16` travels in QOI as pairs of texels read as R, G, B, A, so that one codec serves both formats.
"""

import struct

import numpy as np
import qoi
from numpy.typing import NDArray

from bridge.errors import ProtocolError
from bridge.protocol import BYTES_PER_TEXEL

_QOI_HEADER = struct.Struct(">4sIIBB")
_QOI_END = b"\x00\x00\x00\x00\x00\x00\x00\x01"


def encode_qoi(raw: bytes | memoryview, height: int, width: int, format_: str) -> bytes | None:
    """The QOI payload of a raw tile; None where it would not be shorter than raw."""
    payload: bytes = qoi.encode(_as_rgba(np.frombuffer(raw, np.uint8), height, width, format_))
    return payload if len(payload) < len(raw) else None


def decode_qoi(payload: bytes | memoryview, height: int, width: int, format_: str) -> NDArray[np.uint8]:
    """The raw bytes [n] of a tile. ProtocolError where header or ending don't fit it, before memory is taken."""
    columns = -(-width * BYTES_PER_TEXEL[format_] // 4)
    expected = (b"qoif", columns, height, 4, 0)
    if len(payload) < _QOI_HEADER.size + len(_QOI_END) or _QOI_HEADER.unpack_from(payload) != expected:
        raise ProtocolError(f"a QOI payload whose header is not {columns}×{height}, 4 channels, sRGB")
    if bytes(payload[-len(_QOI_END) :]) != _QOI_END:
        raise ProtocolError("a QOI payload without its end marker")
    try:
        rgba: NDArray[np.uint8] = qoi.decode(bytes(payload))
    except (RuntimeError, ValueError) as error:
        raise ProtocolError(f"a QOI payload that can't be decoded: {error}") from None
    rows = rgba.reshape(height, columns * 4)[:, : width * BYTES_PER_TEXEL[format_]]
    return np.ascontiguousarray(rows).reshape(-1)


def _as_rgba(raw: NDArray[np.uint8], height: int, width: int, format_: str) -> NDArray[np.uint8]:
    """uint8 [height, columns, 4]; odd rows of r16 are lengthened by a zero texel."""
    rows = raw.reshape(height, width * BYTES_PER_TEXEL[format_])
    missing = -rows.shape[1] % 4
    if missing:
        rows = np.pad(rows, ((0, 0), (0, missing)))
    return np.ascontiguousarray(rows).reshape(height, -1, 4)
