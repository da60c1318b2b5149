"""A painted region as a lesion's outline: where it lies, how large it is, its shape in a flat window on the skin."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import SpecError
from engine.lesion import DIAMETER_MM, Site
from engine.surface import Patch
from engine.surface.painting import Mask, SkinGrid
from engine.surface.surface import site_of

SIDE = 256
_MARGIN = 1.25
_MOST_POINTS = 100_000


def painted_shape(grid: SkinGrid, masks: Mapping[int, Mask]) -> tuple[Site, float, NDArray[np.bool_]]:
    """The site, the longest diameter in mm along the surface, and the outline, bool [256, 256], as seen from above.

    Of several blots the largest counts. SpecError where nothing is painted, or a lesion can't be as large or small.
    """
    points, faces, barycentric = grid.places(masks, _MOST_POINTS)
    if not len(points):
        raise SpecError("region: nothing is painted yet; paint the lesion's outline first")
    middle = int(np.argmin(np.linalg.norm(points - points.mean(0), axis=1)))
    reach = 2000 * float(np.linalg.norm(points - points[middle], axis=1).max())
    if reach > 2 * DIAMETER_MM[1]:
        raise SpecError(
            f"region: it is about {reach / 10:.0f} cm across, and a lesion at most {DIAMETER_MM[1] / 10:g} cm; "
            "paint a smaller one"
        )
    site, width = site_of(int(faces[middle]), barycentric[middle]), max(_MARGIN * reach, 2.0)
    for _ in range(2):
        patch = grid.surface.patch(site, width, SIDE)
        inside = _largest(_sampled(patch, grid, masks))
        (x, y), radius = cv2.minEnclosingCircle(np.argwhere(inside)[:, ::-1].astype(np.float32))
        row, column = (int(np.clip(round(v), 0, SIDE - 1)) for v in (y, x))
        if patch.face[row, column] >= 0:
            site = site_of(int(patch.face[row, column]), patch.barycentric[row, column])
            width = max(2 * _MARGIN * (radius + 1) / SIDE * width, 0.6)
    patch = grid.surface.patch(site, width, SIDE)
    inside = _largest(_sampled(patch, grid, masks))
    diameter = patch.diameter_mm(inside)
    low, high = DIAMETER_MM
    if not low <= diameter <= high:
        raise SpecError(f"region: its longest diameter is {diameter:.1f} mm; a lesion has {low:g} to {high:g} mm")
    return site, diameter, inside


def _sampled(patch: Patch, grid: SkinGrid, masks: Mapping[int, Mask]) -> NDArray[np.float32]:
    """How much of each pixel is painted, float32 [P, P]: between texels by weights, so that no stairs are seen."""
    found = np.zeros((patch.size, patch.size), np.float32)
    for material, mask in masks.items():
        width, height = grid.sizes[material]
        on_it = patch.material == material
        places = (patch.uv * (width, height) - 0.5).astype(np.float32)
        low = np.floor(places[on_it].min(0) if on_it.any() else np.zeros(2)).astype(int) - 1
        low = np.clip(low, 0, (width - 1, height - 1))
        high = np.ceil(places[on_it].max(0) if on_it.any() else np.zeros(2)).astype(int) + 2
        part = slice(low[1], high[1]), slice(low[0], high[0])
        if on_it.any():
            # Only texels with skin count: beyond an island's edge nothing is known of what is painted.
            skin = (grid.owners(material)[part] >= 0).astype(np.float32)
            known = _bilinear(skin, places[on_it] - low)
            shown = _bilinear(skin * mask[part], places[on_it] - low) / np.maximum(known, 1e-3)
            found[on_it] = np.where(known > 1e-3, shown, _bilinear(mask[part].astype(np.float32), places[on_it] - low))
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 1.5), np.float32)


def _bilinear(values: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = values.shape
    x, y = np.clip(places[:, 0], 0, width - 1), np.clip(places[:, 1], 0, height - 1)
    left, top = np.minimum(x.astype(int), max(width - 2, 0)), np.minimum(y.astype(int), max(height - 2, 0))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    dx, dy = x - left, y - top
    upper = values[top, left] * (1 - dx) + values[top, right] * dx
    lower = values[bottom, left] * (1 - dx) + values[bottom, right] * dx
    return np.asarray(upper * (1 - dy) + lower * dy, np.float32)


def _largest(coverage: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The largest blot of what is at least half painted."""
    count, label, stats, _ = cv2.connectedComponentsWithStats((coverage >= 0.5).astype(np.uint8))
    if count < 2:
        raise SpecError("region: it is too thin to be a lesion's outline; paint it wider")
    return np.asarray(label == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))
