"""Pictures in every format: what they hold, and what they say of themselves to Pillow and to exiftool."""

import hashlib
import io
import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from engine.output import FORMATS, SUFFIXES, Provenance, encode_picture

SPEC = '{"lesion_class": "nevus"}'
ORIGIN = Provenance(SPEC, "ab" * 32, "CC BY-NC 4.0 <Größe & Co>")
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
AXIS = np.linspace(60, 220, 48)
SMOOTH = np.stack(
    [AXIS[None] + 0 * AXIS[:40, None], AXIS[:40, None] + 0 * AXIS[None], 140 + 0 * AXIS[:40, None] * AXIS], -1
)
SMOOTH = SMOOTH.astype(np.uint8)


def packet_of(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as image:
        found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
        if found is None:
            found = image.tag_v2[700]
    return found if isinstance(found, str) else found.decode()


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_is_itself_and_says_what_it_is(format_: str) -> None:
    data = encode_picture(SMOOTH, ORIGIN, format_)
    assert data == encode_picture(SMOOTH.copy(), ORIGIN, format_)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == format_.upper() and image.size == (48, 40)
        error = np.abs(np.asarray(image.convert("RGB"), int) - SMOOTH).max()
    assert error <= (0 if format_ in ("png", "tiff") else 8)
    packet = packet_of(data)
    assert SOURCE_TYPE in packet and ORIGIN.model in packet and "Größe &amp; Co" in packet
    assert hashlib.sha256(SPEC.encode()).hexdigest() in packet


@pytest.mark.parametrize("format_", ["png", "tiff"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_maps_keep_every_number(format_: str, kind: type) -> None:
    numbers = np.random.default_rng(1).integers(0, np.iinfo(kind).max, (33, 21), kind, endpoint=True)
    with Image.open(io.BytesIO(encode_picture(numbers, ORIGIN, format_))) as image:
        assert np.array_equal(np.asarray(image).astype(kind), numbers)


def test_quality_decides_the_size_and_alpha_stays_where_there_is_room_for_it() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (64, 64, 4), np.uint8)
    for format_ in ("jpeg", "webp"):
        assert len(encode_picture(noise, ORIGIN, format_, 40)) < len(encode_picture(noise, ORIGIN, format_, 95))
    for format_ in ("png", "tiff", "webp"):
        with Image.open(io.BytesIO(encode_picture(noise, ORIGIN, format_))) as image:
            assert np.array_equal(np.asarray(image)[..., 3], noise[..., 3])


@pytest.mark.parametrize(
    ("pixels", "format_", "words"),
    [
        (np.zeros((4, 4, 3), np.uint8), "gif", "gif"),
        (np.zeros((4, 4), np.uint16), "jpeg", "masks"),
        (np.zeros((4, 4), np.float32), "tiff", "float32"),
        (np.zeros((2, 16400, 3), np.uint8), "webp", "16383"),
    ],
)
def test_what_a_format_can_t_hold_is_refused(pixels: np.ndarray, format_: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        encode_picture(pixels, ORIGIN, format_)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_every_format_without_a_warning(tmp_path) -> None:
    paths = [tmp_path / f"a{SUFFIXES[format_]}" for format_ in FORMATS]
    for path, format_ in zip(paths, FORMATS, strict=True):
        path.write_bytes(encode_picture(SMOOTH, ORIGIN, format_))
    command = ["exiftool", "-json", "-G", "-n", *map(str, paths)]
    for found in json.loads(subprocess.run(command, capture_output=True, check=True).stdout):
        assert found["XMP:DigitalSourceType"] == SOURCE_TYPE, found["SourceFile"]
        assert found["XMP:Description"] == "Synthetic. Not for diagnosis." and found["XMP:Rights"] == ORIGIN.licence
        assert found["XMP:Model"] == ORIGIN.model
        assert found["XMP:SpecSha256"] == hashlib.sha256(SPEC.encode()).hexdigest()
    command = ["exiftool", "-json", "-G", "-n", "-validate", "-warning", "-a", *map(str, paths)]
    for found in json.loads(subprocess.run(command, capture_output=True, check=True).stdout):
        assert not [key for key in found if key.endswith(("Warning", "Error"))], found
