"""What a dry run tells is what the job asks for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small import limb_job

from engine.batch import load
from engine.batch.budget import budget
from engine.batch.draw import draw_patient
from engine.batch.estimate import estimate, evaluations_a_lesion
from engine.batch.job import Distribution, LesionGroup, UglyDuckling
from engine.diffusion.tiles import cover, sizes
from engine.errors import BadInput

JOBS = Path(__file__).resolve().parents[2] / "docs" / "jobs"


def test_lesions_are_counted_as_they_are_drawn() -> None:
    job = load(JOBS / "ugly-duckling.toml")
    drawn: dict[str, int] = {}
    for number in range(1, job.patients + 1):
        for lesion in draw_patient(job, number).lesions:
            drawn[lesion.lesion_class] = drawn.get(lesion.lesion_class, 0) + 1
    needs = estimate(job)
    assert needs.exact and needs.lesions == drawn and needs.evaluations == 18 * sum(drawn.values())
    parts = [estimate(job, (i, 3)) for i in (1, 2, 3)]
    assert sum(part.patients for part in parts) == job.patients
    assert sum(part.lesions["nevus"] for part in parts) == drawn["nevus"]


def test_a_huge_job_is_extrapolated_and_says_so(tmp_path: Path) -> None:
    count = Distribution("poisson", 12, 0, 0, 100)
    job = limb_job(tmp_path, 90_000, lesions=(1, 1))
    needs = estimate(replace(job, lesions=(LesionGroup((("nevus", 1.0),), count),)))
    assert not needs.exact and abs(needs.lesions["nevus"] / (12 * 90_000) - 1) < 0.03


@pytest.mark.parametrize("detail", [64, 128, 200, 256, 454, 512, 1024])
def test_evaluations_of_large_details_are_those_of_their_tiles(detail: int) -> None:
    """For a lesion in the middle of its patch, as `engine.place` lays it: what may change is a disc."""
    expected = 18
    for side in sizes(detail)[1:]:
        axis = (np.arange(side) + 0.5) / side - 0.5
        free = np.hypot(axis[:, None], axis) < (0.5 + 0.08) / 2.2
        expected += 4 * len(cover(free[None]))
    assert expected <= evaluations_a_lesion(18, detail) <= 1.5 * expected


def test_more_work_needs_more_of_everything(tmp_path: Path) -> None:
    job = load(JOBS / "screening-course.toml")
    needs = estimate(job)
    finer = estimate(replace(job, network=replace(job.network, detail=454)))
    assert finer.seconds > needs.seconds and finer.disk_mb > needs.disk_mb
    plain = estimate(replace(job, outputs=replace(job.outputs, glb=False, picture_format="jpeg")))
    assert plain.disk_mb < 0.4 * needs.disk_mb
    odd = estimate(replace(job, ugly_duckling=UglyDuckling(1.0)))
    assert odd.lesions["melanoma"] == job.patients
    assert needs.memory_mb == budget(job, needs.cores, 64).peak_mb


def test_a_limit_that_cannot_be_kept_is_told() -> None:
    with pytest.raises(BadInput, match="--memory-limit: 100 MB is too little"):
        estimate(load(JOBS / "screening-course.toml"), memory_mb=100)
