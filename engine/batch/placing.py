"""A drawn patient's lesions on a body: sites that keep apart, and outlines that vary a kind's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine import shapes
from engine.batch.draw import ALIKE_NOISE, LesionPlan, PatientPlan
from engine.lesion import SHAPE_GRID, LesionSpec, Shape, encode_mask
from engine.patient import Patient
from engine.scatter import SkinRegion, Taken, scatter

ELASTIC = 0.01
"""Elastic deformation of an outline among nevi of one kind; 1 makes a notched one."""


@dataclass(frozen=True)
class PlacedLesion:
    """A lesion of the plan with its site."""

    plan: LesionPlan
    spec: LesionSpec


def place(patient: Patient, plan: PatientPlan) -> list[PlacedLesion]:
    """The plan's lesions on this body, in the plan's order; fewer where no place is free.

    The odd lesion chooses first, then the groups in turn. BadInput where a region is no part of this body.
    """
    material = plan.file.material if plan.file is not None else None
    groups: dict[tuple[bool, tuple[str, ...]], list[LesionPlan]] = {}
    for lesion in sorted(plan.lesions, key=lambda lesion: not lesion.odd):
        groups.setdefault((lesion.odd, lesion.regions), []).append(lesion)
    taken: list[Taken] = []
    placed: list[PlacedLesion] = []
    for turn, ((_, regions), lesions) in enumerate(groups.items()):
        region = _union(patient, regions, material)
        sizes = [lesion.diameter_mm for lesion in lesions]
        sites = scatter(patient.surface, region, sizes, plan.seed + turn, taken, plan.spacing_mm)
        for lesion, site in zip(lesions, sites, strict=True):
            if site is not None:
                taken.append(Taken(patient.surface.point(site), lesion.diameter_mm / 2))
                spec = LesionSpec(
                    lesion.lesion_class,
                    site,
                    lesion.diameter_mm,
                    lesion.seed if lesion.variation is None else lesion.variation[1],
                    lesion.turn_deg,
                    _outline(lesion),
                    kin=None if lesion.variation is None else (lesion.seed, ALIKE_NOISE),
                    **plan.settings,
                )
                placed.append(PlacedLesion(lesion, spec))
    return sorted(placed, key=lambda one: one.plan.number)


def _outline(lesion: LesionPlan) -> Shape:
    """The shape as a specification takes it; variations are drawn."""
    if lesion.variation is None:
        return lesion.shape
    mask = shapes.transformed(
        _middle(lesion.shape, lesion.seed), 1.0, lesion.variation[0], ELASTIC, lesion.variation[1]
    )
    return replace(lesion.shape, kind="drawn", mask=encode_mask(_on_shape_grid(mask)))


@lru_cache(maxsize=8)
def _middle(shape: Shape, seed: int) -> NDArray[np.float32]:
    return shapes.automatic(shape.irregularity, shape.asymmetry, seed)


def _on_shape_grid(mask: NDArray[np.float32]) -> NDArray[np.bool_]:
    """A 0-1 mask [256, 256] on the 128×128 grid that a specification carries."""
    step = len(mask) // SHAPE_GRID
    means: NDArray[np.float32] = mask.reshape(SHAPE_GRID, step, SHAPE_GRID, step).mean((1, 3))
    return means >= 0.5


def _union(patient: Patient, regions: Sequence[str], material: str | None) -> SkinRegion:
    if not regions:
        return patient.region(None, material)
    faces = [patient.region(name, material).faces for name in regions]
    return SkinRegion(np.logical_or.reduce(faces))
