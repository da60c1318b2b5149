"""The link as a process of its own: follows a scene's file and publishes it, so that serving never stalls the window.

`python -m desktop.link_process JSON` takes `scene`, `bind`, `keys` (folder or null) and `automatic`. Frames
(`desktop.frames`) on stdin: `automatic` (on) and `push`; on stdout: `serving`, `status` and `broken`. When stdin ends
it says goodbye to the scenes and leaves.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.frames import Unpacker, pack

if TYPE_CHECKING:
    from bridge.server import AtlasServer
    from desktop.serve import LivePatient, SceneFollower

Tell = Callable[[Mapping[str, Any]], None]
_LOOK_S = 0.02
_STATUS_S = 0.25
_CHUNK = 1 << 16


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever libraries print must not get between the frames

    def tell(message: Mapping[str, Any]) -> None:
        frame = memoryview(pack(message))
        while frame:
            frame = frame[answers.write(frame) :]

    asked: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(asked,), daemon=True).start()
    try:
        _serve(json.loads(sys.argv[1]), asked, tell)
    except BrokenPipeError:
        return  # the window has gone
    except Exception as error:
        tell({"kind": "broken", "message": " ".join(str(error).split()) or type(error).__name__})
        raise SystemExit(1) from None


def _read(asked: "queue.SimpleQueue[Mapping[str, Any] | None]") -> None:
    unpacker = Unpacker()
    while data := os.read(sys.stdin.fileno(), _CHUNK):
        for message, _ in unpacker.feed(data):
            asked.put(message)
    asked.put(None)


def _serve(options: Mapping[str, Any], asked: "queue.SimpleQueue[Mapping[str, Any] | None]", tell: Tell) -> None:
    from bridge.security import load_server_keys
    from bridge.server import AtlasServer
    from desktop.serve import LivePatient, SceneFollower
    from engine.patient import Patient

    keys = load_server_keys(Path(options["keys"])) if options["keys"] else None
    with AtlasServer(options["bind"], keys=keys) as server:
        follower = SceneFollower(Path(options["scene"]))
        try:
            live = LivePatient(server, Patient(follower.scene.avatar()))
            tell({"kind": "serving", "endpoint": server.endpoint})
            _follow(live, follower, server, options["automatic"], asked, tell)
        finally:
            follower.close()


def _follow(
    live: "LivePatient",
    follower: "SceneFollower",
    server: "AtlasServer",
    automatic: bool,
    asked: "queue.SimpleQueue[Mapping[str, Any] | None]",
    tell: Tell,
) -> None:
    """Publish what the scene's file says: at once, or when told. The first state is always published."""
    waiting, push, told, told_at = None, True, None, 0.0
    while True:
        waiting = follower.changed() or waiting
        # What was asked before a change was made is heard before the change is published.
        for message in _heard(asked):
            if message is None:
                return
            automatic = message["on"] if message["kind"] == "automatic" else automatic
            push = push or message["kind"] == "push"
        if waiting is not None and (automatic or push):
            live.show(*waiting)
            waiting = None
        push = False
        now = time.monotonic()
        if now - told_at >= _STATUS_S:
            shown = server.status()
            status: dict[str, object] = {"revision": shown.revision, "behind": waiting is not None}
            status |= {"clients": [asdict(client) for client in shown.clients]}
            if status != told:
                tell({"kind": "status", **status})
            told, told_at = status, now


def _heard(asked: "queue.SimpleQueue[Mapping[str, Any] | None]") -> Iterator[Mapping[str, Any] | None]:
    """What was asked; waits a moment for it."""
    timeout = _LOOK_S
    while True:
        try:
            yield asked.get(timeout=timeout)
        except queue.Empty:
            return
        timeout = 0.001


if __name__ == "__main__":
    main()
