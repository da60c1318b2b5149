"""What one patient of a job gets: body and lesions, drawn from the job and the patient's number alone.

Each patient has random streams of its own, so that any machine can make any patient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.avatar.body import BodySpec
from engine.batch.job import AvatarFile, Job
from engine.lesion import LesionSpec, Shape
from engine.patient import Patient


@dataclass(frozen=True)
class LesionPlan:
    """All of a lesion but its site. number: from 1 within the patient; regions: body parts, all skin where none.

    odd: the lesion that differs from the patient's others (`UglyDuckling`).
    """

    number: int
    lesion_class: str
    regions: tuple[str, ...]
    diameter_mm: float
    turn_deg: float
    seed: int
    shape: Shape
    odd: bool = False


@dataclass(frozen=True)
class PatientPlan:
    """A patient as drawn: either `body` or `file` is there. name: also the patient's folder.

    settings: further fields of `LesionSpec`, the same for all lesions. seed: of the choice of sites.
    """

    number: int
    name: str
    body: BodySpec | None
    file: AvatarFile | None
    lesions: tuple[LesionPlan, ...]
    ugly_duckling: bool
    seed: int
    spacing_mm: float
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class PlacedLesion:
    """A lesion of the plan with its site."""

    plan: LesionPlan
    spec: LesionSpec


def draw_patient(job: Job, number: int) -> PatientPlan:
    """Patient `number` (1 to `job.patients`) of the job; equal jobs give equal plans, whoever draws them."""
    raise NotImplementedError


def place(patient: Patient, plan: PatientPlan) -> list[PlacedLesion]:
    """The plan's lesions on this body, in the plan's order; fewer where no place is free.

    BadInput where a region is no part of this body.
    """
    raise NotImplementedError
