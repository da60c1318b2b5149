"""Slow work off the window's thread: one job after the other, answers in the window's thread.

All work on a scene and its canvas goes through here, so the window never waits for a disk, and nothing on them runs at
the same time as something else.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, Signal, Slot

Then = Callable[[Any], None]
Failed = Callable[[Exception], None]


@dataclass(frozen=True)
class Work:
    """do: in the thread. then, failed: in the window's thread, with what came of it. key: see `Background.run`."""

    do: Callable[[], Any]
    then: Then
    failed: Failed
    key: str


class Background(QObject):
    """A thread that works, and tells the window's event loop."""

    _finished = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[Work] = deque()
        self._changed = threading.Condition()
        self._open, self._working = True, False
        self._finished.connect(self._answer, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._work, name="moulage-background", daemon=False)
        self._thread.start()

    def run(self, work: Callable[[], Any], then: Then, failed: Failed, key: str = "") -> None:
        """Do `work` in the thread; then call `then(result)` or `failed(error)` here.

        key: work that may be left out: it takes the place of waiting work with the same key, which is never answered,
        lets all other work go first, and is dropped when the window closes. Work without a key is always done.
        """
        with self._changed:
            if not self._open:
                return
            if key:
                self._waiting = deque(waiting for waiting in self._waiting if waiting.key != key)
            self._waiting.append(Work(work, then, failed, key))
            self._changed.notify_all()

    def drop(self, key: str) -> None:
        """Forget waiting work of this key."""
        with self._changed:
            self._waiting = deque(waiting for waiting in self._waiting if waiting.key != key)

    def settle(self) -> None:
        """Wait until all that must be done is done, and give the answers."""
        with self._changed:
            self._changed.wait_for(lambda: not self._working and all(waiting.key for waiting in self._waiting))
        QCoreApplication.sendPostedEvents(self, QEvent.Type.MetaCall)

    def close(self) -> None:
        """Do what must be done, drop the rest; nothing is answered any more."""
        with self._changed:
            self._open = False
            self._waiting = deque(waiting for waiting in self._waiting if not waiting.key)
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._open and not self._waiting:
                    self._changed.wait()
                if not self._waiting:
                    return
                work = next((w for w in self._waiting if not w.key), self._waiting[0])
                self._waiting.remove(work)
                self._working = True
            try:
                result, error = work.do(), None
            except BaseException as raised:
                result, error = None, raised
            if self._open:
                self._finished.emit(work, result, error)
            with self._changed:
                self._working = False
                self._changed.notify_all()
            del work, result, error  # a closed document must not stay in memory until the next work

    @Slot(object, object, object)
    def _answer(self, work: Work, result: Any, error: BaseException | None) -> None:
        if not self._open:
            return
        if error is None:
            work.then(result)
        elif isinstance(error, Exception):
            work.failed(error)
        else:
            raise error
