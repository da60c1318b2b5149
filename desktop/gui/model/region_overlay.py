"""Regions texel by texel: the overlay that both views show, and whether a lesion would enter a protected area."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.ring import ring
from engine.atlas import Rect
from engine.lesion import Site
from engine.surface import Surface
from engine.surface.painting import Mask, Masks, SkinGrid

ACTIVE, PROTECTED = 1, 2
"""Bits of the overlay: the region that is being painted, and what no lesion may enter."""

Overlay = dict[int, NDArray[np.uint8]]
Rects = dict[int, list[Rect]]


def composed(
    grid: SkinGrid | None,
    overlay: Overlay,
    masks: Masks,
    own: int,
    guarded: Sequence[Mapping[int, Mask]],
    dirty: Rects | None,
) -> Overlay:
    """The overlay, uint8 [H, W] by material, brought up to date in some rectangles, or everywhere where None.

    masks: the active region, with the bits `own`. guarded: the other protected regions. Only materials on which
    something is painted are there.
    """
    if grid is None:
        return {}
    if dirty is None:
        materials = {m for m, mask in masks.items() if mask.any()} | {m for other in guarded for m in other}
        overlay = {m: np.zeros(grid.sizes[m][::-1], np.uint8) for m in materials & set(grid.sizes)}
        dirty = {m: [Rect(0, 0, *grid.sizes[m])] for m in overlay}
    fitted = [grid.fitted(other) for other in guarded]
    for material, rects in dirty.items():
        if material not in overlay:
            overlay[material] = np.zeros(grid.sizes[material][::-1], np.uint8)
        for rect in rects:
            window = overlay[material][rect.slices]
            window[:] = 0
            if material in masks:
                np.multiply(masks[material][rect.slices], np.uint8(own), out=window)
            for other in fitted:
                if material in other:
                    window |= other[material][rect.slices].view(np.uint8) * np.uint8(PROTECTED)
    return overlay


def touches(
    surface: Surface,
    island_material: NDArray[np.int16],
    masks: Mapping[int, Mask],
    site: Site,
    diameter_mm: float,
) -> bool:
    """Whether the middle or the rim of a lesion of this size at a site lies on painted texels."""
    material, u, v = surface.uv(site)
    outline = ring(surface, site, diameter_mm)
    on_skin = outline.island >= 0
    places = np.vstack([[[u, v]], outline.uv[on_skin]])
    materials = np.concatenate([[material], island_material[outline.island[on_skin]]])
    for number, mask in masks.items():
        height, width = mask.shape
        own = places[materials == number]
        columns = np.clip((own[:, 0] * width).astype(int), 0, width - 1)
        rows = np.clip((own[:, 1] * height).astype(int), 0, height - 1)
        if mask[rows, columns].any():
            return True
    return False
