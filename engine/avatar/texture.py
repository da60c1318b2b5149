"""Textures as they stand in a file: kind, size and wholeness are read from headers, nothing is decoded here.

Formats: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), WebP (RFC 9649).
"""

import struct
import zlib
from collections.abc import Iterable

import numpy as np

from engine.avatar.model import ALBEDO, Material, TextureImage
from engine.colour import to_bytes
from engine.errors import AvatarError

MAX_SIDE = 16384
MAX_TOTAL_TEXELS = 1 << 29
"""All maps of one avatar together: half a billion texels are 2 GiB once they are decoded."""

PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def describe(name: str, encoded: bytes) -> TextureImage:
    """A texture with its kind and size from its header, whatever its file name says.

    AvatarError where it is no PNG, JPEG or WebP, broken or truncated, or larger than MAX_SIDE.
    """
    mime, width, height = _header(name, encoded)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise AvatarError(
            f"texture '{name}' claims {width}x{height}; at most {MAX_SIDE} a side can be used: scale it down"
        )
    return TextureImage(name, encoded, mime, width, height)


def refuse_total(textures: Iterable[TextureImage]) -> None:
    """AvatarError where the distinct textures together exceed MAX_TOTAL_TEXELS."""
    total = sum(texture.width * texture.height for texture in {id(texture): texture for texture in textures}.values())
    if total > MAX_TOTAL_TEXELS:
        raise AvatarError(
            f"the textures have {total / 1e6:.0f} million texels together; at most {MAX_TOTAL_TEXELS / 1e6:.0f} million"
            " can be used: scale some down"
        )


def albedo_or_flat(material: Material, size: int) -> TextureImage:
    """The material's albedo; where it has none, a flat PNG of size×size texels in its base colour.

    Writing such an albedo into the file (`engine.avatar.write`) sets the base colour to white, so that it does not
    count twice.
    """
    if ALBEDO in material.maps:
        return material.maps[ALBEDO]
    if not 1 <= size <= MAX_SIDE:
        raise AvatarError(f"size {size} of a flat albedo for material '{material.name}' must be 1 to {MAX_SIDE}")
    colour = to_bytes(np.clip(np.array(material.base_colour[:3]), 0, 1)).tobytes()
    return TextureImage(f"{material.name}-albedo", _flat_png(colour, size), PNG, size, size)


def _flat_png(colour: bytes, size: int) -> bytes:
    packer = zlib.compressobj(6)
    row = b"\0" + colour * size
    packed = b"".join([*(packer.compress(row) for _ in range(size)), packer.flush()])
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", packed), (b"IEND", b""))
    bodies = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return _PNG_SIGNATURE + b"".join(bodies)


def _header(name: str, encoded: bytes) -> tuple[str, int, int]:
    if encoded.startswith(_PNG_SIGNATURE):
        return PNG, *_png_size(name, encoded)
    if encoded.startswith(b"\xff\xd8"):
        return JPEG, *_jpeg_size(name, encoded)
    if encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP":
        return WEBP, *_webp_size(name, encoded)
    if encoded.startswith(b"\xabKTX 20\xbb"):
        raise AvatarError(f"texture '{name}' is KTX2 (KHR_texture_basisu): export it as PNG or JPEG")
    raise AvatarError(f"texture '{name}' is neither PNG, JPEG nor WebP, or is broken: export it as PNG")


def _png_size(name: str, encoded: bytes) -> tuple[int, int]:
    """Size from IHDR, after a walk over all chunks: a truncated file is found without decoding it."""
    size: tuple[int, int] | None = None
    offset, ended = len(_PNG_SIGNATURE), False
    view = memoryview(encoded)
    while not ended:
        if offset + 12 > len(encoded):
            raise AvatarError(f"texture '{name}' is a truncated PNG: export it again")
        (length,) = struct.unpack_from(">I", encoded, offset)
        kind = bytes(view[offset + 4 : offset + 8])
        end = offset + 12 + length
        if end > len(encoded):
            raise AvatarError(f"texture '{name}' is a truncated PNG: export it again")
        if zlib.crc32(view[offset + 4 : end - 4]) != struct.unpack_from(">I", encoded, end - 4)[0]:
            raise AvatarError(f"texture '{name}' is a damaged PNG (a checksum is wrong): export it again")
        if kind == b"IHDR" and length == 13:
            size = struct.unpack_from(">II", encoded, offset + 8)
        offset, ended = end, kind == b"IEND"
    if size is None:
        raise AvatarError(f"texture '{name}' is a PNG without a header: export it again")
    return size


def _jpeg_size(name: str, encoded: bytes) -> tuple[int, int]:
    """Size from the frame header (SOFn); the end marker must be there."""
    offset = 2
    while offset + 4 <= len(encoded):
        if encoded[offset] != 0xFF:
            break
        marker = encoded[offset + 1]
        if marker == 0xFF:
            offset += 1
        elif marker in _JPEG_BARE:
            offset += 2
        elif marker in _JPEG_FRAMES and offset + 9 <= len(encoded):
            height, width = struct.unpack_from(">HH", encoded, offset + 5)
            if encoded.rfind(b"\xff\xd9", offset) < 0:
                raise AvatarError(f"texture '{name}' is a truncated JPEG: export it again")
            return width, height
        else:
            (length,) = struct.unpack_from(">H", encoded, offset + 2)
            if length < 2:
                break
            offset += 2 + length
    raise AvatarError(f"texture '{name}' is a broken JPEG (it has no frame header): export it again")


def _webp_size(name: str, encoded: bytes) -> tuple[int, int]:
    if len(encoded) < 30 or struct.unpack_from("<I", encoded, 4)[0] + 8 > len(encoded):
        raise AvatarError(f"texture '{name}' is a truncated WebP: export it again")
    kind = encoded[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(encoded[24:27], "little"), 1 + int.from_bytes(encoded[27:30], "little")
    if kind == b"VP8L" and encoded[20] == 0x2F:
        packed = int.from_bytes(encoded[21:25], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if kind == b"VP8 " and encoded[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", encoded, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise AvatarError(f"texture '{name}' is a broken WebP: export it as PNG")
