"""Where tiles lie: the sizes that lead to a target, and the overlapping native tiles that cover a picture.

The poster's 454 is 241 = 2·128 - 15 and 454 = 2·241 - 28, and so comes out of one rule: equal scales of at most two
per level, and the fewest tiles that overlap by at least 15 pixels.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TILE = 128
OVERLAP = 15
LARGEST = 1024
MARGIN = 12
"""Pixels of known skin that a tile sees beyond the editable region."""


@dataclass(frozen=True)
class Tile:
    """A native square of one lesion's picture: which lesion of the batch, first row, first column."""

    lesion: int
    row: int
    column: int


def sizes(target: int, base: int = TILE) -> tuple[int, ...]:
    """Sides of the levels from `base` to `target`: 128, 241, 454; 128, 256, 512. One level for a target ≤ base."""
    if target <= base:
        return (target,)
    levels = math.ceil(math.log2(target / base) - 1e-9)
    return tuple(round(base * (target / base) ** (level / levels)) for level in range(levels + 1))


def starts(first: int, last: int, size: int, tile: int = TILE, overlap: int = OVERLAP) -> list[int]:
    """First pixels of evenly spread tiles that cover [first, last) of an axis with `size` ≥ tile pixels."""
    if last - first <= tile:
        return [min(max((first + last - tile) // 2, 0), size - tile)]
    count = math.ceil((last - first - overlap) / (tile - overlap))
    return [first + round(i * (last - first - tile) / (count - 1)) for i in range(count)]


def cover(free: NDArray[np.bool_], tile: int = TILE, overlap: int = OVERLAP, margin: int = MARGIN) -> list[Tile]:
    """The tiles that the pictures free [B, S, S] need, lesion by lesion in reading order.

    They are laid over the free region and a margin; a tile without a free pixel is left out.
    """
    found = []
    for lesion, region in enumerate(free):
        if not region.any():
            continue
        rows, columns = (_axis_starts(region.any(axis), tile, overlap, margin) for axis in (1, 0))
        for row in rows:
            for column in columns:
                if region[row : row + tile, column : column + tile].any():
                    found.append(Tile(lesion, row, column))
    return found


def hann(tile: int) -> Tensor:
    """Weights float32 [tile, tile] that fall to the edges: overlapping tiles fade into each other."""
    wave = torch.sin(math.pi * (torch.arange(tile, dtype=torch.float64) + 0.5) / tile).square()
    return torch.outer(wave, wave).float()


def _axis_starts(occupied: NDArray[np.bool_], tile: int, overlap: int, margin: int) -> list[int]:
    where = np.flatnonzero(occupied)
    size = len(occupied)
    return starts(max(int(where[0]) - margin, 0), min(int(where[-1]) + 1 + margin, size), size, tile, overlap)
