"""Turns what any thread publishes into committed states, in the order in which it came.

Callers copy their pixels and leave; the server's thread cuts tiles and hashes them (`integrate`).
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bridge.errors import BadMap, BridgeError
from bridge.protocol import DATA_BYTES, LARGEST_ID, MAPS, DeclareMap, MapSpec, encode
from bridge.tiles import MapState, Pixels, State

MapKey = tuple[str, str, str]
"""avatar, material, map"""

Rect = tuple[int, int, int, int]
"""x, y, width, height in texels; row 0 at the top."""

_PENDING_BYTES = 512 * 1024**2


@dataclass(frozen=True)
class _Piece:
    map_id: int
    spec: MapSpec
    x: int
    y: int
    pixels: Pixels


@dataclass(frozen=True)
class _Commit:
    revision: int
    document: bytes
    maps: dict[int, MapSpec]


class Revisions:
    """The queue between the publishing threads and the server's. `state` is the newest committed one, None before.

    So many pixels may wait in it (`pending_bytes`) before `publish` waits, too: memory stays bounded.
    """

    def __init__(self, revision: int = 0, pending_bytes: int = _PENDING_BYTES) -> None:
        self._changed = threading.Condition()
        self._queue: list[_Piece | _Commit] = []
        self._room = pending_bytes
        self._closed = ""
        self._revision = revision
        self._document = b""
        self._ids: dict[MapKey, int] = {}
        self._specs: dict[int, MapSpec] = {}
        self._next_id = 1
        # Of the server's thread alone:
        self._working: dict[int, MapState] = {}
        self.state: State | None = None

    @property
    def revision(self) -> int:
        """The newest committed revision."""
        return self._revision

    @property
    def specs(self) -> tuple[MapSpec, ...]:
        with self._changed:
            return tuple(self._specs.values())

    def add_map(self, spec: MapSpec) -> None:
        """Declare a map from the next commit on, all bytes zero; one of the same name but another size replaces it.

        Raises BadMap for names, sizes or numbers of maps that the protocol can't carry.
        """
        try:
            encode(DeclareMap(1, spec, False))
        except ValueError as error:
            raise BadMap(f"map {'/'.join(map(str, spec.key))}: {error}") from None
        with self._changed:
            self._raise_if_closed()
            old = self._ids.get(spec.key)
            if old is not None and self._specs[old] == spec:
                return
            if old is None and len(self._ids) >= MAPS:
                raise BadMap(f"{len(self._ids)} maps are declared; more can't be carried")
            if old is not None:
                del self._specs[old]
            if self._next_id > LARGEST_ID:
                raise BadMap("all map numbers are used up; start the server again")
            self._ids[spec.key] = self._next_id
            self._specs[self._next_id] = spec
            self._next_id += 1

    def remove_map(self, key: MapKey) -> None:
        """Take a map away with the next commit; BadMap where there is none."""
        with self._changed:
            self._raise_if_closed()
            del self._specs[self._number(key)]
            del self._ids[key]

    def publish(self, key: MapKey, rect: Rect, pixels: Pixels) -> None:
        """Queue a copy of `pixels` (uint8 [h, w, 4], or uint16 [h, w] for r16) for the rectangle of the map.

        Shown from the next commit on. BadMap for an unknown map, a rectangle outside it, or pixels that don't fit.
        """
        x, y, width, height = rect
        with self._changed:
            self._raise_if_closed()
            number = self._number(key)
            spec = self._specs[number]
        if width < 1 or height < 1 or x < 0 or y < 0 or x + width > spec.width or y + height > spec.height:
            raise BadMap(f"{rect} lies outside {'/'.join(key)}, which is {spec.width}×{spec.height}")
        shape, dtype = ((height, width, 4), np.uint8) if spec.format == "rgba8" else ((height, width), np.uint16)
        if pixels.shape != shape or pixels.dtype != dtype:
            raise BadMap(
                f"pixels for {'/'.join(key)} are {pixels.dtype} {list(pixels.shape)}; "
                f"{rect} of a map in {spec.format} needs {np.dtype(dtype)} {list(shape)}"
            )
        copy = pixels.copy(order="C")
        with self._changed:
            while self._room < copy.nbytes and self._queue and not self._closed:
                self._changed.wait()
            self._raise_if_closed()
            self._room -= copy.nbytes
            self._queue.append(_Piece(number, spec, x, y, copy))

    def commit(self, document: bytes | str | None = None) -> int:
        """Everything published so far becomes a revision; its number. `document` replaces DATA, None keeps it."""
        encoded = document.encode("utf-8") if isinstance(document, str) else document
        if encoded is not None and len(encoded) > DATA_BYTES:
            raise BadMap(f"a document of {len(encoded)} bytes; at most {DATA_BYTES} can be carried")
        with self._changed:
            self._raise_if_closed()
            if encoded is not None:
                self._document = encoded
            self._revision += 1
            self._queue.append(_Commit(self._revision, self._document, dict(self._specs)))
            return self._revision

    def integrate(self) -> bool:
        """In the server's thread: work the queue off; whether `state` is new."""
        with self._changed:
            batch, self._queue = self._queue, []
        last = max((i for i, entry in enumerate(batch) if isinstance(entry, _Commit)), default=-1)
        self._paint(entry for entry in batch[: last + 1] if isinstance(entry, _Piece))
        if last >= 0:
            newest = batch[last]
            assert isinstance(newest, _Commit)
            self._working = {
                number: self._working.get(number) or MapState.blank(spec) for number, spec in newest.maps.items()
            }
            self.state = State(newest.revision, dict(self._working), newest.document)
        self._paint(entry for entry in batch[last + 1 :] if isinstance(entry, _Piece))
        freed = sum(entry.pixels.nbytes for entry in batch if isinstance(entry, _Piece))
        with self._changed:
            self._room += freed
            self._changed.notify_all()
        return last >= 0

    def _paint(self, pieces: Iterator[_Piece]) -> None:
        by_map: dict[int, list[_Piece]] = {}
        for piece in pieces:
            by_map.setdefault(piece.map_id, []).append(piece)
        for number, laid in by_map.items():
            before = self._working.get(number) or MapState.blank(laid[0].spec)
            self._working[number] = before.painted([(piece.x, piece.y, piece.pixels) for piece in laid])

    def close(self, reason: str) -> None:
        """Refuse everything from now on, with this reason; wakes who waits."""
        with self._changed:
            self._closed = self._closed or reason
            self._changed.notify_all()

    def _number(self, key: MapKey) -> int:
        number = self._ids.get(key)
        if number is None:
            known = ", ".join("/".join(k) for k in list(self._ids)[:8]) or "none"
            raise BadMap(f"there is no map {'/'.join(key)}; declared are: {known}")
        return number

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise BridgeError(self._closed)
