"""What the lesion panel asks for; becomes a `LesionSpec` at a site."""

from dataclasses import dataclass, replace
from typing import Self

from engine.lesion import LesionSpec, Shape, Site
from engine.plan import ANY_CLASS, CLINIC

LARGEST_SEED = 2**31 - 1
SHAPES = ("automatic", "round")


@dataclass(frozen=True)
class Request:
    """The panel's values. keep_seed: the next lesion gets the same seed; otherwise each gets a new one."""

    lesion_class: str = "nevus"
    diameter_mm: float = 6.0
    shape: str = "automatic"
    irregularity: float = 0.2
    asymmetry: float = 0.15
    seed: int = 1
    keep_seed: bool = False
    detail: int = 128
    steps: int = 18

    def of_class(self, name: str) -> Self:
        """The same wish for another class, with the size and outline that are usual for it."""
        clinic = CLINIC.get(name, ANY_CLASS)
        return replace(
            self,
            lesion_class=name,
            diameter_mm=clinic.median_mm,
            irregularity=round(sum(clinic.irregularity) / 2, 2),
            asymmetry=round(sum(clinic.asymmetry) / 2, 2),
        )

    def at(self, site: Site) -> LesionSpec:
        """The specification at a site. SpecError names an impossible value."""
        shape = Shape("round", 0.0, 0.0)
        if self.shape == "automatic":
            shape = Shape("automatic", self.irregularity, self.asymmetry)
        return LesionSpec(
            *(self.lesion_class, site, self.diameter_mm, self.seed),
            shape=shape,
            detail=self.detail,
            steps=self.steps,
        )
