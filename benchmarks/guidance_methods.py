"""Ways to honour what is known while sampling, all with one network: ours, and the peers and oracles beside it.

Foreign samplers reach the network through an ε-adapter with an empty known map.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoiser
from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.samplers import Task, ddpm, dpmpp_2m_sde

DDNM_ETA = 0.85
"""Wang et al.'s own choice for the noise of a step."""
REPAINT_ETA = 1.0
"""RePaint's paper takes DDPM's steps; diffusers' default of 0 takes DDIM's."""
REPAINT_SHORT = (10, 5, 3)
"""Steps, jump length and resamplings that make 20 evaluations."""
REPAINT_ELEVENFOLD = (50, 5, 5)
"""230 evaluations: the first count beyond ten times 20 that these three numbers make."""
REPAINT_OWN = (250, 10, 10)
"""The paper's and the pipeline's own."""


@dataclass(frozen=True)
class Method:
    """A way to sample `task` with one seed per picture; `sample` returns x₀ [B, 4, H, W]."""

    name: str
    evaluations: int
    sample: Callable[[Denoiser, Task, Sequence[int], float], Tensor]


def ours(steps: int) -> Method:
    """Known-map conditioning with the default sampler."""

    def sample(denoiser: Denoiser, task: Task, seeds: Sequence[int], sigma_min: float) -> Tensor:
        return dpmpp_2m_sde(denoiser, task, _noise(task, seeds), schedule(steps, sigma_min=sigma_min))

    return Method("known map, 2M SDE (ours)", steps, sample)


def replacement(steps: int) -> Method:
    """Replacement with ancestral DDPM steps, as in Pielage et al."""

    def sample(denoiser: Denoiser, task: Task, seeds: Sequence[int], sigma_min: float) -> Tensor:
        return ddpm(denoiser, task, _noise(task, seeds), schedule(steps, sigma_min=sigma_min))

    return Method("replacement, ancestral DDPM", steps, sample)


def ddnm(steps: int) -> Method:
    """The null-space projection of Wang et al. 2022 (arXiv:2212.00490), algorithm 1, A picking the known entries."""

    def sample(denoiser: Denoiser, task: Task, seeds: Sequence[int], sigma_min: float) -> Tensor:
        noise, sigmas = _noise(task, seeds), schedule(steps, sigma_min=sigma_min)
        shape, free = task.known.shape[1:], torch.zeros_like(task.known)
        x = sigmas[0] * noise(*shape)
        for sigma, following in zip(sigmas, [*sigmas[1:], 0.0], strict=True):
            level = torch.full((len(x),), sigma, device=x.device)
            x0 = denoiser(x, level, free, task.label, task.zoom)
            direction = (x - x0) / sigma
            x0 = torch.where(task.known > 0, task.values, x0)
            fresh = DDNM_ETA * noise(*shape)
            x = x0 + following * (math.sqrt(1 - DDNM_ETA**2) * direction + fresh)
        return x

    return Method("DDNM (oracle)", steps, sample)


def repaint(steps: int, jump_length: int, resamplings: int) -> Method:
    """diffusers' `RePaintPipeline` with its own scheduler."""
    pipeline = _pipeline_class()

    def sample(denoiser: Denoiser, task: Task, seeds: Sequence[int], sigma_min: float) -> Tensor:
        scheduler = _scheduler()
        unet = EpsilonAdapter(denoiser, task, scheduler.alphas_cumprod, sigma_min)
        pipe = pipeline(unet=unet, scheduler=scheduler)
        pipe.set_progress_bar_config(disable=True)
        streams = [torch.Generator().manual_seed(seed) for seed in seeds]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it deprecates its own preprocessing
            made = pipe(
                image=task.values,
                mask_image=task.known,
                num_inference_steps=steps,
                eta=REPAINT_ETA,
                jump_length=jump_length,
                jump_n_sample=resamplings,
                generator=streams,
                output_type="np",
            )
        x0 = torch.from_numpy(made.images).permute(0, 3, 1, 2).to(task.values.device) * 2 - 1
        return torch.where(task.known > 0, task.values, x0)

    scheduler = _scheduler()
    scheduler.set_timesteps(steps, jump_length, resamplings)
    times = scheduler.timesteps.tolist()
    asked = sum(t < last for last, t in zip([times[0] + 1, *times], times, strict=False))
    return Method("RePaint (diffusers)", asked, sample)


class EpsilonAdapter(torch.nn.Module):
    """The denoiser as a discrete-time network that predicts ε, with x_t = √ᾱ x₀ + √(1-ᾱ) ε, and an empty known map.

    Noise below the network's lowest level is asked for at that level, which it cleans best.
    """

    class _Output:
        def __init__(self, sample: Tensor) -> None:
            self.sample = sample

    def __init__(self, denoiser: Denoiser, task: Task, alphas_cumprod: Tensor, sigma_min: float) -> None:
        super().__init__()
        self._denoiser, self._task, self._alphas, self._sigma_min = denoiser, task, alphas_cumprod, sigma_min
        self.dtype = torch.float32
        self.device = task.known.device
        self.config: dict[str, Any] = {}

    def forward(self, x: Tensor, timestep: Tensor) -> _Output:
        """ε of x_t [B, 4, H, W]."""
        alpha = float(self._alphas[int(timestep)])
        sigma = math.sqrt((1 - alpha) / alpha)
        level = torch.full((len(x),), max(sigma, self._sigma_min), device=x.device)
        free = torch.zeros_like(self._task.known)
        x0 = self._denoiser(x / math.sqrt(alpha), level, free, self._task.label, self._task.zoom)
        return self._Output((x / math.sqrt(alpha) - x0) / sigma)


def _noise(task: Task, seeds: Sequence[int]) -> SeededNoise:
    return SeededNoise(seeds, task.known.device)


def _scheduler() -> Any:
    from diffusers.schedulers.scheduling_repaint import RePaintScheduler

    return RePaintScheduler()


def _pipeline_class() -> Any:
    """Imported by its module: the package's front door would bring in torchvision, which has no CPU build here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.pipelines.deprecated.repaint.pipeline_repaint import RePaintPipeline
    return RePaintPipeline
