"""A picture in the format that was asked for, each with its origin where that format keeps XMP.

PNG: an iTXt chunk (`engine.output.provenance`); JPEG: APP1; WebP: an `XMP ` chunk; TIFF: tag 700 (XMP specification,
part 3, "Storage in files"). The three others also hold the disclaimer and licence in their plain fields where they
have some. JPEG and WebP are lossy, at a quality at which a lesion's fine steps survive.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.output.provenance import NOTICE, Provenance, encode_png, xmp_packet

FORMATS = ("png", "jpeg", "webp", "tiff")
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "tiff": ".tif"}
QUALITY = 95
MOST_SIDE = {"jpeg": 65535, "webp": 16383}
"""Pixels a side that a format can hold (ITU-T T.81, B.2.2; RFC 9649, 2.6); the others hold any that we make."""

_TIFF_XMP, _TIFF_DESCRIPTION, _TIFF_SOFTWARE, _TIFF_COPYRIGHT = 700, 270, 305, 33432


def encode_picture(pixels: NDArray[Any], provenance: Provenance, format_: str = "png", quality: int = QUALITY) -> bytes:
    """The picture as a file's bytes; the same for the same pixels, provenance and format.

    pixels: uint8 [H, W, 3] or [H, W, 4] (sRGB); for PNG and TIFF also uint8 or uint16 [H, W], a map or mask. JPEG has
    no alpha: it is left out. quality: of JPEG and WebP, 1 to 100. ValueError for another format, or pixels that it
    can't hold.
    """
    if format_ == "png":
        return encode_png(pixels, provenance)
    if format_ not in FORMATS:
        raise ValueError(f"{format_!r} is no picture format; choose among {', '.join(FORMATS)}")
    colour = pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] in (3, 4)
    plane = pixels.dtype in (np.uint8, np.uint16) and pixels.ndim == 2 and format_ == "tiff"
    if not colour and not plane:
        raise ValueError(f"{pixels.dtype} {list(pixels.shape)} can't be written as {format_}; masks are PNG or TIFF")
    if max(pixels.shape[:2]) > MOST_SIDE.get(format_, max(pixels.shape[:2])):
        raise ValueError(f"{format_} holds at most {MOST_SIDE[format_]} pixels a side, not {max(pixels.shape[:2])}")
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels[..., :3]) if format_ == "jpeg" else pixels)
    packet = xmp_packet(provenance).encode()
    written = io.BytesIO()
    if format_ == "jpeg":
        image.save(written, "JPEG", quality=quality, subsampling=0, xmp=packet, comment=NOTICE)
    elif format_ == "webp":
        image.save(written, "WEBP", quality=quality, method=2, exact=True, xmp=packet)
    else:
        image.save(written, "TIFF", compression="tiff_lzw", resolution=72, tiffinfo=_tags(provenance, packet))
    return written.getvalue()


def _tags(provenance: Provenance, packet: bytes) -> Any:
    """What a TIFF says of itself. Its text fields are ASCII (TIFF 6.0, section 2); the packet has every letter."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[_TIFF_DESCRIPTION] = NOTICE
    tags[_TIFF_SOFTWARE] = "Moulage"
    tags[_TIFF_COPYRIGHT] = provenance.licence.encode("ascii", "replace").decode()
    tags[_TIFF_XMP] = packet
    tags.tagtype[_TIFF_XMP] = 1  # BYTE
    return tags
