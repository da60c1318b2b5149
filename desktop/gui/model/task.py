"""A long task in a process of its own, as the window sees it: starts it, hears of its progress, can give it up."""

import json
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

import desktop
from desktop.frames import Unpacker

_LEAVE_MS = 3000


class Task(QObject):
    """One `desktop.task_process` at a time.

    progress: steps done, their number (0 while unknown), what is being done. done: list of paths. failed: one line.
    """

    progress = Signal(int, int, str)
    done = Signal(list)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._unpacker = Unpacker()
        self._errors = b""

    @property
    def running(self) -> bool:
        """Whether a task is under way."""
        return self._process is not None

    def start(self, task: str, **options: Any) -> None:
        """Begin; `done` or `failed` follows, unless it is given up."""
        assert self._process is None, "one task at a time"
        process = QProcess(self)
        self._process, self._unpacker, self._errors = process, Unpacker(), b""
        process.setWorkingDirectory(str(Path(desktop.__file__).resolve().parents[1]))
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._error)
        process.start(sys.executable, ["-m", "desktop.task_process", json.dumps({"task": task, **options})])

    def give_up(self) -> None:
        """End the task; nothing follows."""
        process, self._process = self._process, None
        if process is not None:
            for signal in (process.readyReadStandardOutput, process.finished, process.errorOccurred):
                signal.disconnect()
            process.closeWriteChannel()
            if process.state() != QProcess.ProcessState.NotRunning and not process.waitForFinished(_LEAVE_MS):
                process.kill()
                process.waitForFinished(_LEAVE_MS)
            process.deleteLater()

    def _read(self) -> None:
        if self._process is None:
            return
        for message, _ in self._unpacker.feed(self._process.readAllStandardOutput().data()):
            match message["kind"]:
                case "progress":
                    self.progress.emit(message["done"], message["total"], message["doing"])
                case "done":
                    self._end()
                    self.done.emit(message["paths"])
                    return
                case "failed":
                    self._end()
                    self.failed.emit(message["message"])
                    return

    def _error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end()
            self.failed.emit(f"{sys.executable} can't be started")

    def _finished(self) -> None:
        """Only where it left without a word."""
        self._read()
        process = self._process
        if process is not None:
            lines = process.readAllStandardError().data().decode(errors="replace").strip().splitlines()
            self._end()
            self.failed.emit(lines[-1] if lines else "the work was ended from outside, or ran out of memory")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.finished.disconnect()
            process.finished.connect(process.deleteLater)
