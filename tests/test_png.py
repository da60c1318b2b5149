"""Our PNGs are plain PNGs: every reader gives the pixels back, and the bytes depend on nothing but the input."""

import io
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from engine import png

sides = st.integers(1, 40)
pictures = st.one_of(
    hnp.arrays(bool, st.tuples(sides, sides)),
    hnp.arrays(np.uint8, st.tuples(sides, sides)),
    hnp.arrays(np.uint16, st.tuples(sides, sides)),
    hnp.arrays(np.uint8, st.tuples(sides, sides, st.sampled_from([3, 4]))),
)


@settings(max_examples=120, deadline=None)
@given(pictures)
def test_round_trip_through_ourselves_and_pillow(pixels) -> None:
    data = png.encode(pixels)
    again = png.decode(data)
    assert again.dtype == pixels.dtype and np.array_equal(again, pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image).astype(pixels.dtype), pixels)


@pytest.mark.parametrize("kind", ["rgba", "grey16"])
def test_many_strips_make_one_picture_on_any_number_of_cores(monkeypatch, kind) -> None:
    rng = np.random.default_rng(1)
    pixels = (
        np.cumsum(rng.integers(0, 3, (1500, 900, 4), np.uint8), axis=1, dtype=np.uint8)
        if kind == "rgba"
        else rng.integers(0, 2**16, (1500, 900), np.uint16)
    )
    made = set()
    for cores in (1, 2, 7):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        made.add(png.encode(pixels))
    (data,) = made
    with Image.open(io.BytesIO(data)) as image:
        image.verify()
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image).astype(pixels.dtype), pixels)
    assert np.array_equal(png.decode(data), pixels)


@pytest.mark.parametrize("view", [np.s_[::2], np.s_[:, ::-1], np.s_[..., :3], np.s_[5:, 3:]])
def test_views_are_written_as_they_look(view) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (20, 30, 4), np.uint8)[view]
    assert np.array_equal(png.decode(png.encode(pixels)), pixels)


def test_texts_stand_before_the_pixels_and_read_back() -> None:
    texts = [("Title", "Größe ü 皮膚"), ("moulage:spec", "{}" * 40_000)]
    data = png.encode(np.zeros((3, 3), np.uint8), texts)
    assert data.index(b"iTXt") < data.index(b"IDAT")
    with Image.open(io.BytesIO(data)) as image:
        assert dict(image.text) == dict(texts)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((4, 4, 3), np.float32),
        np.zeros(4, np.uint8),
        np.zeros((1, png.MAX_SIDE + 1), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(pixels) -> None:
    with pytest.raises(ValueError, match=r"picture"):
        png.encode(pixels)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_goes_unnoticed(data) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)
    sound = png.encode(pixels)
    place = data.draw(st.integers(0, len(sound) - 1))
    if data.draw(st.booleans()):
        damaged = sound[:place]
    else:
        damaged = sound[:place] + bytes([sound[place] ^ data.draw(st.integers(1, 255))]) + sound[place + 1 :]
    with pytest.raises(ValueError):
        png.decode(damaged)


def test_sizes_are_checked_before_memory_is_taken() -> None:
    sound = png.encode(np.zeros((8, 8), np.uint8))
    with pytest.raises(ValueError, match="8×8"):
        png.decode(sound, max_side=7)
    with pytest.raises(ValueError, match="4294967295"):
        png.decode(sound[:16] + b"\xff" * 4 + sound[20:])
    with pytest.raises(ValueError, match="not a PNG"):
        png.decode(b"GIF89a" + bytes(50))
