"""Tiles, maps cut into tiles, and whole committed states: all immutable, so that a transfer is a snapshot for free.

A tile's pixels lie in a ZeroMQ message that libzmq counts references to: sending it to many clients copies nothing.
Both sides keep their state in these values. The hashes are docs/protocol.md §4.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import xxhash
import zmq
from numpy.typing import NDArray

from bridge.codec import encode_qoi
from bridge.protocol import BYTES_PER_TEXEL, EMPTY_HASH, TILE_SIDE, MapSpec

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


def hash_bytes(data: Any) -> int:
    """XXH64 with seed 0 of a contiguous buffer."""
    return int(xxhash.xxh64_intdigest(data))


@lru_cache(maxsize=4096)
def zero_hash(nbytes: int) -> int:
    """Hash of a tile whose bytes are all zero."""
    return hash_bytes(bytes(nbytes))


class Tile:
    """The raw pixels of one tile and their hash. Compare tiles by `hash`."""

    __slots__ = ("_qoi", "frame", "hash")

    def __init__(self, frame: zmq.Frame, digest: int) -> None:
        self.frame = frame
        self.hash = digest
        self._qoi: zmq.Frame | None = None

    @classmethod
    def of(cls, raw: NDArray[np.uint8]) -> Self:
        """A tile with a copy of the contiguous bytes `raw` [n]."""
        return cls(zmq.Frame(raw, copy=True), hash_bytes(raw))

    @property
    def raw(self) -> memoryview:
        return memoryview(self.frame.buffer)

    def qoi(self, height: int, width: int, format_: str) -> zmq.Frame | None:
        """The QOI payload, made once for all clients; None where raw is shorter."""
        if self._qoi is None:
            payload = encode_qoi(self.raw, height, width, format_)
            self._qoi = self.frame if payload is None else zmq.Frame(payload, copy=True)
        return None if self._qoi is self.frame else self._qoi


@dataclass(frozen=True)
class _Laid:
    """Pixels as bytes [h, w·b], their top left texel at (x, y)."""

    x: int
    y: int
    rows: NDArray[np.uint8]


@dataclass(frozen=True)
class MapState:
    """A map at one revision. `tiles` row by row, None where all bytes are zero; `hashes` uint64 [n] belong to them."""

    spec: MapSpec
    tiles: tuple[Tile | None, ...]
    hashes: NDArray[np.uint64]

    @classmethod
    def blank(cls, spec: MapSpec) -> Self:
        """All bytes zero: what a map is when it was just declared."""
        return cls(spec, (None,) * spec.tiles, blank_hashes(spec))

    @cached_property
    def hash(self) -> int:
        return hash_bytes(self.hashes.tobytes())

    def with_tiles(self, changed: Mapping[int, Tile]) -> "MapState":
        """The map with some tiles replaced, by their index row by row."""
        tiles, hashes = list(self.tiles), self.hashes.copy()
        for index, tile in changed.items():
            tiles[index], hashes[index] = tile, tile.hash
        return MapState(self.spec, tuple(tiles), hashes)

    def painted(self, pieces: Sequence[tuple[int, int, Pixels]]) -> "MapState":
        """The map after pixels [h, w(, 4)] were laid at (x, y), in order; itself where that changes no byte."""
        laid: dict[int, list[_Laid]] = {}
        for x, y, pixels in pieces:
            piece = _Laid(x, y, as_bytes(pixels))
            for index in self._touched(piece):
                laid.setdefault(index, []).append(piece)
        # One buffer for all tiles stays in the cache; what did not change takes no memory.
        buffer = np.empty(TILE_SIDE * TILE_SIDE * BYTES_PER_TEXEL[self.spec.format], np.uint8)
        changed = {}
        for index, on_top in laid.items():
            raw = self._composed(index, on_top, buffer)
            digest = hash_bytes(raw)
            if digest != self.hashes[index]:
                changed[index] = Tile(zmq.Frame(raw, copy=True), digest)
        return self.with_tiles(changed) if changed else self

    def _touched(self, piece: "_Laid") -> Iterator[int]:
        """Indices of the tiles under a piece."""
        height, width = piece.rows.shape[0], piece.rows.shape[1] // BYTES_PER_TEXEL[self.spec.format]
        for row in range(piece.y // TILE_SIDE, (piece.y + height - 1) // TILE_SIDE + 1):
            for column in range(piece.x // TILE_SIDE, (piece.x + width - 1) // TILE_SIDE + 1):
                yield row * self.spec.grid[1] + column

    def _composed(self, index: int, on_top: Sequence["_Laid"], buffer: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """One tile's bytes [n] under the pieces, in `buffer`."""
        row, column = divmod(index, self.spec.grid[1])
        height, width = self.spec.tile_size(row, column)
        size = BYTES_PER_TEXEL[self.spec.format]
        raw = buffer[: height * width * size]
        rows = raw.reshape(height, width * size)
        tile = self.tiles[index]
        raw[:] = 0 if tile is None else np.frombuffer(tile.raw, np.uint8)
        left, top = column * TILE_SIDE, row * TILE_SIDE
        for piece in on_top:
            x0, y0 = max(piece.x, left), max(piece.y, top)
            x1 = min(piece.x + piece.rows.shape[1] // size, left + width)
            y1 = min(piece.y + piece.rows.shape[0], top + height)
            source = piece.rows[y0 - piece.y : y1 - piece.y, (x0 - piece.x) * size : (x1 - piece.x) * size]
            rows[y0 - top : y1 - top, (x0 - left) * size : (x1 - left) * size] = source
        return raw

    def pixels(self) -> Pixels:
        """The whole map, a new array: uint8 [H, W, 4] for rgba8, uint16 [H, W] for r16."""
        spec = self.spec
        size = BYTES_PER_TEXEL[spec.format]
        rows = np.zeros((spec.height, spec.width * size), np.uint8)
        columns = spec.grid[1]
        for index, tile in enumerate(self.tiles):
            if tile is not None:
                row, column = divmod(index, columns)
                height, width = spec.tile_size(row, column)
                top, left = row * TILE_SIDE, column * TILE_SIDE * size
                piece = np.frombuffer(tile.raw, np.uint8).reshape(height, width * size)
                rows[top : top + height, left : left + width * size] = piece
        if spec.format == "r16":
            return rows.view("<u2").astype(np.uint16, copy=False)
        return rows.reshape((spec.height, spec.width, 4))


@dataclass(frozen=True)
class State:
    """All maps and the document at one committed revision. `maps` by their number in the session."""

    revision: int
    maps: Mapping[int, MapState]
    document: bytes = b""

    @cached_property
    def document_hash(self) -> int:
        return hash_bytes(self.document) if self.document else EMPTY_HASH

    @cached_property
    def hash(self) -> int:
        """The state hash of docs/protocol.md §4."""
        records = [struct.pack("<IQ", number, self.maps[number].hash) for number in sorted(self.maps)]
        return hash_bytes(b"".join(records) + struct.pack("<Q", self.document_hash))

    @cached_property
    def by_key(self) -> Mapping[tuple[str, str, str], MapState]:
        """The maps by (avatar, material, map)."""
        return MappingProxyType({state.spec.key: state for state in self.maps.values()})


def blank_hashes(spec: MapSpec) -> NDArray[np.uint64]:
    """uint64 [n]: the tile hashes of a map whose bytes are all zero."""
    rows, columns = spec.grid
    size = BYTES_PER_TEXEL[spec.format]
    hashes = np.empty((rows, columns), np.uint64)
    for row in {0, rows - 1}:
        for column in {0, columns - 1}:
            height, width = spec.tile_size(row, column)
            rows_slice = slice(0, rows - 1) if row < rows - 1 else slice(rows - 1, rows)
            columns_slice = slice(0, columns - 1) if column < columns - 1 else slice(columns - 1, columns)
            hashes[rows_slice, columns_slice] = zero_hash(height * width * size)
    return hashes.reshape(-1)


def as_bytes(pixels: Pixels) -> NDArray[np.uint8]:
    """Pixels [h, w, 4] uint8 or [h, w] uint16 as contiguous little-endian bytes [h, w·b]."""
    if pixels.dtype != np.uint8:
        pixels = np.ascontiguousarray(pixels, "<u2").view(np.uint8)
    rows: NDArray[np.uint8] = np.ascontiguousarray(pixels, np.uint8).reshape(pixels.shape[0], -1)
    return rows
