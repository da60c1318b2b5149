"""Sessions without a window: the real background, the real scene, the real engine process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEventLoop, QSettings, QTimer

from desktop.gui.model import painting, verbs
from desktop.gui.model.session import Session

LOADING_S = 240.0
"""For what takes seconds on a quiet machine."""


class Listener:
    """A session and what its user was told."""

    def __init__(self, settings: Path) -> None:
        self.session = Session(QSettings(str(settings), QSettings.Format.IniFormat))
        painting.connect(self.session)
        self.lines: list[str] = []
        self.faults: list[str] = []
        self.session.told.connect(self._hear)

    def _hear(self, text: str, fault: bool) -> None:
        (self.faults if fault else self.lines).append(text)

    def open(self, path: Path, scene_path: Path | None = None) -> None:
        """Open a patient and wait for it."""
        verbs.open_path(self.session, path, scene_path)
        self.until(lambda: not self.session.busy)

    def until(self, reached: Callable[[], bool]) -> None:
        """Let the event loop run until it is so."""
        deadline = time.monotonic() + LOADING_S
        while not reached():
            assert time.monotonic() < deadline, (self.lines, self.faults)
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.001)

    def close(self) -> list[str]:
        """End the session; what it left running, in words."""
        pid, threads = self.session.engine.pid, set(threading.enumerate())
        self.session.close()
        QCoreApplication.processEvents()
        left = [
            f"thread {thread.name}" for thread in threads if thread.name.startswith("moulage") and thread.is_alive()
        ]
        left += [f"timer {timer}" for timer in self.session.findChildren(QTimer) if timer.isActive()]
        left += [f"process {pid}"] if pid and Path(f"/proc/{pid}").exists() else []
        self.session.deleteLater()
        QCoreApplication.processEvents()
        return left

    def settle(self) -> None:
        """Until nothing is on its way, neither to the disk nor from the engine."""
        session = self.session
        self.until(lambda: not session.pending and session.job is None and not session.queue and not session.busy)

    @property
    def ids(self) -> list[str]:
        """The lesions from the bottom up."""
        assert self.session.document is not None
        return [layer.id for layer in self.session.document.layers]


class GapWatcher:
    """The longest time that the event loop did not turn, in ms: a timer looks at the clock every 2 ms.

    busiest_ms: the most processor time that this thread took between two turns, which other programs don't lengthen.
    """

    def __init__(self) -> None:
        self.longest_ms = self.busiest_ms = 0.0
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self._timer = QTimer(interval=2)
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest_ms = max(self.longest_ms, 1000 * (now - self._last))
        self._last = now
        worked = time.thread_time()
        self.busiest_ms = max(self.busiest_ms, 1000 * (worked - self._worked))
        self._worked = worked

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Measure during the block."""
        self._last, self._worked = time.perf_counter(), time.thread_time()
        self._timer.start()
        try:
            yield
        finally:
            self._tick()
            self._timer.stop()
