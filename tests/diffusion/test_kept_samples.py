"""A long benchmark goes on where it was stopped: what it kept is there, and nothing of another question is given."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.kept import Kept, name_of

_WRITER = """
import sys, pathlib, numpy as np
from benchmarks.kept import Kept
kept = Kept(pathlib.Path(sys.argv[1]))
for number in range(20):
    kept.put(f"{sys.argv[2]} {number}", {"x0": np.full((4, 8, 8), number, np.float32)}, number / 4)
"""


def test_what_two_processes_kept_in_one_file_is_there_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), name]) for name in ("one", "two")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    kept = Kept(path)
    for name in ("one", "two"):
        for number in range(20):
            found = kept.get(f"{name} {number}")
            assert found is not None and found[1] == number / 4
            assert (found[0]["x0"] == number).all() and found[0]["x0"].dtype == np.float32
    assert kept.get("one 20") is None
    kept.close()


def test_a_name_changes_with_whatever_decides_a_sample() -> None:
    values = np.arange(6, dtype=np.float32)
    parts = [
        ("net", "ours", 20, values, 1),
        ("net", "ours", 20, values, 2),
        ("net", "ours", 18, values, 1),
        ("other", "ours", 20, values, 1),
        ("net", "ours", 20, values + 1e-6, 1),
        ("net", "ours", 20, values.reshape(2, 3), 1),
        ("net", "ours", 20, values.astype(np.float64), 1),
    ]
    assert len({name_of(*part) for part in parts}) == len(parts)
    assert name_of(*parts[0]) == name_of(*parts[0])
