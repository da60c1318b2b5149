"""Golden vectors of what must be refused: sessions that end with a bad message, and single bad messages."""

import json
import struct
from typing import Any

import golden_vectors as g

from bridge import protocol as p
from bridge.tiles import MapState

SMALL = p.MapSpec("anna", "skin", "albedo", 20, 12)


def refused_transcripts() -> list[g.Transcript]:
    """Sessions whose last message a client must refuse with the given code, showing nothing new."""
    state = MapState.blank(SMALL).painted([(0, 0, g.skin_like(12, 20, 7))])
    tile = g.tile_frames(1, state, 0, 3, p.RAW)
    qoi = g.tile_frames(1, state, 0, 3, p.QOI)
    declare = p.DeclareMap(1, SMALL, False)
    raw = SMALL.nbytes

    def begun(name: str, about: str, code: str, begin: p.Begin, *messages: p.Message | g.Frames) -> g.Transcript:
        transcript = g.Transcript(name, about, g.hello(), refused=tuple(code.split()))
        transcript.to_client(g.welcome(g.EPOCH, 3), begin, *messages)
        return transcript

    def header(**changes: int) -> g.Frames:
        values = vars(p.decode_to_client(tile)) | changes
        return [p.TileHeader(**values).pack(), tile[1]]

    one_tile = p.Begin(3, 0, 1, 1, raw, False)

    def bad_tile(name: str, about: str, code: str, frames: g.Frames) -> g.Transcript:
        return begun(name, about, code, one_tile, declare, frames)

    flipped = bytes([tile[1][0] ^ 1]) + tile[1][1:]
    lying_size = qoi[1][:4] + struct.pack(">II", 16384, 16384) + qoi[1][12:]
    huge = p.DeclareMap(2, p.MapSpec("x", "", "albedo", 16384, 16384), False)
    short = header(length=len(tile[1]) - 4)
    return [
        bad_tile("bad-hash", "one bit of the payload is wrong", "mismatch", [tile[0], flipped]),
        bad_tile("bad-x", "x is no multiple of 256", "malformed", header(x=8)),
        bad_tile("bad-y", "y lies outside the map", "malformed", header(y=512)),
        bad_tile("bad-x-overflow", "x near 2^32", "malformed", header(x=0xFFFFFF00)),
        bad_tile("bad-width", "wider than the map there", "malformed", header(x=256)),
        bad_tile("bad-size-0", "no texels", "malformed", header(height=0)),
        bad_tile("bad-map", "a map that was not declared", "unknown-map", header(map_id=2)),
        bad_tile("bad-revision", "another revision than BEGIN's", "order", header(revision=4)),
        bad_tile("bad-length", "header and frame disagree", "malformed", [short[0], tile[1]]),
        bad_tile("bad-raw-length", "a raw payload that is too short", "malformed", [short[0], tile[1][:-4]]),
        bad_tile("bad-codec", "codec 2", "malformed", [_byte(tile[0], 20, 2), tile[1]]),
        bad_tile("bad-format", "r16 for an rgba8 map", "malformed", [_byte(tile[0], 21, 2), tile[1]]),
        bad_tile("bad-format-9", "format 9", "malformed", [_byte(tile[0], 21, 9), tile[1]]),
        bad_tile("bad-reserved", "a reserved byte is not 0", "malformed", [_byte(tile[0], 47, 1), tile[1]]),
        bad_tile("bad-header-size", "a header of 47 bytes", "malformed", [tile[0][:-1], tile[1]]),
        bad_tile("bad-version", "preamble version 2", "version", [_byte(tile[0], 2, 2), tile[1]]),
        bad_tile("bad-magic", "no ML", "malformed", [_byte(tile[0], 0, 0), tile[1]]),
        bad_tile("bad-kind", "kind 0x7f", "malformed", [_byte(tile[0], 3, 0x7F), tile[1]]),
        bad_tile("bad-frames", "three frames", "malformed", [*tile, b""]),
        bad_tile("bad-one-frame", "one frame", "malformed", tile[:1]),
        bad_tile("bad-qoi-header", "a QOI that claims 16384×16384", "malformed", _requoi(qoi, lying_size)),
        bad_tile("bad-qoi-cut", "a QOI cut in the middle", "malformed", _requoi(qoi, qoi[1][: len(qoi[1]) // 2])),
        bad_tile("bad-qoi-tiny", "a QOI of 10 bytes", "malformed", _requoi(qoi, qoi[1][:10])),
        bad_tile(
            "bad-qoi-short",
            "a QOI without its pixels",
            "mismatch malformed",
            _requoi(qoi, qoi[1][:14] + b"\0" * 7 + b"\1"),
        ),
        begun("more-tiles", "more tiles than announced", "order", p.Begin(3, 0, 1, 0, 0, False), declare, tile),
        begun("fewer-tiles", "COMMIT before all tiles", "order", one_tile, declare, p.Commit(3, 0)),
        begun("tile-first", "a tile before its map", "order unknown-map", one_tile, tile),
        begun("wrong-state", "COMMIT with another state hash", "mismatch", one_tile, declare, tile, p.Commit(3, 1)),
        begun("wrong-commit", "COMMIT of another revision", "order", one_tile, declare, tile, p.Commit(4, 0)),
        begun("begin-twice", "BEGIN within a transfer", "order", one_tile, one_tile),
        begun("unannounced-data", "DATA that BEGIN did not announce", "order", one_tile, declare, tile, p.Data(b"{}")),
        begun("unknown-drop", "DROP of an undeclared map", "unknown-map", p.Begin(3, 1, 0, 0, 0, False), p.Drop(7)),
        begun("same-id", "two maps under one id", "malformed", p.Begin(3, 0, 2, 0, 0, False), declare, declare),
        begun(
            "same-map",
            "one map under two ids",
            "malformed",
            p.Begin(3, 0, 2, 0, 0, False),
            declare,
            p.DeclareMap(2, SMALL, False),
        ),
        begun(
            "not-held", "held, though nothing was presented", "order malformed", one_tile, p.DeclareMap(1, SMALL, True)
        ),
        begun(
            "too-large",
            "1 GiB a map, more than the client's memory limit (run with 1 GiB - 1)",
            "limit",
            p.Begin(3, 0, 1, 0, 0, False),
            huge,
        ),
        _unwelcome("welcome-missing", "BEGIN before WELCOME", [p.encode(one_tile)]),
        _unwelcome("welcome-twice", "WELCOME twice", [p.encode(g.welcome(g.EPOCH, 3))] * 2),
    ]


def _unwelcome(name: str, about: str, messages: list[g.Frames]) -> g.Transcript:
    transcript = g.Transcript(name, about, g.hello(), refused=("order",))
    transcript.to_client(*messages)
    return transcript


def _byte(head: bytes, offset: int, value: int) -> bytes:
    return head[:offset] + bytes([value]) + head[offset + 1 :]


def _requoi(frames: g.Frames, payload: bytes) -> g.Frames:
    return [frames[0][:40] + struct.pack("<I", len(payload)) + frames[0][44:], payload]


def refused_messages() -> list[dict[str, Any]]:
    """Single messages that a decoder must refuse, whatever the state."""
    good = json.loads(p.encode(p.Heartbeat(5))[1])
    begin = {"revision": 1, "drops": 0, "maps": 0, "tiles": 0, "bytes": 0, "data": False}
    declare = json.loads(p.encode(p.DeclareMap(1, g.SKIN, False))[1])
    heartbeat, kinds = p.preamble(p.Heartbeat.KIND), (g.TO_SERVER, g.TO_CLIENT)

    def text(document: Any) -> bytes:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    bodies = {
        "empty": b"",
        "not-json": b"revision=5",
        "array": b"[5]",
        "cut": b'{"revision":5',
        "trailing": b'{"revision":5}{}',
        "bom": b"\xef\xbb\xbf" + text(good),
        "not-utf8": b'{"revision":5,"x":"\xff"}',
        "surrogate-utf8": b'{"revision":5,"x":"\xed\xa0\x80"}',
        "missing": b"{}",
        "null": b'{"revision":null}',
        "string": b'{"revision":"5"}',
        "boolean": b'{"revision":true}',
        "negative": b'{"revision":-1}',
        "minus-zero": b'{"revision":-0}',
        "fraction": b'{"revision":5.0}',
        "exponent": b'{"revision":1e3}',
        "too-large": b'{"revision":9007199254740992}',
        "huge-integer": b'{"revision":' + b"9" * 400 + b"}",
        "leading-zero": b'{"revision":05}',
        "nan": b'{"revision":NaN}',
        "duplicate": b'{"revision":5,"revision":6}',
        "duplicate-unknown": b'{"revision":5,"x":1,"x":2}',
        "nested-object": b'{"revision":5,"x":{}}',
        "nested-array": b'{"revision":5,"x":[]}',
        "unknown-null": b'{"revision":5,"x":null}',
        "deep": b'{"revision":5,"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        "oversize": b'{"revision":5,"x":"' + b"x" * 4096 + b'"}',
    }
    vectors = [
        {"name": f"json-{name}", "code": "malformed", "messages": [(way, [heartbeat, body])]}
        for name, body in bodies.items()
        for way in kinds
    ]

    def one(name: str, way: int, kind: int, body: Any, code: str = "malformed") -> None:
        frames = [p.preamble(kind), body if isinstance(body, bytes) else text(body)]
        vectors.append({"name": name, "code": code, "messages": [(way, frames)]})

    one("begin-flag", g.TO_CLIENT, p.Begin.KIND, {**begin, "data": 0})
    one("begin-maps", g.TO_CLIENT, p.Begin.KIND, {**begin, "maps": 4097})
    one("map-format", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "format": "rgb8"})
    one("map-space", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "space": "SRGB"})
    one("map-width-0", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "width": 0})
    one("map-width-16385", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "width": 16385})
    one("map-id-0", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "id": 0})
    one("map-id-2-32", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "id": 2**32})
    one("map-name-empty", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "map": ""})
    one("map-name-long", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "map": "ä" * 65})
    one("map-name-control", g.TO_CLIENT, p.DeclareMap.KIND, {**declare, "map": "a\nb"})
    one("map-name-half", g.TO_CLIENT, p.DeclareMap.KIND, text(declare).replace(b'"albedo"', b'"\\ud800"'))
    one("commit-hash-short", g.TO_CLIENT, p.Commit.KIND, {"revision": 1, "state": "12"})
    one("commit-hash-upper", g.TO_CLIENT, p.Commit.KIND, {"revision": 1, "state": "ABCDEFABCDEFABCD"})
    one("welcome-epoch-0", g.TO_CLIENT, p.Welcome.KIND, {**json.loads(p.encode(g.welcome(1, 0))[1]), "epoch": "0" * 16})
    one("welcome-codec", g.TO_CLIENT, p.Welcome.KIND, {**json.loads(p.encode(g.welcome(1, 0))[1]), "codec": "png"})
    one("welcome-times", g.TO_CLIENT, p.Welcome.KIND, {**json.loads(p.encode(g.welcome(1, 0))[1]), "timeout_ms": 1999})
    one("hello-to-client", g.TO_CLIENT, p.Hello.KIND, json.loads(p.encode(g.hello())[1]))
    one("commit-to-server", g.TO_SERVER, p.Commit.KIND, {"revision": 1, "state": "0" * 16})
    one("hello-codecs", g.TO_SERVER, p.Hello.KIND, {**json.loads(p.encode(g.hello())[1]), "codecs": "qoi"})
    one("hello-versions", g.TO_SERVER, p.Hello.KIND, {**json.loads(p.encode(g.hello())[1]), "min_version": 2})
    one("hello-credits", g.TO_SERVER, p.Hello.KIND, {**json.loads(p.encode(g.hello())[1]), "credits": 0})
    one("ack-decimals", g.TO_SERVER, p.Ack.KIND, b'{"revision":1,"applied_ms":0.1234,"error":""}')
    one("ack-exponent", g.TO_SERVER, p.Ack.KIND, b'{"revision":1,"applied_ms":1e2,"error":""}')
    one("ack-negative", g.TO_SERVER, p.Ack.KIND, b'{"revision":1,"applied_ms":-1,"error":""}')
    have = p.encode(p.Have(g.SKIN, g.states()[0].maps[1].hashes.tobytes()))
    vectors.append({"name": "have-short", "code": "malformed", "messages": [(g.TO_SERVER, [*have[:2], have[2][:-8]])]})
    vectors.append({"name": "have-frames", "code": "malformed", "messages": [(g.TO_SERVER, have[:2])]})
    vectors.append({"name": "preamble-long", "code": "malformed", "messages": [(0, [heartbeat + b"\0", text(good)])]})
    vectors.append({"name": "preamble-short", "code": "malformed", "messages": [(0, [heartbeat[:3], text(good)])]})
    vectors.append({"name": "preamble-empty", "code": "malformed", "messages": [(1, [b"", b""])]})
    return vectors
