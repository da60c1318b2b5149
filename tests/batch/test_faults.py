"""A disk that fails: at every write, rename and fsync of a patient, anywhere in a run; and one that is really full."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from small import assert_same, limb_job, tree

from engine import OutputError, place
from engine.batch import placing
from engine.batch.bodies import Bodies
from engine.batch.draw import PatientPlan, draw_patient
from engine.batch.executors import Local
from engine.batch.job import Job
from engine.batch.outputs import Origin, Painted, write_patient
from engine.batch.runner import run
from engine.generators.registry import open_generator
from engine.output import TEMPORARY_SUFFIX, OutputFolder
from engine.patient import Patient

pytestmark = pytest.mark.slow
ORIGIN = Origin("job", "ab" * 32, "CC0", ("nevus", "melanoma"))


class Disk:
    """Counts the calls that reach the disk, and lets the n-th fail. written: for every call, what it was."""

    def __init__(self, fail_at: int | None, number: int) -> None:
        self.fail_at, self.number = fail_at, number
        self.written: list[str] = []

    def call(self, name: str) -> None:
        self.written.append(name)
        if len(self.written) - 1 == self.fail_at:
            raise OSError(self.number, os.strerror(self.number))


@contextmanager
def failing(fail_at: int | None, number: int = errno.ENOSPC) -> Iterator[Disk]:
    """A disk whose call `fail_at` (from 0) fails: writes of whole files, renames, fsyncs, new folders."""
    disk = Disk(fail_at, number)
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((Path, "write_bytes"), (Path, "replace"), (os, "fsync"), (Path, "mkdir")):
            patch.setattr(owner, name, _counted(disk, name, getattr(owner, name)))
        yield disk


def _counted(disk: Disk, name: str, real: Any) -> Any:
    def call(*arguments: Any, **options: Any) -> Any:
        disk.call(name)
        return real(*arguments, **options)

    return call


@pytest.fixture(scope="module")
def painted(job: Job) -> tuple[Patient, PatientPlan, list[Painted]]:
    """A patient of the job with its lesions, painted by the network."""
    plan = draw_patient(job, 1)
    patient = Bodies().patient(plan)
    placed = placing.place(patient, plan)
    placements = [place.prepare(patient.surface, patient.canvas.base, one.spec) for one in placed]
    generator = open_generator("ddpm", threads=1, arithmetic="fp32")
    results = generator.generate([placement.request for placement in placements])
    layers = [place.finish(p, r, f"{n:012d}") for n, (p, r) in enumerate(zip(placements, results, strict=True), 1)]
    patient.canvas.show(layers)
    return patient, plan, [Painted(number, layer, False) for number, layer in enumerate(layers, 1)]


@pytest.fixture(scope="module")
def calls(few: Job, local: Local, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many calls of a whole run reach the disk."""
    with failing(None) as disk:
        assert run(few, tmp_path_factory.mktemp("counted") / "set", local).complete
    return len(disk.written)


def _write(out: Path, job: Job, painted: tuple[Patient, PatientPlan, list[Painted]]) -> None:
    with OutputFolder(out, "job 1", force=True) as folder:
        if not folder.whole:
            write_patient(folder, *painted, job.outputs, ORIGIN)
        folder.finish()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["full", "failing"])
def test_each_call_that_fails_while_a_patient_is_written_leaves_it_whole_or_absent(
    number: int, job: Job, painted: tuple[Patient, PatientPlan, list[Painted]], tmp_path: Path
) -> None:
    with failing(None) as disk:
        _write(tmp_path / "whole", job, painted)
    calls = disk.written
    assert {"write_bytes", "replace", "fsync", "mkdir"} == set(calls) and len(calls) > 30
    final = tree(tmp_path / "whole")
    for fail_at in range(len(calls)):
        out = tmp_path / f"{number}-{fail_at}"
        with pytest.raises(OutputError) as caught, failing(fail_at, number):
            _write(out, job, painted)
        assert "\n" not in str(caught.value)
        left = tree(out) if out.exists() else {}
        assert not [name for name in left if name.endswith((TEMPORARY_SUFFIX, ".lock"))]
        assert all(data == final[name] for name, data in left.items() if name != "manifest.jsonl")
        _write(out, job, painted)
        assert_same(out, tmp_path / "whole")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_a_disk_that_fails_in_the_middle_of_a_run_ends_it_in_a_line_and_the_next_run_goes_on(
    share: float, few: Job, few_made: Path, calls: int, local: Local, tmp_path: Path
) -> None:
    """From the claim of the folder to the set's manifest."""
    # Which of two painters makes a folder for both is chance: a call or two more or fewer.
    with pytest.raises(OutputError), failing(round(share * (calls - 4))):
        run(few, tmp_path / "set", local)
    if (tmp_path / "set").exists():
        assert not [name for name in tree(tmp_path / "set") if name.endswith((TEMPORARY_SUFFIX, ".lock"))]
    assert run(few, tmp_path / "set", local).complete
    assert_same(tmp_path / "set", few_made)


def test_a_disk_that_is_really_full_ends_the_run_and_with_more_room_it_goes_on(
    job: Job, undisturbed: Path, local: Local, small_disk: Path
) -> None:
    out = small_disk / "set"
    with pytest.raises(OutputError, match="disk is full"):
        run(job, out, local)
    final = tree(undisturbed)
    for name, data in tree(out).items():
        assert name.endswith("manifest.jsonl") or data == final[name]
    subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
    assert run(job, out, local).complete
    assert_same(out, undisturbed)


def test_a_failure_that_can_t_be_recorded_ends_the_run(local: Local, tmp_path: Path) -> None:
    """A patient fails, and so does the disk when that is to be noted: it is not kept quiet."""
    job = limb_job(tmp_path, 2)
    assert job.fingerprint  # before its avatar goes
    (tmp_path / "limb.glb").unlink()
    with failing(None) as disk:
        assert len(run(job, tmp_path / "counted", local).failed) == 2
    for fail_at in range(len(disk.written)):
        out = tmp_path / f"set-{fail_at}"
        with pytest.raises(OutputError), failing(fail_at):
            run(job, out, local)
        assert len(run(job, out, local).failed) == 2
