"""Texels to patch: the skin under a metric window, in linear light, whatever islands it lies on."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.colour import LINEAR_OF_BYTE

if TYPE_CHECKING:
    from engine.surface.patch import Patch

_UNOWNED = 1e-4
_FOREIGN = 1e-9
_MOST_OVERSAMPLING = 8
_MOST_PIXELS = 4096


def read_patch(
    patch: "Patch", pixels: Mapping[int, NDArray[np.uint8]]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """See `Patch.sample`. Where texels are finer than the patch's pixels, several samples a pixel are averaged."""
    times = min(_oversampling(patch, pixels), max(1, _MOST_PIXELS // patch.size))
    if times == 1:
        return _interpolate(patch, pixels)
    colour, valid = _interpolate(patch.at_size(patch.size * times), pixels)
    blocks = (patch.size, times, patch.size, times)
    share = valid.reshape(blocks).sum((1, 3))
    total = colour.reshape(*blocks, 3).sum((1, 3))
    return (total / np.maximum(share, 1)[..., None]).astype(np.float32), share > 0


def _oversampling(patch: "Patch", pixels: Mapping[int, NDArray[np.uint8]]) -> int:
    """Samples along a pixel's side, so that no texel is skipped where the texture is of middling density."""
    steps = []
    for material, image in pixels.items():
        here = (patch.material[:, 1:] == material) & (patch.material[:, :-1] == material)
        if here.any():
            step = np.abs(np.diff(patch.uv, axis=1)[here]) * (image.shape[1], image.shape[0])
            steps.append(np.hypot(step[:, 0], step[:, 1]))
    if not steps:
        return 1
    return int(np.clip(np.ceil(np.median(np.concatenate(steps)) - 0.25), 1, _MOST_OVERSAMPLING))


def _interpolate(
    patch: "Patch", pixels: Mapping[int, NDArray[np.uint8]]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Bilinear, from the texels of the pixel's own island: empty space and other islands know nothing of this skin."""
    colour = np.zeros((patch.size, patch.size, 3), np.float32)
    valid = np.zeros((patch.size, patch.size), bool)
    islands = np.append(patch.surface.face_island, -1)
    for material, image in pixels.items():
        rows, columns = np.nonzero(patch.material == material)
        if not len(rows):
            continue
        height, width = image.shape[:2]
        owners = patch.surface.owners(material, width, height)
        own = islands[patch.face[rows, columns]]
        x = patch.uv[rows, columns, 0].astype(np.float64) * width - 0.5
        y = patch.uv[rows, columns, 1].astype(np.float64) * height - 0.5
        left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        total, weights = np.zeros((len(rows), 3), np.float32), np.zeros(len(rows), np.float32)
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            u, v = np.clip(left + dx, 0, width - 1), np.clip(top + dy, 0, height - 1)
            share = (1 - np.abs(x - left - dx)) * (1 - np.abs(y - top - dy))
            theirs = islands[owners[v, u]]
            trust = np.where(theirs == own, 1.0, np.where(theirs < 0, _UNOWNED, _FOREIGN))
            weight = ((share + 1e-6) * trust).astype(np.float32)
            total += weight[:, None] * LINEAR_OF_BYTE[image[v, u, :3]]
            weights += weight
        colour[rows, columns] = total / weights[:, None]
        valid[rows, columns] = True
    return colour, valid
