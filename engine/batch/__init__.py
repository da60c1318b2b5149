"""Many patients from one job file, reproducibly: what `moulage batch` runs.

A `Job` says what is wanted, `draw_patient` what one patient gets, independently of all others; `run` makes them.

    from engine.batch import load, run

    outcome = run(load(Path("job.toml")), "set")
"""

from typing import TYPE_CHECKING, Any

from engine.batch.job import Job
from engine.batch.loading import load

if TYPE_CHECKING:
    from engine.batch.runner import Outcome, Progress, run

__all__ = ["Job", "Outcome", "Progress", "load", "run"]


def __getattr__(name: str) -> Any:
    """The runner is imported when it is first asked for: reading jobs needs little of what running them needs."""
    if name in ("Outcome", "Progress", "run"):
        from engine.batch import runner

        return getattr(runner, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
