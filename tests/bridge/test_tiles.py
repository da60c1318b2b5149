"""Maps in tiles are what arrays are; hashes tell every difference; QOI loses nothing."""

import contextlib

import numpy as np
import pytest
from golden_vectors import blob, skin_like
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.codec import decode_qoi, encode_qoi
from bridge.errors import ProtocolError
from bridge.protocol import MapSpec
from bridge.tiles import MapState, Pixels, Tile, as_bytes, blank_hashes, hash_bytes

QUIET = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def array(spec: MapSpec) -> Pixels:
    if spec.format == "r16":
        return np.zeros((spec.height, spec.width), np.uint16)
    return np.zeros((spec.height, spec.width, 4), np.uint8)


@QUIET
@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.sampled_from(["rgba8", "r16"]),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4, st.integers(0, 255)), max_size=4),
)
def test_painting_is_assignment(
    width: int, height: int, format_: str, strokes: list[tuple[float, float, float, float, int]]
) -> None:
    spec = MapSpec("a", "m", "x", width, height, format_)
    expected, pieces = array(spec), []
    for a, b, c, d, value in strokes:
        x0, x1 = sorted((int(a * width), int(b * width)))
        y0, y1 = sorted((int(c * height), int(d * height)))
        if x0 == x1 or y0 == y1:
            continue
        rng = np.random.default_rng(value)
        piece = rng.integers(0, value + 1, expected[y0:y1, x0:x1].shape).astype(expected.dtype)
        expected[y0:y1, x0:x1] = piece
        pieces.append((x0, y0, piece))
    blank = MapState.blank(spec)
    painted = blank.painted(pieces)
    assert np.array_equal(painted.pixels(), expected) and painted.pixels().dtype == expected.dtype
    assert (painted.hash == blank.hash) == (not expected.any())
    assert not blank.pixels().any(), "a state does not change"
    again = blank.painted([(0, 0, expected)])
    assert np.array_equal(again.hashes, painted.hashes) and again.hash == painted.hash


@pytest.mark.parametrize("size", [(1, 1), (256, 256), (257, 256), (512, 513), (300, 1)])
@pytest.mark.parametrize("format_", ["rgba8", "r16"])
def test_blank_hashes_are_those_of_zeros(size: tuple[int, int], format_: str) -> None:
    spec = MapSpec("a", "m", "x", *size, format_)
    columns = spec.grid[1]
    for index, value in enumerate(blank_hashes(spec).tolist()):
        height, width = spec.tile_size(*divmod(index, columns))
        assert value == hash_bytes(bytes(height * width * (4 if format_ == "rgba8" else 2)))


def test_repainting_the_same_pixels_changes_nothing() -> None:
    state = MapState.blank(MapSpec("a", "m", "x", 300, 300)).painted([(0, 0, skin_like(300, 300, 1))])
    assert state.painted([(7, 9, state.pixels()[9:99, 7:290])]) is state
    assert state.painted([]) is state


@QUIET
@given(
    st.integers(1, 256),
    st.integers(1, 256),
    st.sampled_from(["rgba8", "r16"]),
    st.integers(0, 2**32),
    st.integers(0, 3),
)
def test_qoi_loses_nothing(height: int, width: int, format_: str, seed: int, kind: int) -> None:
    rng = np.random.default_rng(seed)
    if format_ == "rgba8":
        pixels = skin_like(height, width, seed) if kind else rng.integers(0, 256, (height, width, 4), np.uint8)
    else:
        pixels = blob(height, width, seed % 65536) if kind else rng.integers(0, 65536, (height, width), np.uint16)
    raw = as_bytes(pixels).reshape(-1)
    payload = encode_qoi(memoryview(raw), height, width, format_)
    if payload is not None:
        assert len(payload) < raw.size
        assert np.array_equal(decode_qoi(payload, height, width, format_), raw)


@QUIET
@given(st.binary(max_size=400))
def test_hostile_qoi_is_refused_or_decoded_within_its_size(noise: bytes) -> None:
    header = b"qoif" + (20).to_bytes(4, "big") + (12).to_bytes(4, "big") + b"\x04\x00"
    for payload in (noise, header + noise, header + noise + bytes(7) + b"\x01"):
        with contextlib.suppress(ProtocolError):
            assert decode_qoi(payload, 12, 20, "rgba8").shape == (12 * 20 * 4,)


def test_a_tile_is_encoded_once() -> None:
    tile = Tile.of(as_bytes(skin_like(256, 256, 2)).reshape(-1))
    assert tile.qoi(256, 256, "rgba8") is tile.qoi(256, 256, "rgba8")
    noise = Tile.of(np.random.default_rng(1).integers(0, 256, 256 * 256 * 4, np.uint8))
    assert noise.qoi(256, 256, "rgba8") is None
