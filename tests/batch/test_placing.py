"""Drawn lesions on a body: apart from each other, in their parts, and alike where they should be."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from tube import tube_avatar

from engine import shapes
from engine.avatar.load import load
from engine.batch.draw import ALIKE_NOISE, draw_patient
from engine.batch.job import AvatarFile, Distribution, Job, LesionGroup, UglyDuckling
from engine.batch.placing import PlacedLesion, place
from engine.errors import BadInput
from engine.lesion import decode_mask
from engine.patient import Patient
from engine.scatter import SPACING

NEVI = (("nevus", 1.0),)
SIZES = Distribution("uniform", low=3, high=6)


@pytest.fixture(scope="module")
def tube() -> Patient:
    return Patient(tube_avatar(256))


def _job(count: float = 12, **changes: object) -> Job:
    group = LesionGroup(NEVI, Distribution.fixed(count), diameter_mm=SIZES)
    return replace(Job("x", 3, (AvatarFile(Path("tube.glb"), 5),), (group,)), **changes)  # type: ignore[arg-type]


def _distances(patient: Patient, placed: list[PlacedLesion]) -> list[tuple[float, float]]:
    """Of every two lesions: millimetres between their centres, and the sum of their radii."""
    pairs = combinations([(patient.surface.point(p.spec.site), p.spec.diameter_mm / 2) for p in placed], 2)
    return [(1000 * float(np.linalg.norm(a - b)), r + s) for (a, r), (b, s) in pairs]


@pytest.mark.parametrize("spacing", [0.0, 25.0])
def test_lesions_keep_the_distance_that_the_job_asks_for(tube: Patient, spacing: float) -> None:
    placed = place(tube, draw_patient(_job(spacing_mm=spacing), 1))
    assert len(placed) == 12
    assert all(apart >= SPACING * radii + spacing - 1e-6 for apart, radii in _distances(tube, placed))


def test_where_there_is_no_room_fewer_come_and_the_numbers_stay(tube: Patient) -> None:
    plan = draw_patient(_job(20, spacing_mm=90.0), 1)
    placed = place(tube, plan)
    assert 3 < len(placed) < 20
    numbers = [one.plan.number for one in placed]
    assert numbers == sorted(numbers) and all(
        plan.lesions[n - 1] is one.plan for n, one in zip(numbers, placed, strict=True)
    )


def test_equal_plans_lie_at_equal_places_and_patients_differ(tube: Patient) -> None:
    job = _job()
    assert place(tube, draw_patient(job, 1)) == place(tube, draw_patient(job, 1))
    one, other = ({p.spec.site for p in place(tube, draw_patient(job, n))} for n in (1, 2))
    assert not one & other


def test_the_odd_lesion_has_its_place_before_all_others(tube: Patient) -> None:
    """On a body that has room for a few only."""
    duckling = UglyDuckling(1.0, diameter_mm=Distribution.fixed(20))
    for number in (1, 2):
        placed = place(tube, draw_patient(_job(16, spacing_mm=110.0, ugly_duckling=duckling), number))
        assert [one.plan.odd for one in placed].count(True) == 1 and len(placed) < 16


def test_outlines_of_a_kind_resemble_each_other_and_are_not_the_same(tube: Patient) -> None:
    """By the overlap of their masks at equal size and turn; nevi that aren't alike overlap less."""

    def overlaps(job: Job) -> list[float]:
        specs = [one.spec for one in place(tube, draw_patient(job, 1))]
        masks = [
            shapes.fit(decode_mask(spec.shape.mask), 80, 128)
            if spec.shape.mask
            else shapes.draw(spec.shape, 80, 128, spec.seed)
            for spec in specs
        ]
        return [float(np.minimum(a, b).sum() / np.maximum(a, b).sum()) for a, b in combinations(masks, 2)]

    alike, usual = overlaps(_job(ugly_duckling=UglyDuckling(0.0, 1.0))), overlaps(_job())
    assert max(alike) < 0.995 and np.mean(alike) > np.mean(usual) + 0.03


def test_nevi_of_a_kind_share_a_part_of_their_noise_and_no_seed(tube: Patient) -> None:
    job = _job(ugly_duckling=UglyDuckling(0.0, 1.0, kinds=2))
    specs = [one.spec for one in place(tube, draw_patient(job, 1))]
    assert {spec.kin[1] for spec in specs if spec.kin} == {ALIKE_NOISE}
    assert len({spec.kin for spec in specs}) == 2 and len({spec.seed for spec in specs}) == len(specs)
    assert {one.spec.kin for one in place(tube, draw_patient(_job(), 1))} == {None}


def test_lesions_lie_in_the_parts_that_are_asked_for(default_patient: Path) -> None:
    patient = Patient(load(default_patient, None, None, False))
    source = (AvatarFile(default_patient, 1),)
    group = LesionGroup(NEVI, Distribution.fixed(14), ("back", "forearm"), SIZES)
    placed = place(patient, draw_patient(Job("x", 3, source, (group,)), 1))
    parts = {patient.body_part(one.spec.site) for one in placed}
    assert len(placed) == 14 and parts <= {"back", "left-forearm", "right-forearm"} and len(parts) > 1
    with pytest.raises(BadInput, match="region"):
        place(Patient(tube_avatar(64)), draw_patient(Job("x", 3, source, (group,)), 1))
