"""The engine process as the window sees it: starts it, sends patches, hears of progress, tells when it died."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

import desktop
from desktop.frames import Unpacker, pack
from engine.generators.protocol import PatchRequest, PatchResult

_TAIL = 4000
_LEAVE_MS = 3000
_FACTS = ("model", "precision", "threads", "batch_size", "evaluations", "seconds")


@dataclass(frozen=True)
class EngineOptions:
    """How the engine is started. model: name or folder. device: `cpu`, `cuda`, `mps`; the best where None.

    threads: of the processor, all but one where None. memory_mb: what a batch may take; what there is where None.
    arithmetic: `auto`, `fp32` or `bf16`.
    """

    model: str = "default"
    device: str | None = None
    threads: int | None = None
    memory_mb: float | None = None
    arithmetic: str = "auto"


@dataclass(frozen=True)
class Usage:
    """Memory in MB (10^6 bytes); None where the system doesn't tell, or where there is no graphics card."""

    window_mb: float | None = None
    engine_mb: float | None = None
    gpu_mb: float | None = None
    gpu_total_mb: float | None = None


class EngineProcess(QObject):
    """One `desktop.worker` at a time.

    ready: the model is open (classes, device). progress: job, done, total. preview: job, x0 float32 [B, 4, S, S].
    painted: job, list of PatchResult. failed: job, one line. used: what `Usage` says of the engine. died: one line;
    nothing is running any more and `start` may be called.
    """

    ready = Signal()
    progress = Signal(str, int, int)
    preview = Signal(str, object)
    painted = Signal(str, object)
    cancelled = Signal(str)
    failed = Signal(str, str)
    used = Signal(object)
    died = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.classes: tuple[str, ...] = ()
        self.device = ""
        self.is_ready = False
        self.options = EngineOptions()
        self._watching = False
        self._broken = ""
        self._errors = b""
        self._unpacker = Unpacker()
        self._process: QProcess | None = None

    @property
    def pid(self) -> int:
        """The process's id; 0 while none runs."""
        return self._process.processId() if self._process is not None else 0

    def start(self) -> None:
        """Start the process, unless one runs. `ready` or `died` follows."""
        if self._process is not None:
            return
        self._broken, self._errors, self._unpacker = "", b"", Unpacker()
        process = QProcess(self)
        process.setWorkingDirectory(str(Path(desktop.__file__).resolve().parents[1]))
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._keep_errors)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._error)
        self._process = process
        process.start(sys.executable, ["-m", "desktop.worker", json.dumps(asdict(self.options))])
        self.watch(self._watching)

    def paint(self, job: str, requests: Sequence[PatchRequest]) -> None:
        """Have patches painted as one batch; `painted`, `cancelled` or `failed` follows, or `died`."""
        arrays = {f"skin{i}": request.skin for i, request in enumerate(requests)}
        arrays |= {f"editable{i}": request.editable for i, request in enumerate(requests)}
        arrays |= {f"shape{i}": request.shape for i, request in enumerate(requests) if request.shape is not None}
        specs = [request.spec.to_json() for request in requests]
        self._send(pack({"kind": "paint", "job": job, "specs": specs}, arrays))

    def watch(self, on: bool) -> None:
        """Whether `preview` shall tell of pictures that come into being."""
        self._watching = on
        self._send(pack({"kind": "watch", "on": on}))

    def cancel(self, job: str) -> None:
        """Ask for a stop before the network's next evaluation."""
        self._send(pack({"kind": "cancel", "job": job}))

    def close(self) -> None:
        """End the process and wait for it; no signal follows."""
        process, self._process, self.is_ready = self._process, None, False
        if process is None:
            return
        process.closeWriteChannel()
        if process.state() != QProcess.ProcessState.NotRunning and not process.waitForFinished(_LEAVE_MS):
            process.kill()
            process.waitForFinished(_LEAVE_MS)
        process.deleteLater()

    def _send(self, frame: bytes) -> None:
        if self._process is not None:
            self._process.write(frame)

    def _read(self) -> None:
        if self._process is None:
            return
        data = self._process.readAllStandardOutput().data()
        try:
            for message, arrays in self._unpacker.feed(data):
                self._heard(message, arrays)
        except ValueError as error:
            self._broken = f"it answered with something unreadable ({error})"
            self._process.kill()

    def _heard(self, message: dict[str, Any], arrays: dict[str, Any]) -> None:
        match message["kind"]:
            case "ready":
                self.classes, self.device = tuple(message["classes"]), message["device"]
                self.is_ready = True
                self.ready.emit()
            case "progress":
                self.progress.emit(message["job"], message["done"], message["total"])
            case "preview":
                self.preview.emit(message["job"], arrays["x0"])
            case "painted":
                told = enumerate(message["results"])
                results = [
                    PatchResult(arrays[f"rgb{i}"], arrays[f"mask{i}"], *(facts[name] for name in _FACTS))
                    for i, facts in told
                ]
                self.painted.emit(message["job"], results)
            case "usage":
                names = ("engine_mb", "gpu_mb", "gpu_total_mb")
                self.used.emit(Usage(None, *(message.get(name) for name in names)))
            case "cancelled":
                self.cancelled.emit(message["job"])
            case "failed":
                self.failed.emit(message["job"], message["message"])
            case "broken":
                self._broken = message["message"]

    def _keep_errors(self) -> None:
        if self._process is not None:
            self._errors = (self._errors + self._process.readAllStandardError().data())[-_TAIL:]

    def _error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._ended(f"{sys.executable} can't be started")

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._keep_errors()
        last = self._errors.decode(errors="replace").strip().splitlines()
        if self._broken:
            told = self._broken
        elif status == QProcess.ExitStatus.CrashExit:
            told = "it was ended from outside or ran out of memory"
        else:
            told = last[-1] if last else f"it left with code {code}"
        self._ended(told)

    def _ended(self, told: str) -> None:
        process, self._process, self.is_ready = self._process, None, False
        if process is not None:
            process.deleteLater()
            self.died.emit(told)
