"""A process of the window's own that talks in frames: the engine, the link, an export. It goes when the window goes."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

import desktop
from desktop.frames import Arrays, Unpacker, pack
from desktop.gui.model.texts import tr

_TAIL = 4000
_LEAVE_MS = 3000
_SEND_MS = 50


class Child(QObject):
    """At most one process of `python -m MODULE OPTIONS` at a time.

    heard: message, arrays by name. ended: one line that says why, when it ended without being told to; `start` may be
    called again.
    """

    heard = Signal(object, object)
    ended = Signal(str)

    def __init__(self, module: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._module = module
        self._process: QProcess | None = None
        self._unpacker = Unpacker()
        self._errors, self._reason = b"", ""

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process's id; 0 while none runs."""
        return self._process.processId() if self._process is not None else 0

    def start(self, options: Mapping[str, Any]) -> None:
        """Start it, unless it runs."""
        if self._process is not None:
            return
        self._unpacker, self._errors, self._reason = Unpacker(), b"", ""
        process = QProcess(self)
        process.setWorkingDirectory(str(Path(desktop.__file__).resolve().parents[1]))
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._keep_errors)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._error)
        self._process = process
        process.start(sys.executable, ["-m", self._module, json.dumps(dict(options))])

    def send(self, message: Mapping[str, Any], arrays: Arrays | None = None, at_once: bool = False) -> None:
        """Tell it something; nothing where it doesn't run. at_once: it is on its way before this returns."""
        if self._process is not None:
            self._process.write(pack(message, arrays))
            if at_once:
                self._process.waitForBytesWritten(_SEND_MS)

    def blame(self, reason: str) -> None:
        """What `ended` shall say: the process told it before it left."""
        self._reason = reason

    def leave(self, then: Callable[[], object] | None = None) -> None:
        """Let it go, without waiting; no signal follows, but `then` is called when it has gone."""
        process = self._part()
        if process is not None:
            if then is not None:
                process.finished.connect(then)
            process.finished.connect(process.deleteLater)
            process.closeWriteChannel()

    def close(self) -> None:
        """End it, and those that are still leaving, and wait for them; no signal follows."""
        process = self._part()
        if process is not None:
            process.closeWriteChannel()
        for leaving in self.findChildren(QProcess):
            leaving.blockSignals(True)  # what waits for it to be gone is not begun any more
            if leaving.state() != QProcess.ProcessState.NotRunning and not leaving.waitForFinished(_LEAVE_MS):
                leaving.kill()
                leaving.waitForFinished(_LEAVE_MS)
            leaving.deleteLater()

    def _part(self) -> QProcess | None:
        process, self._process = self._process, None
        if process is not None:
            for signal in (process.readyReadStandardOutput, process.readyReadStandardError):
                signal.disconnect()
            process.finished.disconnect()
            process.errorOccurred.disconnect()
        return process

    def _read(self) -> None:
        process = self._process
        if process is None:
            return
        try:
            for message, arrays in self._unpacker.feed(bytes(process.readAllStandardOutput().data())):
                self.heard.emit(message, arrays)
                if self._process is not process:
                    return  # whoever heard it has let the process go
        except ValueError as error:
            self._reason = tr("it answered with something unreadable ({})").format(error)
            process.kill()

    def _keep_errors(self) -> None:
        if self._process is not None:
            self._errors = (self._errors + bytes(self._process.readAllStandardError().data()))[-_TAIL:]

    def _error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end(tr("{} can't be started").format(sys.executable))

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._keep_errors()
        last = self._errors.decode(errors="replace").strip().splitlines()
        if self._reason:
            self._end(self._reason)
        elif status == QProcess.ExitStatus.CrashExit:
            self._end(tr("it was ended from outside or ran out of memory"))
        else:
            self._end(last[-1] if last else tr("it left with code {}").format(code))

    def _end(self, why: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
            self.ended.emit(why)
