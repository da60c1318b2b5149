"""A batch job as values: which patients, which lesions, which files. `engine.batch.loading` reads it from TOML.

Patients count from 1, source after source in the order of the job file.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

FORMAT = 1
MOST_PATIENTS = 100_000
MOST_LESIONS = 1000
"""Per patient and group: as many as `moulage generate` takes."""

Mix = tuple[tuple[str, float], ...]
"""Names with their shares, which sum to 1; in the order of the job file."""


@dataclass(frozen=True)
class Distribution:
    """A number that is drawn. Values outside `low` to `high` are drawn again, not moved to the bounds.

    kind: `fixed` (centre), `uniform` (low to high), `normal` (mean centre, standard deviation spread), `log-normal`
    (median centre, spread = standard deviation of the logarithm) or `poisson` (mean centre; whole numbers).
    """

    kind: str
    centre: float = 0.0
    spread: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @classmethod
    def fixed(cls, value: float) -> "Distribution":
        """Always this value."""
        return cls("fixed", value, 0.0, value, value)


@dataclass(frozen=True)
class Parametric:
    """Drawn bodies.

    age: years. stature and build: height and body mass index, 1 = usual for sex and age.
    texture_size: side of the skin texture, a power of two from 1024 to 8192.
    """

    patients: int
    sex: Mix
    age: Distribution
    stature: Distribution
    build: Distribution
    phototype: Mix
    texture_size: int


@dataclass(frozen=True)
class AvatarFile:
    """A body from a file, used for `patients` patients. unit, height_m, material: as `moulage generate` takes them."""

    path: Path
    patients: int
    unit: str | None = None
    height_m: float | None = None
    material: str | None = None


@dataclass(frozen=True)
class LesionGroup:
    """`count` lesions for each patient, spread over the union of `regions` (all skin where there are none).

    diameter_mm, irregularity, asymmetry: the class' clinical ranges (`engine.plan.CLINIC`) where None.
    """

    classes: Mix
    count: Distribution
    regions: tuple[str, ...] = ()
    diameter_mm: Distribution | None = None
    irregularity: Distribution | None = None
    asymmetry: Distribution | None = None


@dataclass(frozen=True)
class UglyDuckling:
    """In `share` of the patients the nevi resemble each other, and one lesion of another class does not.

    After Grob & Bonerandi, Arch Dermatol 1998;134(1):103-104: most people's nevi are of a few kinds, and the one that
    is of none is suspect. kinds: of nevi in one patient. controls: share of patients whose nevi are alike too, with no
    odd one among them. regions, diameter_mm: of the odd one.
    """

    share: float
    controls: float = 0.0
    lesion_class: str = "melanoma"
    kinds: int = 1
    regions: tuple[str, ...] = ()
    diameter_mm: Distribution | None = None


@dataclass(frozen=True)
class Network:
    """How lesions are painted. precision: `auto` (what the machine does best), `fp32` or `bf16`.

    batch_size: lesions that share an evaluation of the network; like the precision, part of what decides the bytes.
    """

    model: str = "default"
    precision: str = "auto"
    batch_size: int = 8
    steps: int = 18
    detail: int = 128
    sampler: str = "dpmpp_2m_sde"
    class_guidance: float = 1.0


@dataclass(frozen=True)
class Outputs:
    """Which files each patient gets.

    maps: among `albedo`, `instances`, `classes`. map_size: side of these in texels, the texture's own where None.
    picture_format: of albedo, close-ups and previews (`png`, `jpeg`, `webp`, `tiff`); quality: of JPEG and WebP, 1-100.
    mask_format: of instance maps, class maps and masks (`png` or `tiff`). close_up_size: pixels, `detail` where None.
    """

    maps: tuple[str, ...] = ("albedo", "instances", "classes")
    map_size: int | None = None
    picture_format: str = "png"
    mask_format: str = "png"
    quality: int = 92
    glb: bool = True
    close_ups: bool = True
    close_up_size: int | None = None
    preview: bool = True
    contact_sheet: bool = True
    annotations: bool = True


@dataclass(frozen=True)
class Job:
    """Everything that changes the results.

    name: of the set, in words for people. spacing_mm: least free skin between two outlines.
    """

    name: str
    seed: int
    sources: tuple[Parametric | AvatarFile, ...]
    lesions: tuple[LesionGroup, ...]
    spacing_mm: float = 1.0
    ugly_duckling: UglyDuckling | None = None
    network: Network = field(default_factory=Network)
    outputs: Outputs = field(default_factory=Outputs)

    @property
    def patients(self) -> int:
        """How many patients there are in all."""
        return sum(source.patients for source in self.sources)

    def source_of(self, number: int) -> Parametric | AvatarFile:
        """The source that patient `number` comes from (1 to `patients`). ValueError for another number."""
        left = number
        for source in self.sources:
            if 1 <= left <= source.patients:
                return source
            left -= source.patients
        raise ValueError(f"patient {number}: this job has patients 1 to {self.patients}")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the job and the bytes of its avatar files. Where the files lie is no part of it.

        Reads every avatar file once; OSError where one can't be read.
        """
        document = asdict(self)
        document["sources"] = [_identity(source) for source in self.sources]
        text = json.dumps({"moulage_job": FORMAT, **document}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def files(self) -> Iterator[AvatarFile]:
        """The avatar files, in order."""
        return (source for source in self.sources if isinstance(source, AvatarFile))


def _identity(source: Parametric | AvatarFile) -> dict[str, Any]:
    document = asdict(source)
    if isinstance(source, AvatarFile):
        with source.path.open("rb") as stream:
            document |= {"path": source.path.name, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
    return document
