"""Smoothing colour differences keeps every pixel's luma, and touches nothing outside the editable region."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.diffusion.chroma import smooth_chroma


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.5, 8))
def test_luma_and_known_pixels_stay(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    rgb = rng.uniform(-1, 1, (3, 24, 24)).astype(np.float32)
    editable = rng.random((24, 24)) < 0.5
    smooth = smooth_chroma(rgb, editable, radius)
    weights = np.array([0.299, 0.587, 0.114])
    assert np.allclose(np.tensordot(weights, smooth, 1), np.tensordot(weights, rgb, 1), atol=1e-5)
    assert np.array_equal(smooth[:, ~editable], rgb[:, ~editable])


def test_coloured_noise_goes_and_an_even_colour_stays() -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, (3, 64, 64)).astype(np.float32)
    everywhere = np.ones((64, 64), bool)
    smooth = smooth_chroma(noise, everywhere, 2.5)
    assert (smooth[0] - smooth[1]).std() < 0.2 * (noise[0] - noise[1]).std()
    even = np.broadcast_to(np.float32([0.5, 0.1, -0.2])[:, None, None], (3, 16, 16)).copy()
    assert np.allclose(smooth_chroma(even, np.ones((16, 16), bool), 2.5), even, atol=1e-6)
    assert smooth_chroma(noise, everywhere, 0) is noise
