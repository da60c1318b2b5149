"""A texture that the format can't hold is told of before anything is painted."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import moulage
from small import limb_job, write_limb

from engine import BadInput, png
from engine.batch.executors import Local
from engine.batch.job import Job
from engine.batch.picture_sizes import refuse_too_large
from engine.batch.runner import run

TOLD = r"outputs.picture_format: \w+ has a texture of 16384×8, and webp holds at most 16383 pixels a side; choose png"
JOB = """\
moulage_job = 1
name = "wide"
[[patients]]
files = "limb.glb"
[outputs]
picture_format = "webp"
"""


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A limb whose texture is a texel too wide."""
    return write_limb(tmp_path / "wide.glb", texture=png.encode(np.full((8, 16384, 3), 180, np.uint8)))


def _webp(folder: Path, **outputs: object) -> Job:
    job = limb_job(folder, 2, (1, 1))
    return replace(job, outputs=replace(job.outputs, picture_format="webp", **outputs))


@pytest.mark.parametrize("options", [("--dry-run",), ("-o", "set")])
def test_the_command_says_so_in_a_line_and_writes_nothing(
    options: tuple[str, ...], wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    shutil.copy(wide, folder / "limb.glb")
    (folder / "job.toml").write_text(JOB)
    monkeypatch.chdir(folder)
    ended = moulage("batch", "job.toml", *options)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1
    assert "webp holds at most 16383 pixels a side" in ended.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["job.toml", "limb.glb"]


class Late(Local):
    """The file becomes another one after it was looked at."""

    def __init__(self, wide: Path, file: Path) -> None:
        super().__init__(painters=1)
        self._wide, self._file = wide, file

    def prepare(self, job: Job) -> None:
        super().prepare(job)
        shutil.copy(self._wide, self._file)


def test_one_that_is_met_later_is_its_patients_failure_before_the_network_is_asked(wide: Path, tmp_path: Path) -> None:
    job = _webp(tmp_path)
    outcome = run(job, tmp_path / "set", Late(wide, tmp_path / "limb.glb"))
    assert outcome.progress.lesions == 0 and [number for number, _ in outcome.failed] == [1, 2]
    reason = json.loads((tmp_path / "set/failures/00001.json").read_text())["reason"]
    assert re.match(TOLD, reason)


@pytest.mark.parametrize("outputs", [{"map_size": 512}, {"maps": ("instances",)}])
def test_smaller_maps_and_none_fit(outputs: dict, wide: Path, tmp_path: Path) -> None:
    job = _webp(tmp_path)
    shutil.copy(wide, tmp_path / "limb.glb")
    with pytest.raises(BadInput, match=TOLD):
        refuse_too_large(job)
    refuse_too_large(_webp(tmp_path, **outputs))
    refuse_too_large(replace(job, outputs=replace(job.outputs, picture_format="tiff")))
