"""The generated pictures that are measured: kept in a folder, made in fixed batches, taken up again after any end.

What a picture is depends on the model, the settings and its number alone, so a larger count continues a smaller one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import png, shapes
from engine.colour import SKIN_REFERENCE, from_network, to_bytes, to_network
from engine.errors import BadInput, OutputError
from engine.evaluation.pictures import MOST, SIDE, Pictures
from engine.generators.protocol import Cancel, Generator, PatchRequest, PatchResult
from engine.lesion import LesionSpec, Shape, Site
from engine.output import OutputFolder, Provenance, encode_png
from engine.plan import ANY_CLASS, CLINIC

BATCH = 4
OUTLINES = ("free", "automatic")
FORMAT = 1
_SHARES = (0.4, 0.75)
"""The longest diameter of an automatic outline, as a share of the side."""
_ANYWHERE = Site(0, (1.0, 0.0, 0.0))
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class SampleSettings:
    """What is asked of the network.

    outlines: `free`, where nothing is known but that the lesion doesn't touch the frame, or `automatic`, where the
    mask is given and the network paints colour. seed: of the whole set.
    """

    outlines: str = "free"
    seed: int = 0
    steps: int = 18
    sampler: str = "dpmpp_2m_sde"

    def __post_init__(self) -> None:
        """BadInput for a kind of outline that doesn't exist."""
        if self.outlines not in OUTLINES:
            raise BadInput(f"--outlines: is {self.outlines!r}; choose {' or '.join(OUTLINES)}")


def sample_set(
    generator: Generator,
    folder: Path,
    per_class: Mapping[str, int],
    settings: SampleSettings,
    told: Told | None = None,
    cancel: Cancel | None = None,
) -> Pictures:
    """The first pictures of each class, made where the folder lacks them. told: finished and wanted, after each batch.

    per_class: how many of each class, in the order of `Pictures.classes`. BadInput for more than `MOST` in all, or a
    folder of something else.
    """
    if sum(per_class.values()) > MOST:
        raise BadInput(f"--count: is {sum(per_class.values())}; at most {MOST} pictures are measured at once")
    batches = [(name, start) for name, count in per_class.items() for start in range(0, count, BATCH)]
    with OutputFolder(folder, _job(generator, settings)) as output:
        for done, (name, start) in enumerate(batches):
            if told is not None:
                told(done * BATCH, len(batches) * BATCH)
            numbers = range(start, start + BATCH)
            if not all(output.has(file) for number in numbers for file in _files(name, number)):
                _make(generator, output, name, numbers, settings, cancel)
        if told is not None:
            told(len(batches) * BATCH, len(batches) * BATCH)
        output.finish()
        return _read(folder, per_class)


def set_name(generator: Generator, settings: SampleSettings) -> str:
    """The folder's name of one set among others."""
    return f"samples-{settings.outlines}-{generator.fingerprint[:12]}-{settings.seed}"


def request(lesion_class: str, number: int, settings: SampleSettings) -> PatchRequest:
    """What is asked of the network for one picture."""
    rng = np.random.default_rng([settings.seed, number, *lesion_class.encode()])
    seed = int(rng.integers(2**62))
    skin = np.broadcast_to(to_network(SKIN_REFERENCE)[:, None, None], (3, SIDE, SIDE))
    everywhere = np.ones((SIDE, SIDE), bool)
    shape, guiding, outline = Shape("free"), ("class_border",), None
    if settings.outlines == "automatic":
        clinic = CLINIC.get(lesion_class, ANY_CLASS)
        irregularity, asymmetry = rng.uniform(*clinic.irregularity), rng.uniform(*clinic.asymmetry)
        shape, guiding = (
            Shape("automatic", round(float(irregularity), 3), round(float(asymmetry), 3)),
            ("segmentation",),
        )
        outline = shapes.draw(shape, float(rng.uniform(*_SHARES)) * SIDE, SIDE, seed)
    spec = LesionSpec(
        *(lesion_class, _ANYWHERE, 6.0, seed),
        shape=shape,
        guiding=guiding,
        sampler=settings.sampler,
        steps=settings.steps,
        detail=SIDE,
    )
    return PatchRequest(np.ascontiguousarray(skin), everywhere, outline, spec)


def _make(
    generator: Generator,
    output: OutputFolder,
    lesion_class: str,
    numbers: range,
    settings: SampleSettings,
    cancel: Cancel | None,
) -> None:
    """One batch, always of the same pictures, whatever is there already."""
    requests = [request(lesion_class, number, settings) for number in numbers]
    results = generator.generate(requests, cancel=cancel)
    with output.stage() as stage:
        for number, asked, result in zip(numbers, requests, results, strict=True):
            origin = Provenance(asked.spec.to_json(), generator.fingerprint, generator.licence)
            rgb, mask = _bytes(result)
            for file, pixels in zip(_files(lesion_class, number), (rgb, mask), strict=True):
                stage.write(file, encode_png(pixels, origin), origin)


def _bytes(result: PatchResult) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rgb = to_bytes(from_network(result.rgb.transpose(1, 2, 0)))
    return rgb, np.rint(np.clip(result.mask, 0, 1) * 255).astype(np.uint8)


def _read(folder: Path, per_class: Mapping[str, int]) -> Pictures:
    wanted = [(name, number) for name, count in per_class.items() for number in range(count)]
    rgb = np.empty((len(wanted), SIDE, SIDE, 3), np.uint8)
    mask = np.empty((len(wanted), SIDE, SIDE), np.uint8)
    for i, (name, number) in enumerate(wanted):
        for file, target in zip(_files(name, number), (rgb, mask), strict=True):
            try:
                target[i] = png.decode((folder / file).read_bytes(), SIDE)
            except (OSError, ValueError) as error:
                raise OutputError(f"{folder / file}: can't be read ({error}); remove it and run again") from error
    classes = tuple(per_class)
    names = tuple(f"{name}-{number:05d}" for name, number in wanted)
    label = np.array([classes.index(name) for name, _ in wanted], np.int64)
    return Pictures(rgb, mask, np.ones(len(wanted), bool), label, names, names, classes)


def _files(lesion_class: str, number: int) -> tuple[str, str]:
    return f"{lesion_class}-{number:05d}.png", f"{lesion_class}-{number:05d}.mask.png"


def _job(generator: Generator, settings: SampleSettings) -> str:
    return json.dumps(["evaluation samples", FORMAT, generator.fingerprint, asdict(settings)], sort_keys=True)
