"""`AtlasServer`: publishes maps to any number of scenes from a thread of its own; docs/protocol.md.

`publish` and `commit` only copy pixels and queue them. Tiles are cut, hashed and sent by the server's thread, so the
caller never waits for a client.
"""

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bridge.errors import BridgeError
from bridge.protocol import CODECS, MapSpec
from bridge.publisher import ClientStatus, Publisher
from bridge.revisions import MapKey, Rect, Revisions
from bridge.security import ServerKeys, check_bind
from bridge.tiles import Pixels, State
from bridge.wakeup import Wakeup

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerStatus:
    """What the server does. revision: the newest committed. epoch: 16 hexadecimal digits."""

    endpoint: str
    epoch: str
    revision: int
    maps: tuple[MapSpec, ...]
    clients: tuple[ClientStatus, ...]


class AtlasServer:
    """One address that scenes connect to. Close it, or use it in a `with` statement.

    Nothing is sent before the first commit, so that a restarted server does not blank the scenes that wait for it.

    bind: port `*` takes a free one, see `endpoint`. keys: needed for any address but a loopback one.
    epoch, revision: to continue an earlier server's numbering; by default a new epoch begins. codec: `raw` or `qoi` for
    all clients that can read it, instead of raw on loopback and QOI elsewhere.
    Raises BadEndpoint for an address that can't be used.
    """

    def __init__(
        self,
        bind: str = "tcp://127.0.0.1:5581",
        *,
        keys: ServerKeys | None = None,
        epoch: int | None = None,
        revision: int = 0,
        heartbeat_s: float = 1.0,
        timeout_s: float = 5.0,
        codec: str | None = None,
        name: str = "Moulage",
    ) -> None:
        check_bind(bind, keys)
        if not (0.05 <= heartbeat_s <= 60 and 2 * heartbeat_s <= timeout_s <= 600):
            raise BridgeError("heartbeat_s must lie in 0.05 to 60, timeout_s in 2·heartbeat_s to 600")
        if codec is not None and codec not in CODECS:
            raise BridgeError(f"codec is {codec!r}; choose among {', '.join(CODECS)}")
        if epoch is not None and not 0 < epoch < 2**64:
            raise BridgeError("epoch must be a 64-bit number, and not 0")
        self._epoch = epoch if epoch is not None else secrets.randbits(64) | 1
        self._revisions = Revisions(revision)
        self._stopping = False
        self._acknowledged = threading.Condition()
        self._publisher = Publisher(bind, keys, self._epoch, name, heartbeat_s, timeout_s, codec)
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._run, name="moulage-server", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """The address with its real port."""
        return self._publisher.endpoint

    @property
    def epoch(self) -> int:
        return self._epoch

    def add_map(self, spec: MapSpec) -> None:
        """Declare a map from the next commit on, all bytes zero; one of the same name but another size replaces it.

        Raises BadMap for names, sizes or numbers of maps that the protocol can't carry.
        """
        self._revisions.add_map(spec)

    def remove_map(self, key: MapKey) -> None:
        """Take a map away with the next commit; BadMap where there is none."""
        self._revisions.remove_map(key)

    def publish(self, key: MapKey, rect: Rect, pixels: Pixels) -> None:
        """Lay pixels (uint8 [h, w, 4], or uint16 [h, w] for r16; copied) on the rectangle (x, y, w, h) of a map.

        From any thread; seen by clients from the next commit on. BadMap for an unknown map, a rectangle outside it, or
        pixels that don't fit it.
        """
        self._revisions.publish(key, rect, pixels)
        self._wakeup.ring()

    def commit(self, document: bytes | str | None = None) -> int:
        """Everything published so far becomes one revision; its number. From any thread.

        document: the new DATA, JSON of at most 4 MiB; None keeps the old one.
        """
        revision = self._revisions.commit(document)
        self._wakeup.ring()
        return revision

    def status(self) -> ServerStatus:
        """A picture of this moment."""
        return ServerStatus(
            self.endpoint,
            f"{self._epoch:016x}",
            self._revisions.revision,
            self._revisions.specs,
            self._publisher.clients,
        )

    def wait_shown(
        self,
        revision: int,
        timeout_s: float,
        clients: int = 1,
        among: Callable[[ClientStatus], bool] = lambda client: True,
    ) -> bool:
        """Wait until at least `clients` clients are connected and all of them show `revision` or a later one.

        among: which clients count. False where it did not come to that in time.
        """

        def shown() -> bool:
            revisions = [client.revision for client in self._publisher.clients if among(client)]
            return len(revisions) >= clients and all(r is not None and r >= revision for r in revisions)

        with self._acknowledged:
            return self._acknowledged.wait_for(shown, timeout_s)

    def close(self) -> None:
        """Say goodbye to all clients and free the address."""
        self._stopping = True
        self._revisions.close("the link is closed")
        self._wakeup.ring()
        if self._thread is not threading.current_thread():
            self._thread.join()
            self._wakeup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._publisher.run(self._wakeup, lambda: self._stopping, self._newest, self._tell_waiting)
        except Exception:
            _log.exception("the link has stopped")
            self._revisions.close("the link has stopped by a fault of its own; the log says which")
        finally:
            self._tell_waiting()

    def _newest(self) -> State | None:
        self._revisions.integrate()
        return self._revisions.state

    def _tell_waiting(self) -> None:
        with self._acknowledged:
            self._acknowledged.notify_all()
