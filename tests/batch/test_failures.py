"""Records of patients that could not be made, written and dropped by many at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.batch import failures


def test_recording_and_forgetting_beside_each_other_disturb_nobody(tmp_path: Path) -> None:
    def turns(number: int) -> None:
        for _ in range(20):
            failures.record(tmp_path, number, "why", "trace")
            assert failures.reason(tmp_path, number) == "why"
            failures.forget(tmp_path, number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(turns, range(1, 5)))
    assert not list(tmp_path.iterdir())
