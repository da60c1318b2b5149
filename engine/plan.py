"""From a wish ("12 nevi on the back") to lesion specifications: sizes and shapes as they occur, sites apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.clinic import ANY_CLASS, CLINIC, Clinic
from engine.lesion import LesionSpec, Shape, Site
from engine.scatter import SkinRegion, Taken, scatter
from engine.surface import Surface

__all__ = ["ANY_CLASS", "CLINIC", "Clinic", "Wish", "plan", "taken_by"]


@dataclass(frozen=True)
class Wish:
    """What is asked for: `count` lesions of one class. `diameter_mm` None draws sizes as they occur.

    site: the place of a single lesion; otherwise they are scattered over `region`.
    settings: further fields of `LesionSpec` (steps, detail, shape, …), the same for all.
    gap_mm: how much farther apart than `scatter` keeps them anyway.
    """

    lesion_class: str
    count: int
    seed: int
    diameter_mm: float | None = None
    site: Site | None = None
    region: SkinRegion | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    gap_mm: float = 0.0


def plan(surface: Surface, wish: Wish, taken: Sequence[Taken] = ()) -> list[LesionSpec]:
    """The specifications that fit, at most `wish.count`; equal wishes give equal plans."""
    clinic = CLINIC.get(wish.lesion_class, ANY_CLASS)
    streams = [np.random.default_rng([wish.seed, number]) for number in range(wish.count)]
    diameters = [wish.diameter_mm or _diameter(clinic, rng) for rng in streams]
    sites: list[Site | None]
    if wish.site is not None:
        sites = [wish.site] * wish.count
    else:
        region = wish.region or SkinRegion(np.ones(len(surface.faces), bool))
        sites = scatter(surface, region, diameters, wish.seed, taken, wish.gap_mm)
    return [
        _specification(wish, clinic, site, diameter, rng)
        for site, diameter, rng in zip(sites, diameters, streams, strict=True)
        if site is not None
    ]


def taken_by(surface: Surface, specs: Sequence[LesionSpec]) -> list[Taken]:
    """The places that existing lesions occupy."""
    return [Taken(surface.point(spec.site), spec.diameter_mm / 2) for spec in specs]


def _diameter(clinic: Clinic, rng: np.random.Generator) -> float:
    drawn = clinic.median_mm * np.exp(clinic.log_sigma * rng.standard_normal())
    return round(float(np.clip(drawn, *clinic.range_mm)), 1)


def _specification(wish: Wish, clinic: Clinic, site: Site, diameter: float, rng: np.random.Generator) -> LesionSpec:
    irregularity, asymmetry = rng.uniform(*clinic.irregularity), rng.uniform(*clinic.asymmetry)
    values: dict[str, object] = {
        "shape": Shape("automatic", round(float(irregularity), 3), round(float(asymmetry), 3)),
        "turn_deg": round(float(rng.uniform(-180, 180)), 1),
        "seed": int(rng.integers(2**62)),
    }
    return LesionSpec(wish.lesion_class, site, diameter, **(values | dict(wish.settings)))  # type: ignore[arg-type]
