"""What the processes of a run are told, what they tell, and how they take up a patient's folder.

A patient's folder is an `OutputFolder` of its own, locked while it is worked on: two processes that are given the same
patient (a shard that was started twice, a cluster's retry) can't disturb each other.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.batch.job import Job
from engine.batch.layout import patient_folder
from engine.batch.outputs import RECORD, Origin
from engine.errors import BadInput, MoulageError
from engine.output import TEMPORARY_SUFFIX, OutputFolder, verify
from engine.output.folder import MANIFEST, read_manifest


@dataclass(frozen=True)
class Task:
    """What every process of a run is told. precision: of the network. retry: make failed patients again."""

    job: Job
    out: Path
    origin: Origin
    precision: str
    retry: bool = False


@dataclass(frozen=True)
class Event:
    """What happened. kind: of a patient `made`, `kept` (was whole already), `failed` or `elsewhere` (another process
    makes it); `painted`: so many lesions came from the network, in `seconds` of one painter's time; or `started`: the
    networks are loaded."""

    kind: str
    patient: int = 0
    lesions: int = 0
    text: str = ""
    seconds: float = 0.0


Told = Callable[[Event], None]


class Elsewhere(MoulageError):
    """Another process makes this patient."""


def patient_job(task: Task, number: int) -> str:
    """What identifies the work on one patient."""
    return f"{task.origin.job} {number}"


def is_whole(task: Task, number: int) -> bool:
    """Whether a patient is finished and every file of it is still as it was written.

    Leftovers of a killed process beside a finished patient are cleared away.
    """
    folder = patient_folder(task.out, number)
    try:
        job, complete, records = read_manifest(folder / MANIFEST)
        found = verify(folder)
    except MoulageError:
        return False
    if job != patient_job(task, number) or not complete or found.problems or RECORD not in records:
        return False
    if not (folder / MANIFEST).read_bytes().endswith(b"\n"):
        return False
    if (folder / f"{MANIFEST}.lock").exists() or any(name.endswith(TEMPORARY_SUFFIX) for name in found.unlisted):
        with contextlib.suppress(Elsewhere), OutputFolder(folder, job, busy=Elsewhere) as opened:
            if not opened.whole:
                return False
            opened.finish()
    return True


def opened(task: Task, number: int) -> OutputFolder:
    """A patient's folder, to make or mend its files.

    Elsewhere where another process writes it; BadInput where it belongs to another set; OutputError where the disk
    doesn't let us.
    """
    folder, job = patient_folder(task.out, number), patient_job(task, number)
    manifest = folder / MANIFEST
    if manifest.exists():
        try:
            found, _, _ = read_manifest(manifest)
        except BadInput:
            manifest.unlink()  # damaged: what it listed can't be trusted, and is made again
        else:
            if found != job:
                raise BadInput(f"{folder}: holds a patient of another set; remove it, or choose another folder")
    return OutputFolder(folder, job, force=True, busy=Elsewhere)
