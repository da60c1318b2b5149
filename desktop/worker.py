"""The engine as a process of its own: holds the network, paints patches, and never touches a scene.

`python -m desktop.worker` reads frames (`desktop.frames`) from stdin and answers on stdout. It is told `paint` and
`cancel`; it tells `ready`, `progress`, `painted`, `cancelled`, `failed` and `broken`. When stdin ends it leaves at
once, so it never outlives the window, however that ended.
"""

import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from desktop.frames import Arrays, Message, Unpacker, pack

if TYPE_CHECKING:
    from engine.generators.protocol import Generator

Tell = Callable[..., None]
_CHUNK = 1 << 16


class Inbox:
    """What the window asks for, read by a thread so that `cancel` is heard while the network runs."""

    def __init__(self, stream: BinaryIO) -> None:
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
                else:
                    self._jobs.put((message, arrays))
        os._exit(0)  # the window has gone; nothing here is worth saving


def paint(generator: "Generator", job: Mapping[str, Any], arrays: Arrays, inbox: Inbox, tell: Tell) -> None:
    """Paint one patch and tell what came of it."""
    from engine.errors import Cancelled, MoulageError
    from engine.generators.protocol import PatchRequest
    from engine.lesion import LesionSpec

    number = job["job"]
    try:
        spec = LesionSpec.from_json(job["spec"])
        request = PatchRequest(arrays["skin"], arrays["editable"], arrays.get("shape"), spec)
        (result,) = generator.generate(
            [request],
            lambda done, total: tell({"kind": "progress", "job": number, "done": done, "total": total}),
            lambda: inbox.cancelled(number),
        )
    except Cancelled:
        tell({"kind": "cancelled", "job": number})
    except MoulageError as error:
        tell({"kind": "failed", "job": number, "message": str(error)})
    except (MemoryError, RuntimeError) as error:
        tell({"kind": "failed", "job": number, "message": _plain(error)})
    else:
        facts = ("model", "precision", "threads", "batch_size", "evaluations", "seconds")
        told = {"kind": "painted", "job": number} | {name: getattr(result, name) for name in facts}
        tell(told, {"rgb": result.rgb, "mask": result.mask})


def main() -> None:
    """Open the model, say so, and work until stdin ends."""
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
        generator = _open()
    except Exception as error:
        tell({"kind": "broken", "message": " ".join(str(error).split()) or type(error).__name__})
        raise SystemExit(1) from None
    device = str(getattr(generator, "device", "cpu"))
    tell({"kind": "ready", "classes": list(generator.classes), "device": device, "pid": os.getpid()})
    while True:
        job, arrays = inbox.next()
        paint(generator, job, arrays, inbox, tell)


def _open() -> "Generator":
    from engine.diffusion import precision
    from engine.generators.registry import open_generator

    # One core stays with the window.
    return open_generator("ddpm", threads=max(1, precision.threads() - 1))


def _plain(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return "there is not enough memory for this lesion; choose a smaller detail or close other programs"
    return f"the network failed: {text}"


if __name__ == "__main__":
    main()
