"""`kill -9` at any moment: the next run ends with the bytes of an undisturbed one.

Five moments; MOULAGE_KILLS=25 (or any number) tries as many.
"""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small import assert_same, tree

from engine.batch.executors import Local
from engine.batch.job import Job
from engine.batch.runner import run
from engine.output import TEMPORARY_SUFFIX

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and signals"),
]
KILLS = int(os.environ.get("MOULAGE_KILLS", "5"))
HERE = Path(__file__).resolve().parent


class Forks:
    """The process of `forking.py`."""

    def __init__(self, folder: Path) -> None:
        paths = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(HERE / "forking.py"), str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        assert self._line() == "ready"

    def run(self, out: Path, kill_after: float | None = None, kill_at: int | None = None) -> tuple[int, float]:
        """Run the job; its exit code and how long it took. Killed after so many seconds, or as soon as so many patients
        are there, if it still runs."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"out": str(out), "kill_after": kill_after, "kill_at": kill_at}) + "\n")
        self._process.stdin.flush()
        code, seconds = self._line().split()
        return int(code), float(seconds)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, f"the process ended with {self._process.poll()}"
        return line

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def forks(few: Job) -> Iterator[Forks]:
    forks = Forks(few.sources[0].path.parent)
    yield forks
    forks.close()


@pytest.mark.timeout(300 + 30 * KILLS)
def test_killed_at_any_moment_the_next_run_ends_with_the_same_bytes(
    forks: Forks, few_made: Path, few: Job, local: Local, tmp_path: Path
) -> None:
    """Moments are spread evenly at random over the time of a whole run, one in each KILLS-th part of it."""
    code, whole_s = forks.run(tmp_path / "unhurt")
    assert code == 0
    assert_same(tmp_path / "unhurt", few_made)
    rng = random.Random(20261121)
    killed = 0
    for number in range(KILLS):
        out = tmp_path / f"killed-{number}"
        code, _ = forks.run(out, whole_s * (number + rng.random()) / KILLS)
        killed += code == -signal.SIGKILL
        assert_no_half_file(out, few_made)
        assert run(few, out, local).complete
        assert_same(out, few_made)
    assert killed >= KILLS // 2


def test_killed_again_and_again_a_run_still_comes_to_its_end(forks: Forks, few_made: Path, tmp_path: Path) -> None:
    """Every process is killed as soon as it has made one patient more."""
    out = tmp_path / "set"
    for patients in (1, 2, 3):
        assert forks.run(out, kill_at=patients)[0] == -signal.SIGKILL
        assert_no_half_file(out, few_made)
    assert forks.run(out)[0] == 0
    assert_same(out, few_made)


def assert_no_half_file(out: Path, whole: Path) -> None:
    """Whatever has its final name has its final content; only manifests grow."""
    if not out.exists():
        return
    final = tree(whole)
    for name, data in tree(out).items():
        if not name.endswith((TEMPORARY_SUFFIX, ".lock", "manifest.jsonl")):
            assert data == final[name], name
