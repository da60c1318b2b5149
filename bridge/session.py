"""One client as the server sees it: docs/protocol.md §5 and §7 without sockets and clocks.

What a client holds is kept as hashes alone, so a slow client pins no pixels but the tiles of the transfer under way.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import zmq
from numpy.typing import NDArray

from bridge.errors import ProtocolError
from bridge.protocol import (
    BYTES_PER_TEXEL,
    CREDITS,
    QOI,
    RAW,
    TILE_SIDE,
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
    Message,
    TileHeader,
    ToServer,
    encode,
)
from bridge.tiles import MapState, State, Tile, blank_hashes

OutFrames = list[bytes | zmq.Frame]
GREETING, READY, SENDING, WAITING = "greeting", "ready", "sending", "waiting"


@dataclass(frozen=True)
class _PendingTile:
    """A tile of the transfer under way."""

    map_id: int
    tile: Tile | None
    x: int
    y: int
    width: int
    height: int
    format: str

    @property
    def nbytes(self) -> int:
        return self.width * self.height * BYTES_PER_TEXEL[self.format]


class Session:
    """The server's side of one session. `receive` takes messages, `begin` starts a transfer, `ready_messages` sends."""

    def __init__(self, hello: Hello, codec: int) -> None:
        self.name = hello.client
        self.state = GREETING if hello.have else READY
        self.shown: int | None = None
        self.newest_sent: int | None = None
        self.applied_ms = 0.0
        self.error = ""
        self.bytes_sent = 0
        self.tiles_sent = 0
        self._codec = codec
        self._credits = hello.credits
        self._have_to_come = hello.have
        self._presented: dict[tuple[str, str, str], Have] = {}
        self._held: dict[int, NDArray[np.uint64]] = {}
        self._document_hash = hello.data
        self._control: deque[Message] = deque()
        self._tiles: deque[_PendingTile] = deque()
        self._closing: deque[Message] = deque()

    def receive(self, message: ToServer) -> None:
        """Take one message; ProtocolError where it does not belong here."""
        if isinstance(message, Credit):
            self._credits += message.tiles
            if self._credits > CREDITS:
                raise ProtocolError(f"{self._credits} credits outstanding; at most {CREDITS} are allowed", "order")
        elif isinstance(message, Have):
            self._take_have(message)
        elif isinstance(message, Ack):
            self._take_ack(message)
        elif isinstance(message, Hello):
            raise ProtocolError("a second HELLO in one session", "order")
        else:
            assert isinstance(message, Heartbeat | Bye)

    def _take_have(self, have: Have) -> None:
        if self.state != GREETING:
            raise ProtocolError("more HAVEs than announced", "order")
        if have.spec.key in self._presented:
            raise ProtocolError(f"a second HAVE for {'/'.join(have.spec.key)}")
        self._presented[have.spec.key] = have
        self._have_to_come -= 1
        if self._have_to_come == 0:
            self.state = READY

    def _take_ack(self, ack: Ack) -> None:
        if self.state != WAITING or ack.revision != self.newest_sent:
            raise ProtocolError(f"ACK of revision {ack.revision}, which was not awaited", "order")
        self.error, self.applied_ms = ack.error, ack.applied_ms
        if not ack.error:
            self.shown = ack.revision
        self.state = READY

    def wants(self, state: State) -> bool:
        """Whether a transfer to `state` should begin now."""
        return self.state == READY and (self.newest_sent is None or state.revision > self.newest_sent)

    def begin(self, state: State) -> None:
        """Start the transfer that leads to `state`; it stays a snapshot of it."""
        drops = sorted(set(self._held) - set(state.maps))
        declarations = []
        for number in drops:
            del self._held[number]
        for number, one in sorted(state.maps.items()):
            if number not in self._held:
                presented = self._presented.get(one.spec.key)
                held = presented is not None and presented.spec == one.spec
                self._held[number] = (
                    np.frombuffer(presented.hashes, "<u8").astype(np.uint64)
                    if presented is not None and held
                    else blank_hashes(one.spec)
                )
                declarations.append(DeclareMap(number, one.spec, held))
            self._tiles.extend(_differing(number, one, self._held[number]))
            self._held[number] = one.hashes
        self._presented = {}
        document_differs = state.document_hash != self._document_hash
        self._document_hash = state.document_hash
        raw = sum(pending.nbytes for pending in self._tiles)
        self._control.append(
            Begin(state.revision, len(drops), len(declarations), len(self._tiles), raw, document_differs)
        )
        self._control.extend(Drop(number) for number in drops)
        self._control.extend(declarations)
        if document_differs:
            self._closing.append(Data(state.document))
        self._closing.append(Commit(state.revision, state.hash))
        self.newest_sent = state.revision
        self.state = SENDING

    def ready_messages(self, most: int) -> Iterator[OutFrames]:
        """Up to `most` messages that may be sent now; fewer where credits are used up or the transfer ends."""
        while most > 0 and self.state == SENDING:
            if self._control:
                yield list(encode(self._control.popleft()))
            elif self._tiles:
                if self._credits == 0:
                    return
                self._credits -= 1
                yield self._tile_frames(self._tiles.popleft())
            else:
                message = self._closing.popleft()
                if not self._closing:
                    self.state = WAITING
                yield list(encode(message))
            most -= 1

    @property
    def can_send(self) -> bool:
        """Whether `ready_messages` would give any."""
        return self.state == SENDING and (bool(self._control) or not self._tiles or self._credits > 0)

    def _tile_frames(self, pending: _PendingTile) -> OutFrames:
        tile = pending.tile or Tile.of(np.zeros(pending.nbytes, np.uint8))
        payload, codec = tile.frame, RAW
        if self._codec == QOI:
            shorter = tile.qoi(pending.height, pending.width, pending.format)
            if shorter is not None:
                payload, codec = shorter, QOI
        size = len(payload)
        self.bytes_sent += size
        self.tiles_sent += 1
        assert self.newest_sent is not None
        header = TileHeader(
            pending.map_id,
            pending.x,
            pending.y,
            pending.width,
            pending.height,
            codec,
            pending.format,
            self.newest_sent,
            tile.hash,
            size,
        )
        return [header.pack(), payload]


def _differing(number: int, state: MapState, held: NDArray[np.uint64]) -> Iterator[_PendingTile]:
    """The tiles of a map that a client with the hashes `held` lacks."""
    if held is state.hashes:
        return
    columns = state.spec.grid[1]
    for index in np.flatnonzero(held != state.hashes).tolist():
        row, column = divmod(index, columns)
        height, width = state.spec.tile_size(row, column)
        yield _PendingTile(
            number, state.tiles[index], column * TILE_SIDE, row * TILE_SIDE, width, height, state.spec.format
        )
