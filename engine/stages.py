"""Time and memory of a run's stages, for `run.jsonl` and the reader of a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """seconds: wall clock. peak_mb: the process' largest resident size so far, None where the system doesn't tell."""

    name: str
    seconds: float
    peak_mb: float | None


class Stages:
    """Collects finished stages in order."""

    def __init__(self) -> None:
        self.finished: list[Stage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the block; a stage that fails is not recorded."""
        started = time.perf_counter()
        yield
        self.finished.append(Stage(name, round(time.perf_counter() - started, 3), peak_memory_mb()))


def peak_memory_mb() -> float | None:
    """The process' peak resident size in MB (10^6 bytes); None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)
