"""The client's side of a session without sockets and clocks: docs/protocol.md §5 and §7.

`shown` is immutable and replaced as a whole at COMMIT: whoever reads it sees one revision, never a mixture.
"""

import time
from collections.abc import Sequence

import numpy as np
import zmq

from bridge.codec import decode_qoi
from bridge.errors import Disconnected, ProtocolError
from bridge.protocol import (
    MAPS,
    RAW,
    VERSION,
    Ack,
    Begin,
    Bye,
    Commit,
    Credit,
    Data,
    DeclareMap,
    Drop,
    Have,
    Heartbeat,
    Hello,
    TileHeader,
    Welcome,
    decode_to_client,
    encode,
    printable,
)
from bridge.tiles import MapState, State, Tile, hash_bytes

WAITING, GREETING, READY, RECEIVING = "waiting", "greeting", "ready", "receiving"
Frames = list[bytes]
NOTHING = State(0, {})


class Farewell(Disconnected):
    """The server said BYE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"the server ended the session: {code}{': ' if message else ''}{message}")
        self.code = code


class Receiver:
    """Takes what a server sends, gives back what must be answered.

    name: for the server's status. window: tiles that may be under way (credits). max_bytes: pixels of all
    maps together. epoch, shown: the state to start from, of a disk cache for example.
    """

    def __init__(
        self,
        name: str,
        window: int = 64,
        codecs: Sequence[str] = ("raw", "qoi"),
        max_bytes: int = 2 * 1024**3,
        epoch: int = 0,
        shown: State = NOTHING,
    ) -> None:
        self.epoch = epoch
        self.shown = shown
        self.phase = WAITING
        self.welcome: Welcome | None = None
        self.newest = 0
        self.tiles = 0
        self.raw_bytes = 0
        self._name, self._credits, self._codecs, self._max_bytes = name, window, tuple(codecs), max_bytes
        self._bundle = max(1, min(16, window // 2))
        self.unacknowledged = False
        self._arrived = 0.0
        self._unreturned = 0
        self._trust = True
        self._presented: dict[tuple[str, str, str], MapState] = {}
        self._document = b""
        self._declared: dict[int, MapState] = {}
        self._keys: set[tuple[str, str, str]] = set()
        self._declared_bytes = 0
        self._staged: dict[int, dict[int, Tile]] = {}
        self._begin: Begin | None = None
        self._to_come: list[int] = []

    def open(self) -> list[Frames]:
        """Start a session: HELLO and the HAVEs. Tiles of an interrupted transfer count as held."""
        self._presented = self._collected() if self._trust else {}
        self._document = self.shown.document if self._trust else b""
        self._trust = True
        self.phase, self.welcome, self._begin = GREETING, None, None
        self._declared, self._staged = {}, {}
        self._keys, self._declared_bytes = set(), 0
        self._unreturned = 0
        self.unacknowledged = False
        shows = self.epoch != 0
        hello = Hello(
            min_version=VERSION,
            max_version=VERSION,
            client=self._name,
            codecs=",".join(self._codecs),
            credits=self._credits,
            epoch=self.epoch,
            revision=self.shown.revision if shows else 0,
            data=hash_bytes(self._document),
            have=len(self._presented),
        )
        ordered = [self._presented[key] for key in sorted(self._presented)]
        return [encode(hello), *(encode(Have(one.spec, one.hashes.astype("<u8").tobytes())) for one in ordered)]

    def _collected(self) -> dict[tuple[str, str, str], MapState]:
        """The shown maps, overlaid by what an interrupted transfer had brought."""
        shown = {one.spec.key: one for one in self.shown.maps.values()}
        collected = shown | self._presented
        for number, tiles in self._staged.items():
            collected[self._declared[number].spec.key] = self._declared[number].with_tiles(tiles)
        bounded = len(collected) <= MAPS and sum(one.spec.nbytes for one in collected.values()) <= self._max_bytes
        return collected if bounded else shown

    def distrust(self) -> None:
        """The next session presents nothing: hashes did not agree."""
        self._trust = False

    def close(self) -> None:
        """The session is over; what was staged waits for the next."""
        self.phase = WAITING

    def heartbeat(self) -> Frames:
        return encode(Heartbeat(self.shown.revision))

    def receive(self, frames: Sequence[bytes | zmq.Frame]) -> list[Frames]:
        """Take one message and return the answers; after a COMMIT `unacknowledged` is true, see `acknowledge`.

        Raises ProtocolError for what must not come (say BYE with its code), Farewell after a BYE.
        """
        views = [frame if isinstance(frame, bytes) else frame.buffer for frame in frames]
        message = decode_to_client(views)
        if isinstance(message, Heartbeat):
            self.newest = max(self.newest, message.revision)
            return []
        if isinstance(message, Bye):
            raise Farewell(message.code, message.message)
        if isinstance(message, Welcome):
            return self._greeted(message)
        if isinstance(message, Begin):
            return self._begun(message)
        if self.phase != RECEIVING or self._begin is None:
            raise ProtocolError(f"{type(message).__name__} outside a transfer", "order")
        if isinstance(message, TileHeader):
            return self._tile(message, frames[1])
        if isinstance(message, Drop):
            return self._drop(message)
        if isinstance(message, DeclareMap):
            return self._declare(message)
        if isinstance(message, Data):
            self._expect(3, "DATA")
            self._document = message.document
            return []
        return self._commit(message)

    def _greeted(self, welcome: Welcome) -> list[Frames]:
        if self.phase != GREETING:
            raise ProtocolError("a second WELCOME", "order")
        if welcome.version != VERSION:
            raise ProtocolError(f"protocol version {welcome.version}; this client speaks {VERSION}", "version")
        self.welcome, self.phase, self.newest = welcome, READY, welcome.revision
        return []

    def _begun(self, begin: Begin) -> list[Frames]:
        if self.phase != READY:
            raise ProtocolError("BEGIN before WELCOME or within a transfer", "order")
        if self._begin is not None and begin.revision <= self._begin.revision:
            raise ProtocolError(f"BEGIN of revision {begin.revision} after {self._begin.revision}", "order")
        self._begin, self.phase = begin, RECEIVING
        self.newest = max(self.newest, begin.revision)
        self._to_come = [begin.drops, begin.maps, begin.tiles, int(begin.data)]
        return []

    def _expect(self, kind: int, name: str) -> None:
        """Count a message of the transfer: all earlier kinds complete, this one still expected."""
        if any(self._to_come[:kind]) or self._to_come[kind] == 0:
            raise ProtocolError(f"{name} out of order or more than announced", "order")
        self._to_come[kind] -= 1

    def _drop(self, drop: Drop) -> list[Frames]:
        self._expect(0, "DROP")
        if drop.id not in self._declared:
            raise ProtocolError(f"DROP of map {drop.id}, which is not declared", "unknown-map")
        spec = self._declared.pop(drop.id).spec
        self._keys.discard(spec.key)
        self._declared_bytes -= spec.nbytes
        return []

    def _declare(self, declaration: DeclareMap) -> list[Frames]:
        self._expect(1, "MAP")
        spec = declaration.spec
        if declaration.id in self._declared or spec.key in self._keys:
            raise ProtocolError(f"MAP {declaration.id} ({'/'.join(spec.key)}) is declared already")
        if len(self._declared) >= MAPS:
            raise ProtocolError(f"more than {MAPS} maps", "limit")
        if self._declared_bytes + spec.nbytes > self._max_bytes:
            total = self._declared_bytes + spec.nbytes
            raise ProtocolError(f"maps of {total} bytes; this client takes {self._max_bytes}", "limit")
        if declaration.held:
            presented = self._presented.get(spec.key)
            if presented is None or presented.spec != spec:
                raise ProtocolError(f"MAP {'/'.join(spec.key)} is held, but was not presented", "order")
            self._declared[declaration.id] = presented
        else:
            self._declared[declaration.id] = MapState.blank(spec)
        self._keys.add(spec.key)
        self._declared_bytes += spec.nbytes
        return []

    def _tile(self, header: TileHeader, frame: bytes | zmq.Frame) -> list[Frames]:
        assert self._begin is not None
        self._expect(2, "TILE")
        base = self._declared.get(header.map_id)
        if base is None:
            raise ProtocolError(f"a tile of map {header.map_id}, which is not declared", "unknown-map")
        row, column = header.check(base.spec)
        if header.revision != self._begin.revision:
            raise ProtocolError(f"a tile of revision {header.revision} in a transfer to another", "order")
        if header.codec != RAW and "qoi" not in self._codecs:
            raise ProtocolError("a QOI tile, which this client did not offer to read")
        tile = _read_tile(header, frame)
        self._staged.setdefault(header.map_id, {})[row * base.spec.grid[1] + column] = tile
        self.tiles += 1
        self.raw_bytes += len(tile.frame)
        self._unreturned += 1
        if self._unreturned < self._bundle:
            return []
        credit, self._unreturned = Credit(self._unreturned), 0
        return [encode(credit)]

    def _commit(self, commit: Commit) -> list[Frames]:
        self._arrived = time.perf_counter()
        assert self._begin is not None and self.welcome is not None
        if any(self._to_come) or commit.revision != self._begin.revision:
            raise ProtocolError("COMMIT before everything announced had come, or of another revision", "order")
        maps = {
            number: one.with_tiles(self._staged[number]) if number in self._staged else one
            for number, one in self._declared.items()
        }
        state = State(commit.revision, maps, self._document)
        if state.hash != commit.state:
            raise ProtocolError(f"the state hash of revision {commit.revision} is wrong", "mismatch")
        self._declared, self._staged, self._presented = maps, {}, {}
        self.shown, self.epoch, self.phase = state, self.welcome.epoch, READY
        self.unacknowledged = True
        return []

    def acknowledge(self, error: str = "") -> Frames:
        """The ACK of the revision in `shown`: due once after a COMMIT, when it is visible or can't be (`error`)."""
        self.unacknowledged = False
        return encode(Ack(self.shown.revision, (time.perf_counter() - self._arrived) * 1000, printable(error)))


def _read_tile(header: TileHeader, frame: bytes | zmq.Frame) -> Tile:
    """The tile, its pixels checked by their hash. A raw payload is kept where libzmq put it."""
    view = memoryview(frame if isinstance(frame, bytes) else frame.buffer)
    if header.codec == RAW:
        kept = zmq.Frame(frame, copy=True) if isinstance(frame, bytes) else frame
        tile = Tile(kept, hash_bytes(view))
    else:
        tile = Tile.of(np.asarray(decode_qoi(view, header.height, header.width, header.format)))
    if tile.hash != header.hash:
        raise ProtocolError(f"tile at {header.x}, {header.y} of map {header.map_id}: the hash is wrong", "mismatch")
    return tile
