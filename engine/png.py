"""Pixels to PNG and back, losslessly (PNG specification, third edition, W3C 2025).

Writing is our own for two reasons: text chunks stand before the pixels without a second pass, and large atlases are
deflated strip by strip on all cores (joined as RFC 1950 and 1951 allow). The strips' bounds depend on the size alone,
so the bytes do not depend on the number of cores. Filter "up" with run-length deflate: photographic skin comes out
smaller than with zlib's search at level 1, in two thirds of the time.
"""

import os
import struct
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_SIDE = 16384
_STRIP_BYTES = 1 << 20
_UP = 2
_COLOUR_TYPES = {(1, 1): 0, (8, 1): 0, (16, 1): 0, (8, 3): 2, (8, 4): 6}


def encode(pixels: NDArray[Any], texts: Sequence[tuple[str, str]] = ()) -> bytes:
    """A PNG of `pixels`, the same bytes for the same input on any number of cores.

    pixels: bool [H, W] (1 bit), uint8 [H, W] (grey), uint16 [H, W] (grey), uint8 [H, W, 3] or [H, W, 4] (sRGB).
    texts: (keyword, text) pairs, written as UTF-8 iTXt chunks before the pixels.
    ValueError for any other array, an empty one or one above 16384 a side.
    """
    depth, channels, rows = _rows(np.asarray(pixels))
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOUR_TYPES[depth, channels], 0, 0, 0)
    parts = [SIGNATURE, _chunk(b"IHDR", header)]
    if channels >= 3:
        parts.append(_chunk(b"sRGB", b"\x00"))
    parts += [_chunk(b"iTXt", _text(keyword, text)) for keyword, text in texts]
    parts += [_chunk(b"IDAT", piece) for piece in _deflate(rows)]
    return b"".join([*parts, _chunk(b"IEND", b"")])


def size(data: bytes) -> tuple[int, int, int, int]:
    """Width, height, bit depth and colour type from the header alone. ValueError where `data` is no PNG."""
    if len(data) < 33 or data[:8] != SIGNATURE or data[12:16] != b"IHDR":
        raise ValueError("not a PNG")
    width, height, depth, colour_type = struct.unpack(">IIBB", data[16:26])
    return width, height, depth, colour_type


def decode(data: bytes, max_side: int = MAX_SIDE) -> NDArray[Any]:
    """The array that `encode` was given. ValueError for damage; sizes are checked before memory is taken."""
    import cv2

    width, height, depth, colour_type = size(data)
    channels = {0: 1, 2: 3, 6: 4}.get(colour_type, 0)
    if (depth, channels) not in _COLOUR_TYPES:
        raise ValueError(f"a PNG of bit depth {depth} and colour type {colour_type} is none of ours")
    if not (0 < width <= max_side and 0 < height <= max_side):
        raise ValueError(f"the PNG is {width}×{height}; at most {max_side}×{max_side} is read")
    _check_chunks(data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError("the PNG can't be decoded") from error
    if pixels is None or pixels.shape[:2] != (height, width) or (pixels.ndim == 3) != (channels > 1):
        raise ValueError("the PNG can't be decoded")
    if channels == 1:
        return np.asarray(pixels != 0) if depth == 1 else np.asarray(pixels)
    order = cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(pixels, order))


def _check_chunks(data: bytes) -> None:
    """ValueError where a checksum is wrong or the end is missing: libpng would go on, and give part of a picture."""
    view, place = memoryview(data), len(SIGNATURE)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 12 + length
        if end > len(data) or zlib.crc32(view[place + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            break
        if data[place + 4 : place + 8] == b"IEND":
            return
        place = end
    raise ValueError("the PNG is damaged")


def _rows(pixels: NDArray[Any]) -> tuple[int, int, NDArray[np.uint8]]:
    """Bit depth, channels and the bytes of each row, unfiltered."""
    depth = {"bool": 1, "uint8": 8, "uint16": 16}.get(str(pixels.dtype), 0)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2] if pixels.ndim == 3 else 0
    if (depth, channels) not in _COLOUR_TYPES or (pixels.ndim == 3 and channels == 1):
        raise ValueError(f"{pixels.dtype} {list(pixels.shape)} is no picture that is written as PNG")
    height, width = pixels.shape[:2]
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise ValueError(f"a picture of {width}×{height} can't be written; sides go from 1 to {MAX_SIDE}")
    if depth == 1:
        return depth, channels, np.packbits(pixels, axis=1)
    flat = np.ascontiguousarray(pixels, dtype=">u2" if depth == 16 else np.uint8)
    return depth, channels, flat.view(np.uint8).reshape(height, -1)


def _deflate(rows: NDArray[np.uint8]) -> list[bytes]:
    """One zlib stream over the filtered rows, in pieces."""
    height, stride = rows.shape
    step = max(1, _STRIP_BYTES // (stride + 1))
    starts = range(0, height, step)

    def strip(start: int) -> tuple[bytes, int, int]:
        stop = min(start + step, height)
        filtered = np.empty((stop - start, stride + 1), np.uint8)
        filtered[:, 0] = _UP
        filtered[1:, 1:] = rows[start + 1 : stop] - rows[start : stop - 1]
        filtered[0, 1:] = rows[start] - rows[start - 1] if start else rows[start]
        packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
        end = zlib.Z_FINISH if stop == height else zlib.Z_FULL_FLUSH
        raw = filtered.data
        return packer.compress(raw) + packer.flush(end), zlib.adler32(raw), filtered.size

    if len(starts) == 1:
        strips = [strip(0)]
    else:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            strips = list(pool.map(strip, starts))
    checksum = 1
    for _, part, length in strips:
        checksum = _joined_adler(checksum, part, length)
    return [b"\x78\x01" + strips[0][0], *(packed for packed, _, _ in strips[1:]), struct.pack(">I", checksum)]


def _joined_adler(first: int, second: int, second_length: int) -> int:
    """Adler-32 (RFC 1950) of two byte strings in a row, from theirs."""
    a = (first & 0xFFFF) + (second & 0xFFFF) - 1
    b = (first >> 16) + (second >> 16) + second_length * ((first & 0xFFFF) - 1)
    return (b % 65521) << 16 | a % 65521


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join([struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))])


def _text(keyword: str, text: str) -> bytes:
    name = keyword.encode("latin-1")
    if not 0 < len(name) < 80:
        raise ValueError(f"{keyword!r} is no PNG keyword; it has 1 to 79 characters")
    return name + b"\x00\x00\x00\x00\x00" + text.encode("utf-8")
