"""What `tests/bridge/golden/` holds: bytes that every implementation of docs/protocol.md must read and write alike.

`make_golden.py` writes the folder; a test holds it equal to what it makes. A `.bin` file is a sequence of messages:
direction (1 byte: 0 to the client, 1 to the server), number of frames (1 byte), 2 zero bytes, then for each frame its
length (4 bytes, little-endian) and its bytes. `index.json` says what each file means.
"""

import hashlib
import json
import struct
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bridge import protocol as p
from bridge.codec import encode_qoi
from bridge.tiles import MapState, Pixels, State, Tile, as_bytes, hash_bytes

TO_CLIENT, TO_SERVER = 0, 1
SKIN = p.MapSpec("anna", "skin", "albedo", 300, 260)
OWNERS = p.MapSpec("anna", "skin", "instance", 300, 260, "r16", "linear")
CLOSE_UP = p.MapSpec("anna", "skin", "close-up/a1", 5, 3)
CLOSE_UP_2 = p.MapSpec("anna", "skin", "close-up/ü2", 7, 7)
THIN = p.MapSpec("berta", "", "normal", 1, 257, "rgba8", "linear")
EPOCH, EPOCH_2 = 0x0123456789ABCDEF, 0xFEDCBA9876543210
DOCUMENT = b'{"schema":"moulage.lesions/1","exam":true,"notice":"","lesions":[]}'
Frames = list[bytes]


def skin_like(height: int, width: int, seed: int) -> Pixels:
    """uint8 [h, w, 4] with smooth parts, runs and noise, so that every QOI operation occurs."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([200 + x % 7, 150 + (x + y) % 23, 120 + y // 9 % 40, np.full_like(x, 255)], axis=-1)
    image[: height // 3] = image[0, 0]
    noisy = rng.random((height, width)) < 0.05
    image[noisy] = rng.integers(0, 256, (int(noisy.sum()), 4))
    return image.astype(np.uint8)


def blob(height: int, width: int, value: int) -> Pixels:
    """uint16 [h, w]: `value` inside an ellipse, else 0."""
    y, x = np.mgrid[0:height, 0:width]
    inside = ((x - width / 2) / (width / 3)) ** 2 + ((y - height / 2) / (height / 3)) ** 2 < 1
    return np.where(inside, value, 0).astype(np.uint16)


def tile_frames(number: int, state: MapState, index: int, revision: int, codec: int) -> Frames:
    row, column = divmod(index, state.spec.grid[1])
    height, width = state.spec.tile_size(row, column)
    tile = state.tiles[index]
    raw = bytes(tile.raw) if tile else bytes(height * width * p.BYTES_PER_TEXEL[state.spec.format])
    payload = raw
    if codec == p.QOI:
        shorter = encode_qoi(raw, height, width, state.spec.format)
        payload, codec = (raw, p.RAW) if shorter is None else (shorter, p.QOI)
    header = p.TileHeader(
        number,
        column * 256,
        row * 256,
        width,
        height,
        codec,
        state.spec.format,
        revision,
        hash_bytes(raw),
        len(payload),
    )
    return [header.pack(), payload]


@dataclass
class Transcript:
    """A session as the client sees it: what arrives, and what it must say and show."""

    name: str
    about: str
    hello: p.Hello
    have: list[MapState] = field(default_factory=list)
    continues: str = ""
    messages: list[tuple[int, Frames]] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    refused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.to_server(self.hello)
        for state in self.have:
            self.to_server(p.Have(state.spec, state.hashes.tobytes()))

    def to_server(self, message: p.Message) -> None:
        self.messages.append((TO_SERVER, p.encode(message)))

    def to_client(self, *messages: p.Message | Frames) -> None:
        self.messages += [(TO_CLIENT, m if isinstance(m, list) else p.encode(m)) for m in messages]

    def commit(self, state: State) -> None:
        """COMMIT, the client's ACK, and what it must show then."""
        self.to_client(p.Commit(state.revision, state.hash))
        self.to_server(p.Ack(state.revision, 0.0))
        maps = [
            {"id": number, **asdict(one.spec), "map_hash": f"{one.hash:016x}", "sha256": sha256(as_bytes(one.pixels()))}
            for number, one in sorted(state.maps.items())
        ]
        self.shown.append(
            {
                "revision": state.revision,
                "state": f"{state.hash:016x}",
                "data": state.document.decode(),
                "data_hash": f"{state.document_hash:016x}",
                "maps": maps,
            }
        )


def sha256(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()


def hello(**changes: Any) -> p.Hello:
    values = {
        "min_version": 1,
        "max_version": 1,
        "client": "golden",
        "codecs": "raw,qoi",
        "credits": 64,
        "epoch": 0,
        "revision": 0,
        "data": p.EMPTY_HASH,
        "have": 0,
    }
    return p.Hello(**{**values, **changes})


def welcome(epoch: int, revision: int, codec: str = "raw") -> p.Welcome:
    return p.Welcome(1, "Moulage 0.1.0", epoch, revision, codec, 1000, 5000)


def transfer(
    transcript: Transcript,
    before: State | None,
    after: State,
    codec: int,
    held: tuple[int, ...] = (),
    base: State | None = None,
) -> None:
    """BEGIN to COMMIT: from what was declared (`before`) and presented (`base`, under `held`) to `after`."""
    declared = {} if before is None else before.maps
    start = {number: MapState.blank(one.spec) for number, one in after.maps.items()}
    start |= {number: declared[number] for number in declared if number in start}
    if base is not None:
        start |= {number: base.by_key[after.maps[number].spec.key] for number in held}
    new = sorted(set(after.maps) - set(declared))
    gone = sorted(set(declared) - set(after.maps))
    tiles = [
        (number, int(index))
        for number in sorted(after.maps)
        for index in np.flatnonzero(start[number].hashes != after.maps[number].hashes)
    ]
    held_document = b"" if (before or base) is None else (before or base).document  # type: ignore[union-attr]
    send_document = held_document != after.document
    frames = [tile_frames(number, after.maps[number], index, after.revision, codec) for number, index in tiles]
    raw = sum(
        int(np.prod(after.maps[n].spec.tile_size(*divmod(i, after.maps[n].spec.grid[1]))))
        * p.BYTES_PER_TEXEL[after.maps[n].spec.format]
        for n, i in tiles
    )
    transcript.to_client(p.Begin(after.revision, len(gone), len(new), len(tiles), raw, send_document))
    transcript.to_client(*[p.Drop(number) for number in gone])
    transcript.to_client(*[p.DeclareMap(number, after.maps[number].spec, number in held) for number in new])
    transcript.to_client(p.Heartbeat(after.revision), *frames)
    if send_document:
        transcript.to_client(p.Data(after.document))
    transcript.commit(after)


def states() -> tuple[State, State, State, State]:
    """Four revisions: maps, a lesion with its close-up, another close-up instead, and a change after a restart."""
    skin = MapState.blank(SKIN).painted([(0, 0, skin_like(260, 300, 1))])
    thin = MapState.blank(THIN).painted([(0, 255, skin_like(2, 1, 2))])
    owners = MapState.blank(OWNERS)
    first = State(3, {1: skin, 2: owners, 3: thin})
    skin = skin.painted([(250, 250, skin_like(9, 12, 3))])
    owners = owners.painted([(200, 100, blob(60, 80, 513))])
    close_up = MapState.blank(CLOSE_UP).painted([(0, 0, skin_like(3, 5, 4))])
    second = State(5, {1: skin, 2: owners, 3: thin, 4: close_up}, DOCUMENT)
    other = MapState.blank(CLOSE_UP_2).painted([(0, 0, skin_like(7, 7, 5))])
    third = State(6, {1: skin, 2: owners, 3: thin, 9: other}, DOCUMENT)
    painted = skin.painted([(0, 0, skin_like(4, 4, 6))])
    fourth = State(2, {11: painted, 12: owners, 13: thin}, DOCUMENT)
    return first, second, third, fourth


def transcripts() -> list[Transcript]:
    first, second, third, fourth = states()
    one = Transcript("join", "a late joiner gets everything, then a new map, then a replaced one", hello())
    one.to_client(welcome(EPOCH, 3))
    transfer(one, None, first, p.RAW)
    transfer(one, first, second, p.QOI)
    transfer(one, second, third, p.RAW)
    held = sorted(third.maps.values(), key=lambda m: m.spec.key)
    two = Transcript(
        "resume",
        "same epoch: it presents what it has and gets only the declarations",
        hello(epoch=EPOCH, revision=6, data=third.document_hash, have=4),
        held,
        "join",
    )
    two.to_client(welcome(EPOCH, 6))
    transfer(two, None, third, p.RAW, (1, 2, 3, 9), third)
    three = Transcript(
        "new-epoch",
        "another server life: other numbers, a smaller revision, one changed tile, a map gone",
        two.hello,
        held,
        "resume",
    )
    three.to_client(welcome(EPOCH_2, 2, "qoi"))
    transfer(three, None, fourth, p.QOI, (11, 12, 13), third)
    four = Transcript("empty", "a server without maps", hello())
    four.to_client(welcome(EPOCH, 0))
    transfer(four, None, State(0, {}), p.RAW)
    return [one, two, three, four]


def single_messages() -> list[dict[str, Any]]:
    """Every message once, with its fields."""
    first = states()[0]
    greatest = 2**53 - 1
    name, text = "Ärztin 👩‍⚕️" + "x" * (128 - 21), 'say "so" \\ / ß'
    assert len(name.encode()) == 128
    to_server: list[p.Message] = [
        hello(client=name, epoch=EPOCH, revision=greatest, have=4096),
        p.Have(SKIN, first.maps[1].hashes.tobytes()),
        p.Ack(7, 11.125),
        p.Ack(7, 0.0, text),
        p.Credit(1024),
        p.Heartbeat(0),
        p.Bye("leaving"),
    ]
    to_client: list[p.Message] = [
        welcome(EPOCH, greatest, "qoi"),
        p.Begin(7, 1, 2, 3, 4, True),
        p.Drop(2**32 - 1),
        p.DeclareMap(5, OWNERS, True),
        p.Data(DOCUMENT),
        p.Data(b""),
        p.Commit(7, EPOCH_2),
        p.Heartbeat(9),
        p.Bye("mismatch", text),
    ]
    vectors = []
    for direction, messages in ((TO_SERVER, to_server), (TO_CLIENT, to_client)):
        for message in messages:
            label = "MAP" if isinstance(message, p.DeclareMap) else type(message).__name__.upper()
            vectors.append(
                {"kind": label, "fields": _json_fields(message), "messages": [(direction, p.encode(message))]}
            )
    return vectors


def _json_fields(message: p.Message) -> dict[str, Any]:
    """The fields as control JSON has them; hashes and documents as text."""
    if isinstance(message, p.Data):
        return {"document": message.document.decode()}
    frames = p.encode(message)
    fields: dict[str, Any] = json.loads(frames[1])
    if isinstance(message, p.Have):
        fields["hashes"] = [f"{value:016x}" for value in np.frombuffer(message.hashes, "<u8").tolist()]
    return fields


def tile_vectors() -> list[dict[str, Any]]:
    """Tiles of all formats, codecs and edge sizes with the pixels they decode to."""
    first, second, third, _ = states()
    chosen = [
        (1, first.maps[1], 0),
        (1, first.maps[1], 1),
        (1, first.maps[1], 2),
        (1, first.maps[1], 3),
        (2, second.maps[2], 0),
        (2, second.maps[2], 1),
        (3, first.maps[3], 0),
        (3, first.maps[3], 1),
        (4, second.maps[4], 0),
        (9, third.maps[9], 0),
        (2, MapState.blank(p.MapSpec("a", "", "odd", 255, 3, "r16")).painted([(1, 0, blob(3, 254, 65535))]), 0),
        (2, MapState.blank(p.MapSpec("a", "", "noise", 64, 64)).painted([(0, 0, _noise())]), 0),
    ]
    vectors = []
    for number, state, index in chosen:
        for codec in (p.RAW, p.QOI):
            frames = tile_frames(number, state, index, 3, codec)
            header = p.decode_to_client(frames)
            assert isinstance(header, p.TileHeader)
            if codec == p.QOI and header.codec != p.QOI:
                continue
            tile = state.tiles[index] or Tile.of(np.zeros(header.width * header.height * 4, np.uint8))
            fields = {**asdict(header), "hash": f"{header.hash:016x}"}
            vectors.append(
                {
                    "map": asdict(state.spec),
                    "fields": fields,
                    "sha256": sha256(
                        bytes(tile.raw)[: header.width * header.height * p.BYTES_PER_TEXEL[header.format]]
                    ),
                    "messages": [(TO_CLIENT, frames)],
                }
            )
    return vectors


def _noise() -> Pixels:
    return np.random.default_rng(9).integers(0, 256, (64, 64, 4), np.uint8)


def hash_vectors() -> list[dict[str, str]]:
    """XXH64 over bytes 0, 1, …, 255, 0, … of lengths around every branch of the algorithm."""
    lengths = [0, 1, 3, 4, 7, 8, 11, 12, 15, 16, 31, 32, 33, 39, 40, 63, 64, 65, 100, 255, 256, 1000, 4096, 262144]
    return [{"length": n, "hash": f"{hash_bytes(bytes(i % 256 for i in range(n))):016x}"} for n in lengths]


def pack(messages: list[tuple[int, Frames]]) -> bytes:
    out = bytearray()
    for direction, frames in messages:
        out += bytes((direction, len(frames), 0, 0))
        for frame in frames:
            out += struct.pack("<I", len(frame)) + frame
    return bytes(out)


def unpack(data: bytes) -> list[tuple[int, Frames]]:
    messages, at = [], 0
    while at < len(data):
        direction, count = data[at], data[at + 1]
        at += 4
        frames = []
        for _ in range(count):
            (size,) = struct.unpack_from("<I", data, at)
            frames.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        messages.append((direction, frames))
    return messages
