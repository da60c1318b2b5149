"""What one patient of a job gets: body and lesions, drawn from the job and the patient's number alone.

Each patient, group and lesion has a random stream of its own, so any machine can make any patient, and a longer job
begins with the patients of the shorter one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.avatar.phenotype import usual_height, usual_weight
from engine.batch.job import AvatarFile, Distribution, Job, LesionGroup, Mix, Parametric
from engine.clinic import ANY_CLASS, CLINIC, Clinic
from engine.lesion import DIAMETER_MM, Shape

if TYPE_CHECKING:
    from engine.avatar.body import BodySpec

TRIES = 1000
CHILDREN_LIGHT = ((16.0, 18.0), (0.85, 0.75))
CHILDREN_HEAVY = ((3.0, 5.0), (1.18, 1.35))
"""Years, and the lightest and heaviest builds that the base body reaches there (`engine.avatar.phenotype`)."""
ALIKE_MM = 0.12
"""Spread of the logarithm of the diameter among nevi of one kind; 0.28 among all nevi."""
KINDS_MM = 0.5
"""Spread of the kinds' own diameters, in that of all nevi: no patient has only tiny or only huge ones."""
ALIKE_TURN_DEG = 15.0
ALIKE_NOISE = 0.8
"""Correlation of the network's noise among nevi of one kind: 1 makes copies of one nevus, 0 strangers."""
ODD_FACTOR = 1.4
"""The odd lesion's least diameter, in median diameters of the patient's nevi."""

_BODY, _KIND, _COUNT, _LESION, _ODD, _SITES = range(6)


@dataclass(frozen=True)
class LesionPlan:
    """All of a lesion but its site. number: from 1 within the patient; regions: body parts, all skin where none.

    variation: turn in degrees and seed, where outline and noise are variations of those that `shape` and `seed` give.
    odd: the lesion that differs from the patient's others (`UglyDuckling`).
    """

    number: int
    lesion_class: str
    regions: tuple[str, ...]
    diameter_mm: float
    turn_deg: float
    seed: int
    shape: Shape
    variation: tuple[float, int] | None = None
    odd: bool = False


@dataclass(frozen=True)
class PatientPlan:
    """A patient as drawn: either `body` or `file` is there.

    seed: of the choice of sites. settings: further fields of `LesionSpec`, the same for all lesions. facts: what is
    known of the patient, for people and programs.
    """

    number: int
    body: "BodySpec | None"
    file: AvatarFile | None
    lesions: tuple[LesionPlan, ...]
    seed: int
    spacing_mm: float
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]

    @property
    def slots(self) -> int:
        """How many lesions are asked for; the body may have room for fewer."""
        return len(self.lesions)


@dataclass(frozen=True)
class Role:
    """alike: the patient's nevi resemble each other; odd: one lesion that doesn't is among them."""

    alike: bool
    odd: bool


def draw_patient(job: Job, number: int) -> PatientPlan:
    """Patient `number` (1 to `job.patients`) of the job; equal jobs give equal plans, whoever draws them."""
    source = job.source_of(number)
    role = draw_role(job, number)
    lesions = _lesions(job, number, role)
    body = draw_body(job, number, source) if isinstance(source, Parametric) else None
    return PatientPlan(
        number=number,
        body=body,
        file=source if isinstance(source, AvatarFile) else None,
        lesions=tuple(lesions),
        seed=int(_stream(job, number, _SITES).integers(2**31)),
        spacing_mm=job.spacing_mm,
        settings={
            "steps": job.network.steps,
            "detail": job.network.detail,
            "sampler": job.network.sampler,
            "class_guidance": job.network.class_guidance,
        },
        facts=_facts(source, body) | {"ugly_duckling": role.odd, "nevi_alike": role.alike},
    )


def draw_role(job: Job, number: int) -> Role:
    """What the patient is in a job with ugly ducklings; neither in one without."""
    duckling = job.ugly_duckling
    if duckling is None:
        return Role(False, False)
    drawn = float(_stream(job, number, _KIND).random())
    return Role(drawn < duckling.share + duckling.controls, drawn < duckling.share)


def draw_slots(job: Job, number: int) -> int:
    """How many lesions `draw_patient` gives this patient; quicker than drawing them where none are alike."""
    role = draw_role(job, number)
    return len(_lesions(job, number, role)) if role.alike else sum(draw_counts(job, number))


def draw_counts(job: Job, number: int) -> list[int]:
    """How many lesions each group gives this patient, before the odd one's class is left out."""
    return [draw_count(group.count, _stream(job, number, _COUNT, place)) for place, group in enumerate(job.lesions)]


def draw_body(job: Job, number: int, source: Parametric) -> "BodySpec":
    """The body of a parametric patient, to whole years, centimetres and half kilograms."""
    from engine.avatar.body import BodySpec  # with all that paints skin; who only counts lesions doesn't need it

    rng = _stream(job, number, _BODY)
    sex, phototype = choose(source.sex, rng), choose(source.phototype, rng)
    age = float(round(draw_number(source.age, rng)))
    height = round(usual_height(sex, age) * draw_number(source.stature, rng), 2)
    reach = (float(np.interp(age, *CHILDREN_LIGHT)), float(np.interp(age, *CHILDREN_HEAVY)))
    build = min(max(draw_number(source.build, rng), reach[0]), reach[1])
    weight = round(2 * usual_weight(age, height) * build) / 2
    return BodySpec(sex, age, height, weight, phototype, source.texture_size, int(rng.integers(2**32)))


def draw_number(distribution: Distribution, rng: np.random.Generator) -> float:
    """A value between the distribution's bounds; those outside are drawn again."""
    for _ in range(TRIES):
        value = _once(distribution, rng)
        if distribution.low <= value <= distribution.high:
            return value
    return float(np.clip(distribution.centre, distribution.low, distribution.high))


def draw_count(distribution: Distribution, rng: np.random.Generator) -> int:
    """A whole number between the distribution's bounds, each of them as likely as those between where it is uniform."""
    if distribution.kind == "uniform":
        return int(rng.integers(round(distribution.low), round(distribution.high), endpoint=True))
    return round(draw_number(distribution, rng))


def choose(mix: Mix, rng: np.random.Generator) -> str:
    """One of the names, by its share."""
    bounds = np.cumsum([share for _, share in mix])
    place = int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))
    return mix[min(place, len(mix) - 1)][0]


def _once(distribution: Distribution, rng: np.random.Generator) -> float:
    kind, centre, spread = distribution.kind, distribution.centre, distribution.spread
    if kind == "fixed":
        return centre
    if kind == "uniform":
        return float(rng.uniform(distribution.low, distribution.high))
    if kind == "normal":
        return float(centre + spread * rng.standard_normal())
    if kind == "log-normal":
        return float(centre * np.exp(spread * rng.standard_normal()))
    if kind == "poisson":
        return float(rng.poisson(centre))
    raise ValueError(f"{kind!r} is no kind of distribution")


def _lesions(job: Job, number: int, role: Role) -> list[LesionPlan]:
    duckling = job.ugly_duckling
    lesions: list[LesionPlan] = []
    for place, count in enumerate(draw_counts(job, number)):
        group = job.lesions[place]
        for index in range(count):
            rng = _stream(job, number, _LESION, place, index)
            lesion_class = choose(group.classes, rng)
            if duckling is not None and role.alike and lesion_class == duckling.lesion_class:
                continue
            kind = int(rng.integers(duckling.kinds)) if duckling is not None and role.alike else None
            lesions.append(_lesion(job, number, len(lesions) + 1, group, lesion_class, kind, rng))
    if duckling is not None and role.odd:
        rng = _stream(job, number, _ODD)
        group = LesionGroup(((duckling.lesion_class, 1.0),), Distribution.fixed(1), duckling.regions)
        least = ODD_FACTOR * float(np.median([lesion.diameter_mm for lesion in lesions] or [0.0]))
        least = min(least, DIAMETER_MM[1])
        diameter = duckling.diameter_mm or _at_least(least, clinical_mm(_clinic(duckling.lesion_class)))
        lesions.append(_free_lesion(len(lesions) + 1, group, duckling.lesion_class, diameter, rng, odd=True))
    return lesions


def _lesion(
    job: Job,
    number: int,
    lesion_number: int,
    group: LesionGroup,
    lesion_class: str,
    kind: int | None,
    rng: np.random.Generator,
) -> LesionPlan:
    clinic = _clinic(lesion_class)
    diameter = group.diameter_mm or clinical_mm(clinic)
    if kind is None:
        return _free_lesion(lesion_number, group, lesion_class, diameter, rng)
    own = _stream(job, number, _KIND, kind)
    narrower = replace(diameter, spread=KINDS_MM * diameter.spread)
    middle = _free_lesion(lesion_number, group, lesion_class, narrower, own)
    around = Distribution("log-normal", middle.diameter_mm, ALIKE_MM, diameter.low, diameter.high)
    size = round(draw_number(around, rng), 1)
    turn, seed = float(rng.uniform(-ALIKE_TURN_DEG, ALIKE_TURN_DEG)), int(rng.integers(2**31))
    return replace(middle, diameter_mm=size, variation=(turn, seed))


def _free_lesion(
    lesion_number: int,
    group: LesionGroup,
    lesion_class: str,
    diameter: Distribution,
    rng: np.random.Generator,
    odd: bool = False,
) -> LesionPlan:
    """A lesion that takes nothing from another."""
    clinic = _clinic(lesion_class)
    irregularity = group.irregularity or Distribution(
        "uniform", low=clinic.irregularity[0], high=clinic.irregularity[1]
    )
    asymmetry = group.asymmetry or Distribution("uniform", low=clinic.asymmetry[0], high=clinic.asymmetry[1])
    size = round(draw_number(diameter, rng), 1)
    shape = Shape("automatic", round(draw_number(irregularity, rng), 3), round(draw_number(asymmetry, rng), 3))
    turn = round(float(rng.uniform(-180, 180)), 1)
    seed = int(rng.integers(2**62))
    return LesionPlan(lesion_number, lesion_class, group.regions, size, turn, seed, shape, odd=odd)


def clinical_mm(clinic: Clinic) -> Distribution:
    """The diameters of a class as they occur."""
    return Distribution("log-normal", clinic.median_mm, clinic.log_sigma, *clinic.range_mm)


def _at_least(least: float, distribution: Distribution) -> Distribution:
    """The same, without values below `least`; at `least` itself where none would be left."""
    low = max(least, distribution.low)
    if low >= distribution.high:
        return Distribution.fixed(low)
    return Distribution(distribution.kind, max(distribution.centre, low), distribution.spread, low, distribution.high)


def _clinic(lesion_class: str) -> Clinic:
    return CLINIC.get(lesion_class, ANY_CLASS)


def _facts(source: Parametric | AvatarFile, body: "BodySpec | None") -> dict[str, Any]:
    if body is None:
        assert isinstance(source, AvatarFile)
        return {"file": source.path.name}
    return {
        "sex": body.sex,
        "age": round(body.age),
        "height_m": body.height_m,
        "weight_kg": body.weight_kg,
        "phototype": body.phototype,
    }


def _stream(job: Job, number: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng([job.seed, number, *purpose])
