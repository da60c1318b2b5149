"""A request at every size of tile upsampling: skin, editable region and shape, each level pooled from the next finer.

Pooled in steps, so that the known pixels of two levels agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.diffusion.pooling import Pooling


@dataclass(frozen=True)
class Level:
    """skin: float32 [3, S, S] in [-1, 1]. editable: bool [S, S]. shape: float32 [S, S] in [0, 1], or None."""

    skin: NDArray[np.float32]
    editable: NDArray[np.bool_]
    shape: NDArray[np.float32] | None


def pyramid(finest: Level, sizes: Sequence[int]) -> list[Level]:
    """The levels at `sizes` (growing; the last one is the finest's side), coarsest first.

    A coarse pixel is editable where all of its fine pixels are: what is painted there may then fill them.
    """
    levels = [finest]
    for fine, coarse in zip(sizes[:0:-1], sizes[-2::-1], strict=True):
        pooling = Pooling.between(fine, coarse)
        above = levels[0]

        def pooled(values: NDArray[np.generic], pooling: Pooling = pooling) -> NDArray[np.float32]:
            picture: NDArray[np.float32] = pooling.pool(torch.from_numpy(values.astype(np.float32))).numpy()
            return picture

        shape = None if above.shape is None else np.clip(pooled(above.shape), 0, 1)
        levels.insert(0, Level(pooled(above.skin), pooled(above.editable) > 1 - 1e-5, shape))
    return levels


def padded(level: Level, multiple: int) -> Level:
    """The level with its sides grown at the end to a whole multiple, by skin that may not change."""
    side = level.editable.shape[-1]
    more = -side % multiple
    grown = ((0, more), (0, more))
    return Level(
        np.pad(level.skin, ((0, 0), *grown), mode="edge"),
        np.pad(level.editable, grown),
        None if level.shape is None else np.pad(level.shape, grown),
    )
