"""Which face owns each texel of an atlas, and where in that face the texel's centre lies.

Scan conversion with a half-open fill rule, as graphics hardware does it (Direct3D 11, rasterisation rules): a texel
belongs to the face that its centre lies in, and a centre on an edge that two faces share belongs to exactly one of
them. Both faces compute the shared edge from the same end points in the same order, so they agree to the last bit.
"""

import numpy as np
from numpy.typing import NDArray

_SPAN_BLOCK = 4_000_000


def face_map(
    corner_uvs: NDArray[np.float32], width: int, height: int, faces: NDArray[np.integer] | None = None
) -> NDArray[np.int32]:
    """The face that owns each texel's centre.

    corner_uvs: float32 [F, 3, 2], origin top-left, in 0-1; what lies outside of that is cut off.
    faces: indices of the faces to draw (such as those of one material); all by default.
    Returns int32 [height, width]: a face's index, or -1. Where faces overlap in UV, the lowest index owns the texel.
    """
    chosen = np.arange(len(corner_uvs)) if faces is None else np.sort(np.asarray(faces, np.int64))
    owners = np.full(height * width, -1, np.int32)
    corners = corner_uvs[chosen].astype(np.float64) * (width, height) - 0.5
    good = np.isfinite(corners).all((1, 2))
    corners, chosen = corners[good], chosen[good]
    rows, starts, ends, drawn = _spans(corners, width, height)
    # Later writes win, so the highest index is written first.
    texels, ids = (rows * width + starts)[::-1], chosen[drawn][::-1].astype(np.int32)
    lengths = (ends - starts)[::-1]
    cuts = np.searchsorted(np.cumsum(lengths), np.arange(_SPAN_BLOCK, lengths.sum() + 1, _SPAN_BLOCK))
    for low, high in zip([0, *cuts], [*cuts, len(lengths)], strict=True):
        _fill(owners, texels[low:high], lengths[low:high], ids[low:high])
    return owners.reshape(height, width)


def barycentric_map(face_map: NDArray[np.int32], corner_uvs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Barycentric coordinates of each owned texel's centre in its face.

    face_map: int32 [H, W] from `face_map`; corner_uvs: float32 [F, 3, 2].
    Returns float32 [H, W, 3]; rows sum to 1, and are 0 where no face owns the texel.
    """
    height, width = face_map.shape
    result = np.zeros((height, width, 3), np.float32)
    origin, gradients = barycentric_gradients(corner_uvs, width, height)
    columns = np.arange(width) + 0.5
    step = max(1, _SPAN_BLOCK // (4 * width))
    for top in range(0, height, step):
        block = face_map[top : top + step]
        r, c = np.nonzero(block >= 0)
        result[top + r, c] = barycentric_at(block[r, c], columns[c], top + r + 0.5, origin, gradients)
    return result


def barycentric_gradients(
    corner_uvs: NDArray[np.float32], width: int, height: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each face's affine map from texel coordinates to barycentric coordinates, for `barycentric_at`.

    Returns the first corner, float64 [F, 2], in texels and the gradients, float64 [F, 2 (corners 1 and 2), 2 (x, y)].
    """
    corners = corner_uvs.astype(np.float64) * (width, height)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    inverse = np.divide(1.0, area, out=np.zeros_like(area), where=area != 0)
    gradients = np.stack(
        [
            np.stack([second[:, 1], -second[:, 0]], -1) * inverse[:, None],
            np.stack([-first[:, 1], first[:, 0]], -1) * inverse[:, None],
        ],
        1,
    )
    return corners[:, 0], gradients


def barycentric_at(
    faces: NDArray[np.integer],
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    origin: NDArray[np.float64],
    gradients: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Barycentric coordinates [N, 3] of texel positions x, y [N] (centres at .5) in `faces` [N].

    They extrapolate outside the face.
    """
    dx, dy = x - origin[faces, 0], y - origin[faces, 1]
    slope = gradients[faces]
    second = slope[:, 0, 0] * dx + slope[:, 0, 1] * dy
    third = slope[:, 1, 0] * dx + slope[:, 1, 1] * dy
    return np.stack([1.0 - second - third, second, third], -1)


def _spans(
    corners: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Runs of texel centres inside each triangle: row, first column, column past the last, triangle.

    Here centres stand at whole numbers.
    """
    # Sorted by y, then x: both faces at an edge see it from the same end.
    order = np.lexsort((corners[..., 0], corners[..., 1]), axis=-1)
    top, middle, bottom = np.moveaxis(np.take_along_axis(corners, order[..., None], 1), 1, 0)
    first = np.clip(np.ceil(top[:, 1]), 0, height).astype(np.int64)
    last = np.clip(np.ceil(bottom[:, 1]), 0, height).astype(np.int64)
    count = last - first
    triangle = np.repeat(np.arange(len(corners)), count)
    row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)
    upper = row < middle[triangle, 1]
    long_edge = _crossing(row, top[triangle], bottom[triangle])
    short_edge = _crossing(
        row,
        np.where(upper[:, None], top[triangle], middle[triangle]),
        np.where(upper[:, None], middle[triangle], bottom[triangle]),
    )
    start = np.clip(np.ceil(np.minimum(long_edge, short_edge)), 0, width).astype(np.int64)
    end = np.clip(np.ceil(np.maximum(long_edge, short_edge)), 0, width).astype(np.int64)
    drawn = end > start
    return row[drawn], start[drawn], end[drawn], triangle[drawn]


def _crossing(row: NDArray[np.int64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """x where the edge a-b, with a.y <= row < b.y, crosses the row."""
    return a[:, 0] + (row - a[:, 1]) * ((b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1]))


def _fill(
    owners: NDArray[np.int32], texels: NDArray[np.int64], lengths: NDArray[np.int64], ids: NDArray[np.int32]
) -> None:
    """Write each id into its run of texels."""
    offsets = np.cumsum(lengths) - lengths
    where = np.repeat(texels - offsets, lengths)
    where += np.arange(len(where))
    owners[where] = np.repeat(ids, lengths)
