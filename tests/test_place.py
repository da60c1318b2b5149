"""From site to layer: size on the surface, known skin, footprint; with a generator whose answer is known exactly."""

import numpy as np
import pytest
from tube import tube_avatar

from engine import SpecError, place
from engine.canvas import Canvas
from engine.colour import from_network, to_bytes
from engine.generators.protocol import PatchRequest, PatchResult
from engine.lesion import LesionSpec, Shape, Site, encode_mask
from engine.surface import Surface

AVATAR = tube_avatar()
SURFACE = Surface.of(AVATAR)
CANVAS = Canvas(SURFACE, AVATAR)
FRONT = SURFACE.site_at_uv(0, 0.5, 0.5)


def spec(**changes: object) -> LesionSpec:
    return LesionSpec("nevus", FRONT, 12.0, 3).with_(**changes)


def flat_brown(request: PatchRequest, mask: np.ndarray | None = None) -> PatchResult:
    """One even brown where colour may change."""
    brown = np.array([-0.2, -0.5, -0.6], np.float32)[:, None, None]
    rgb = np.where(request.editable, brown, request.skin).astype(np.float32)
    shape = request.shape if mask is None else mask
    return PatchResult(rgb, shape, "0" * 64, "fp32", 1, 1, 0, 0.0)


@pytest.mark.parametrize("diameter", [2.0, 6.0, 12.0, 30.0])
@pytest.mark.parametrize(("irregularity", "asymmetry"), [(0.1, 0.1), (0.8, 0.7)])
def test_the_layer_is_as_large_as_asked(diameter: float, irregularity: float, asymmetry: float) -> None:
    asked = spec(diameter_mm=diameter, shape=Shape("automatic", irregularity, asymmetry))
    placement = place.prepare(SURFACE, CANVAS.base, asked)
    layer = place.finish(placement, flat_brown(placement.request), "x")
    assert abs(layer.diameter_mm / diameter - 1) < 0.02


def test_size_holds_in_the_texels_too() -> None:
    """Measured independently: the lesion's texels lie within its diameter along the skin, and reach it."""
    canvas = Canvas(SURFACE, AVATAR)
    asked = spec(diameter_mm=40.0, shape=Shape("round", 0, 0))
    placement = place.prepare(SURFACE, canvas.base, asked)
    canvas.show([place.finish(placement, flat_brown(placement.request), "x")])
    rows, _ = np.nonzero(canvas.index[0] == 1)
    height_mm = (rows.max() - rows.min() + 1) / 512 / 0.8 * 500
    assert abs(height_mm / 40 - 1) < 0.04


def test_colour_may_change_only_near_the_shape_and_the_rest_is_the_skin() -> None:
    placement = place.prepare(SURFACE, CANVAS.base, spec())
    request = placement.request
    _, valid = placement.patch.sample(CANVAS.base)
    assert valid.all()
    shape = request.shape
    assert shape is not None
    assert request.editable[shape >= 0.5].all()
    assert request.editable.mean() < 2 * (shape >= 0.5).mean()
    assert not request.editable[[0, -1]].any() and not request.editable[:, [0, -1]].any()
    median = np.median(request.skin[:, ~request.editable], axis=1) / 2 + 0.5
    assert np.allclose(median, [0.797, 0.643, 0.594], atol=0.01)  # the reference skin, sRGB-encoded


def test_the_layer_s_footprint_is_empty_where_nothing_was_painted() -> None:
    placement = place.prepare(SURFACE, CANVAS.base, spec())
    layer = place.finish(placement, flat_brown(placement.request), "x")
    assert (layer.alpha[~placement.request.editable] == 0).all()
    assert (layer.alpha[layer.mask > 250].min()) > 100


def test_faces_that_are_not_allowed_stay() -> None:
    allowed = SURFACE.vertices[SURFACE.faces][..., 1].max(1) <= SURFACE.point(FRONT)[1]
    placement = place.prepare(SURFACE, CANVAS.base, spec(), allowed)
    assert placement.request.editable.any()
    assert allowed[placement.patch.face[placement.request.editable]].all()


def test_a_free_shape_is_measured_and_brought_to_size() -> None:
    placement = place.prepare(SURFACE, CANVAS.base, spec(shape=Shape("free"), guiding=("border", "class_border")))
    assert placement.request.shape is None
    axis = np.arange(128) - 63.5
    small = (np.hypot(axis[:, None], axis) < 15).astype(np.float32)
    layer = place.finish(placement, flat_brown(placement.request, small), "x")
    again = SURFACE.patch(FRONT, layer.width_mm, 128).diameter_mm(layer.mask / 255)
    assert abs(again / 12 - 1) < 0.03


@pytest.mark.parametrize(("radius", "met"), [(15, True), (3, False)])
def test_a_free_shape_is_enlarged_within_limits_and_a_smaller_one_is_told_with_its_true_size(radius, met) -> None:
    placement = place.prepare(SURFACE, CANVAS.base, spec(shape=Shape("free"), guiding=("border", "class_border")))
    axis = np.arange(128) - 63.5
    painted = (np.hypot(axis[:, None], axis) < radius).astype(np.float32)
    layer = place.finish(placement, flat_brown(placement.request, painted), "x")
    assert layer.width_mm <= place.MOST_ENLARGED * placement.patch.width_mm * (1 + 1e-6)
    again = SURFACE.patch(FRONT, layer.width_mm, 128).diameter_mm(layer.mask / 255)
    assert layer.diameter_mm == pytest.approx(again, rel=0.01)
    warnings = place.size_warnings(layer)
    assert (warnings == ()) == met
    if not met:
        assert "another seed" in warnings[0] and f"{again:.1f} mm" in warnings[0]


def test_a_free_shape_lies_on_its_site_wherever_the_network_put_it() -> None:
    placement = place.prepare(SURFACE, CANVAS.base, spec(shape=Shape("free"), guiding=("border", "class_border")))
    axis = np.arange(128) - 63.5
    aside = (np.hypot(axis[:, None] - 20, axis + 17) < 15).astype(np.float32)
    result = flat_brown(placement.request, aside)
    layer = place.finish(placement, result, "x")
    rows, columns = np.nonzero(layer.mask >= 128)
    assert abs(rows.mean() - 63.5) <= 1 and abs(columns.mean() - 63.5) <= 1
    whole = to_bytes(from_network(result.rgb.transpose(1, 2, 0)))
    assert np.array_equal(layer.rgb[layer.mask >= 128], whole[aside >= 0.5])


def test_a_free_shape_that_stayed_empty_is_told() -> None:
    placement = place.prepare(SURFACE, CANVAS.base, spec(shape=Shape("free"), guiding=("border", "class_border")))
    with pytest.raises(SpecError, match="another seed"):
        place.finish(placement, flat_brown(placement.request, np.zeros((128, 128), np.float32)), "x")


def test_drawn_shapes_keep_their_form() -> None:
    drawn = np.zeros((128, 128), bool)
    drawn[40:90, 60:70] = True
    placement = place.prepare(SURFACE, CANVAS.base, spec(shape=Shape("drawn", mask=encode_mask(drawn))))
    shape = placement.request.shape
    assert shape is not None
    rows, columns = np.nonzero(shape >= 0.5)
    assert 3.5 < np.ptp(rows) / np.ptp(columns) < 7


def test_no_skin_and_no_shape_are_named() -> None:
    with pytest.raises(SpecError, match=r"shape\.mask"):
        place.prepare(SURFACE, CANVAS.base, spec(shape=Shape("drawn", mask=(128 * 128,))))
    with pytest.raises(SpecError, match="site"):
        place.prepare(SURFACE, {}, spec())


@pytest.mark.parametrize("turn", [0.0, 90.0, -35.0])
def test_a_turned_lesion_keeps_its_size(turn: float) -> None:
    asked = spec(turn_deg=turn, site=Site(FRONT.face, FRONT.barycentric))
    placement = place.prepare(SURFACE, CANVAS.base, asked)
    layer = place.finish(placement, flat_brown(placement.request), "x")
    assert abs(layer.diameter_mm / 12 - 1) < 0.02
