"""Random schedules for a whole link: what the state machine test and the soak both run.

A `Link` is a server, a bad network and some mirrors. Whatever is done to it, `settle` must bring all maps to the same
SHA-256 on both sides, and no mirror may ever have shown a state that disagrees with its own document.
"""

import random
import threading
from types import TracebackType
from typing import Self

from model import OWNERS, SKIN, SMALL, Model, close_up, disagreements
from proxy import Proxy

from bridge.client import AtlasMirror, Patience
from bridge.server import AtlasServer
from bridge.tiles import State

EAGER = Patience(first=0.005, longest=0.05, welcome=0.6)
MIRRORS = ("ward 1", "ward 2", "ward 3")
CLOSE_UPS = ("a", "b")


class Watched:
    """A mirror whose every shown state is checked, and that can be held up in the middle of showing one."""

    def __init__(self, endpoint: str, name: str, window: int, epoch: int = 0, shown: State | None = None) -> None:
        self.wrong: list[str] = []
        self.revisions: list[tuple[int, int]] = []
        self._gate = threading.Event()
        self._gate.set()
        start = {} if shown is None else {"epoch": epoch, "shown": shown}
        self.mirror = AtlasMirror(endpoint, name=name, window=window, patience=EAGER, on_shown=self._on_shown, **start)

    def _on_shown(self, state: State) -> None:
        self._gate.wait()
        self.revisions.append((self.mirror.epoch, state.revision))
        self.wrong += [f"revision {state.revision}: {what}" for what in disagreements(state)]

    def hold(self) -> None:
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    def close(self) -> None:
        self.release()
        self.mirror.close()


class Link:
    """See the module. All methods may be called in any order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.model = Model(seed)
        self.mirrors: dict[str, Watched] = {}
        self._left: dict[str, tuple[int, State]] = {}
        self.server = self._new_server("tcp://127.0.0.1:*", None, 0)
        for spec in (SKIN, OWNERS, SMALL):
            self.model.add(self.server, spec)
        self.model.commit(self.server)
        self.proxy = Proxy(self.server.endpoint, seed)
        self.proxy.chunk = 16384

    def _new_server(self, bind: str, epoch: int | None, revision: int) -> AtlasServer:
        codec = self._random.choice(["raw", "qoi"])
        return AtlasServer(
            bind, epoch=epoch, revision=revision, codec=codec, heartbeat_s=0.1, timeout_s=0.5, name="schedule"
        )

    def paint(self, times: int) -> None:
        for _ in range(times):
            self.model.paint(self.server)

    def commit(self) -> None:
        self.model.commit(self.server)

    def toggle_close_up(self, name: str, side: int) -> None:
        """A lesion's close-up appears, or vanishes, or has another size than the last time."""
        key = close_up(name).key
        if key in self.model.specs:
            self.model.remove(self.server, key)
        else:
            self.model.add(self.server, close_up(name, side))
            self.model.paint(self.server, key, whole=True)

    def join(self, name: str, window: int) -> None:
        """A mirror starts; one that was here before continues from what it had."""
        if name not in self.mirrors:
            epoch, shown = self._left.pop(name, (0, None))
            self.mirrors[name] = Watched(self.proxy.endpoint, name, window, epoch, shown)

    def leave(self, name: str) -> None:
        if name in self.mirrors:
            watched = self.mirrors.pop(name)
            watched.close()
            assert watched.wrong == []
            self._left[name] = (watched.mirror.epoch, watched.mirror.shown)

    def hold(self, name: str) -> None:
        if name in self.mirrors:
            self.mirrors[name].hold()

    def cut(self) -> None:
        self.proxy.drop()

    def trouble(self, drop_rate: float, delay_s: float, stalled: bool, duplicate: bool, reorder_s: float) -> None:
        self.proxy.drop_rate, self.proxy.delay_s, self.proxy.reorder_s = drop_rate, delay_s, reorder_s
        self.proxy.stalled, self.proxy.duplicate = stalled, duplicate

    def restart_server(self, same_epoch: bool, lost: int) -> None:
        """The server ends and another begins at its address; with `lost` > 0 it forgot so many revisions' numbers."""
        epoch, revision, endpoint = self.server.epoch, self.model.revision, self.server.endpoint
        self.server.close()
        start = max(0, revision - lost)
        self.server = self._new_server(endpoint, epoch if same_epoch else None, start if same_epoch else 0)
        self.model.restore(self.server)

    def settle(self, timeout_s: float = 20) -> None:
        """Calm the network; every mirror must come to show exactly the newest commit."""
        self.trouble(0, 0, False, False, 0)
        for watched in self.mirrors.values():
            watched.release()
        self.commit()
        for name, watched in self.mirrors.items():
            assert watched.mirror.wait_for(self.model.matches, timeout_s), (name, watched.mirror.status())
            assert watched.wrong == []
        if self.mirrors:
            assert self.server.wait_shown(self.model.revision, timeout_s), self.server.status()

    def close(self) -> None:
        for watched in self.mirrors.values():
            watched.close()
        self.proxy.close()
        self.server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
