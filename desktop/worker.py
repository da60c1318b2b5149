"""The engine as a process of its own: holds the network, paints patches, and never touches a scene.

`python -m desktop.worker [OPTIONS AS JSON]` reads frames (`desktop.frames`) from stdin and answers on stdout. It is
told `paint`, `cancel` and `watch`; it tells `ready`, `progress`, `preview`, `painted`, `cancelled`, `failed`, `usage`
and `broken`. When stdin ends it leaves at once, so it never outlives the window, however that ended.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from desktop.frames import Arrays, Message, Unpacker, pack

if TYPE_CHECKING:
    from engine.generators.protocol import Generator, PatchRequest

Tell = Callable[..., None]
_CHUNK = 1 << 16
_BETWEEN_PREVIEWS = 0.3
_BETWEEN_USAGES = 2.0
_BEHIND = 5
"""How far it stands back where the window wants the processor, too (POSIX nice)."""
_FACTS = ("model", "precision", "threads", "batch_size", "evaluations", "seconds")


class Inbox:
    """What the window asks for, read by a thread so that `cancel` is heard while the network runs."""

    def __init__(self, stream: BinaryIO) -> None:
        self.watching = False
        self._jobs: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._stream = stream
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> Message:
        """Wait for the next job."""
        return self._jobs.get()

    def cancelled(self, job: str) -> bool:
        """Whether this job is no longer wanted."""
        return job in self._cancelled

    def _read(self) -> None:
        unpacker = Unpacker()
        while data := os.read(self._stream.fileno(), _CHUNK):
            for message, arrays in unpacker.feed(data):
                if message["kind"] == "cancel":
                    self._cancelled.add(message["job"])
                elif message["kind"] == "watch":
                    self.watching = bool(message["on"])
                else:
                    self._jobs.put((message, arrays))
        os._exit(0)  # the window has gone; nothing here is worth saving


class Painter:
    """Paints one job after the other and tells what comes of them."""

    def __init__(self, generator: "Generator", inbox: Inbox, tell: Tell) -> None:
        self._generator, self._inbox, self._tell = generator, inbox, tell
        self._number = ""
        self._previewed = self._measured = 0.0
        if hasattr(generator, "watch"):
            generator.watch = self._watch

    def paint(self, job: Mapping[str, Any], arrays: Arrays) -> None:
        """Paint the patches of one job, as one batch."""
        from engine.errors import Cancelled, MoulageError

        self._number = number = job["job"]
        try:
            results = self._generator.generate(
                _requests(job, arrays), self._progress, lambda: self._inbox.cancelled(number)
            )
        except Cancelled:
            self._tell({"kind": "cancelled", "job": number})
        except MoulageError as error:
            self._tell({"kind": "failed", "job": number, "message": str(error)})
        except (MemoryError, RuntimeError) as error:
            self._tell({"kind": "failed", "job": number, "message": _plain(error)})
        else:
            told = [{name: getattr(result, name) for name in _FACTS} for result in results]
            painted = {f"rgb{i}": result.rgb for i, result in enumerate(results)}
            painted |= {f"mask{i}": result.mask for i, result in enumerate(results)}
            self._tell({"kind": "painted", "job": number, "results": told}, painted)
        self.tell_usage()

    def tell_usage(self) -> None:
        """Memory of this process and of the graphics card."""
        from desktop.memory import resident_mb

        self._measured = time.monotonic()
        self._tell({"kind": "usage", "engine_mb": resident_mb(), **_graphics(self._generator)})

    def _progress(self, done: int, total: int) -> None:
        self._tell({"kind": "progress", "job": self._number, "done": done, "total": total})
        if time.monotonic() - self._measured > _BETWEEN_USAGES:
            self.tell_usage()

    def _watch(self, x0: NDArray[np.float32]) -> None:
        if self._inbox.watching and time.monotonic() - self._previewed > _BETWEEN_PREVIEWS:
            self._tell({"kind": "preview", "job": self._number}, {"x0": np.ascontiguousarray(x0, np.float32)})
            self._previewed = time.monotonic()


def main() -> None:
    """Open the model, say so, and work until stdin ends."""
    if hasattr(os, "nice"):
        os.nice(_BEHIND)  # Windows prefers the window in front by itself
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever libraries print must not get between the frames
    lock = threading.Lock()

    def tell(message: Mapping[str, Any], arrays: Arrays | None = None) -> None:
        frame = memoryview(pack(message, arrays))
        with lock:
            while frame:
                frame = frame[answers.write(frame) :]

    inbox = Inbox(sys.stdin.buffer)
    try:
        generator = _open(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
    except Exception as error:
        tell({"kind": "broken", "message": _plain(error, "") or type(error).__name__})
        raise SystemExit(1) from None
    device = str(getattr(generator, "device", "cpu"))
    tell({"kind": "ready", "classes": list(generator.classes), "device": device, "pid": os.getpid()})
    painter = Painter(generator, inbox, tell)
    painter.tell_usage()
    while True:
        painter.paint(*inbox.next())


def _open(options: Mapping[str, Any]) -> "Generator":
    from engine.diffusion import precision
    from engine.generators.registry import open_generator

    threads = options.get("threads") or max(1, precision.threads() - 1)  # one core stays with the window
    generator = open_generator(
        "ddpm",
        model=options.get("model") or "default",
        device=options.get("device"),
        threads=threads,
        memory_mb=options.get("memory_mb"),
        arithmetic=options.get("arithmetic") or "auto",
    )
    batched = getattr(generator, "batched", None)
    if batched is not None and str(getattr(generator, "device", "")) == "cpu":
        batched.most = 1  # a processor is no faster with several at once, and `cancel` then waits for one picture only
    return generator


def _requests(job: Mapping[str, Any], arrays: Arrays) -> "list[PatchRequest]":
    from engine.generators.protocol import PatchRequest
    from engine.lesion import LesionSpec

    return [
        PatchRequest(arrays[f"skin{i}"], arrays[f"editable{i}"], arrays.get(f"shape{i}"), LesionSpec.from_json(spec))
        for i, spec in enumerate(job["specs"])
    ]


def _graphics(generator: "Generator") -> dict[str, float]:
    """What is taken of the graphics card's memory, and how much it has; empty where there is none."""
    device = getattr(generator, "device", None)
    if getattr(device, "type", "cpu") != "cuda":
        return {}
    import torch

    free, total = torch.cuda.mem_get_info(device)
    return {"gpu_mb": (total - free) / 1e6, "gpu_total_mb": total / 1e6}


def _plain(error: Exception, before: str = "the network failed: ") -> str:
    text = " ".join(str(error).split())
    signs = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "memory is short")
    if isinstance(error, MemoryError) or any(sign in text.lower() for sign in signs):
        return "there is not enough memory for this lesion; choose a smaller detail or close other programs"
    return f"{before}{text}"


if __name__ == "__main__":
    main()
