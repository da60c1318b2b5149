"""A lesion's outline out of an image file: the silhouette of what is darker, or of what is not transparent."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.texts import tr
from engine.errors import BadInput

LARGEST = 4096
_FULL = 250


def read_outline(path: Path) -> NDArray[np.bool_]:
    """The largest silhouette of an image, bool [H, W]. BadInput, naming the file, where there is none.

    An image with transparency: what is opaque. A black and white mask: what is unlike its border. A photograph: what is
    unlike its border, split by Otsu's threshold (Otsu 1979).
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if max(image.size) > LARGEST:
                    raise BadInput(
                        tr("{}: is {}×{}; at most {} pixels a side are taken").format(path, *image.size, LARGEST)
                    )
                pixels = np.asarray(image.convert("RGBA"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInput(tr("{}: is too large; at most {} pixels a side are taken").format(path, LARGEST)) from error
    except (OSError, UnidentifiedImageError) as error:
        raise BadInput(tr("{}: can't be read as an image ({})").format(path, error)) from error
    return _largest(_silhouette(pixels), path)


def _silhouette(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    if pixels[..., 3].min() < _FULL:
        return np.asarray(pixels[..., 3] > 127)
    grey = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY)
    _, split = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = split > 0
    border = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    return np.asarray(bright != (border.mean() > 0.5))


def _largest(silhouette: NDArray[np.bool_], path: Path) -> NDArray[np.bool_]:
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(silhouette.astype(np.uint8))
    if count < 2:
        raise BadInput(tr("{}: shows no shape that differs from its border; draw one, black on white").format(path))
    found = labels == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    if found.sum() < 16:
        raise BadInput(tr("{}: its shape is a mere dot; draw a larger one").format(path))
    return np.asarray(found)
