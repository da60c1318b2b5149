"""The upsampling benchmark finds a step at tile edges whatever the picture's own texture, and only there."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.upsampling_painting import DISC, compared
from engine.diffusion.tiles import TILE, cover
from engine.diffusion.upsampling import Upsampling

SIDE = 241


def _lesion(seed: int, seam: float) -> dict[str, NDArray[np.float64]]:
    """Steps of a rough texture, alike in both grids; `seam` times as large at the first grid's tile edges."""
    axis = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    starts = {tile.row for tile in cover(np.hypot(axis[:, None], axis)[None] < DISC)}
    texture = np.random.default_rng(seed).uniform(0.5, 2, SIDE - 1)
    first = texture.copy()
    first[[line - 1 for start in starts for line in (start, start + TILE)]] *= seam
    return {f"steps, {SIDE}, {axis}": np.stack([first, texture]) for axis in (2, 3)}


@pytest.mark.parametrize("seam", [1.2, 0.8])
def test_a_seam_is_measured_at_its_size_and_texture_is_no_seam(seam: float) -> None:
    found = compared([_lesion(seed, seam) for seed in range(2)], Upsampling(), SIDE)
    assert found.plain == pytest.approx([1.0] * len(found.plain)) and len(found.plain) > 100
    assert (max(found.edges) if seam > 1 else min(found.edges)) == pytest.approx(seam)
    assert sum(edge == pytest.approx(1.0) for edge in found.edges) >= 2  # the other grid's edges, at which none was put
