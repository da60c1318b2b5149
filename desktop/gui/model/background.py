"""Slow work off the window's thread: one job after the other, answers in the window's thread."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

Then = Callable[[Any], None]
Failed = Callable[[Exception], None]


class Background(QObject):
    """A thread that works, and tells the window's event loop."""

    _finished = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ThreadPoolExecutor(1, "moulage-background")
        self._finished.connect(self._answer, Qt.ConnectionType.QueuedConnection)
        self._open = True

    def run(self, work: Callable[[], Any], then: Then, failed: Failed) -> None:
        """Do `work` in the thread; then call `then(result)` or `failed(error)` here."""

        def done(future: "Future[Any]") -> None:
            if self._open:
                self._finished.emit(future, then, failed)

        self._thread.submit(work).add_done_callback(done)

    def close(self) -> None:
        """Wait for what runs, drop what waits; nothing is answered any more."""
        self._open = False
        self._thread.shutdown(wait=True, cancel_futures=True)

    @Slot(object, object, object)
    def _answer(self, future: "Future[Any]", then: Then, failed: Failed) -> None:
        if not self._open:
            return
        error = future.exception()
        if error is None:
            then(future.result())
        elif isinstance(error, Exception):
            failed(error)
        else:
            raise error
