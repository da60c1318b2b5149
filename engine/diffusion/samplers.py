"""Samplers, one function each, all over the same denoiser and the same known map.

Known entries are honoured in one of two ways: a network that was trained with a known map gets them clean; for any
other, `Conditioner` replaces them at each step by their value plus fresh noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoiser
from engine.diffusion.noise import SeededNoise, half_log_snr_step

Step = Callable[[int, int], None]
"""Told before each evaluation: how many are done, how many there are. May raise to stop."""


@dataclass(frozen=True)
class Task:
    """A batch to sample. known, values: [B, 4, H, W]; label: [B] class numbers; zoom: [B] log₂."""

    known: Tensor
    values: Tensor
    label: Tensor
    zoom: Tensor


def dpmpp_2m_sde(
    denoiser: Denoiser,
    task: Task,
    noise: SeededNoise,
    sigmas: Sequence[float],
    start: Tensor | None = None,
    step: Step | None = None,
) -> Tensor:
    """SDE-DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095), appendix B, in σ-space.

    sigmas: decreasing noise levels, at each of which the network is asked once; the last answer is the result.
    start: x₀ [B, 4, H, W] to begin from, noised to the first level; pure noise where None. Known entries are exact.
    """
    shape = task.known.shape[1:]
    x = sigmas[0] * noise(*shape)
    if start is not None:
        x = x + start
    previous: Tensor | None = None
    previous_h = 0.0
    for i, sigma in enumerate(sigmas):
        if step is not None:
            step(i, len(sigmas))
        x0 = _denoised(denoiser, task, x, sigma, noise)
        if i + 1 == len(sigmas):
            break
        h = half_log_snr_step(sigma, sigmas[i + 1])
        guess = x0 if previous is None else x0 + h / previous_h / 2 * (x0 - previous)
        decay = (sigmas[i + 1] / sigma) ** 2
        x = decay * x + (1 - decay) * guess + sigmas[i + 1] * (1 - decay) ** 0.5 * noise(*shape)
        previous, previous_h = x0, h
    return torch.where(task.known > 0, task.values, x0)


def _denoised(denoiser: Denoiser, task: Task, x: Tensor, sigma: float, noise: SeededNoise) -> Tensor:
    """D(x, σ) under the known map."""
    level = torch.full((len(x),), sigma, device=x.device)
    if denoiser.conditional:
        x = torch.where(task.known > 0, task.values, x)
        return denoiser(x, level, task.known, task.label, task.zoom)
    x = torch.where(task.known > 0, task.values + sigma * noise(*x.shape[1:]), x)
    free = torch.zeros_like(task.known)
    return torch.where(task.known > 0, task.values, denoiser(x, level, free, task.label, task.zoom))


SAMPLERS = {"dpmpp_2m_sde": dpmpp_2m_sde}
