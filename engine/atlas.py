"""One texture map as pixels that change: what changed since when, decoding with its size checked, empty space filled.

The fill is the push-pull of Gortler et al. 1996 ("The Lumigraph", section 3.4), with all weights saturated at 1.
"""

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.avatar.model import TextureImage
from engine.colour import LINEAR_OF_BYTE
from engine.errors import AvatarError

MOST_PIXELS = 8192 * 8192
"""The largest map that is taken in: 256 MiB of RGBA."""

_BUCKETS = 16384


@dataclass(frozen=True)
class Rect:
    """A rectangle of texels; (x, y) is its top-left one, row 0 is the atlas' top."""

    x: int
    y: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array [H, W, ...]."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def overlaps(self, other: "Rect") -> bool:
        """Whether the two share a texel."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def union(self, other: "Rect") -> "Rect":
        """The smallest rectangle around both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Rect(x, y, right - x, bottom - y)


class Atlas:
    """The pixels of one map, with the revision that changed each rectangle.

    pixels: uint8 [H, W, 4], sRGB with straight alpha, row 0 at the top.
    """

    def __init__(self, pixels: NDArray[np.uint8], revision: int = 0) -> None:
        if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8:
            raise AvatarError(f"atlas: pixels must be uint8 [H, W, 4], not {pixels.dtype} {list(pixels.shape)}")
        self.pixels = pixels
        self.revision = revision
        self._changes: list[tuple[int, Rect]] = []

    @classmethod
    def of(cls, image: TextureImage) -> "Atlas":
        """Decode a texture; errors as `decode`."""
        return cls(decode(image))

    @property
    def width(self) -> int:
        """Texels in a row."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    def commit(self, rectangles: Iterable[Rect], revision: int | None = None) -> int:
        """Record that the pixels inside `rectangles` have changed; returns the new revision.

        revision: the scene's; one more than the last by default. It must grow.
        """
        new = self.revision + 1 if revision is None else revision
        if new <= self.revision:
            raise ValueError(f"revision {new} is not above {self.revision}")
        self._changes += [(new, rectangle) for rectangle in merge(rectangles)]
        self.revision = new
        return new

    def dirty(self, since: int) -> list[Rect]:
        """Rectangles that hold every change after revision `since`; they don't overlap."""
        return merge(rectangle for revision, rectangle in self._changes if revision > since)

    def forget(self, until: int) -> None:
        """Drop the record of changes up to revision `until`, once nobody asks for them."""
        self._changes = [change for change in self._changes if change[0] > until]


def merge(rectangles: Iterable[Rect]) -> list[Rect]:
    """Rectangles that cover the given ones and don't overlap each other."""
    result: list[Rect] = []
    for rectangle in rectangles:
        while hit := next((other for other in result if other.overlaps(rectangle)), None):
            result.remove(hit)
            rectangle = rectangle.union(hit)
        result.append(rectangle)
    return result


def decode(image: TextureImage) -> NDArray[np.uint8]:
    """RGBA pixels, uint8 [H, W, 4], of a PNG or JPEG (or what else OpenCV reads).

    AvatarError where the image is broken, larger than MOST_PIXELS (looked up in its header before memory is taken), or
    other in size than the avatar says.
    """
    width, height = image_size(image.encoded, image.name)
    if width * height > MOST_PIXELS:
        raise AvatarError(
            f"texture {image.name}: {width}×{height} is too large; at most {MOST_PIXELS} pixels (8192×8192) fit. "
            "Scale it down."
        )
    data = np.frombuffer(image.encoded, np.uint8)
    try:
        decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise AvatarError(f"texture {image.name}: can't be decoded ({error.err})") from error
    if decoded is None:
        raise AvatarError(f"texture {image.name}: the image is damaged or of an unknown kind; save it as PNG or JPEG")
    pixels = _rgba(decoded, image.name)
    if (image.width, image.height) != (pixels.shape[1], pixels.shape[0]):
        raise AvatarError(
            f"texture {image.name}: is {pixels.shape[1]}×{pixels.shape[0]}, expected {image.width}×{image.height}"
        )
    return pixels


def image_size(encoded: bytes, name: str = "image") -> tuple[int, int]:
    """Width and height as an image's header says, without decoding. AvatarError where it has none."""
    if encoded[:8] == b"\x89PNG\r\n\x1a\n" and len(encoded) >= 24:
        width, height = struct.unpack(">II", encoded[16:24])
        return width, height
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(encoded)) as opened:
            return opened.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise AvatarError(
            f"texture {name}: the image is damaged or of an unknown kind; save it as PNG or JPEG"
        ) from error


def _rgba(decoded: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    if decoded.dtype == np.uint16:
        decoded = ((decoded.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if decoded.dtype != np.uint8:
        raise AvatarError(f"texture {name}: {decoded.dtype} pixels are not supported; save it with 8 bits a channel")
    channels = 1 if decoded.ndim == 2 else decoded.shape[2]
    conversions = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    if channels == 2:
        grey, alpha = np.moveaxis(decoded, -1, 0)
        return np.ascontiguousarray(np.stack([grey, grey, grey, alpha], -1), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, conversions[channels]), np.uint8)


def gutter_texels(width: int, height: int) -> int:
    """How far islands are continued into the empty space around them: 8 texels at 4096², in proportion elsewhere.

    Islands of the default body are about 21 texels apart at 4096², so gutters don't meet.
    """
    return max(1, round(8 * max(width, height) / 4096))


def encode_srgb(linear: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Nearest 8-bit sRGB of linear light, clipped; exact, and faster than the power function.

    A bucket of linear light holds at most one border between two codes: one look-up and one comparison decide.
    """
    value = np.clip(np.asarray(linear, np.float32), 0.0, 1.0)
    code = _LOWEST_CODE[(value * np.float32(_BUCKETS)).astype(np.int32)]
    return code + (value >= _NEXT_BORDER[code])


def _encoding_tables() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    borders = (np.arange(255) + 0.5) / 255
    linear = np.where(borders <= 0.04045, borders / 12.92, ((borders + 0.055) / 1.055) ** 2.4)
    low = np.searchsorted(linear, np.arange(_BUCKETS + 1) / _BUCKETS, side="right").astype(np.uint8)
    rounded = linear.astype(np.float32)
    up = np.where(rounded < linear, np.nextafter(rounded, np.float32(np.inf)), rounded)
    return low, np.append(up, np.float32(np.inf)).astype(np.float32)


_LOWEST_CODE, _NEXT_BORDER = _encoding_tables()


def fill_empty(pixels: NDArray[np.uint8], owned: NDArray[np.bool_]) -> None:
    """Continue the owned texels' colours into the empty space, in place, by push-pull in linear light.

    pixels: uint8 [H, W, 4], changed where `owned` bool [H, W] is False: colour filled, alpha 255. Where nothing is
    owned, nothing changes. Filled so, no mip level shows a background colour.
    """
    if not owned.any() or owned.all():
        return
    levels = [_first_half(pixels, owned)]
    while max(levels[-1].shape[:2]) > 1:
        levels.append(_half(levels[-1]))
    colour = np.asarray(levels[-1][..., :3] / np.maximum(levels[-1][..., 3:], 1e-12), np.float32)
    for level in reversed(levels[:-1]):
        colour = _blend_in(colour, level)
    _write_fill(pixels, owned, colour)


def _first_half(pixels: NDArray[np.uint8], owned: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Level 1 straight from the bytes, in bands: level 0 in floats would take 16 bytes a texel."""
    height, width = owned.shape
    result = np.empty(((height + 1) // 2, (width + 1) // 2, 4), np.float32)
    band = 512
    for top in range(0, height, band):
        rows = slice(top, min(top + band, height))
        weighted = np.empty((*owned[rows].shape, 4), np.float32)
        weighted[..., 3] = owned[rows]
        weighted[..., :3] = LINEAR_OF_BYTE[pixels[rows, :, :3]]
        weighted[..., :3] *= weighted[..., 3:]
        result[top // 2 : (rows.stop + 1) // 2] = _half(weighted)
    return result


def _half(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """The push: sums over 2×2, weights (channel 3) saturated at 1."""
    padded = np.pad(level, ((0, level.shape[0] % 2), (0, level.shape[1] % 2), (0, 0)))
    summed: NDArray[np.float32] = padded[0::2, 0::2] + padded[1::2, 0::2] + padded[0::2, 1::2] + padded[1::2, 1::2]
    summed /= np.maximum(summed[..., 3:], 1.0)
    return summed


def _blend_in(coarse: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float32]:
    """The pull: what a level doesn't know comes from the next coarser one, smoothly enlarged."""
    height, width = level.shape[:2]
    blended = _enlarged(coarse, height, width)
    blended *= 1.0 - level[..., 3:]
    blended += level[..., :3]
    return blended


def _enlarged(coarse: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    doubled = cv2.resize(coarse, (2 * coarse.shape[1], 2 * coarse.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(doubled, np.float32).reshape(2 * coarse.shape[0], 2 * coarse.shape[1], 3)[:height, :width]


def _write_fill(pixels: NDArray[np.uint8], owned: NDArray[np.bool_], colour: NDArray[np.float32]) -> None:
    """Enlarge level 1 to the texels, in bands with a margin of one row, and encode the empty ones."""
    height, width = owned.shape
    band = 256
    for top in range(0, colour.shape[0], band):
        low, high = max(top - 1, 0), min(top + band + 1, colour.shape[0])
        rows = slice(2 * top, min(2 * (top + band), height))
        empty = ~owned[rows]
        if empty.any():
            fine = _enlarged(colour[low:high], 2 * (high - low), width)[2 * (top - low) :][: rows.stop - rows.start]
            pixels[rows][empty] = np.column_stack([encode_srgb(fine[empty]), np.full(int(empty.sum()), 255, np.uint8)])
