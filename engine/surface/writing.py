"""Patch to texels: a finished patch into every island that it covers, with its gutter; all other texels stay untouched.

Each texel is the mean of the patch over the texel's own footprint (supersampling, as in Heckbert 1989, "Fundamentals
of Texture Mapping and Image Warping", chapter 3), and is composited in linear light.
"""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.atlas import Rect, encode_srgb, gutter_texels, merge
from engine.colour import LINEAR_OF_BYTE
from engine.errors import BadInput
from engine.surface.affine import affine_maps
from engine.surface.islands import label_islands
from engine.surface.raster import face_map

if TYPE_CHECKING:
    from engine.surface.patch import Patch

_SAMPLES = (2, 8)
"""Fewest and most samples along a texel's side."""

_SHARPEN = np.array([-0.125, 1.25, -0.125], np.float32)
_SHARPEN_REACH = 1
_COARSEST = 1.5
_STEEPEST = 4.0
_BLOCK = 1_000_000


@dataclass(frozen=True)
class Footprint:
    """The texels of one connected piece of an island that a patch covers.

    rows, columns: int64 [N]. place: float64 [N, 2], the texel's centre in the window (0-1, x and y). step: float64
    [N, 2, 2], how place changes with one texel in x and in y (last axis). gutter: bool [N], texels that no face owns.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    place: NDArray[np.float64]
    step: NDArray[np.float64]
    gutter: NDArray[np.bool_]


def composite(
    patch: "Patch",
    pixels: Mapping[int, NDArray[np.uint8]],
    rgb: NDArray[np.floating],
    alpha: NDArray[np.floating],
    owners: Mapping[int, NDArray[np.int32]],
) -> dict[int, list[Rect]]:
    """Lay a picture over the skin, in place.

    pixels: sRGB uint8 [H, W, 4] by material; the colours of texels whose alpha is above 0 change, nothing else does.
    rgb: [P, P, 3] linear light; alpha: [P, P] in [0, 1]; P need not be the patch's size.
    owners: int32 [H, W] by material, from `Surface.owners`; where materials share a texture, theirs together.
    Returns, by material, the rectangles that hold all changed texels.
    """
    picture = _premultiplied(rgb, alpha)

    def blend(material: int, footprint: Footprint) -> NDArray[np.bool_]:
        image = pixels[material]
        opacity, colour = _blend_over_texels(picture, footprint)
        written = opacity > 0
        rows, columns, share = footprint.rows[written], footprint.columns[written], opacity[written, None]
        old = LINEAR_OF_BYTE[image[rows, columns, :3]]
        image[rows, columns, :3] = encode_srgb(old * (1 - share) + colour[written] * share)
        return written

    return _write(patch, pixels, picture[..., 3], owners, blend)


def stamp(
    patch: "Patch",
    index: Mapping[int, NDArray[np.uint16]],
    mask: NDArray[np.floating],
    value: int,
    owners: Mapping[int, NDArray[np.int32]],
) -> dict[int, list[Rect]]:
    """Set the texels that a mask [P, P] covers by half or more to `value`, in place; no gutter.

    index: uint16 [H, W] by material. Otherwise as `composite`.
    """
    picture = np.asarray(mask, np.float32)[..., None]

    def mark(material: int, footprint: Footprint) -> NDArray[np.bool_]:
        covered = (_texel_means(picture, footprint)[:, 0, 0, 0] >= 0.5) & ~footprint.gutter
        index[material][footprint.rows[covered], footprint.columns[covered]] = value
        return np.asarray(covered)

    return _write(patch, index, picture[..., 0], owners, mark)


def footprints(patch: "Patch", material: int, owners: NDArray[np.int32]) -> list[Footprint]:
    """The texels that the patch covers, one connected piece of an island after the other.

    owners: int32 [H, W] of the material, or of all materials that share its texture. The chart keeps the result as
    long as `owners` lives: writing again costs only the blending.
    """
    key = (material, id(owners))
    kept = patch.chart.footprints.get(key)
    if kept is not None and kept[0]() is owners:
        return kept[1]
    mine = np.flatnonzero(patch.surface.face_material[patch.chart.mesh.parent] == material)
    piece = _connected(patch, mine)
    found = [_footprint(patch, mine[piece == number], owners) for number in np.unique(piece)]
    found = [footprint for footprint in found if len(footprint.rows)]
    patch.chart.footprints[key] = weakref.ref(owners), found
    return found


def _connected(patch: "Patch", triangles: NDArray[np.int64]) -> NDArray[np.int32]:
    """Numbers the pieces that the `triangles` form in the texture: an island may be met at two of its edges."""
    surface = patch.surface
    parents, inverse = np.unique(patch.chart.mesh.parent[triangles], return_inverse=True)
    return label_islands(surface.faces[parents], surface.corner_uvs[parents], surface.face_material[parents])[inverse]


def _footprint(patch: "Patch", triangles: NDArray[np.int64], owners: NDArray[np.int32]) -> Footprint:
    """The texels of one piece of an island: those of its `triangles` (of the chart), and the unowned ones around."""
    height, width = owners.shape
    reach = gutter_texels(width, height)
    corners = patch.chart.uvs[triangles] * (width, height)
    left, top = np.clip(np.floor(corners.min((0, 1))).astype(int) - reach - 1, 0, (width, height))
    right, bottom = np.clip(np.ceil(corners.max((0, 1))).astype(int) + reach + 1, 0, (width, height))
    extent = np.array([right - left, bottom - top])
    if (extent <= 0).any():
        return _outside()
    corners = corners - (left, top)
    local = face_map(corners / extent, *extent.tolist())
    window = owners[top:bottom, left:right]
    rows, columns, source_rows, source_columns = _with_gutter(local >= 0, window >= 0, reach)
    piece = local[source_rows, source_columns]

    maps = affine_maps(corners, patch.chart.places[triangles].astype(np.float64))
    slopes = _tamed(maps[..., :2])
    centre = (source_columns + 0.5, source_rows + 0.5)
    chosen = maps[piece]
    place = chosen[..., 0] * centre[0][:, None] + chosen[..., 1] * centre[1][:, None] + chosen[..., 2]
    away = np.stack([columns - source_columns, rows - source_rows], -1).astype(np.float64)
    place += (slopes[piece] * away[:, None, :]).sum(-1)

    step = slopes[piece]
    margin = np.abs(step).sum(-1)
    near = ((place > -margin) & (place < 1 + margin)).all(-1)
    gutter = (rows != source_rows) | (columns != source_columns)
    return Footprint(rows[near] + top, columns[near] + left, place[near], step[near], gutter[near])


def _with_gutter(
    covered: NDArray[np.bool_], owned: NDArray[np.bool_], reach: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the covered texels and of the empty ones around them, and of the covered texel each follows.

    An empty texel follows the nearest texel that any face owns, if that is a covered one within `reach`.
    """
    rows, columns = np.nonzero(covered)
    empty = ~(covered | owned)
    if not empty.any() or not len(rows):
        return rows, columns, rows, columns
    distance, labels = cv2.distanceTransformWithLabels(
        empty.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(int(labels.max()) + 1, np.int64)
    nearest[labels[~empty]] = np.flatnonzero(~empty)
    gutter_rows, gutter_columns = np.nonzero(empty & (distance <= reach))
    source = np.divmod(nearest[labels[gutter_rows, gutter_columns]], covered.shape[1])
    follows = covered[source]
    return (
        np.concatenate([rows, gutter_rows[follows]]),
        np.concatenate([columns, gutter_columns[follows]]),
        np.concatenate([rows, source[0][follows]]),
        np.concatenate([columns, source[1][follows]]),
    )


def _tamed(slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slopes [m, 2, 2] of the maps; those of slivers in the texture would carry samples far away, so they are cut."""
    length = np.linalg.norm(slopes, axis=(1, 2))
    most = _STEEPEST * np.median(length[length > 0]) if (length > 0).any() else 0.0
    factor = np.divide(most, length, out=np.ones_like(length), where=length > most)
    return np.asarray(slopes * factor[:, None, None])


def _outside() -> Footprint:
    none = np.zeros(0, np.int64)
    return Footprint(none, none, np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0, bool))


def _write(
    patch: "Patch",
    images: Mapping[int, NDArray[np.generic]],
    coverage: NDArray[np.float32],
    owners: Mapping[int, NDArray[np.int32]],
    write_island: Callable[[int, Footprint], NDArray[np.bool_]],
) -> dict[int, list[Rect]]:
    """Call `write_island` for each island that the coverage may touch; gather the rectangles around what it wrote."""
    if coverage.ndim != 2 or coverage.shape[0] != coverage.shape[1]:
        raise BadInput(f"alpha: is {list(coverage.shape)}; a patch is square")
    changed: dict[int, list[Rect]] = {}
    if not (coverage > 0).any():
        return changed
    low, high = _extent(coverage)
    for material in sorted({int(m) for m in np.unique(patch.surface.face_material[patch.chart.mesh.parent])}):
        if material not in images:
            continue
        if material not in owners or owners[material].shape != images[material].shape[:2]:
            raise BadInput(f"owners: material {material} needs a face map of its map's size; ask Surface.owners for it")
        rectangles = []
        for footprint in footprints(patch, material, owners[material]):
            margin = np.abs(footprint.step).sum(-1)
            touched = _chosen(footprint, ((footprint.place > low - margin) & (footprint.place < high + margin)).all(-1))
            written = write_island(material, touched)
            if written.any():
                rectangles.append(_around(touched.rows[written], touched.columns[written]))
        if rectangles:
            changed[material] = merge(rectangles)
    return changed


def _extent(coverage: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners, in 0-1, of what bilinear samples of the coverage can see."""
    rows, columns = np.flatnonzero((coverage > 0).any(1)), np.flatnonzero((coverage > 0).any(0))
    size = coverage.shape[0]
    low = np.array([columns[0] - 0.5, rows[0] - 0.5]) / size
    high = np.array([columns[-1] + 1.5, rows[-1] + 1.5]) / size
    return low, high


def _chosen(footprint: Footprint, keep: NDArray[np.bool_]) -> Footprint:
    return Footprint(
        footprint.rows[keep],
        footprint.columns[keep],
        footprint.place[keep],
        footprint.step[keep],
        footprint.gutter[keep],
    )


def _around(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Rect:
    x, y = int(columns.min()), int(rows.min())
    return Rect(x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1)


def _premultiplied(rgb: NDArray[np.floating], alpha: NDArray[np.floating]) -> NDArray[np.float32]:
    if rgb.shape != (*alpha.shape, 3):
        raise BadInput(f"rgb: is {list(rgb.shape)}; with this alpha it must be {[*alpha.shape, 3]}")
    opacity = np.clip(np.asarray(alpha, np.float32), 0, 1)[..., None]
    # Where nothing shows the colour may be anything, NaN included.
    return np.where(opacity > 0, np.concatenate([rgb * opacity, opacity], -1), np.float32(0)).astype(np.float32)


def _blend_over_texels(
    picture: NDArray[np.float32], footprint: Footprint
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What each texel gets of a premultiplied picture [P, P, 4]: opacity [N], its mean; colour [N, 3], sharpened.

    The mean over a texel and the bilinear interpolation by which it is shown both blur, by a variance of 1/12 and 1/6
    texel². Weights of (-1/8, 5/4, -1/8) along both axes undo that to the second order (a discrete inverse of the blur,
    as the prefilter of Blu, Thévenaz & Unser 2004 inverts that of the interpolation).
    """
    means = _texel_means(picture, footprint, _SHARPEN_REACH)
    plain = means[:, _SHARPEN_REACH, _SHARPEN_REACH]
    sharp = np.einsum("nijk,i,j->nk", means, _SHARPEN, _SHARPEN)
    # At the rim of the footprint little more than the negative weights may be left: there the mean serves.
    steady = sharp[:, 3:] > 0.5 * plain[:, 3:]
    chosen = np.where(steady, sharp, plain)
    colour = chosen[:, :3] / np.maximum(chosen[:, 3:], 1e-9)
    return np.clip(plain[:, 3], 0, 1), np.asarray(colour, np.float32)


def _texel_means(picture: NDArray[np.float32], footprint: Footprint, reach: int = 0) -> NDArray[np.float32]:
    """Means of the picture [P, P, k], 0 outside of it, over each texel's footprint and `reach` neighbours' each way.

    The neighbours are those of an evenly continued texture, wherever a seam may be. Returns float32 [N, 1 + 2 reach
    (y), 1 + 2 reach (x), k].
    """
    channels, across = picture.shape[2], 1 + 2 * reach
    count = len(footprint.rows)
    result = np.zeros((count, across, across, channels), np.float32)
    if not count:
        return result
    span = np.linalg.norm(footprint.step, axis=1).max(-1) * picture.shape[0]
    pixels_per_texel = float(np.percentile(span, 90))
    while pixels_per_texel > _SAMPLES[1] * _COARSEST and picture.shape[0] % 2 == 0:
        picture = picture.reshape(picture.shape[0] // 2, 2, -1, 2, channels).mean((1, 3))
        pixels_per_texel /= 2
    times = int(np.clip(np.ceil(pixels_per_texel), *_SAMPLES))
    offsets = (np.arange(times * across) + 0.5) / times - 0.5 - reach
    dx, dy = np.meshgrid(offsets, offsets)
    flat = np.pad(picture, ((1, 1), (1, 1), (0, 0)))
    block = max(1, _BLOCK // dx.size)
    for first in range(0, count, block):
        place, step = footprint.place[first : first + block], footprint.step[first : first + block]
        x, y = (
            (place[:, i, None, None] + step[:, i, 0, None, None] * dx + step[:, i, 1, None, None] * dy)
            * picture.shape[0]
            + 0.5
            for i in (0, 1)
        )
        sampled = bilinear(flat, x, y).reshape(len(place), across, times, across, times, channels)
        result[first : first + block] = sampled.mean((2, 4))
    return result


def bilinear(picture: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values [..., k] of a picture [H, H, k] at places x, y, where pixel centres are whole numbers."""
    last = picture.shape[0] - 1
    x, y = np.clip(x, 0, last), np.clip(y, 0, last)
    left, top = np.minimum(x.astype(np.int32), last - 1), np.minimum(y.astype(np.int32), last - 1)
    right, down = (x - left).astype(np.float32)[..., None], (y - top).astype(np.float32)[..., None]
    index = top * picture.shape[1] + left
    flat = picture.reshape(-1, picture.shape[2])
    above = flat[index] * (1 - right) + flat[index + 1] * right
    below = flat[index + picture.shape[1]] * (1 - right) + flat[index + picture.shape[1] + 1] * right
    return np.asarray(above * (1 - down) + below * down)
