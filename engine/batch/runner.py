"""A job from the first patient to the finished set: `engine.batch.run`.

    from engine.batch import load, run

    outcome = run(load("job.toml"), "set")                           # on this machine
    outcome = run(job, "/shared/set", shard=(3, 8))                  # the third of eight processes, anywhere
    outcome = run(job, "/shared/set", executor=Ray("auto"))          # engine.batch.ray_executor

Calling it again goes on where the last call ended, however that ended, and only verifies what is finished. Processes
that are given the same folder (a shared drive) work beside each other; whichever finds all patients there makes the
set's files. Folders that were filled apart become one by copying them into each other and calling once more.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.batch.claim import claim
from engine.batch.collect import collect
from engine.batch.executors import Executor, Local
from engine.batch.job import Job
from engine.batch.outputs import Origin
from engine.batch.picture_sizes import refuse_too_large
from engine.batch.task import Event, Task
from engine.batch.units import units
from engine.errors import BadInput
from engine.generators.protocol import Cancel


@dataclass(frozen=True)
class Progress:
    """How far a run is. patients: of its shard; done: of them, made, found whole, failed, or another process's.

    lesions: painted so far. seconds: since the networks were loaded. painting_s: of all painters together.
    """

    patients: int
    done: int = 0
    made: int = 0
    kept: int = 0
    failed: int = 0
    elsewhere: int = 0
    lesions: int = 0
    seconds: float = 0.0
    painting_s: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What a run did. failed: numbers and reasons of the patients of its shard that could not be made.

    complete: all patients of the whole job are there, and so are the set's files.
    """

    progress: Progress
    failed: tuple[tuple[int, str], ...]
    complete: bool


def run(
    job: Job,
    out: str | Path,
    executor: Executor | None = None,
    shard: tuple[int, int] = (1, 1),
    retry_failed: bool = False,
    progress: Callable[[Progress], None] | None = None,
    cancel: Cancel | None = None,
) -> Outcome:
    """Make the job's patients, or those of shard i of n, in the folder `out`; see the module.

    executor: where the work is done; this process where None. retry_failed: patients that failed in an earlier run are
    made again; otherwise they stay as they are. progress: told often, never from two threads at once.
    BadInput, before anything is written, for a job that the model can't do or a folder that holds something else;
    OutputError where the disk is full or can't be written; Cancelled on request. What is finished stays in every case.
    """
    from engine.diffusion import checkpoint

    out = Path(out).resolve()
    executor = executor or Local()
    todo = list(units(job, shard))
    model = checkpoint.find(job.network.model)
    _require_classes(job, model.classes)
    refuse_too_large(job)
    executor.prepare(job)
    claimed = claim(out, job, model.fingerprint, executor.best_precision)
    origin = Origin(claimed.identity, model.fingerprint, model.licence, model.classes)
    task = Task(job, out, origin, claimed.precision, retry_failed)
    tally = _Tally(sum(len(unit.patients) for unit in todo), progress)
    executor.work(task, todo, tally.told, cancel)
    complete = collect(out, job, origin)
    return Outcome(tally.progress, tuple(sorted(tally.failed)), complete)


class _Tally:
    """Counts events, from any thread."""

    def __init__(self, patients: int, tell: Callable[[Progress], None] | None) -> None:
        self._lock = threading.Lock()
        self._tell = tell
        self._started = time.perf_counter()
        self.progress = Progress(patients)
        self.failed: list[tuple[int, str]] = []

    def told(self, event: Event) -> None:
        with self._lock:
            now = self.progress
            if event.kind == "started":
                self._started = time.perf_counter()
            elif event.kind == "painted":
                now = replace(now, lesions=now.lesions + event.lesions, painting_s=now.painting_s + event.seconds)
            else:
                now = replace(now, done=now.done + 1, **{event.kind: getattr(now, event.kind) + 1})
            if event.kind == "failed":
                self.failed.append((event.patient, event.text))
            self.progress = replace(now, seconds=time.perf_counter() - self._started)
            if self._tell is not None:
                self._tell(self.progress)


def _require_classes(job: Job, classes: tuple[str, ...]) -> None:
    asked = [name for group in job.lesions for name, _ in group.classes]
    asked += [job.ugly_duckling.lesion_class] if job.ugly_duckling is not None else []
    for name in asked:
        if name not in classes:
            known = ", ".join(classes)
            raise BadInput(f"lesions: class {name!r} is not among those of model {job.network.model!r}: {known}")
