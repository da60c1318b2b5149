"""What the lesion panel asks for; becomes a `LesionSpec` at a site."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.texts import tr
from engine.errors import SpecError
from engine.lesion import SHAPE_GRID, LesionSpec, Shape, Site, decode_mask, encode_mask
from engine.plan import ANY_CLASS, CLINIC
from engine.shapes import fit

LARGEST_SEED = 2**31 - 1
SHAPES = ("automatic", "round", "painted", "image", "free")
_FILLED = 0.86
"""How much of the grid a drawn outline fills, so that little of its resolution is lost."""


@dataclass(frozen=True)
class Request:
    """The panel's values. keep_seed: the next lesion gets the same seed; otherwise each gets a new one.

    outline: a painted shape, or one from an image, as `Shape.mask`; outline_from: where it came from, in words.
    """

    lesion_class: str = "nevus"
    diameter_mm: float = 6.0
    shape: str = "automatic"
    irregularity: float = 0.05
    asymmetry: float = 0.15
    outline: tuple[int, ...] | None = None
    outline_from: str = ""
    seed: int = 1
    keep_seed: bool = False
    guiding: tuple[str, ...] = LesionSpec.guiding
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

    def with_outline(self, mask: NDArray[np.bool_], kind: str, outline_from: str) -> Self:
        """The same wish with a drawn outline. mask: bool [N, N]; its size in it doesn't matter. SpecError if empty."""
        coverage = fit(mask.astype(np.float32), _FILLED * SHAPE_GRID, SHAPE_GRID)
        return replace(self, shape=kind, outline=encode_mask(coverage >= 0.5), outline_from=outline_from)

    @property
    def drawn(self) -> NDArray[np.bool_] | None:
        """The drawn outline, bool [128, 128], where the shape is one."""
        wanted = self.shape in ("painted", "image") and self.outline is not None
        return decode_mask(self.outline) if wanted and self.outline is not None else None

    def at(self, site: Site) -> LesionSpec:
        """The specification at a site. SpecError names an impossible value."""
        return LesionSpec(
            *(self.lesion_class, site, self.diameter_mm, self.seed),
            shape=self._shape(),
            guiding=self.guiding,
            detail=self.detail,
            steps=self.steps,
        )

    def settings(self) -> dict[str, object]:
        """What lesions that are scattered share (`Wish.settings`): each gets its own size, outline and seed."""
        shared: dict[str, object] = {"guiding": self.guiding, "detail": self.detail, "steps": self.steps}
        return shared if self.shape == "automatic" else {**shared, "shape": self._shape()}

    def _shape(self) -> Shape:
        if self.shape == "automatic":
            return Shape("automatic", self.irregularity, self.asymmetry)
        if self.shape in ("painted", "image"):
            if self.outline is None:
                raise SpecError(tr("shape: there is no outline yet; paint or load one, or choose another shape"))
            return Shape("drawn", 0.0, 0.0, self.outline)
        return Shape(self.shape, 0.0, 0.0)
