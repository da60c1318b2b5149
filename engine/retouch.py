"""Changes to a finished lesion that need no network: moved, turned, resized, recoloured, looked at in small.

A layer holds normalised colour and millimetres, so all of these are new values for the same pixels; only `recoloured`
writes new ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.colour import LINEAR_OF_BYTE, from_network, lab_to_linear, linear_to_lab, to_bytes
from engine.errors import SpecError
from engine.lesion import DIAMETER_MM, LesionLayer, Site
from engine.place import Placement, footprint
from engine.surface import Surface

COLOUR = "colour"
"""The attribute of a specification under which a change of colour is kept."""
MOST_COLOUR = 20.0
"""CIELAB units: beyond, a lesion would turn into one of another kind."""
_MEASURED_SIDE = 128


@dataclass(frozen=True)
class ColourShift:
    """In CIELAB units of the normalised skin. lightness: + is lighter. redness: + is redder. warmth: + is browner."""

    lightness: float = 0.0
    redness: float = 0.0
    warmth: float = 0.0

    def __post_init__(self) -> None:
        """SpecError for a shift that is not a gentle one."""
        for name, value in (("lightness", self.lightness), ("redness", self.redness), ("warmth", self.warmth)):
            if not abs(value) <= MOST_COLOUR:
                raise SpecError(
                    f"colour.{name}: is {value:g}; it must lie between {-MOST_COLOUR:g} and {MOST_COLOUR:g}"
                )


def moved(surface: Surface, layer: LesionLayer, site: Site, body_part: str) -> LesionLayer:
    """The lesion at another site; its diameter is measured there."""
    return _measured(surface, replace(layer, spec=layer.spec.with_(site=site), body_part=body_part))


def turned(layer: LesionLayer, turn_deg: float) -> LesionLayer:
    """The lesion at this angle about the skin's normal."""
    return replace(layer, spec=layer.spec.with_(turn_deg=(turn_deg + 180) % 360 - 180))


def resized(surface: Surface, layer: LesionLayer, diameter_mm: float) -> LesionLayer:
    """The lesion scaled to another longest diameter. SpecError where no lesion can have it."""
    low, high = DIAMETER_MM
    if not low <= diameter_mm <= high:
        raise SpecError(f"diameter_mm: is {diameter_mm:g}; it must lie between {low:g} and {high:g}")
    spec = layer.spec.with_(diameter_mm=diameter_mm)
    width = layer.width_mm * diameter_mm / layer.spec.diameter_mm
    return _measured(surface, replace(layer, spec=spec, width_mm=width))


def colour_shift_of(layer: LesionLayer) -> ColourShift:
    """How the lesion was recoloured since it was painted."""
    text = dict(layer.spec.attributes).get(COLOUR)
    if text is None:
        return ColourShift()
    try:
        lightness, redness, warmth = (float(part) for part in text.split())
        return ColourShift(lightness, redness, warmth)
    except (ValueError, SpecError):
        return ColourShift()  # the attribute of a generator that takes text


def recoloured(layer: LesionLayer, shift: ColourShift) -> LesionLayer:
    """The lesion as if it had been painted and then shifted by `shift`, whatever it was shifted by before.

    Colours that leave sRGB are clipped; the way back from there is by undo.
    """
    step = _vector(shift) - _vector(colour_shift_of(layer))
    others = tuple((name, value) for name, value in layer.spec.attributes if name != COLOUR)
    kept = ((COLOUR, f"{shift.lightness:g} {shift.redness:g} {shift.warmth:g}"),) if shift != ColourShift() else ()
    return replace(layer, spec=layer.spec.with_(attributes=(*others, *kept)), rgb=_shifted(layer.rgb, step))


def with_its_colour(layer: LesionLayer) -> LesionLayer:
    """A lesion that was just painted from its specification, recoloured as that says."""
    return replace(layer, rgb=_shifted(layer.rgb, _vector(colour_shift_of(layer))))


def in_small(layer: LesionLayer, side: int) -> LesionLayer:
    """The same lesion with at most `side` pixels along its picture, for thumbnails."""
    if layer.rgb.shape[0] <= side:
        return layer

    def smaller(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)

    return replace(layer, rgb=smaller(layer.rgb), mask=smaller(layer.mask), alpha=smaller(layer.alpha))


def provisional(
    placement: Placement, rgb: NDArray[np.float32], mask: NDArray[np.float32], lesion_id: str
) -> LesionLayer:
    """A lesion that is still being painted, as a layer to look at.

    rgb: float32 [3, S, S] in [-1, 1], mask: float32 [S, S] in [0, 1], where S may be less than the finished detail.
    """
    side = mask.shape[0]
    if placement.alpha is not None:
        alpha = np.asarray(cv2.resize(placement.alpha, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    else:
        editable = cv2.resize(placement.request.editable.astype(np.uint8), (side, side)) > 0
        alpha = np.where(editable, footprint(mask), 0).astype(np.uint8)
    return LesionLayer(
        id=lesion_id,
        spec=placement.spec,
        rgb=to_bytes(from_network(rgb.transpose(1, 2, 0))),
        mask=np.rint(np.clip(mask, 0, 1) * 255).astype(np.uint8),
        alpha=alpha,
        width_mm=placement.patch.width_mm,
        diameter_mm=placement.spec.diameter_mm,
        model="",
        precision="fp32",
        threads=1,
        batch_size=1,
    )


def sparing(surface: Surface, layer: LesionLayer, protected: Mapping[int, NDArray[np.bool_]]) -> LesionLayer:
    """The lesion without what would lie on protected texels (bool [H, W] by material)."""
    if not protected:
        return layer
    patch = surface.patch(layer.spec.site, layer.width_mm, layer.rgb.shape[0], layer.spec.turn_deg)
    kept = np.ones(layer.alpha.shape, bool)
    for material, mask in protected.items():
        height, width = mask.shape
        columns = np.clip((patch.uv[..., 0] * width).astype(int), 0, width - 1)
        rows = np.clip((patch.uv[..., 1] * height).astype(int), 0, height - 1)
        kept &= ~((patch.material == material) & mask[rows, columns])
    return layer if kept.all() else replace(layer, alpha=np.where(kept, layer.alpha, 0).astype(np.uint8))


def _vector(shift: ColourShift) -> NDArray[np.float32]:
    return np.array([shift.lightness, shift.redness, shift.warmth], np.float32)


def _shifted(rgb: NDArray[np.uint8], step: NDArray[np.float32]) -> NDArray[np.uint8]:
    if not step.any():
        return rgb
    return to_bytes(np.clip(lab_to_linear(linear_to_lab(LINEAR_OF_BYTE[rgb]) + step), 0, 1))


def _measured(surface: Surface, layer: LesionLayer) -> LesionLayer:
    """The layer with its diameter as measured where it lies."""
    small = in_small(layer, _MEASURED_SIDE)
    patch = surface.patch(layer.spec.site, layer.width_mm, small.rgb.shape[0], layer.spec.turn_deg)
    return replace(layer, diameter_mm=patch.diameter_mm(small.mask / np.float32(255)))
