"""The same job on a Ray cluster of two workers, one of which is killed in the middle."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small import assert_same

from engine import BadInput
from engine.batch.executors import Local
from engine.batch.job import Job
from engine.batch.runner import run

pytest.importorskip("ray", reason="the cluster extra is not installed: pip install 'moulage[cluster]'")

from engine.batch.ray_executor import Ray

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own, which are many
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of two cores on this machine."""
    import ray

    repository = Path(__file__).resolve().parent.parent.parent
    paths = {"PYTHONPATH": os.pathsep.join([str(repository), os.environ.get("PYTHONPATH", "")])}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": paths})
    yield
    ray.shutdown()


class Killer(threading.Thread):
    """Kills the first worker that is seen working on a patient: the patient's lock says which process it is."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self.out, self.killed, self.over = out, 0, threading.Event()
        self.patient = 0

    def run(self) -> None:
        while not self.killed and not self.over.is_set():
            for lock in self.out.glob("patients/*/manifest.jsonl.lock"):
                try:
                    number = int(json.loads(lock.read_text())["pid"])
                except (OSError, ValueError):
                    continue
                assert number != os.getpid()
                os.kill(number, signal.SIGKILL)
                self.killed, self.patient = number, int(lock.parent.name)
                return
            time.sleep(0.02)


def test_a_worker_that_dies_is_replaced_and_the_set_is_the_same(
    cluster: None, few: Job, few_made: Path, tmp_path: Path
) -> None:
    killer = Killer(tmp_path / "set")
    killer.start()
    outcome = run(few, tmp_path / "set", Ray("auto", actors=2))
    killer.over.set()
    killer.join()
    assert killer.killed
    assert outcome.complete and outcome.failed == () and outcome.progress.done == 4
    assert_same(tmp_path / "set", few_made)


def test_a_unit_that_can_t_be_had_is_recorded_and_the_others_are_made(
    cluster: None, few: Job, few_made: Path, local: Local, tmp_path: Path
) -> None:
    """Without a second chance; asked again, elsewhere, the set is whole."""
    killer = Killer(tmp_path / "set")
    killer.start()
    outcome = run(few, tmp_path / "set", Ray("auto", actors=1, retries=0))
    killer.over.set()
    killer.join()
    assert killer.patient in [number for number, _ in outcome.failed]
    assert "its worker died" in outcome.failed[0][1] and 1 <= len(outcome.failed) < 4
    outcome = run(few, tmp_path / "set", local, retry_failed=True)
    assert outcome.complete and outcome.failed == ()
    assert_same(tmp_path / "set", few_made)


def test_a_cluster_that_is_not_there_is_named(few: Job, tmp_path: Path) -> None:
    import ray

    ray.shutdown()
    with pytest.raises(BadInput, match="--ray"):
        run(few, tmp_path / "set", Ray("127.0.0.1:1"))
