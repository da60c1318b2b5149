"""Processes that train together: they agree on when to wait, whatever their clocks and their haste."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trees
from two_processes import BATCH, STEPS

from engine.diffusion import checkpoint


@pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="accelerate is missing (moulage[train])")
@pytest.mark.skipif(sys.platform == "win32", reason="torchrun's processes don't find one another there")
@pytest.mark.slow
def test_two_processes_train_one_network_to_the_end(tmp_path: Path) -> None:
    data = trees.simple(tmp_path / "data", trees.drawn(12))
    program = str(Path(__file__).with_name("two_processes.py"))
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "said").open("w+", encoding="utf-8") as said:
        child = subprocess.Popen(
            [*line, program, str(data), str(tmp_path / "wax")], stdout=said, stderr=subprocess.STDOUT, env=environment
        )
        try:
            code = child.wait(240)
        except subprocess.TimeoutExpired:
            code = None
            child.terminate()  # torchrun ends its processes then
            child.wait(60)
    assert code == 0, (tmp_path / "said").read_text(encoding="utf-8")
    model = checkpoint.find(tmp_path / "wax")
    assert model.config["trained"]["steps"] == STEPS
    assert model.config["trained"]["images"] == STEPS * BATCH * 2
    assert model.config["trained"]["device"].startswith("2 × CPU")
