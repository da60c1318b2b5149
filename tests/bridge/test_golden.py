"""The golden vectors are what the generator makes, and the Python side reads and writes them as the index says."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_vectors import TO_SERVER, unpack
from make_golden import FOLDER, build

from bridge import protocol as p
from bridge.codec import decode_qoi
from bridge.errors import ProtocolError
from bridge.tiles import hash_bytes

INDEX: dict[str, Any] = json.loads((FOLDER / "index.json").read_text("utf-8"))


def read(entry: dict[str, Any]) -> tuple[int, list[bytes]]:
    (message,) = unpack((FOLDER / entry["file"]).read_bytes())
    return message


def decode(direction: int, frames: list[bytes]) -> Any:
    return p.decode_to_server(frames) if direction == TO_SERVER else p.decode_to_client(frames)


def test_the_folder_is_what_the_generator_makes() -> None:
    made = build()
    assert {path.name for path in Path(FOLDER).iterdir()} == set(made)
    for name, data in made.items():
        assert (FOLDER / name).read_bytes() == data, name


@pytest.mark.parametrize("entry", INDEX["xxh64"], ids=lambda e: str(e["length"]))
def test_hash(entry: dict[str, Any]) -> None:
    assert f"{hash_bytes(bytes(i % 256 for i in range(entry['length']))):016x}" == entry["hash"]


@pytest.mark.parametrize("entry", INDEX["messages"], ids=lambda e: e["kind"])
def test_a_message_is_read_and_written_again_alike(entry: dict[str, Any]) -> None:
    direction, frames = read(entry)
    message = decode(direction, frames)
    assert p.encode(message) == frames
    assert frames[0][3] == message.KIND
    if entry["kind"] != "DATA":
        assert {k: v for k, v in entry["fields"].items() if k != "hashes"} == json.loads(frames[1])


@pytest.mark.parametrize("entry", INDEX["tiles"], ids=lambda e: e["file"])
def test_a_tile_decodes_to_its_pixels(entry: dict[str, Any]) -> None:
    _, frames = read(entry)
    header = p.decode_to_client(frames)
    assert isinstance(header, p.TileHeader)
    header.check(p.MapSpec(**entry["map"]))
    fields = {**vars(header), "hash": f"{header.hash:016x}"}
    assert fields == entry["fields"]
    assert header.pack() == frames[0]
    raw = np.frombuffer(frames[1], np.uint8)
    if header.codec == p.QOI:
        raw = decode_qoi(frames[1], header.height, header.width, header.format)
    assert hashlib.sha256(raw).hexdigest() == entry["sha256"]
    assert hash_bytes(raw) == header.hash


@pytest.mark.parametrize("entry", INDEX["refused"], ids=lambda e: f"{e['name']}-{e['file']}")
def test_a_bad_message_is_refused(entry: dict[str, Any]) -> None:
    direction, frames = read(entry)
    with pytest.raises(ProtocolError) as caught:
        decode(direction, frames)
    assert caught.value.code == entry["code"]
