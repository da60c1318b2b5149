"""Texels to patch: the skin under a metric window, in linear light, whatever islands it lies on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.colour import LINEAR_OF_BYTE
from engine.surface.writing import bilinear, footprints

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
    every = slice(None, None, max(1, patch.size // 32))
    materials, uv = patch.material[every], patch.uv[every]
    for material, image in pixels.items():
        here = (materials[:, 1:] == material) & (materials[:, :-1] == material)
        if here.any():
            step = np.abs(np.diff(uv, axis=1)[here]) * (image.shape[1], image.shape[0])
            steps.append(np.hypot(step[:, 0], step[:, 1]))
    if not steps:
        return 1
    return int(np.clip(np.ceil(np.median(np.concatenate(steps)) - 0.25), 1, _MOST_OVERSAMPLING))


def _interpolate(
    patch: "Patch", pixels: Mapping[int, NDArray[np.uint8]]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Bilinear, first from the texels of the pixel's own island: empty space and other islands know nothing of it.

    A pixel within half a texel of a seam then misses neighbours. They are looked up where the surface goes on: the
    empty texel's place in the window shows what lies there, on the other side of the seam.
    """
    colour = np.zeros((patch.size, patch.size, 3), np.float32)
    valid = np.zeros((patch.size, patch.size), bool)
    incomplete = []
    for material, image in pixels.items():
        taps = _Taps.of(patch, material, image)
        if taps is None:
            continue
        colour[taps.rows, taps.columns] = taps.mean(LINEAR_OF_BYTE[image[taps.v, taps.u, :3]])
        valid[taps.rows, taps.columns] = True
        if taps.lacking.any():
            incomplete.append((material, image, taps.where_lacking()))
    first = colour.copy()
    for material, image, taps in incomplete:
        tap_colour = LINEAR_OF_BYTE[image[taps.v, taps.u, :3]]
        taps = _beyond_the_seam(patch, material, image, taps, first, valid, tap_colour)
        colour[taps.rows, taps.columns] = taps.mean(tap_colour)
    return colour, valid


@dataclass(frozen=True)
class _Taps:
    """The four texels around each of N pixels. u, v int64, weight, trust float32: [4, N]; rows, columns int64 [N]."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    u: NDArray[np.int64]
    v: NDArray[np.int64]
    weight: NDArray[np.float32]
    trust: NDArray[np.float32]

    @classmethod
    def of(cls, patch: "Patch", material: int, image: NDArray[np.uint8]) -> "_Taps | None":
        rows, columns = np.nonzero(patch.material == material)
        if not len(rows):
            return None
        height, width = image.shape[:2]
        islands = np.append(patch.surface.face_island, -1)
        own = islands[patch.face[rows, columns]]
        x = patch.uv[rows, columns, 0].astype(np.float64) * width - 0.5
        y = patch.uv[rows, columns, 1].astype(np.float64) * height - 0.5
        left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        dx, dy = np.array([[0], [1], [0], [1]]), np.array([[0], [0], [1], [1]])
        u, v = np.clip(left + dx, 0, width - 1), np.clip(top + dy, 0, height - 1)
        share = (1 - np.abs(x - left - dx)) * (1 - np.abs(y - top - dy))
        theirs = islands[patch.surface.owners(material, width, height)[v, u]]
        trust = np.where(theirs == own, 1.0, np.where(theirs < 0, _UNOWNED, _FOREIGN))
        return cls(rows, columns, u, v, (share + 1e-6).astype(np.float32), trust.astype(np.float32))

    @property
    def lacking(self) -> NDArray[np.bool_]:
        """Pixels [N] that some untrusted texel would have a say in."""
        return np.asarray((self.weight * (self.trust < 1)).sum(0) > 1e-3)

    def where_lacking(self) -> "_Taps":
        keep = self.lacking
        return _Taps(
            self.rows[keep],
            self.columns[keep],
            self.u[:, keep],
            self.v[:, keep],
            self.weight[:, keep],
            self.trust[:, keep],
        )

    def mean(self, colours: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weighted mean [N, 3] of the texels' colours [4, N, 3]."""
        weight = (self.weight * self.trust)[..., None]
        return np.asarray((colours * weight).sum(0) / weight.sum(0))


def _beyond_the_seam(
    patch: "Patch",
    material: int,
    image: NDArray[np.uint8],
    taps: _Taps,
    picture: NDArray[np.float32],
    valid: NDArray[np.bool_],
    tap_colour: NDArray[np.float32],
) -> _Taps:
    """Put what `picture` [P, P, 3] shows at the gutter texels' places into `tap_colour` [4, N, 3]; trust it then."""
    height, width = image.shape[:2]
    known = footprints(patch, material, patch.surface.owners(material, width, height))
    texel = np.concatenate([part.rows[part.gutter] * width + part.columns[part.gutter] for part in known] or [[]])
    place = np.concatenate([part.place[part.gutter] for part in known] or [np.zeros((0, 2))]) * patch.size - 0.5
    weighted = np.where(valid[..., None], np.concatenate([picture, valid[..., None]], -1), 0).astype(np.float32)
    inside = ((place >= 0) & (place <= patch.size - 1)).all(1)
    texel, place = texel[inside].astype(np.int64), place[inside]
    shown = bilinear(weighted, place[:, 0], place[:, 1])
    seen = shown[:, 3] > 0.99
    texel, shown = texel[seen], shown[seen]
    if not len(texel):
        return taps
    order = np.argsort(texel)
    wanted = taps.v * width + taps.u
    found = order[np.minimum(np.searchsorted(texel, wanted, sorter=order), len(texel) - 1)]
    hit = (texel[found] == wanted) & (taps.trust < 1)
    tap_colour[hit] = shown[found[hit], :3] / shown[found[hit], 3:]
    return replace(taps, trust=np.where(hit, np.float32(1), taps.trust))
