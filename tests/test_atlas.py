"""Pixels that know what changed, decode safely, and leave no hole for mip levels to show."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.atlas import Atlas, Rect, decode, encode_srgb, fill_empty, gutter_texels, image_size, merge
from engine.avatar.model import TextureImage
from engine.colour import LINEAR_OF_BYTE, to_srgb
from engine.errors import AvatarError

RECTS = st.builds(Rect, st.integers(0, 50), st.integers(0, 50), st.integers(1, 20), st.integers(1, 20))


def _texture(encoded, width, height):
    return TextureImage("skin", encoded, "image/png", width, height)


def _png(array, **options):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG", **options)
    return stream.getvalue()


def test_every_byte_survives_linear_light():
    assert (encode_srgb(LINEAR_OF_BYTE) == np.arange(256)).all()


def test_encoding_is_the_nearest_byte():
    linear = np.concatenate([np.linspace(-0.1, 1.1, 400_001), np.geomspace(1e-6, 1, 100_001)]).astype(np.float32)
    exact = np.clip(to_srgb(linear.astype(np.float64)), 0, 1) * 255
    assert np.abs(encode_srgb(linear) - exact).max() <= 0.5 + 1e-9


@given(st.lists(RECTS, max_size=12))
def test_merged_rectangles_cover_the_same_and_do_not_overlap(rectangles):
    merged = merge(rectangles)
    covered = np.zeros((70, 70), int)
    for rectangle in merged:
        covered[rectangle.slices] += 1
    assert covered.max(initial=0) <= 1
    for rectangle in rectangles:
        assert covered[rectangle.slices].all()


@settings(max_examples=30)
@given(st.lists(st.lists(RECTS, min_size=1, max_size=3), min_size=1, max_size=6), st.integers(0, 6))
def test_dirty_rectangles_hold_every_change_since_a_revision(commits, since):
    atlas = Atlas(np.zeros((70, 70, 4), np.uint8))
    snapshots = [atlas.pixels.copy()]
    for number, rectangles in enumerate(commits):
        for rectangle in rectangles:
            atlas.pixels[rectangle.slices] = number + 1
        assert atlas.commit(rectangles) == number + 1
        snapshots.append(atlas.pixels.copy())
    since = min(since, len(commits))
    catching_up = snapshots[since]
    for rectangle in atlas.dirty(since):
        catching_up[rectangle.slices] = atlas.pixels[rectangle.slices]
    assert (catching_up == atlas.pixels).all()
    assert atlas.dirty(atlas.revision) == []


def test_a_revision_only_grows():
    atlas = Atlas(np.zeros((4, 4, 4), np.uint8), revision=7)
    assert atlas.commit([Rect(0, 0, 1, 1)], 9) == 9
    with pytest.raises(ValueError, match="not above 9"):
        atlas.commit([], 9)
    atlas.forget(9)
    assert atlas.dirty(0) == []


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "I;16"])
def test_png_kinds_decode_to_rgba(mode):
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (5, 7, 4), np.uint8)
    if mode == "I;16":
        grey = rng.integers(0, 65536, (5, 7)).astype(np.uint16)
        stream = io.BytesIO()
        Image.fromarray(grey).save(stream, "PNG")
        expected = np.repeat(np.rint(grey / 257).astype(np.uint8)[..., None], 3, 2)
        encoded = stream.getvalue()
        got = decode(_texture(encoded, 7, 5))
        assert (got[..., :3] == expected).all() and (got[..., 3] == 255).all()
        return
    image = Image.fromarray(rgba).convert(mode)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    expected = np.asarray(image.convert("RGBA"))
    got = decode(_texture(stream.getvalue(), 7, 5))
    assert (got == expected).all()


def test_jpeg_decodes():
    stream = io.BytesIO()
    Image.new("RGB", (16, 8), (200, 150, 120)).save(stream, "JPEG", quality=95)
    got = decode(_texture(stream.getvalue(), 16, 8))
    assert got.shape == (8, 16, 4) and np.abs(got[..., :3].astype(int) - (200, 150, 120)).max() < 4


def test_a_size_bomb_is_refused_before_it_is_decoded():
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 6, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert image_size(bomb) == (100_000, 100_000)
    with pytest.raises(AvatarError, match="100000×100000 is too large"):
        decode(_texture(bomb, 100_000, 100_000))


@pytest.mark.parametrize(
    "encoded", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", _png(np.zeros((9, 9, 3), np.uint8))[:40]]
)
def test_damaged_images_are_named(encoded):
    with pytest.raises(AvatarError, match="texture skin"):
        decode(_texture(encoded, 9, 9))


def test_a_size_other_than_the_avatars_is_refused():
    with pytest.raises(AvatarError, match="is 9×9, expected 8×8"):
        decode(_texture(_png(np.zeros((9, 9, 3), np.uint8)), 8, 8))


@pytest.mark.parametrize("shape", [(64, 64), (37, 101), (1, 9), (600, 1030)])
def test_the_fill_leaves_owned_texels_and_brings_no_new_colours(shape):
    rng = np.random.default_rng(1)
    pixels = rng.integers(100, 200, (*shape, 4), np.uint8)
    owned = rng.random(shape) < 0.1
    owned[0, 0] = True
    before = pixels.copy()
    pixels[~owned] = (0, 255, 0, 0)
    fill_empty(pixels, owned)
    assert (pixels[owned] == before[owned]).all()
    assert pixels[~owned, :3].min() >= 99 and pixels[~owned, :3].max() <= 200
    assert (pixels[~owned, 3] == 255).all()


def test_the_fill_keeps_near_colours_near():
    pixels = np.zeros((256, 256, 4), np.uint8)
    owned = np.zeros((256, 256), bool)
    owned[:, :40] = owned[:, 216:] = True
    pixels[:, :40] = (200, 100, 100, 255)
    pixels[:, 216:] = (100, 100, 200, 255)
    fill_empty(pixels, owned)
    assert np.abs(pixels[:, 41, 0].astype(int) - 200).max() < 8
    assert np.abs(pixels[:, 214, 2].astype(int) - 200).max() < 8


def test_after_the_fill_no_mip_level_shows_the_background():
    pixels = np.zeros((512, 512, 4), np.uint8)
    yy, xx = np.indices((512, 512))
    owned = np.hypot(xx - 200, yy - 260) < 90
    pixels[owned] = (180, 140, 120, 255)
    fill_empty(pixels, owned)
    level = LINEAR_OF_BYTE[pixels[..., :3]]
    while level.shape[0] > 1:
        level = cv2.resize(level, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        assert np.abs(encode_srgb(level).astype(int) - (180, 140, 120)).max() <= 1


def test_nothing_owned_nothing_changed():
    pixels = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    before = pixels.copy()
    fill_empty(pixels, np.zeros((4, 4), bool))
    assert (pixels == before).all()


def test_the_gutter_stays_within_8_texels_at_4096():
    assert [gutter_texels(n, n) for n in (512, 1024, 2048, 4096, 8192)] == [1, 2, 4, 8, 16]
