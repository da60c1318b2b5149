"""Reading dermatoscopic images and masks: size checked by the header before memory is taken; whole or not at all."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from engine.errors import DataError

MOST_SIDE = 12_000
MOST_PIXELS = 64_000_000
"""Larger than any dermatoscope's camera; 192 MB decoded."""
MOST_BYTES = 128 << 20
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF")


def size_of(path: Path) -> tuple[int, int]:
    """Width and height as the file's header says. DataError where it is no image, or too large to decode."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: is {path.stat().st_size >> 20} MiB large; at most {MOST_BYTES >> 20} are read")
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: can't be read as an image ({_brief(error)})") from error
    if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
        raise DataError(f"{path}: is {width}×{height}; at most {MOST_PIXELS:,} pixels are read")
    return width, height


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """uint8 [H, W, 3], sRGB. DataError where the file is cut or damaged."""
    return _decoded(path, "RGB")


def read_mask(path: Path) -> NDArray[np.bool_]:
    """bool [H, W], lesion where the file's grey is at least 128. DataError where the file is cut or damaged."""
    inside: NDArray[np.bool_] = _decoded(path, "L") >= 128
    return inside


def read_grey(path: Path, side: int) -> NDArray[np.uint8]:
    """uint8 [side, side] grey, the whole picture squeezed into a square. DataError as `read_rgb`.

    JPEGs are decoded at a reduced scale, which is several times as fast.
    """
    size_of(path)
    try:
        with Image.open(path, formats=_FORMATS) as image:
            image.draft("L", (2 * side, 2 * side))
            grey = np.asarray(image.convert("L"))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: can't be decoded ({_brief(error)})") from error
    small: NDArray[np.uint8] = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    return small


def _decoded(path: Path, mode: str) -> NDArray[np.uint8]:
    size_of(path)
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: can't be decoded ({_brief(error)})") from error


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
