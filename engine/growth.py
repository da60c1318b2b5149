"""Wishes in, lesions in the scene out: plan, prepare, generate batch by batch, commit as one step."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine import place
from engine.generators.protocol import Cancel, Generator, PatchResult, Progress
from engine.lesion import LesionLayer, LesionSpec
from engine.patient import Patient
from engine.plan import Wish, plan, taken_by
from engine.scene import Scene

BATCH = 4
FEWEST_TEXELS = 12
"""A lesion below about 4 texels across is a blot."""


@dataclass(frozen=True)
class Grown:
    """A lesion that was added, and what it cost. warnings: what the user should know of its place."""

    layer: LesionLayer
    seconds: float
    evaluations: int
    warnings: tuple[str, ...]


def plan_all(patient: Patient, wishes: Sequence[Wish], existing: Sequence[LesionSpec] = ()) -> list[LesionSpec]:
    """Specifications for all wishes in order; later lesions keep clear of earlier ones and of `existing`."""
    specs: list[LesionSpec] = []
    for wish in wishes:
        specs += plan(patient.surface, wish, taken_by(patient.surface, [*existing, *specs]))
    return specs


def lesion_ids(job: str, count: int) -> list[str]:
    """An id for each lesion that depends on the job and its place in it alone: repeating a job repeats its ids."""
    return [hashlib.sha256(f"{job} {number}".encode()).hexdigest()[:12] for number in range(count)]


def grow_all(
    patient: Patient,
    scene: Scene,
    specs: Sequence[LesionSpec],
    ids: Sequence[str],
    generator: Generator,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    grown: Callable[[Grown], None] | None = None,
) -> list[Grown]:
    """Generate the lesions and add them to the scene in one step; the patient's canvas shows them.

    `progress(done, total)` counts network evaluations; `grown` is told of each finished lesion. Cancelled, and whatever
    else the generator raises, leaves the scene as it was.
    """
    results: list[Grown] = []
    for start in range(0, len(specs), BATCH):
        chosen = specs[start : start + BATCH]
        placements = [place.prepare(patient.surface, patient.canvas.base, spec) for spec in chosen]
        told = None if progress is None else _within(progress, start, len(chosen), len(specs))
        painted = generator.generate([p.request for p in placements], told, cancel)
        for placement, patch, lesion_id in zip(placements, painted, ids[start : start + BATCH], strict=True):
            results.append(_finished(patient, placement, patch, lesion_id))
            if grown is not None:
                grown(results[-1])
    with scene.edit(_step_name(specs)) as edit:
        for result in results:
            edit.add(result.layer)
    patient.canvas.show(scene.layers())
    return [_with_texture_warning(patient, result) for result in results]


def _finished(patient: Patient, placement: place.Placement, result: PatchResult, lesion_id: str) -> Grown:
    layer = place.finish(placement, result, lesion_id, patient.body_part(placement.spec.site))
    warnings = (*placement.patch.warnings, *place.size_warnings(layer))
    return Grown(layer, result.seconds, result.evaluations, warnings)


def _with_texture_warning(patient: Patient, grown: Grown) -> Grown:
    texels = patient.canvas.texels_of(grown.layer.id)
    if texels >= FEWEST_TEXELS:
        return grown
    told = f"it covers {texels} texel{'s' if texels > 1 else ''} of the texture; a larger texture shows it better"
    return replace(grown, warnings=(*grown.warnings, told))


def _within(progress: Progress, start: int, size: int, count: int) -> Progress:
    """A batch's own progress as a share of all lesions' evaluations."""

    def told(done: int, total: int) -> None:
        progress(start * total + done * size, count * total)

    return told


def _step_name(specs: Sequence[LesionSpec]) -> str:
    counts: dict[str, int] = {}
    for spec in specs:
        counts[spec.lesion_class] = counts.get(spec.lesion_class, 0) + 1
    return "Add " + ", ".join(f"{count} {name}" for name, count in counts.items())
