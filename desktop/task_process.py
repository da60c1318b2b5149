"""Long work in a process of its own, so that neither the window nor its memory feels it: a new patient, an export.

`python -m desktop.task_process JSON` with `task` (`create` or `export`) and its options; frames (`desktop.frames`) on
stdout: `progress` (done, total, doing), then `done` (paths) or `failed` (message). When stdin ends, the window has gone
or no longer wants it: the work ends at once, and what is half-written vanishes or is cleared with the next run.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.frames import pack


def main() -> None:
    """Do the one task."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever libraries print must not get between the frames

    def tell(message: Mapping[str, Any]) -> None:
        frame = memoryview(pack(message))
        while frame:
            frame = frame[answers.write(frame) :]

    def told(done: int, total: int, doing: str) -> None:
        tell({"kind": "progress", "done": done, "total": total, "doing": doing})

    threading.Thread(target=_leave_with_window, daemon=True).start()
    options = json.loads(sys.argv[1])
    work = {"create": _create, "export": _export}[options.pop("task")]
    try:
        tell({"kind": "done", "paths": work(options, told)})
    except Exception as error:
        tell({"kind": "failed", "message": _plain(error)})
        raise SystemExit(1) from None


def _leave_with_window() -> None:
    while os.read(sys.stdin.fileno(), 1 << 12):
        pass
    os._exit(0)


def _create(options: Mapping[str, Any], told: Any) -> list[str]:
    """A parametric patient. options: `path` of the GLB, and BodySpec's fields under `spec`."""
    from engine.avatar.basemesh import cache_file
    from engine.avatar.body import BodySpec, create
    from engine.output import write_atomic

    spec = BodySpec(**options["spec"])
    told(0, 2, "body" if cache_file().exists() else "base body, once; half a minute")
    data = create(spec)
    told(1, 2, "file")
    Path(options["path"]).parent.mkdir(parents=True, exist_ok=True)
    write_atomic(Path(options["path"]), data)
    return [options["path"]]


def _export(options: Mapping[str, Any], told: Any) -> list[str]:
    """Files of a scene. options: `scene`, `folder`, `title`, `force`, Choice's fields under `choice`, and the `numbers`
    of lesions by id, as the window shows them."""
    from engine.chosen_export import Choice, export_choice
    from engine.output import OutputFolder
    from engine.patient import Patient
    from engine.scene import Scene

    choice = Choice(**options["choice"])
    told(0, 0, "patient")
    with Scene.open(Path(options["scene"])) as scene:
        patient, layers, revision = Patient(scene.avatar()), scene.layers(), scene.revision
    patient.canvas.number_of.update(options["numbers"])
    patient.canvas.show(layers)
    with OutputFolder(Path(options["folder"]), choice.job(patient, revision), options["force"]) as folder:
        names = export_choice(patient, layers, choice, folder, options["title"], told)
    return [str(Path(options["folder"]) / name) for name in names]


def _plain(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory; choose a smaller texture or close other programs"
    return " ".join(str(error).split()) or type(error).__name__


if __name__ == "__main__":
    main()
