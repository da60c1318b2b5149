"""What a job will ask of a machine, told before it starts: counts, time, disk, memory. Needs no torch, reads no body.

Counts are drawn as the run draws them. Everything else rests on the figures below, which were measured on one machine
(two cores of an AMD EPYC, AVX2, no bf16) with the shipped network; times with a GPU are not known.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.batch.budget import UNKNOWN_TEXTURE, budget, first_channels
from engine.batch.draw import draw_counts, draw_role
from engine.batch.job import Job, Outputs, Parametric
from engine.batch.units import units
from engine.errors import ModelError
from engine.lesion import SHAPE_GRID

EVALUATIONS_PER_CORE_S = 3.0
"""Of one native picture; docs/performance.md, "Speed"."""
MAKING_S = (0.5, 2.3)
"""Processor time for a drawn body: base, and per megatexel of its skin."""
READING_S = (0.3, 0.18)
ENCODING_S_PER_MEGATEXEL = 0.06
PREVIEW_S = 4.0
LESION_S = 0.5
"""Site, patch, shape to size, texels, close-up."""
TEXTURE_MB = {"png": 1.1, "jpeg": 0.16, "webp": 0.14, "tiff": 1.22}
"""Per megatexel of procedural skin at quality 92; close-ups and pages take as much per megapixel."""
BODY_MB = 1.2
MASK_MB_PER_MEGATEXEL = 0.003
PREVIEW_MEGAPIXELS = 2.0
LESION_RECORD_MB = 0.008
SAMPLED = 2000
"""Patients that are drawn for the counts; of larger jobs, the rest is taken to be like them."""
_TILE_STEPS = 4


@dataclass(frozen=True)
class Estimate:
    """lesions: by class, rounded; exact: drawn for every patient, not extrapolated. evaluations: of native pictures.

    network_s and other_s: processor seconds of one core. seconds: on `cores` of them, with all parts overlapping.
    """

    patients: int
    lesions: dict[str, int]
    exact: bool
    evaluations: int
    network_s: float
    other_s: float
    cores: int
    seconds: float
    disk_mb: float
    memory_mb: float

    @property
    def basis(self) -> str:
        """What the figures rest on, in a sentence."""
        return (
            f"{EVALUATIONS_PER_CORE_S:g} evaluations a second and core, as measured on an AMD EPYC without bf16; "
            "bodies from files are taken to have 4096² textures; a GPU is not considered"
        )


def estimate(job: Job, shard: tuple[int, int] = (1, 1), memory_mb: float | None = None) -> Estimate:
    """What the job, or shard i of n of it, needs on this machine.

    memory_mb: a limit. BadInput where it can't be kept; ModelError where the model isn't there.
    """
    numbers = [number for unit in units(job, shard) for number in unit.patients]
    if not numbers:
        return Estimate(0, {}, True, 0, 0.0, 0.0, usable_cores(), 0.0, 0.0, 0.0)
    lesions = expected_lesions(job, numbers)
    count = sum(lesions.values())
    sample = numbers[:: _step(numbers)]
    evaluations = count * evaluations_a_lesion(job.network.steps, job.network.detail, job.network.class_guidance)
    megatexels = sum(_megatexels(job, number) for number in sample) / len(sample)
    drawn = sum(isinstance(job.source_of(number), Parametric) for number in sample) / len(sample)
    other = len(numbers) * _patient_s(megatexels, drawn, job.outputs) + count * LESION_S
    network, cores = evaluations / EVALUATIONS_PER_CORE_S, usable_cores()
    return Estimate(
        patients=len(numbers),
        lesions={name: round(value) for name, value in lesions.items()},
        exact=_step(numbers) == 1 and all(len(group.classes) == 1 for group in job.lesions),
        evaluations=round(evaluations),
        network_s=network,
        other_s=other,
        cores=cores,
        seconds=(network + other) / cores,
        disk_mb=len(numbers) * _patient_mb(megatexels, job.outputs) + count * _lesion_mb(job),
        memory_mb=budget(job, cores, _channels(job), memory_mb).peak_mb,
    )


def expected_lesions(job: Job, numbers: Sequence[int]) -> dict[str, float]:
    """Lesions by class of these patients, drawn for at most 2000 of them; classes of a mix by their shares."""
    sample = numbers[:: _step(numbers)]
    return {name: count * len(numbers) / len(sample) for name, count in _lesions(job, sample).items()}


def evaluations_a_lesion(steps: int, detail: int, class_guidance: float = 1.0) -> int:
    """Of native pictures. Above 128 pixels each level adds its tiles (`engine.diffusion.tiles`): at most so many."""
    levels = max(0, math.ceil(math.log2(detail / SHAPE_GRID) - 1e-9))
    count = steps
    for level in range(1, levels + 1):
        side = SHAPE_GRID * (detail / SHAPE_GRID) ** (level / levels)
        along = max(1, math.ceil((0.53 * side + 2 * 12 - 15) / (SHAPE_GRID - 15)))
        count += _TILE_STEPS * along**2
    return count * (1 if class_guidance == 1 else 2)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _step(numbers: Sequence[int]) -> int:
    return max(1, math.ceil(len(numbers) / SAMPLED))


def _lesions(job: Job, numbers: Sequence[int]) -> dict[str, float]:
    found: dict[str, float] = {}
    duckling = job.ugly_duckling
    for number in numbers:
        role = draw_role(job, number)
        for group, count in zip(job.lesions, draw_counts(job, number), strict=True):
            for name, share in group.classes:
                if duckling is None or not role.alike or name != duckling.lesion_class:
                    found[name] = found.get(name, 0.0) + count * share
        if duckling is not None and role.odd:
            found[duckling.lesion_class] = found.get(duckling.lesion_class, 0.0) + 1
    return found


def _megatexels(job: Job, number: int) -> float:
    source = job.source_of(number)
    size = source.texture_size if isinstance(source, Parametric) else UNKNOWN_TEXTURE
    return size * size / 1e6


def _patient_s(megatexels: float, drawn: float, outputs: Outputs) -> float:
    """drawn: share of the patients whose body is drawn."""
    seconds = drawn * (MAKING_S[0] + MAKING_S[1] * megatexels) + READING_S[0] + READING_S[1] * megatexels
    pictures = ("albedo" in outputs.maps) + (outputs.glb and outputs.picture_format != "png") + 0.5 * len(outputs.maps)
    return seconds + pictures * ENCODING_S_PER_MEGATEXEL * megatexels + outputs.preview * PREVIEW_S


def _patient_mb(megatexels: float, outputs: Outputs) -> float:
    if outputs.map_size is not None:
        megatexels = min(megatexels, outputs.map_size**2 / 1e6)
    rate = TEXTURE_MB[outputs.picture_format]
    size = 0.02 + ("albedo" in outputs.maps) * rate * megatexels + outputs.preview * rate * PREVIEW_MEGAPIXELS
    size += len(set(outputs.maps) - {"albedo"}) * MASK_MB_PER_MEGATEXEL * megatexels
    return size + outputs.glb * (BODY_MB + TEXTURE_MB["png"] * megatexels)


def _lesion_mb(job: Job) -> float:
    if not job.outputs.close_ups:
        return LESION_RECORD_MB
    side = job.outputs.close_up_size or job.network.detail
    return LESION_RECORD_MB + 1.3 * TEXTURE_MB[job.outputs.picture_format] * side * side / 1e6


def _channels(job: Job) -> int:
    bundled = Path(__file__).resolve().parent.parent / "models" / job.network.model
    for folder in (bundled, Path(job.network.model)):
        if (folder / "config.json").is_file():
            return first_channels(folder)
    raise ModelError(f"network.model: {job.network.model!r} is no model on this machine")
