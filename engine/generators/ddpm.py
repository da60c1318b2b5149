"""The shipped generator: the diffusion network, guided by the skin around and by the lesion's shape."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Before torch is imported: OpenMP threads that spin collapse when anything else runs on the same cores.

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from engine.diffusion import checkpoint
from engine.diffusion.denoiser import Denoiser, GuidedByClass
from engine.diffusion.guidance import BorderGuiding, ClassBorderGuiding, Guiding, Known, SegmentationGuiding, combine
from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.samplers import SAMPLERS, Task
from engine.errors import Cancelled, ModelError, SpecError
from engine.generators.protocol import Cancel, PatchRequest, PatchResult, Progress

NATIVE = 128
"""Side at which the network paints; a larger detail is reached by tile upsampling."""


class DdpmGenerator:
    """See `engine.generators.protocol.Generator`. Holds the network in memory; not safe for several threads at once."""

    def __init__(self, model: str | Path = "default", device: str | None = None, threads: int | None = None) -> None:
        """model: name or folder. device: `cpu`, `cuda`, `mps`, or the best where None. threads: of the CPU.

        ModelError where the model or the device can't be used.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        self.model = checkpoint.find(model)
        self.device = torch.device(device or _best_device())
        try:
            self.denoiser = checkpoint.load(self.model).to(self.device)
        except (RuntimeError, AssertionError) as error:
            raise ModelError(f"--device: {device!r} can't be used here ({error}); leave it out or say cpu") from error
        self.classes = self.model.classes
        self.fingerprint = self.model.fingerprint
        self.licence = self.model.licence
        self.precision = "fp32"

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
        started = time.perf_counter()

        def before(done: int, total: int) -> None:
            if cancel is not None and cancel():
                raise Cancelled("stopped; nothing was changed")
            if progress is not None:
                progress(done, total)

        with torch.inference_mode():
            x0 = self._sample(requests, before).cpu().numpy()
        if progress is not None:
            progress(first.steps, first.steps)
        seconds = (time.perf_counter() - started) / len(requests)
        return [
            self._result(request, image, len(requests), seconds) for request, image in zip(requests, x0, strict=True)
        ]

    def _sample(self, requests: Sequence[PatchRequest], before: Progress) -> torch.Tensor:
        spec = requests[0].spec
        if spec.sampler not in SAMPLERS:
            raise SpecError(f"sampler: {spec.sampler!r} is unknown; choose among {', '.join(SAMPLERS)}")
        known = [_known(request) for request in requests]
        labels = [self._label(request.spec.lesion_class) for request in requests]
        task = Task(
            torch.from_numpy(np.stack([k.known for k in known])).to(self.device),
            torch.from_numpy(np.stack([k.values for k in known])).to(self.device),
            torch.tensor(labels, device=self.device),
            torch.zeros(len(requests), device=self.device),
        )
        noise = SeededNoise([request.spec.seed for request in requests], self.device)
        sigmas = schedule(spec.steps, sigma_min=self.model.sigma_min)
        return SAMPLERS[spec.sampler](self._guided(requests), task, noise, sigmas, step=before)

    def _guided(self, requests: Sequence[PatchRequest]) -> Denoiser:
        weights = [request.spec.class_guidance for request in requests]
        if all(weight == 1 for weight in weights):
            return self.denoiser
        if self.model.any_label < 0:
            raise SpecError("class_guidance: this model has no class 'any'; leave it at 1")
        return GuidedByClass(self.denoiser, torch.tensor(weights, device=self.device), self.model.any_label)

    def _label(self, name: str) -> int:
        if name not in self.classes:
            raise SpecError(f"lesion_class: {name!r} is not among the model's: {', '.join(self.classes)}")
        return list(self.model.config["classes"]).index(name)

    def _result(self, request: PatchRequest, image: np.ndarray, batch: int, seconds: float) -> PatchResult:
        rgb = np.where(request.editable, np.clip(image[:3], -1, 1), request.skin).astype(np.float32)
        mask = np.clip(image[3] / 2 + 0.5, 0, 1).astype(np.float32)
        return PatchResult(
            *(rgb, mask, self.fingerprint, self.precision, torch.get_num_threads()),
            *(batch, request.spec.steps, seconds),
        )


def _known(request: PatchRequest) -> Known:
    """The request's guidings as one known map."""
    guidings: list[Guiding] = []
    names = request.spec.guiding
    if "border" in names:
        guidings.append(BorderGuiding(request.skin, request.editable))
    if "segmentation" in names and request.shape is not None:
        guidings.append(SegmentationGuiding(request.shape))
    if "class_border" in names:
        guidings.append(ClassBorderGuiding(request.skin.shape[-1]))
    return combine(guidings, request.skin.shape[-1])


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
