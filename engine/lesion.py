"""A lesion as it is asked for (`LesionSpec`) and as it is stored (`LesionLayer`)."""

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.errors import SpecError

SPEC_VERSION = 1
DIAMETER_MM = (0.5, 120.0)
DETAILS = (64, 1024)
GUIDINGS = ("border", "segmentation", "class_border")
SAMPLER_NAMES = ("dpmpp_2m_sde", "dpmpp_2m", "ddim", "ddpm", "repaint")
SHAPE_KINDS = ("round", "automatic", "drawn", "free")
SHAPE_GRID = 128


@dataclass(frozen=True)
class Site:
    """A point on a surface: a face's index and barycentric coordinates that sum to 1."""

    face: int
    barycentric: tuple[float, float, float]


@dataclass(frozen=True)
class Shape:
    """The lesion's outline.

    `round` and `automatic` are made from the seed; `drawn` carries its mask; `free` leaves it to the network.

    irregularity and asymmetry: 0 (an even disc) to 1 (notched, lopsided).
    mask: run lengths over a 128×128 grid in row order, beginning with a run of skin (only for `drawn`).
    """

    kind: str = "automatic"
    irregularity: float = 0.12
    asymmetry: float = 0.25
    mask: tuple[int, ...] | None = None


@dataclass(frozen=True)
class LesionSpec:
    """Everything that changes what a lesion looks like, and nothing else. Versioned JSON both ways.

    diameter_mm: the longest diameter of the lesion's mask, measured on the surface.
    turn_deg: rotation of the patch about the surface normal.
    detail: side of the finished patch in pixels; above 128 by tile upsampling.
    class_guidance: classifier-free guidance weight; 1 is the plain conditional network.
    kin: a seed that related lesions share, and the correlation (0 to 1) of their noise up to 128²; None for a lesion of
    its own.
    """

    lesion_class: str
    site: Site
    diameter_mm: float
    seed: int
    turn_deg: float = 0.0
    shape: Shape = Shape()
    guiding: tuple[str, ...] = ("border", "segmentation")
    sampler: str = "dpmpp_2m_sde"
    steps: int = 18
    detail: int = 128
    class_guidance: float = 1.0
    prompt: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    kin: tuple[int, float] | None = None
    version: int = SPEC_VERSION

    def __post_init__(self) -> None:
        """Raise SpecError, naming the field, for values that can't be meant."""
        _require(isinstance(self.lesion_class, str) and self.lesion_class != "", "lesion_class", "must be a class name")
        _require_range("diameter_mm", self.diameter_mm, *DIAMETER_MM)
        _require_range("turn_deg", self.turn_deg, -360.0, 360.0)
        for name in ("steps", "detail", "seed", "version"):
            value = getattr(self, name)
            _require(type(value) is int, name, f"is {value}; it must be a whole number")
        _require_range("steps", self.steps, 2, 1000)
        _require_range("detail", self.detail, *DETAILS)
        _require_range("class_guidance", self.class_guidance, 0.0, 10.0)
        _require(0 <= self.seed < 2**63, "seed", f"is {self.seed}; it must lie in 0 to 2^63 - 1")
        _require(self.site.face >= 0, "site.face", f"is {self.site.face}; faces count from 0")
        if self.kin is not None:
            seed, correlation = self.kin
            _require(
                type(seed) is int and 0 <= seed < 2**63, "kin", f"has the seed {seed}; it must lie in 0 to 2^63 - 1"
            )
            _require_range("kin", correlation, 0.0, 1.0)
        b = self.site.barycentric
        _require(
            len(b) == 3 and all(math.isfinite(v) and v >= -1e-6 for v in b) and abs(sum(b) - 1) < 1e-3,
            "site.barycentric",
            f"is {b}; it must be three numbers ≥ 0 that sum to 1",
        )
        for name in self.guiding:
            _require(name in GUIDINGS, "guiding", f"has {name!r}; choose among {', '.join(GUIDINGS)}")
        choices = ", ".join(SAMPLER_NAMES)
        _require(self.sampler in SAMPLER_NAMES, "sampler", f"is {self.sampler!r}; choose among {choices}")
        shape = self.shape
        _require(shape.kind in SHAPE_KINDS, "shape.kind", f"is {shape.kind!r}; choose among {', '.join(SHAPE_KINDS)}")
        _require_range("shape.irregularity", shape.irregularity, 0.0, 1.0)
        _require_range("shape.asymmetry", shape.asymmetry, 0.0, 1.0)
        _require(
            (shape.kind == "drawn") == (shape.mask is not None), "shape.mask", "belongs to `drawn`, and only there"
        )
        if shape.mask is not None:
            _require(
                all(isinstance(n, int) and n >= 0 for n in shape.mask) and sum(shape.mask) == SHAPE_GRID**2,
                "shape.mask",
                f"must be run lengths ≥ 0 that sum to {SHAPE_GRID**2}",
            )
        _require(
            self.version == SPEC_VERSION, "version", f"is {self.version}; this program reads version {SPEC_VERSION}"
        )

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces; equal specs give equal bytes. `kin` is left out where it is None."""
        document = asdict(self)
        if self.kin is None:
            del document["kin"]
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote. SpecError names an unknown, missing or impossible field."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise SpecError(f"lesion specification: not JSON ({error})") from error
        return cls.from_dict(document)

    @classmethod
    def from_dict(cls, document: Any) -> Self:
        """Read a decoded JSON object; see `from_json`."""
        _require(isinstance(document, dict), "lesion specification", "must be a JSON object")
        unknown = sorted(set(document) - set(cls.__dataclass_fields__))
        _require(not unknown, ", ".join(unknown), "unknown field of a lesion specification")
        missing = [name for name in ("lesion_class", "site", "diameter_mm", "seed") if name not in document]
        _require(not missing, ", ".join(missing), "missing in the lesion specification")
        try:
            values = dict(document)
            values["site"] = Site(int(document["site"]["face"]), _numbers(document["site"]["barycentric"]))
            shape = dict(document.get("shape", {}))
            if shape.get("mask") is not None:
                shape["mask"] = tuple(shape["mask"])
            values["shape"] = Shape(**shape)
            values["guiding"] = tuple(document.get("guiding", cls.guiding))
            if document.get("kin") is not None:
                seed, correlation = document["kin"]
                values["kin"] = (seed, float(correlation))
            values["attributes"] = tuple((str(k), str(v)) for k, v in document.get("attributes", ()))
            return cls(**values)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise SpecError(f"lesion specification: {error}") from error

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked again."""
        return replace(self, **changes)


@dataclass(frozen=True)
class LesionLayer:
    """A generated lesion, as the scene keeps it: independent of the skin it lies on, so it can move without a halo.

    rgb: uint8 [P, P, 3], sRGB, normalised to the training skin colour.
    mask: uint8 [P, P], the lesion's mask × 255. alpha: uint8 [P, P], the soft footprint × 255; 0 at the patch's border.
    width_mm: side of the patch on the surface. diameter_mm: as measured on the surface from `mask`.
    """

    id: str
    spec: LesionSpec
    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    width_mm: float
    diameter_mm: float
    model: str
    precision: str
    threads: int
    batch_size: int
    body_part: str = ""
    visible: bool = True
    locked: bool = False


def encode_mask(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Run lengths of a boolean [128, 128] mask in row order, beginning with a run of skin."""
    flat = np.asarray(mask, bool).reshape(-1)
    _require(flat.size == SHAPE_GRID**2, "shape.mask", f"must be {SHAPE_GRID}×{SHAPE_GRID}")
    edges = np.flatnonzero(np.diff(flat)) + 1
    bounds = np.concatenate([[0], edges, [flat.size]])
    runs = [int(n) for n in np.diff(bounds)]
    return tuple([0, *runs] if flat[0] else runs)


def decode_mask(runs: tuple[int, ...]) -> NDArray[np.bool_]:
    """The boolean [128, 128] mask that `encode_mask` packed."""
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(SHAPE_GRID, SHAPE_GRID)


def _numbers(values: Any) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    return a, b, c


def _require(condition: bool, name: str, problem: str) -> None:
    if not condition:
        raise SpecError(f"{name}: {problem}")


def _require_range(name: str, value: float, low: float, high: float) -> None:
    good = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and low <= value <= high
    )
    _require(good, name, f"is {value}; it must lie between {low:g} and {high:g}")
