"""The shipped generator: the diffusion network, guided by the skin around and by the lesion's shape."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.diffusion import checkpoint, precision
from engine.diffusion.batching import Batched
from engine.diffusion.chroma import smooth_chroma
from engine.diffusion.denoiser import Denoiser, GuidedByClass
from engine.diffusion.guidance import BorderGuiding, ClassBorderGuiding, Guiding, Known, SegmentationGuiding, combine
from engine.diffusion.meeting import meet
from engine.diffusion.noise import SeededNoise, schedule, stream
from engine.diffusion.pyramid import Level, padded, pyramid
from engine.diffusion.samplers import SAMPLERS, Task, evaluations
from engine.diffusion.tiles import TILE, sizes
from engine.diffusion.upsampling import Upsampling, raise_level
from engine.errors import Cancelled, ModelError, SpecError
from engine.generators.protocol import Cancel, PatchRequest, PatchResult, Progress

NATIVE = TILE
"""Side at which the network paints; a larger detail is reached by tile upsampling."""
_MULTIPLE = 16
"""Sides that the network's four levels and its stem can halve."""
GRAIN = 1 << 16
"""The stream of noise that draws the skin's grain: upsampling has the low numbers."""
_BORDER = 4
"""Width of the class border in native pixels."""

Watch = Callable[[NDArray[np.float32]], None]
"""Told of each intermediate x₀, float32 [B, 4, S, S] in [-1, 1], S at most `NATIVE`."""


class DdpmGenerator:
    """See `engine.generators.protocol.Generator`. Holds the network in memory; not safe for several threads at once.

    watch: told how the picture comes into being; changes nothing of it.
    """

    watch: Watch | None = None

    def __init__(
        self,
        model: str | Path = "default",
        device: str | None = None,
        threads: int | None = None,
        memory_mb: float | None = None,
        upsampling: Upsampling | None = None,
        arithmetic: str = "auto",
    ) -> None:
        """model: name or folder. device: `cpu`, `cuda`, `mps`, or the best where None. threads: of the CPU.

        memory_mb: what a batch may take; smaller batches where it is little. upsampling: how details above 128 are
        reached. arithmetic: `fp32`, `bf16`, or what is measured to be best here (`auto`). ModelError where the model or
        the device can't be used.
        """
        torch.set_num_threads(threads or precision.threads())
        self.model = checkpoint.find(model)
        try:
            self.device = torch.device(device or best_device())
            network = checkpoint.denoiser(self.model).to(self.device)
        except (RuntimeError, AssertionError) as error:
            raise ModelError(f"--device: {device!r} can't be used here ({error}); leave it out or say cpu") from error
        if arithmetic not in ("auto", *precision.KINDS):
            raise ModelError(f"precision: is {arithmetic!r}; choose auto, {' or '.join(precision.KINDS)}")
        choice = precision.choose(self.device) if arithmetic == "auto" else precision.Choice(arithmetic, None)
        self.denoiser = precision.prepared(network, choice)
        self.precision = choice.precision
        self.batched = Batched(self.denoiser, precision.batch(network, self.device, memory_mb))
        self.upsampling = upsampling or Upsampling()
        self.classes = self.model.classes
        self.fingerprint = self.model.fingerprint
        self.licence = self.model.licence

    def generate(
        self, requests: Sequence[PatchRequest], progress: Progress | None = None, cancel: Cancel | None = None
    ) -> list[PatchResult]:
        """See the protocol. Requests of one batch share sampler, steps and detail."""
        if not requests:
            return []
        first = requests[0].spec
        for request in requests:
            if (request.spec.sampler, request.spec.steps) != (first.sampler, first.steps):
                raise SpecError("sampler, steps: must be the same in one batch")
            if request.spec.detail != first.detail:
                raise SpecError("detail: must be the same in one batch")
        started = time.perf_counter()
        with torch.inference_mode():
            painting = _Painting(self, requests, progress, cancel)
            images = painting.paint().cpu().numpy()
        threads = torch.get_num_threads()
        with ThreadPoolExecutor(threads) as pool:  # numpy, scipy and OpenCV let go of the interpreter
            finished = list(pool.map(self._finished, requests, images))
        seconds = (time.perf_counter() - started) / len(requests)
        return [
            PatchResult(
                *(rgb, mask, self.fingerprint, self.precision, threads), *(self.batched.largest, evaluations, seconds)
            )
            for (rgb, mask), evaluations in zip(finished, painting.evaluations, strict=True)
        ]

    def _finished(
        self, request: PatchRequest, image: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Colour [3, S, S] in [-1, 1] and mask [S, S] in [0, 1]: chroma smoothed, painted skin met with the known."""
        painted = np.where(request.editable, image[:3], request.skin).astype(np.float32)
        side, mask = painted.shape[-1], np.clip(image[3] / 2 + 0.5, 0, 1).astype(np.float32)
        rgb = np.clip(smooth_chroma(painted, request.editable, self.model.chroma_radius * side / NATIVE), -1, 1)
        if "border" in request.spec.guiding:
            rng = np.random.default_rng(stream(request.spec.seed, side, GRAIN))
            rgb = np.where(request.editable, np.clip(meet(rgb, request.editable, mask, rng), -1, 1), rgb)
        return rgb, mask


class _Painting:
    """One batch on its way through the levels."""

    def __init__(
        self,
        generator: DdpmGenerator,
        requests: Sequence[PatchRequest],
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> None:
        self._generator, self._requests = generator, requests
        self._progress, self._cancel = progress, cancel
        self._spec = requests[0].spec
        if self._spec.sampler not in SAMPLERS:
            raise SpecError(f"sampler: {self._spec.sampler!r} is unknown; choose among {', '.join(SAMPLERS)}")
        self._weights = [request.spec.class_guidance for request in requests]
        self._guided = any(weight != 1 for weight in self._weights)
        if self._guided and generator.model.any_label < 0:
            raise SpecError("class_guidance: this model has no class 'any'; leave it at 1")
        self._sides = sizes(self._spec.detail)
        self._tasks = self._tasks_of_levels()
        tiles = [generator.upsampling.tiles(task.known) for task in self._tasks[1:]]
        passes = generator.upsampling.steps * (2 if self._guided else 1)
        self._raising = [passes * sum(t.lesion == b for ts in tiles for t in ts) for b in range(len(requests))]
        asked = evaluations(self._spec.sampler, self._spec.steps) * (2 if self._guided else 1)
        self._total = sum(self._raising) + asked * len(requests)
        self.evaluations: list[int] = []
        """Network evaluations of each lesion, known when all is painted."""

    def paint(self) -> torch.Tensor:
        """x₀ [B, 4, detail, detail] on the device."""
        generator, spec = self._generator, self._spec
        seeds = [request.spec.seed for request in self._requests]
        batched, sigma_min = generator.batched, generator.model.sigma_min
        batched.before, batched.evaluated, batched.largest = self._before, 0, 0
        try:
            noise = SeededNoise(seeds, generator.device, [request.spec.kin for request in self._requests])
            everyone = self._watched(self._denoiser(range(len(seeds))))
            sigmas = schedule(spec.steps, sigma_min=sigma_min)
            x0 = SAMPLERS[spec.sampler](everyone, self._tasks[0], noise, sigmas)
            direct = batched.evaluated // len(seeds)
            for task in self._tasks[1:]:
                x0 = raise_level(self._denoiser, x0, task, seeds, generator.upsampling, sigma_min)
        finally:
            batched.before = None
        self.evaluations = [direct + raising for raising in self._raising]
        if self._progress is not None:
            self._progress(self._total, self._total)
        return x0[..., : spec.detail, : spec.detail]

    def _before(self) -> None:
        if self._cancel is not None and self._cancel():
            raise Cancelled("stopped; nothing was changed")
        if self._progress is not None:
            self._progress(self._generator.batched.evaluated, self._total)

    def _denoiser(self, lesions: Sequence[int]) -> Denoiser:
        """The network for a batch of pictures that belong to these lesions."""
        if not self._guided:
            return self._generator.batched
        weights = torch.tensor([self._weights[lesion] for lesion in lesions], device=self._generator.device)
        return GuidedByClass(self._generator.batched, weights, self._generator.model.any_label)

    def _watched(self, denoiser: Denoiser) -> Denoiser:
        watch, side = self._generator.watch, min(self._spec.detail, NATIVE)
        return denoiser if watch is None else _Watched(denoiser, watch, side)

    def _tasks_of_levels(self) -> list[Task]:
        pyramids = [pyramid(Level(r.skin, r.editable, r.shape), self._sides) for r in self._requests]
        return [self._task(side, [levels[i] for levels in pyramids]) for i, side in enumerate(self._sides)]

    def _task(self, side: int, levels: Sequence[Level]) -> Task:
        generator, device = self._generator, self._generator.device
        if side < NATIVE:
            levels = [padded(level, _MULTIPLE) for level in levels]
        known = [_known(r.spec.guiding, level) for r, level in zip(self._requests, levels, strict=True)]
        zoom = min(max(side / NATIVE, 1.0), generator.model.max_zoom)
        return Task(
            torch.from_numpy(np.stack([k.known for k in known])).to(device),
            torch.from_numpy(np.stack([k.values for k in known])).to(device),
            torch.tensor([_label(generator, r.spec.lesion_class) for r in self._requests], device=device),
            torch.full((len(known),), float(np.log2(zoom)), device=device),
        )


class _Watched:
    """A denoiser that shows its answers, cut to the side that is asked for."""

    def __init__(self, denoiser: Denoiser, watch: Watch, side: int) -> None:
        self.conditional = denoiser.conditional
        self._denoiser, self._watch, self._side = denoiser, watch, side

    def __call__(
        self, x: torch.Tensor, sigma: torch.Tensor, known: torch.Tensor, label: torch.Tensor, zoom: torch.Tensor
    ) -> torch.Tensor:
        """See `Denoiser`."""
        x0 = self._denoiser(x, sigma, known, label, zoom)
        self._watch(x0[..., : self._side, : self._side].float().cpu().numpy())
        return x0


def _label(generator: DdpmGenerator, name: str) -> int:
    if name not in generator.classes:
        raise SpecError(f"lesion_class: {name!r} is not among the model's: {', '.join(generator.classes)}")
    return list(generator.model.config["classes"]).index(name)


def _known(guiding: Sequence[str], level: Level) -> Known:
    """The guidings as one known map at this level's size."""
    side = level.editable.shape[-1]
    guidings: list[Guiding] = []
    if "border" in guiding:
        guidings.append(BorderGuiding(level.skin, level.editable))
    if "segmentation" in guiding and level.shape is not None:
        guidings.append(SegmentationGuiding(level.shape))
    if "class_border" in guiding:
        guidings.append(ClassBorderGuiding(side, round(_BORDER * max(side / NATIVE, 1))))
    return combine(guidings, side)


def best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
