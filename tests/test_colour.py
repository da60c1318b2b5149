"""Colour conversions against an independent implementation, and the normalisation's inverse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import color

from engine import colour

RNG = np.random.default_rng(0)
PALETTE = RNG.random((500, 3))


def test_lab_agrees_with_an_independent_implementation() -> None:
    ours = colour.linear_to_lab(colour.to_linear(PALETTE))
    assert np.abs(ours - color.rgb2lab(PALETTE)).max() < 0.02


def test_conversions_invert() -> None:
    linear = colour.to_linear(PALETTE)
    assert np.allclose(colour.to_srgb(linear), PALETTE, atol=1e-12)
    assert np.allclose(colour.lab_to_linear(colour.linear_to_lab(linear)), linear, atol=1e-9)


def test_every_byte_survives_linear_light() -> None:
    assert np.array_equal(colour.to_bytes(colour.LINEAR_OF_BYTE), np.arange(256))


def test_delta_e2000_agrees_with_an_independent_implementation() -> None:
    lab = color.rgb2lab(PALETTE)
    grey = np.array([[50.0, 0, 0], [20.0, 0, 0]])
    for one, other in ((lab[:250], lab[250:]), (lab[:2], grey), (grey, grey[::-1])):
        assert np.allclose(colour.delta_e2000(one, other), color.deltaE_ciede2000(one, other), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "lab"),
    [
        ("I", (74, 9.5, 14)),
        ("II", (69, 10.5, 16)),
        ("III", (63, 11.5, 18)),
        ("IV", (54, 12.5, 20)),
        ("V", (44, 12, 18)),
        ("VI", (33, 9.5, 12)),
    ],
)
def test_phototypes_of_typical_skin(name: str, lab: tuple[float, float, float]) -> None:
    assert colour.phototype(float(colour.ita_degrees(np.array(lab)))) == name


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.floats(0.02, 0.9)] * 3), st.integers(0, 2**31))
def test_denormalise_inverts_normalise_on_any_skin(median: tuple[float, float, float], seed: int) -> None:
    patch = np.array(median) * np.random.default_rng(seed).uniform(0.2, 1.6, (8, 8, 3))
    skin = colour.SkinColour.measure(patch, np.ones((8, 8), bool))
    assert np.allclose(skin.denormalise(skin.normalise(patch)), patch, rtol=1e-6)
    assert np.allclose(skin.normalise(np.array(skin.median)), colour.SKIN_REFERENCE)


def test_a_lesion_darkens_every_skin_and_never_more_than_its_pigment_would() -> None:
    lesion = colour.SKIN_REFERENCE * np.array([0.35, 0.25, 0.2])
    for lightness in (75, 65, 55, 45, 35, 28):
        median = colour.lab_to_linear(np.array([lightness, 11.0, 15.0]))
        skin = colour.SkinColour.measure(median[None, None], np.ones((1, 1), bool))
        placed = skin.denormalise(lesion)
        assert (placed < median).all()
        assert (placed >= median * lesion / colour.SKIN_REFERENCE - 1e-12).all()


def test_training_limits_the_gain() -> None:
    dark = np.full((4, 4, 3), 0.05)
    skin = colour.SkinColour.for_training(dark, np.ones((4, 4), bool))
    assert np.allclose(skin.normalise(dark), 0.05 * 2.2)
