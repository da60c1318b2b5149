"""What `moulage batch` tells while it works: a bar with rate and time left, or JSON lines; and how it stops."""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from desktop.estimating import duration
from engine.batch.estimate import expected_lesions
from engine.batch.executors import Executor
from engine.batch.job import Job
from engine.batch.runner import Outcome, Progress, run
from engine.batch.units import units
from engine.errors import Cancelled

_LOG_EVERY_S = 1.0
_MOST_FAILURES = 10

Tell = Callable[[Progress], None]


def run_with_progress(
    job: Job, out: Path, executor: Executor, shard: tuple[int, int], retry_failed: bool, log_json: bool
) -> bool:
    """Run the job and tell of it; whether patients failed. Ctrl-C and SIGTERM end it cleanly, between two steps."""
    numbers = [number for unit in units(job, shard) for number in unit.patients]
    expected = sum(expected_lesions(job, numbers).values()) if numbers else 0.0
    with _stopping(log_json) as stop, (_logged if log_json else _bar)(expected) as tell:
        try:
            outcome = run(job, out, executor, shard, retry_failed, tell, stop)
        except Cancelled as error:
            raise Cancelled("stopped; what is finished stays, and the same command goes on") from error
    _tell_outcome(outcome, out, log_json)
    return bool(outcome.failed)


def seconds_left(progress: Progress, expected: float) -> float | None:
    """By the rate of this run's own lesions; None before the first. expected: lesions of all its patients."""
    if progress.lesions == 0 or progress.seconds <= 0:
        return None
    whole = progress.kept + progress.elsewhere + progress.failed
    todo = expected * (1 - whole / max(progress.patients, 1))
    return max(0.0, todo - progress.lesions) * progress.seconds / progress.lesions


@contextmanager
def _bar(expected: float) -> Iterator[Tell]:
    """A bar on standard error; silent where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(file=sys.stderr)
    columns = (TextColumn("patients"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("loading", total=None)

        def tell(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.patients, description=_rate(progress, expected))

        yield tell


def _rate(progress: Progress, expected: float) -> str:
    parts = [f"{progress.lesions} lesions"]
    if progress.lesions and progress.seconds > 0:
        parts.append(f"{progress.lesions / progress.seconds:.2f}/s")
    left = seconds_left(progress, expected)
    parts += [f"{duration(left)} left"] if left is not None else []
    parts += [f"{progress.failed} failed"] if progress.failed else []
    return ", ".join(parts)


@contextmanager
def _logged(expected: float) -> Iterator[Tell]:
    """A line of JSON a second at most, and one for each finished patient, on standard output."""
    last: list[tuple[float, int]] = [(0.0, -1)]

    def tell(progress: Progress) -> None:
        now = time.monotonic()
        if progress.done == last[0][1] and now - last[0][0] < _LOG_EVERY_S:
            return
        last[0] = (now, progress.done)
        _log("progress", **_counts(progress), left_s=_rounded(seconds_left(progress, expected)))

    yield tell


def _tell_outcome(outcome: Outcome, out: Path, log_json: bool) -> None:
    done = outcome.progress
    if log_json:
        failed = [{"patient": number, "reason": reason} for number, reason in outcome.failed]
        _log("finished", **_counts(done), complete=outcome.complete, failures=failed, output=str(out))
        return
    told = [f"{done.made} made with {done.lesions} lesions in {duration(done.seconds)}"] if done.made else []
    told += [f"{done.kept} were whole already"] if done.kept else []
    told += [f"{done.elsewhere} are another process's"] if done.elsewhere else []
    print(f"{done.patients} patients: " + ", ".join(told or ["none made"]) + ".")
    for number, reason in outcome.failed[:_MOST_FAILURES]:
        print(f"patient {number} failed: {reason}", file=sys.stderr)
    if outcome.failed:
        more = len(outcome.failed) - _MOST_FAILURES
        also = f" (and {more} more)" if more > 0 else ""
        print(
            f"{len(outcome.failed)} failed{also}: {out / 'failures'}; --retry-failed tries them again.", file=sys.stderr
        )
    elif outcome.complete:
        print(f"The set is whole: look at {out / 'contact_sheet.png'} and {out / 'dataset_card.md'}.")
    elif done.elsewhere:
        print(
            f"{_others(done.elsewhere)} by another process, which finishes the set. Should it end without, the same "
            f"command goes on; `moulage verify {out}` says whether the set is whole."
        )
    else:
        print("This part is done; the set's own files are made when all its patients are there.")


def _others(count: int) -> str:
    return "1 patient is being made" if count == 1 else f"{count} patients are being made"


def _counts(progress: Progress) -> dict[str, object]:
    names = ("patients", "done", "made", "kept", "failed", "elsewhere", "lesions")
    return {name: getattr(progress, name) for name in names} | {"seconds": _rounded(progress.seconds)}


def _log(event: str, **what: object) -> None:
    print(json.dumps({"event": event} | what), flush=True)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


@contextmanager
def _stopping(quiet: bool) -> Iterator[Callable[[], bool]]:
    """A question that is answered with yes once Ctrl-C was pressed or SIGTERM came; a second Ctrl-C ends at once."""
    asked = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        if not quiet:
            print("\nmoulage: stopping after this step; once more to stop at once", file=sys.stderr)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
