"""Checks of a body's UVs: outside 0-1 (wrapping, UDIM tiles) and overlaps, where one texel belongs to two places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.avatar.materials import CLAMP, MIRROR, Placement
from engine.errors import AvatarError

SLACK = 1e-3
"""UVs may leave a tile by this much (4 texels at 4096) before they count as outside."""
GRID = 1024
MAX_RUNS = 4_000_000
PORTION = 1 << 18
MARGIN = 1e-3
MIN_OVERLAP_TEXELS = 6


def into_unit_square(
    faces: NDArray[np.int32], uvs: NDArray[np.float32], name: str, placement: Placement, has_maps: bool
) -> tuple[NDArray[np.int32] | None, NDArray[np.float32], list[str]]:
    """Move one material's UVs into 0-1 as its sampler wraps them.

    faces: int32 [F, 3] into uvs [V, 2]. Returns each new vertex's source (None: vertices are as before), the UVs and
    warnings; where vertices are split, the caller numbers corners 0..3F in face order.
    AvatarError, naming the UDIM tiles, where whole islands lie on several tiles of a material that has an image.
    """
    if not len(faces):
        return None, uvs, []
    if float(np.abs(uvs).max()) > 1e6:
        raise AvatarError(
            f"material '{name}': UVs reach {float(np.abs(uvs).max()):.3g}: the mesh is damaged; unwrap it again"
        )
    corners = uvs[faces].astype(np.float64)
    low, high = corners.min(axis=1), corners.max(axis=1)
    at_home = (low >= -SLACK) & (high <= 1 + SLACK)
    if at_home.all():
        return None, np.clip(uvs, 0, 1), []
    # What lies on the far edge, such as hidden faces that are all at (0, 1), belongs to the first tile.
    tiles = np.where(at_home, 0, np.floor((low + high) / 2)).astype(np.int64)
    crossing = ((low < tiles - SLACK) | (high > tiles + 1 + SLACK)).any(axis=1)
    shown = (high - low > 0).all(axis=1)
    distinct = np.unique(tiles[shown] if shown.any() else tiles, axis=0)
    if len(distinct) > 1 and not crossing.any() and has_maps:
        raise AvatarError(_udim_message(name, distinct))
    _refuse_odd_sampling(name, tiles, placement, has_maps)
    if len(distinct) == 1:
        moved = (uvs - distinct[0]).astype(np.float32)
        warnings = _repeat_warning(name, int(crossing.sum()), len(faces)) if crossing.any() else []
        return None, moved if crossing.any() else np.clip(moved, 0, 1), warnings
    split = (corners - tiles[:, None, :]).reshape(-1, 2).astype(np.float32)
    return faces.reshape(-1), split, _repeat_warning(name, int(crossing.sum()), len(faces))


def _udim_message(name: str, tiles: NDArray[np.int64]) -> str:
    """UDIM counts its rows upwards from the bottom, glTF's v goes down."""
    numbered = [f"{1001 + u - 10 * v}" if 0 <= u < 10 and v <= 0 else f"({u}, {v})" for u, v in tiles.tolist()]
    shown = ", ".join(numbered[:6]) + (", …" if len(numbered) > 6 else "")
    return (
        f"material '{name}' lies on several UDIM tiles ({shown}) but glTF has one image for a material: give each"
        " tile a material of its own, or move its UVs into 0-1"
    )


def _refuse_odd_sampling(name: str, tiles: NDArray[np.int64], placement: Placement, has_maps: bool) -> None:
    for axis, wrap in enumerate(placement.wraps if has_maps else ()):
        away = tiles[:, axis]
        if wrap == CLAMP and away.any():
            raise AvatarError(
                f"material '{name}': UVs lie outside 0-1 and its sampler is CLAMP_TO_EDGE: move the UVs into 0-1"
            )
        if wrap == MIRROR and (away % 2).any():
            raise AvatarError(
                f"material '{name}': UVs lie outside 0-1 and its sampler is MIRRORED_REPEAT: move the UVs into 0-1"
            )


def _repeat_warning(name: str, crossing: int, count: int) -> list[str]:
    return [
        f"material '{name}': its texture repeats (UVs outside 0-1; {crossing} of {count} faces cross its edge): what is"
        " painted there appears at every repeat"
    ]


@dataclass(frozen=True)
class Overlap:
    """Texels that several faces share: `share` of the used texels in [0, 1], and the largest such region's UV box."""

    share: float
    box: tuple[float, float, float, float]
    """u from, v from, u to, v to; origin top-left."""


def find_overlap(corner_uvs: NDArray[np.float32]) -> Overlap | None:
    """Where faces [F, 3, 2] of one material share texels, tested on a grid of at most 1024²; None where nowhere.

    Each face is cut into runs of texel centres, one for each row it crosses; counting their begins and ends gives how
    many faces cover a centre. Runs end a thousandth of a texel before the face, so neighbours don't count.
    """
    grid, chosen = _affordable_grid(corner_uvs)
    change = np.zeros(grid * (grid + 1), np.int64)
    for portion in _portions(corner_uvs[chosen], grid):
        begins, ends = _runs(portion, grid)
        change += np.bincount(begins, minlength=change.size)
        change -= np.bincount(ends, minlength=change.size)
    cover = np.cumsum(change.reshape(grid, grid + 1), axis=1)[:, :grid]
    shared = cover > 1
    if int(shared.sum()) < MIN_OVERLAP_TEXELS:
        return None
    labels, _ = ndimage.label(shared)
    sizes = np.bincount(labels.ravel())[1:]
    rows, columns = ndimage.find_objects(labels)[int(sizes.argmax())]
    box = (columns.start / grid, rows.start / grid, columns.stop / grid, rows.stop / grid)
    return Overlap(float(shared.sum() / (cover > 0).sum()), box)


def _rows(corner_uvs: NDArray[np.float32], grid: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First row of texel centres that each face crosses, and how many it crosses: int64 [F] twice."""
    v = corner_uvs[:, :, 1].astype(np.float64) * grid - 0.5
    first = np.clip(np.ceil(v.min(axis=1) + MARGIN), 0, grid).astype(np.int64)
    last = np.clip(np.floor(v.max(axis=1) - MARGIN), -1, grid - 1).astype(np.int64)
    return first, np.maximum(last - first + 1, 0)


def _affordable_grid(corner_uvs: NDArray[np.float32]) -> tuple[int, NDArray[np.int64]]:
    """A grid on which the faces have at most MAX_RUNS runs, and the faces to test: fewer where nothing else helps."""
    grid = GRID
    while grid > 64:
        if int(_rows(corner_uvs, grid)[1].sum()) <= MAX_RUNS:
            return grid, np.arange(len(corner_uvs))
        grid //= 2
    step = int(_rows(corner_uvs, grid)[1].sum()) // MAX_RUNS + 1
    return grid, np.arange(0, len(corner_uvs), step)


def _portions(corner_uvs: NDArray[np.float32], grid: int) -> Iterator[NDArray[np.float32]]:
    """The faces in lots of about a quarter of a million runs, so that memory stays small."""
    total = np.cumsum(_rows(corner_uvs, grid)[1])
    cuts = np.searchsorted(total, np.arange(1, int(total[-1]) // PORTION + 1) * PORTION)
    for portion in np.split(corner_uvs, np.unique(cuts)):
        if len(portion):
            yield portion


def _runs(corner_uvs: NDArray[np.float32], grid: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cells of a grid × (grid + 1) array where runs begin and where they have ended."""
    first, count = _rows(corner_uvs, grid)
    face = np.repeat(np.arange(len(count)), count)
    row = first[face] + np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
    texels = corner_uvs.astype(np.float64) * grid - 0.5
    order = np.argsort(texels[:, :, 1], axis=1, kind="stable")
    x, y = (np.take_along_axis(texels[:, :, axis], order, axis=1) for axis in (0, 1))
    along = _crossings(x, y, 0, 2, face, row)
    upper = row < y[face, 1]
    bent = np.where(upper, _crossings(x, y, 0, 1, face, row), _crossings(x, y, 1, 2, face, row))
    begin = np.clip(np.ceil(np.minimum(along, bent) + MARGIN), 0, grid).astype(np.int64)
    end = np.clip(np.floor(np.maximum(along, bent) - MARGIN) + 1, 0, grid).astype(np.int64)
    cells = row * (grid + 1)
    some = begin < end
    return (cells + begin)[some], (cells + end)[some]


def _crossings(
    x: NDArray[np.float64], y: NDArray[np.float64], p: int, q: int, face: NDArray[np.int64], row: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Where the edge from corner p to corner q, sorted downwards, crosses each row; meaningless for a level edge."""
    rise = y[:, q] - y[:, p]
    slope = (x[:, q] - x[:, p]) / np.where(rise == 0, 1, rise)
    crossing: NDArray[np.float64] = x[face, p] + (row - y[face, p]) * slope[face]
    return crossing


def warn_overlaps(names: Sequence[str], corner_uvs: NDArray[np.float32], face_material: NDArray[np.int16]) -> list[str]:
    """One warning for each material whose faces share texels."""
    warnings = []
    for index, name in enumerate(names):
        faces = corner_uvs[face_material == index]
        overlap = find_overlap(faces) if len(faces) else None
        if overlap is not None:
            u0, v0, u1, v1 = overlap.box
            warnings.append(
                f"material '{name}': {overlap.share:.1%} of its used texels belong to more than one place of the body,"
                f" most of them at u {u0:.2f}-{u1:.2f}, v {v0:.2f}-{v1:.2f}: a lesion there appears at each of them"
            )
    return warnings
