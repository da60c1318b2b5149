"""`moulage generate` names an impossible setting before it reads or writes anything."""

import sys
from pathlib import Path
from subprocess import run

import pytest


@pytest.mark.parametrize(
    ("option", "value", "answer"),
    [
        ("--sampler", "euler", "sampler: is 'euler'; choose among dpmpp_2m_sde, dpmpp_2m, ddim, ddpm, repaint"),
        ("--steps", "1", "steps: is 1; it must lie between 2 and 1000"),
        ("--detail", "4096", "detail: is 4096; it must lie between 64 and 1024"),
        ("--diameter", "0", "diameter_mm: is 0.0; it must lie between 0.5 and 120"),
    ],
)
def test_an_impossible_setting_is_one_line_before_any_work(
    tmp_path: Path, option: str, value: str, answer: str
) -> None:
    output = tmp_path / "out"
    command = [sys.executable, "-c", "from desktop.cli import main; main()", "generate", "absent.glb"]
    told = run([*command, "-o", output, option, value], capture_output=True, text=True)
    assert told.returncode == 2
    assert told.stderr == f"moulage: {answer}\n"
    assert not output.exists()
