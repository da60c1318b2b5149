"""The engine process as the window sees it: starts it, sends patches, hears of progress, tells when it died."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.frames import Arrays
from desktop.gui.model.child import Child
from engine.generators.protocol import PatchRequest, PatchResult

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
        self._child = Child("desktop.worker", self)
        self._child.heard.connect(self._heard)
        self._child.ended.connect(self._ended)

    @property
    def pid(self) -> int:
        """The process's id; 0 while none runs."""
        return self._child.pid

    def start(self) -> None:
        """Start the process, unless one runs. `ready` or `died` follows."""
        if not self._child.running:
            self._child.start(asdict(self.options))
            self.watch(self._watching)

    def paint(self, job: str, requests: Sequence[PatchRequest]) -> None:
        """Have patches painted as one batch; `painted`, `cancelled` or `failed` follows, or `died`."""
        arrays: Arrays = {}
        for number, request in enumerate(requests):
            arrays |= {f"skin{number}": request.skin, f"editable{number}": request.editable}
            if request.shape is not None:
                arrays[f"shape{number}"] = request.shape
        self._child.send(
            {"kind": "paint", "job": job, "specs": [request.spec.to_json() for request in requests]}, arrays
        )

    def watch(self, on: bool) -> None:
        """Whether `preview` shall tell of pictures that come into being."""
        self._watching = on
        self._child.send({"kind": "watch", "on": on})

    def cancel(self, job: str) -> None:
        """Ask for a stop before the network's next evaluation."""
        self._child.send({"kind": "cancel", "job": job})

    def close(self) -> None:
        """End the process and wait for it; no signal follows."""
        self.is_ready = False
        self._child.close()

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
                self._child.blame(message["message"])

    def _ended(self, told: str) -> None:
        self.is_ready = False
        self.died.emit(told)
