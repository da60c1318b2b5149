"""The messages of the wire protocol, to and from ZeroMQ frames. docs/protocol.md is normative; § refer to it."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, get_type_hints

from bridge.control import Choice, Decimal, Field, Flag, Hash, Text, Whole, read_control, write_control
from bridge.errors import ProtocolError

VERSION = 1
MAGIC = b"ML"
TILE_SIDE = 256
MAP_SIDE = 16384
MAPS = 4096
LARGEST_ID = 2**32 - 1
CREDITS = 1024
CLIENTS = 64
DATA_BYTES = 4 * 1024 * 1024
FRAME_TO_SERVER = 65536
FRAME_TO_CLIENT = DATA_BYTES
EMPTY_HASH = 0xEF46DB3751D8E999
"""XXH64 of no bytes."""

RAW, QOI = 0, 1
CODECS = {"raw": RAW, "qoi": QOI}
FORMATS = {"rgba8": 1, "r16": 2}
BYTES_PER_TEXEL = {"rgba8": 4, "r16": 2}
BYE_CODES = (
    "leaving",
    "shutdown",
    "version",
    "malformed",
    "order",
    "limit",
    "unknown-map",
    "mismatch",
    "no-session",
    "timeout",
    "busy",
    "internal",
)

Name = Annotated[str, Text(1, 128)]
NameOrEmpty = Annotated[str, Text(0, 128)]
Words = Annotated[str, Text(0, 512)]
Count = Annotated[int, Whole()]
Id = Annotated[int, Whole(1, LARGEST_ID)]
Side = Annotated[int, Whole(1, MAP_SIDE)]
Hash64 = Annotated[int, Hash()]
Byte = Annotated[int, Whole(1, 255)]
Credits = Annotated[int, Whole(1, CREDITS)]
Boolean = Annotated[bool, Flag()]
Format = Annotated[str, Choice(*FORMATS)]
Space = Annotated[str, Choice("srgb", "linear")]

_TILE_HEADER = struct.Struct("<2sBBIIIHHBBHQQII")
TILE_HEADER_BYTES = _TILE_HEADER.size
_FORMAT_NAMES = {number: name for name, number in FORMATS.items()}


@dataclass(frozen=True)
class Hello:
    """The client introduces itself and says what it holds."""

    KIND: ClassVar[int] = 0x01
    min_version: Byte
    max_version: Byte
    client: Name
    codecs: Words
    credits: Credits
    epoch: Hash64
    revision: Count
    data: Hash64
    have: Annotated[int, Whole(0, MAPS)]


@dataclass(frozen=True)
class Welcome:
    """The server's answer."""

    KIND: ClassVar[int] = 0x02
    version: Byte
    server: Name
    epoch: Hash64
    revision: Count
    codec: Name
    heartbeat_ms: Annotated[int, Whole(50, 60_000)]
    timeout_ms: Annotated[int, Whole(100, 600_000)]


@dataclass(frozen=True)
class MapSpec:
    """What a map is. `avatar`, `material`, `map` name it; `width`, `height` in texels."""

    avatar: Name
    material: NameOrEmpty
    map: Name
    width: Side
    height: Side
    format: Format = "rgba8"
    space: Space = "srgb"

    @property
    def key(self) -> tuple[str, str, str]:
        """What no two maps share."""
        return self.avatar, self.material, self.map

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return -(-self.height // TILE_SIDE), -(-self.width // TILE_SIDE)

    @property
    def tiles(self) -> int:
        rows, columns = self.grid
        return rows * columns

    @property
    def nbytes(self) -> int:
        """Raw size of the whole map."""
        return self.width * self.height * BYTES_PER_TEXEL[self.format]

    def tile_size(self, row: int, column: int) -> tuple[int, int]:
        """(height, width) of a tile in texels: smaller at the right and lower edge."""
        return min(TILE_SIDE, self.height - row * TILE_SIDE), min(TILE_SIDE, self.width - column * TILE_SIDE)


@dataclass(frozen=True)
class Have:
    """The tile hashes of a map that the client holds: frame 2, as in §3.2."""

    KIND: ClassVar[int] = 0x03
    spec: MapSpec
    hashes: bytes


@dataclass(frozen=True)
class Begin:
    """A transfer starts; so many messages of each kind follow."""

    KIND: ClassVar[int] = 0x04
    revision: Count
    drops: Annotated[int, Whole(0, MAPS)]
    maps: Annotated[int, Whole(0, MAPS)]
    tiles: Count
    bytes: Count
    data: Boolean


@dataclass(frozen=True)
class Drop:
    """A declared map is no more."""

    KIND: ClassVar[int] = 0x05
    id: Id


@dataclass(frozen=True)
class DeclareMap:
    """A map and its number in this session (MAP)."""

    KIND: ClassVar[int] = 0x06
    id: Id
    spec: MapSpec
    held: bool


@dataclass(frozen=True)
class TileHeader:
    """Frame 0 of TILE, §3.3. `length` is the payload's, frame 1."""

    KIND: ClassVar[int] = 0x07
    map_id: int
    x: int
    y: int
    width: int
    height: int
    codec: int
    format: str
    revision: int
    hash: int
    length: int

    def pack(self) -> bytes:
        return _TILE_HEADER.pack(
            MAGIC,
            VERSION,
            self.KIND,
            self.map_id,
            self.x,
            self.y,
            self.width,
            self.height,
            self.codec,
            FORMATS[self.format],
            0,
            self.revision,
            self.hash,
            self.length,
            0,
        )

    def check(self, spec: MapSpec) -> tuple[int, int]:
        """The tile's (row, column) in the map; ProtocolError where the header doesn't fit the map."""
        if self.x % TILE_SIDE or self.y % TILE_SIDE or self.x >= spec.width or self.y >= spec.height:
            raise ProtocolError(f"tile at {self.x}, {self.y} of a {spec.width}×{spec.height} map")
        row, column = self.y // TILE_SIDE, self.x // TILE_SIDE
        if (self.height, self.width) != spec.tile_size(row, column):
            raise ProtocolError(f"tile at {self.x}, {self.y} is {self.width}×{self.height}")
        if self.format != spec.format:
            raise ProtocolError(f"tile in {self.format} for a map in {spec.format}")
        raw = self.width * self.height * BYTES_PER_TEXEL[self.format]
        if self.length != raw if self.codec == RAW else self.length >= raw:
            raise ProtocolError(f"tile payload of {self.length} bytes; raw would be {raw}")
        return row, column


@dataclass(frozen=True)
class Data:
    """The revision's opaque document."""

    KIND: ClassVar[int] = 0x08
    document: bytes


@dataclass(frozen=True)
class Commit:
    """The transfer is complete; `state` is what the client's state hash must be."""

    KIND: ClassVar[int] = 0x09
    revision: Count
    state: Hash64


@dataclass(frozen=True)
class Ack:
    """The client shows the revision, or says why it can't."""

    KIND: ClassVar[int] = 0x0A
    revision: Count
    applied_ms: Annotated[float, Decimal(1e9)]
    error: Words = ""


@dataclass(frozen=True)
class Credit:
    """So many more tiles may come."""

    KIND: ClassVar[int] = 0x0B
    tiles: Credits


@dataclass(frozen=True)
class Heartbeat:
    """I live, and this is my revision."""

    KIND: ClassVar[int] = 0x0C
    revision: Count


@dataclass(frozen=True)
class Bye:
    """The session is over."""

    KIND: ClassVar[int] = 0x0D
    code: Name
    message: Words = ""


Control = Hello | Welcome | Begin | Drop | Commit | Ack | Credit | Heartbeat | Bye
Message = Control | Have | DeclareMap | Data
ToServer = Hello | Have | Ack | Credit | Heartbeat | Bye
ToClient = Welcome | Begin | Drop | DeclareMap | Data | Commit | Heartbeat | Bye
"""What a client can receive beside tiles."""


def _fields(owner: type[Any]) -> dict[str, Field]:
    hints = get_type_hints(owner, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


_CONTROL_TYPES: tuple[type[Control], ...] = (
    Hello,
    Welcome,
    Begin,
    Drop,
    Commit,
    Ack,
    Credit,
    Heartbeat,
    Bye,
)
_FIELDS = {owner: _fields(owner) for owner in _CONTROL_TYPES}
_BY_KIND = {owner.KIND: owner for owner in _CONTROL_TYPES}
_MAP_FIELDS = _fields(MapSpec)
_DECLARE_FIELDS: dict[str, Field] = {"id": Whole(1, LARGEST_ID), **_MAP_FIELDS, "held": Flag()}
_SERVER_KINDS = frozenset(owner.KIND for owner in (Hello, Have, Ack, Credit, Heartbeat, Bye))
_CLIENT_KINDS = frozenset(
    owner.KIND for owner in (Welcome, Begin, Drop, DeclareMap, TileHeader, Data, Commit, Heartbeat, Bye)
)


def preamble(kind: int) -> bytes:
    return MAGIC + bytes((VERSION, kind))


def encode(message: Message) -> list[bytes]:
    """The frames of any message but TILE (`TileHeader.pack`). ValueError names a field that can't be sent."""
    head = preamble(message.KIND)
    if isinstance(message, Have):
        return [head, write_control(vars(message.spec), _MAP_FIELDS), message.hashes]
    if isinstance(message, DeclareMap):
        values = {"id": message.id, **vars(message.spec), "held": message.held}
        return [head, write_control(values, _DECLARE_FIELDS)]
    if isinstance(message, Data):
        return [head, message.document]
    return [head, write_control(vars(message), _FIELDS[type(message)])]


def decode_to_server(frames: Sequence[bytes | memoryview]) -> ToServer:
    """Read what a client sent; ProtocolError says what is wrong."""
    kind = _kind(frames, _SERVER_KINDS)
    if kind == Have.KIND:
        spec = MapSpec(**read_control(frames[1], _MAP_FIELDS))
        if len(frames[2]) != 8 * spec.tiles:
            raise ProtocolError(f"HAVE with {len(frames[2])} bytes of hashes; the map needs {8 * spec.tiles}")
        return Have(spec, bytes(frames[2]))
    message = _control(kind, frames[1])
    if isinstance(message, Hello) and (
        message.min_version > message.max_version or "raw" not in message.codecs.split(",")
    ):
        raise ProtocolError("HELLO needs min_version ≤ max_version, and raw among its codecs")
    if not isinstance(message, Hello | Ack | Credit | Heartbeat | Bye):
        raise ProtocolError(f"kind 0x{kind:02x} does not go to a server")
    return message


def decode_to_client(frames: Sequence[bytes | memoryview]) -> ToClient | TileHeader:
    """Read what a server sent; for TILE the header, whose payload is `frames[1]`. ProtocolError says what is wrong."""
    kind = _kind(frames, _CLIENT_KINDS)
    if kind == TileHeader.KIND:
        return _tile_header(frames[0], len(frames[1]))
    if kind == DeclareMap.KIND:
        values = read_control(frames[1], _DECLARE_FIELDS)
        number, held = values.pop("id"), values.pop("held")
        return DeclareMap(number, MapSpec(**values), held)
    if kind == Data.KIND:
        if len(frames[1]) > DATA_BYTES:
            raise ProtocolError(f"a document of {len(frames[1])} bytes; at most {DATA_BYTES} are allowed", "limit")
        return Data(bytes(frames[1]))
    message = _control(kind, frames[1])
    if not isinstance(message, Welcome | Begin | Drop | Commit | Heartbeat | Bye):
        raise ProtocolError(f"kind 0x{kind:02x} does not go to a client")
    if isinstance(message, Welcome) and (
        message.codec not in CODECS or message.epoch == 0 or message.timeout_ms < 2 * message.heartbeat_ms
    ):
        raise ProtocolError("WELCOME with an unknown codec, no epoch, or a timeout below two heartbeats")
    return message


def printable(text: str) -> str:
    """Any text as a `text` field may carry it: no control characters, at most 512 bytes."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain.encode("utf-8", "replace")[:512].decode("utf-8", "ignore")


def _kind(frames: Sequence[bytes | memoryview], allowed: frozenset[int]) -> int:
    """The checked kind of a message: preamble, direction, number and size of frames."""
    head = bytes(frames[0][:4]) if frames else b""
    if len(head) != 4 or head[:2] != MAGIC:
        raise ProtocolError("no Moulage message: frame 0 does not begin with ML")
    version, kind = head[2], head[3]
    if version != VERSION:
        raise ProtocolError(f"protocol version {version}; this side speaks {VERSION}", "version")
    if kind not in allowed:
        raise ProtocolError(f"kind 0x{kind:02x} is unknown here")
    wanted = 3 if kind == Have.KIND else 2
    if len(frames) != wanted:
        raise ProtocolError(f"{len(frames)} frames; kind 0x{kind:02x} has {wanted}")
    size = TILE_HEADER_BYTES if kind == TileHeader.KIND else 4
    if len(frames[0]) != size:
        raise ProtocolError(f"frame 0 has {len(frames[0])} bytes; kind 0x{kind:02x} has {size}")
    return kind


def _control(kind: int, body: bytes | memoryview) -> Control:
    owner = _BY_KIND[kind]
    return owner(**read_control(body, _FIELDS[owner]))


def _tile_header(head: bytes | memoryview, payload: int) -> TileHeader:
    values = _TILE_HEADER.unpack(head)
    _, _, _, map_id, x, y, width, height, codec, format_, reserved, revision, digest, length, reserved2 = values
    if reserved or reserved2:
        raise ProtocolError("reserved bytes of a tile header are not 0")
    if codec not in (RAW, QOI):
        raise ProtocolError(f"codec {codec} is unknown")
    if format_ not in _FORMAT_NAMES:
        raise ProtocolError(f"format {format_} is unknown")
    if length != payload:
        raise ProtocolError(f"a tile claims {length} bytes and brings {payload}")
    return TileHeader(map_id, x, y, width, height, codec, _FORMAT_NAMES[format_], revision, digest, length)
