"""One lesion's way: site → metric patch → normalised skin → generator → layer. `engine.canvas` writes it into texels.

Read top to bottom: `prepare` cuts the skin out and says what may change, `Generator.generate` paints, `finish` makes
the layer that the scene keeps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine import shapes
from engine.colour import SkinColour, from_network, to_bytes, to_network
from engine.errors import SpecError
from engine.generators.protocol import PatchRequest, PatchResult
from engine.lesion import LesionLayer, LesionSpec, decode_mask
from engine.surface import Patch, Surface
from engine.surface.patch import WIDTH_MM

WINDOW = 2.2
"""Side of the patch in lesion diameters: skin enough on every side to guide the network."""
FADE = (-0.02, 0.08)
"""Where the footprint begins to fade and where it ends: distance from the mask's edge, outwards, in diameters."""
FREE_TOLERANCE = 0.10
"""Share by which a free shape's diameter may differ from the asked one before the user is told."""
MOST_ENLARGED = 2.5
"""A free shape that the network painted small is enlarged so far: beyond, its pixels would show."""
SIZE_TOLERANCE = 0.01

Pixels = Mapping[int, NDArray[np.uint8]]


@dataclass(frozen=True)
class Placement:
    """A lesion that is ready to be generated: where it lies, what the skin there looks like, what the network gets.

    alpha: uint8 [P, P], the soft footprint that the shape leaves, or None while the shape is free.
    """

    spec: LesionSpec
    patch: Patch
    request: PatchRequest
    alpha: NDArray[np.uint8] | None


def prepare(surface: Surface, base: Pixels, spec: LesionSpec, allowed: NDArray[np.bool_] | None = None) -> Placement:
    """Cut the patch out of the base atlases and lay the shape in it.

    base: uint8 [H, W, 4] by material. allowed: bool [F], the faces whose texels may change (all where None).
    SpecError where the lesion has no skin to lie on.
    """
    patch = surface.patch(spec.site, WINDOW * spec.diameter_mm, spec.detail, spec.turn_deg)
    linear, valid = patch.sample(base)
    editable = valid if allowed is None else valid & allowed[np.maximum(patch.face, 0)]
    shape = None if spec.shape.kind == "free" else _shape_of_size(patch, spec)
    if shape is None:
        alpha = None
        editable = editable & _disc(spec.detail, 0.5 - 1.0 / 16)
    else:
        alpha = np.where(editable, footprint(shape), 0).astype(np.uint8)
        editable = alpha > 0
    skin_pixels = valid & ~editable
    if not editable.any() or not skin_pixels.any():
        raise SpecError(f"site: no skin around face {spec.site.face} for a lesion of {spec.diameter_mm:g} mm")
    colour = SkinColour.measure(linear, skin_pixels)
    linear = np.where(valid[..., None], linear, np.asarray(colour.median, np.float32))
    skin = to_network(colour.normalise(linear)).transpose(2, 0, 1)
    return Placement(spec, patch, PatchRequest(np.ascontiguousarray(skin), editable, shape, spec), alpha)


def finish(placement: Placement, result: PatchResult, lesion_id: str, body_part: str = "") -> LesionLayer:
    """The layer that the scene keeps, with the diameter as measured on the surface.

    A free shape is moved to the patch's centre, which is the site, and brought to its size as far as `MOST_ENLARGED`
    allows; see `size_warnings`. SpecError where the network left it empty.
    """
    mask, rgb = result.mask, result.rgb
    alpha, patch = placement.alpha, placement.patch
    if alpha is None:
        mask, rgb = _centred(mask, rgb)
        alpha = np.where(placement.request.editable, footprint(mask), 0).astype(np.uint8)
        patch, measured = _of_size(patch, mask, placement.spec.diameter_mm)
    else:
        measured = patch.diameter_mm(mask)
    return LesionLayer(
        id=lesion_id,
        spec=placement.spec,
        rgb=to_bytes(from_network(rgb.transpose(1, 2, 0))),
        mask=np.rint(np.clip(mask, 0, 1) * 255).astype(np.uint8),
        alpha=alpha,
        width_mm=patch.width_mm,
        diameter_mm=measured,
        model=result.model,
        precision=result.precision,
        threads=result.threads,
        batch_size=result.batch_size,
        body_part=body_part,
    )


def size_warnings(layer: LesionLayer) -> tuple[str, ...]:
    """One line for the user where a lesion has not the diameter that was asked for."""
    asked = layer.spec.diameter_mm
    if abs(layer.diameter_mm / asked - 1) <= FREE_TOLERANCE:
        return ()
    if layer.diameter_mm > asked:
        return (f"it is {layer.diameter_mm:.1f} mm wide instead of {asked:g} mm, as the skin bends here",)
    return (
        f"the network painted it so small that it is {layer.diameter_mm:.1f} mm wide instead of {asked:g} mm: "
        "take another seed, or a shape that is not `free`",
    )


def footprint(mask: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The soft footprint of a mask [P, P] ≥ 0.5 as alpha × 255: 1 inside, fading to 0 outside; 0 along the border."""
    inside = mask >= 0.5
    if not inside.any():
        return np.zeros(mask.shape, np.uint8)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    diameter = max(np.ptp(rows), np.ptp(columns)) + 1
    distance = (_distance_to(inside) - _distance_to(~inside)) / diameter
    ramp = np.clip((FADE[1] - distance) / (FADE[1] - FADE[0]), 0, 1)
    alpha: NDArray[np.uint8] = np.rint(255 * ramp * ramp * (3 - 2 * ramp)).astype(np.uint8)
    alpha[[0, -1], :] = alpha[:, [0, -1]] = 0
    return alpha


def _centred(mask: NDArray[np.float32], rgb: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mask [P, P] and picture [3, P, P] shifted so that the mask lies in the middle. What wraps around is not shown:
    the footprint ends long before the border."""
    inside = mask >= 0.5
    if not inside.any():
        raise SpecError("shape: the network painted no lesion of its own here; another seed, more steps, or not `free`")
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    shift = tuple((len(mask) - 1 - int(ends[0]) - int(ends[-1])) // 2 for ends in (rows, columns))
    return np.roll(mask, shift, (0, 1)), np.roll(rgb, shift, (1, 2))


def _of_size(patch: Patch, mask: NDArray[np.float32], asked_mm: float) -> tuple[Patch, float]:
    """The window in which the mask [P, P] has the asked diameter, and the diameter that it has there, measured anew."""
    measured, most = patch.diameter_mm(mask), MOST_ENLARGED * patch.width_mm
    for _ in range(3):
        if measured <= 0 or abs(measured / asked_mm - 1) <= SIZE_TOLERANCE:
            break
        width_mm = float(np.clip(patch.width_mm * asked_mm / measured, WIDTH_MM[0], min(most, WIDTH_MM[1])))
        if width_mm == patch.width_mm:
            break
        patch = patch.surface.patch(patch.site, width_mm, patch.size, patch.turn_deg)
        measured = patch.diameter_mm(mask)
    return patch, measured


def _distance_to(region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Pixels to the nearest pixel of the region; 0 inside."""
    return np.asarray(cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _shape_of_size(patch: Patch, spec: LesionSpec) -> NDArray[np.float32]:
    """The shape as float32 [P, P], scaled so that its longest diameter on the curved surface is the asked one."""
    pixels = spec.detail / WINDOW
    shape = _shape(spec, pixels)
    for _ in range(2):
        measured = patch.diameter_mm(shape)
        if measured <= 0 or abs(measured / spec.diameter_mm - 1) <= SIZE_TOLERANCE:
            break
        pixels = min(pixels * spec.diameter_mm / measured, 0.8 * spec.detail)
        shape = _shape(spec, pixels)
    return shape


def _shape(spec: LesionSpec, diameter_px: float) -> NDArray[np.float32]:
    if spec.shape.mask is None:
        return shapes.draw(spec.shape, diameter_px, spec.detail, spec.seed)
    drawn = decode_mask(spec.shape.mask).astype(np.float32)
    if not drawn.any():
        raise SpecError("shape.mask: the drawn shape is empty")
    return shapes.fit(drawn, diameter_px, spec.detail)


def _disc(size: int, radius: float) -> NDArray[np.bool_]:
    """A centred disc of `radius` (share of the side) in a [size, size] grid."""
    axis = (np.arange(size) + 0.5) / size - 0.5
    inside: NDArray[np.bool_] = np.hypot(axis[:, None], axis) <= radius
    return inside
