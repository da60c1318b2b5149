"""The atlases as they stand: the base texture plus the visible lesion layers, in order.

Nothing is undone by inverse blending: where layers change, the base comes back and the layers over it are laid anew.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.atlas import Rect, decode, fill_empty
from engine.avatar.model import ALBEDO, Avatar
from engine.avatar.texture import albedo_or_flat
from engine.colour import LINEAR_OF_BYTE, SkinColour, to_bytes
from engine.lesion import LesionLayer
from engine.surface import Patch, Surface, composite, stamp

Dirty = dict[int, list[Rect]]
Pixels = NDArray[np.uint8]
Array = TypeVar("Array", bound=NDArray[Any])
PLAIN_SIZE = 1024
_PATCHES_KEPT = 32
_SKIN_SIDE = 128
"""Pixels along the window in which the skin's colour is measured: a texel of skin is hardly ever finer than that."""


class Canvas:
    """Base atlases, and what is shown on them. Not safe for use from several threads at once.

    Materials that share one texture share its arrays.

    base and pixels: uint8 [H, W, 4] sRGB by material. index: uint16 [H, W] by material, each texel's lesion number
    (0 none); `number_of` gives a lesion's number by its id: 1, 2, … in the order in which lesions first appeared.
    """

    def __init__(self, surface: Surface, avatar: Avatar, bare: "Canvas | None" = None) -> None:
        """bare: another canvas of this avatar, whose base atlases are shared; they are never written to."""
        self.surface = surface
        self.base: dict[int, Pixels]
        self.owners: dict[int, NDArray[np.int32]]
        self.base, self.owners = (bare.base, bare.owners) if bare is not None else base_atlases(surface, avatar)
        self.pixels = _copies(self.base, lambda pixels: pixels.copy())
        self.index: dict[int, NDArray[np.uint16]] = _copies(
            self.base, lambda pixels: np.zeros(pixels.shape[:2], np.uint16)
        )
        self.number_of: dict[str, int] = {}
        self._shown: list[LesionLayer] = []
        self._rects: dict[str, Dirty] = {}
        self._patches: OrderedDict[tuple[object, ...], Patch] = OrderedDict()

    def show(self, layers: Sequence[LesionLayer]) -> Dirty:
        """Show exactly the visible ones of these layers, the last on top; the rectangles that changed."""
        wanted = [layer for layer in layers if layer.visible]
        for layer in wanted:
            self.number_of.setdefault(layer.id, len(self.number_of) + 1)
        before = {layer.id: layer for layer in self._shown}
        kept = [layer.id for layer in wanted if before.get(layer.id) is layer]
        shown = [layer.id for layer in self._shown if layer.id in set(kept)]
        stale = [key for key in before if key not in kept]
        stale += [new for new, old in zip(kept, shown, strict=True) if new != old]
        dirty: Dirty = {}
        while True:
            self._restore(stale, dirty)
            laid = [layer for layer in wanted if layer.id not in self._rects]
            for layer in laid:
                self._rects[layer.id] = self._lay(layer)
                _merge(dirty, self._rects[layer.id])
            stale = self._buried(wanted, {layer.id for layer in laid})
            if not stale:
                break
        self._shown = wanted
        return dirty

    def patch_of(self, layer: LesionLayer, size: int | None = None) -> Patch:
        """The window of the surface that a layer covers, `size` pixels wide (the layer's own size where None)."""
        spec = layer.spec
        size = size or layer.rgb.shape[0]
        key = (spec.site, layer.width_mm, size, spec.turn_deg)
        if key not in self._patches:
            window = (spec.site, layer.width_mm, spec.turn_deg)
            others = (kept for kept in self._patches.values() if (kept.site, kept.width_mm, kept.turn_deg) == window)
            other = next(others, None)
            self._patches[key] = other.at_size(size) if other else self.surface.patch(*window[:2], size, window[2])
            while len(self._patches) > _PATCHES_KEPT:
                self._patches.popitem(last=False)
        self._patches.move_to_end(key)
        return self._patches[key]

    def texels_of(self, layer_id: str) -> int:
        """How many texels of the atlases a shown lesion owns."""
        number, rects = self.number_of[layer_id], self._rects.get(layer_id, {})
        boxes = {m: _around(areas) for m, areas in rects.items() if areas}
        return sum(int((self.index[m][box.slices] == number).sum()) for m, box in boxes.items())

    def skin_under(self, layer: LesionLayer) -> SkinColour:
        """The colour of the base skin around a layer's footprint."""
        patch = self.patch_of(layer, min(layer.rgb.shape[0], _SKIN_SIDE))
        return _skin_around(layer, *patch.sample(self.base))

    def close_up(self, layer: LesionLayer) -> NDArray[np.uint8]:
        """What a dermatoscope sees: the lesion at its own resolution on this patient's skin, uint8 [P, P, 3] sRGB."""
        linear, valid = self.patch_of(layer).sample(self.base)
        skin = _skin_around(layer, linear, valid) if len(linear) <= _SKIN_SIDE else self.skin_under(layer)
        alpha = layer.alpha[..., None] / np.float32(255)
        lesion = skin.denormalise(LINEAR_OF_BYTE[layer.rgb])
        return to_bytes(linear + alpha * (lesion - linear))

    def _lay(self, layer: LesionLayer) -> Dirty:
        """Write one layer over whatever is shown; the rectangles it covers."""
        patch = self.patch_of(layer)
        rgb = self.skin_under(layer).denormalise(LINEAR_OF_BYTE[layer.rgb])
        dirty = composite(patch, self.pixels, rgb, layer.alpha / np.float32(255), self.owners)
        mask = np.where(layer.alpha > 0, layer.mask / np.float32(255), 0)
        number = self.number_of[layer.id]
        stamped = stamp(patch, self.index, mask, number, self.owners)
        if not any((self.index[m][r.slices] == number).any() for m, rects in stamped.items() for r in rects):
            stamped = self._stamp_centre(layer, number)
        _merge(dirty, stamped)
        return dirty

    def _stamp_centre(self, layer: LesionLayer, number: int) -> Dirty:
        """Give a lesion that covers no texel by half the one it lies on: every lesion can be found in the index."""
        material, u, v = self.surface.uv(layer.spec.site)
        height, width = self.pixels[material].shape[:2]
        texel = Rect(min(int(u * width), width - 1), min(int(v * height), height - 1), 1, 1)
        self.index[material][texel.slices] = number
        return {material: [texel]}

    def _restore(self, stale: Iterable[str], dirty: Dirty) -> None:
        """Bring the base back under stale layers and under all that overlap them, however indirectly."""
        queue = list(stale)
        while queue:
            rects = self._rects.pop(queue.pop(), {})
            for material, areas in rects.items():
                for area in areas:
                    window = area.slices
                    self.pixels[material][window] = self.base[material][window]
                    self.index[material][window] = 0
            _merge(dirty, rects)
            queue += [other for other, theirs in self._rects.items() if _overlap(rects, theirs)]

    def _buried(self, wanted: Sequence[LesionLayer], laid: set[str]) -> list[str]:
        """Layers that belong above one that was just laid over them."""
        order = [layer.id for layer in wanted]
        return [
            upper
            for place, upper in enumerate(order)
            if upper not in laid
            and any(low in laid and _overlap(self._rects[low], self._rects[upper]) for low in order[:place])
        ]


def _skin_around(layer: LesionLayer, linear: NDArray[np.float32], valid: NDArray[np.bool_]) -> SkinColour:
    """linear, valid: the base skin in the layer's window, as `Patch.sample` gives it, in any number of pixels."""
    around = valid & ~_covered(layer.alpha, len(linear))
    return SkinColour.measure(linear, around if around.any() else valid)


def _covered(alpha: NDArray[np.uint8], size: int) -> NDArray[np.bool_]:
    """Which of size² pixels a footprint touches, however little."""
    if size == alpha.shape[0]:
        return alpha > 0
    shares = cv2.resize((alpha > 0).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(shares > 0)


def base_atlases(surface: Surface, avatar: Avatar) -> tuple[dict[int, Pixels], dict[int, NDArray[np.int32]]]:
    """Every material's albedo, uint8 [H, W, 4], empty space filled; and the face that owns each texel, int32 [H, W].

    A material without a texture gets one of its plain colour.
    """
    base: dict[int, Pixels] = {}
    owners: dict[int, NDArray[np.int32]] = {}
    sharing: dict[bytes, list[int]] = {}
    for index, material in enumerate(avatar.materials):
        image = albedo_or_flat(material, PLAIN_SIZE)
        alone = b"" if ALBEDO in material.maps else index.to_bytes(4, "little")
        sharing.setdefault(alone + image.encoded, []).append(index)
    for materials in sharing.values():
        pixels = decode(albedo_or_flat(avatar.materials[materials[0]], PLAIN_SIZE))
        owner = surface.owners(materials[0], pixels.shape[1], pixels.shape[0])
        for other in materials[1:]:
            theirs = surface.owners(other, pixels.shape[1], pixels.shape[0])
            owner = np.where(owner >= 0, owner, theirs)
        fill_empty(pixels, owner >= 0)
        for index in materials:
            base[index], owners[index] = pixels, owner
    return base, owners


def _copies(arrays: Mapping[int, Pixels], copy: Callable[[Pixels], Array]) -> dict[int, Array]:
    """One new array for each different array."""
    made = {id(pixels): copy(pixels) for pixels in arrays.values()}
    return {material: made[id(pixels)] for material, pixels in arrays.items()}


def _merge(into: Dirty, more: Dirty) -> None:
    for material, rects in more.items():
        into.setdefault(material, []).extend(rects)


def _overlap(one: Dirty, other: Dirty) -> bool:
    return any(a.overlaps(b) for material in one for a in one[material] for b in other.get(material, ()))


def _around(rects: Sequence[Rect]) -> Rect:
    """The smallest rectangle around all of them."""
    return reduce(Rect.union, rects)
