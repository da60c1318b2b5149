"""Near-duplicates: the same photograph saved, cropped by little or coloured twice, under other names.

A perceptual hash finds candidates (signs of the lowest DCT coefficients, Zauner 2010, "Implementation and benchmarking
of perceptual image hash functions", section 3.2.1); the correlation of the thumbnails decides, because dermatoscopic
images all show a dark blob in the middle and their hashes collide.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = 32
MOST_DIFFERING_BITS = 8
LEAST_CORRELATION = 0.975
"""Of 9,743 images of HAM10000, ISIC 2017 and UDA-1, eight pairs of different ids pass that are the same photograph, and
one that is not (two vignettes); just below the limit begin the pairs that are not."""
_BLOCK = 256


def hashes(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """64 bits per thumbnail; thumbnails: uint8 [N, 32, 32] grey."""
    bits = np.empty((len(thumbnails), 64), np.uint8)
    for i, thumbnail in enumerate(thumbnails):
        low = cv2.dct(thumbnail.astype(np.float32))[:9, :9].ravel()[1:65]
        bits[i] = low > np.median(low)
    whole: NDArray[np.uint64] = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return whole


def pairs(thumbnails: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Numbers (i < j) of thumbnails, uint8 [N, 32, 32], that show the same photograph."""
    codes = hashes(thumbnails)
    centred = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    centred -= centred.mean(1, keepdims=True)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    found = []
    for start in range(0, len(codes), _BLOCK):
        differing = np.bitwise_count(codes[start : start + _BLOCK, None] ^ codes[None, start:])
        first, second = np.nonzero(differing <= MOST_DIFFERING_BITS)
        for i, j in zip(first[second > first] + start, second[second > first] + start, strict=True):
            if float(centred[i] @ centred[j]) >= LEAST_CORRELATION:
                found.append((int(i), int(j)))
    return found


def clusters(names: Sequence[str], linked: Iterable[tuple[str, str]]) -> dict[str, str]:
    """For each name the first name, in alphabetical order, of the cluster that the links make."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one, other in linked:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {name: root(name) for name in names}
