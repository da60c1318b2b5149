"""Samplers, one function each, all over the same denoiser and the same known map.

Known entries are honoured in one of two ways: a network that was trained with a known map gets them clean; for any
other, they are replaced at each step by their value plus fresh noise. All are written in σ-space, x_σ = x₀ + σ n, where
a sampler is nothing but its step from one noise level to the next.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoiser, WithoutKnownMap
from engine.diffusion.noise import SeededNoise, half_log_snr_step

Step = Callable[[int, int], None]
"""Told before each evaluation: how many are done, how many there are. May raise to stop."""
Update = Callable[[Tensor, Tensor, float, float], Tensor]
"""x at the next level, from x, the denoised x₀, this level and the next."""

JUMP_LENGTH = 10
RESAMPLINGS = 10
"""RePaint's own choice (section 5.1 and appendix B): ten steps back, so that each stretch is walked ten times."""


@dataclass(frozen=True)
class Task:
    """A batch to sample. known, values: [B, 4, H, W]; label: [B] class numbers; zoom: [B] log₂."""

    known: Tensor
    values: Tensor
    label: Tensor
    zoom: Tensor


class Sampler(Protocol):
    """What all samplers share.

    sigmas: decreasing noise levels, at each of which the network is asked (once, where nothing else is said); the last
    answer is the result. start: x₀ [B, 4, H, W] to begin from, noised to the first level; pure noise where None.
    Returns x₀ [B, 4, H, W]; known entries are exact.
    """

    def __call__(
        self,
        denoiser: Denoiser,
        task: Task,
        noise: SeededNoise,
        sigmas: Sequence[float],
        start: Tensor | None = None,
        step: Step | None = None,
    ) -> Tensor: ...


def dpmpp_2m_sde(
    denoiser: Denoiser,
    task: Task,
    noise: SeededNoise,
    sigmas: Sequence[float],
    start: Tensor | None = None,
    step: Step | None = None,
) -> Tensor:
    """SDE-DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095), appendix B, in σ-space. See `Sampler`."""
    return _walk(denoiser, task, noise, sigmas, lambda: _two_step_sde(noise), start, step)


def dpmpp_2m(
    denoiser: Denoiser,
    task: Task,
    noise: SeededNoise,
    sigmas: Sequence[float],
    start: Tensor | None = None,
    step: Step | None = None,
) -> Tensor:
    """DPM-Solver++(2M), Lu et al. 2022 (arXiv:2211.01095), algorithm 2: deterministic, second order. See `Sampler`."""
    return _walk(denoiser, task, noise, sigmas, _two_step_ode, start, step)


def ddim(
    denoiser: Denoiser,
    task: Task,
    noise: SeededNoise,
    sigmas: Sequence[float],
    start: Tensor | None = None,
    step: Step | None = None,
) -> Tensor:
    """DDIM, Song et al. 2021 (arXiv:2010.02502), eq. 12 with η = 0: deterministic, first order. See `Sampler`."""

    def update(x: Tensor, x0: Tensor, sigma: float, following: float) -> Tensor:
        return x0 + following / sigma * (x - x0)

    return _walk(denoiser, task, noise, sigmas, lambda: update, start, step)


def ddpm(
    denoiser: Denoiser,
    task: Task,
    noise: SeededNoise,
    sigmas: Sequence[float],
    start: Tensor | None = None,
    step: Step | None = None,
) -> Tensor:
    """Ancestral sampling, Ho et al. 2020 (arXiv:2006.11239), algorithm 2, with replacement, as in Pielage et al.

    Known entries are replaced at every step whatever the network was trained for. See `Sampler`.
    """
    blind = WithoutKnownMap(denoiser)
    return _walk(blind, task, noise, sigmas, lambda: _ancestral(noise), start, step)


def repaint(
    denoiser: Denoiser,
    task: Task,
    noise: SeededNoise,
    sigmas: Sequence[float],
    start: Tensor | None = None,
    step: Step | None = None,
    jump_length: int = JUMP_LENGTH,
    resamplings: int = RESAMPLINGS,
    second_order: bool = False,
) -> Tensor:
    """RePaint, Lugmayr et al. 2022 (arXiv:2201.09865), algorithm 1 with the jumps of its appendix B. See `Sampler`.

    Ancestral steps with replacement; every stretch of `jump_length` levels is noised again (their eq. 1) and walked
    `resamplings` times, `evaluations("repaint", steps)` in all. second_order: steps of `dpmpp_2m_sde` instead.
    """
    blind = WithoutKnownMap(denoiser)
    levels = jump_walk(len(sigmas), jump_length, resamplings)

    def restarted() -> Update:
        return _two_step_sde(noise) if second_order else _ancestral(noise)

    return _walk(blind, task, noise, sigmas, restarted, start, step, levels)


SAMPLERS: dict[str, Sampler] = {
    "dpmpp_2m_sde": dpmpp_2m_sde,
    "dpmpp_2m": dpmpp_2m,
    "ddim": ddim,
    "ddpm": ddpm,
    "repaint": repaint,
}


def evaluations(name: str, steps: int) -> int:
    """How often the sampler of that name asks the network at `steps` noise levels."""
    return _asked(jump_walk(steps)) if name == "repaint" else steps


def jump_walk(levels: int, length: int = JUMP_LENGTH, resamplings: int = RESAMPLINGS) -> list[int]:
    """RePaint's path as numbers of noise levels, 0 the noisiest: a smaller number after a larger one is a jump back.

    Lugmayr et al., appendix B and figure 9: a jump from every level that lies a multiple of `length` before the last.
    """
    if length < 1 or resamplings < 1:
        raise ValueError(f"{resamplings} resamplings of {length} levels make no walk")
    jumps_left = dict.fromkeys(range(levels - 1, length - 1, -length), resamplings - 1)
    walk = [0]
    while walk[-1] < levels - 1:
        walk.append(walk[-1] + 1)
        if jumps_left.get(walk[-1], 0) > 0:
            jumps_left[walk[-1]] -= 1
            walk.append(walk[-1] - length)
    return walk


def _walk(
    denoiser: Denoiser,
    task: Task,
    noise: SeededNoise,
    sigmas: Sequence[float],
    restarted: Callable[[], Update],
    start: Tensor | None,
    step: Step | None,
    levels: Sequence[int] | None = None,
) -> Tensor:
    """From the first noise level to x₀ by `restarted()`'s updates, made anew after each jump: no history survives it.

    levels: the walk, see `jump_walk`; straight down where None.
    """
    walk = list(range(len(sigmas))) if levels is None else levels
    x = sigmas[0] * noise(*task.known.shape[1:])
    if start is not None:
        x = x + start
    update, done, total = restarted(), 0, _asked(walk)
    for level, following in pairwise(walk):
        sigma, target = sigmas[level], sigmas[following]
        if following < level:
            x = x + math.sqrt(target**2 - sigma**2) * noise(*x.shape[1:])
            update = restarted()
            continue
        if step is not None:
            step(done, total)
        x = update(x, _denoised(denoiser, task, x, sigma, noise), sigma, target)
        done += 1
    if step is not None:
        step(done, total)
    return torch.where(task.known > 0, task.values, _denoised(denoiser, task, x, sigmas[walk[-1]], noise))


def _asked(walk: Sequence[int]) -> int:
    """Evaluations on a walk: one before each step down, and the last."""
    return 1 + sum(following > level for level, following in pairwise(walk))


def _ancestral(noise: SeededNoise) -> Update:
    """A draw from q(x_s | x_t, x₀): Ho et al. 2020, eqs. 6 and 7, with their ᾱ = 1 / (1 + σ²)."""

    def update(x: Tensor, x0: Tensor, sigma: float, following: float) -> Tensor:
        decay = (following / sigma) ** 2
        return decay * x + (1 - decay) * x0 + following * math.sqrt(1 - decay) * noise(*x.shape[1:])

    return update


def _two_step_sde(noise: SeededNoise) -> Update:
    extrapolated, ancestral = _two_step(), _ancestral(noise)

    def update(x: Tensor, x0: Tensor, sigma: float, following: float) -> Tensor:
        return ancestral(x, extrapolated(x0, sigma, following), sigma, following)

    return update


def _two_step_ode() -> Update:
    extrapolated = _two_step()

    def update(x: Tensor, x0: Tensor, sigma: float, following: float) -> Tensor:
        guess = extrapolated(x0, sigma, following)
        return guess + following / sigma * (x - guess)

    return update


def _two_step() -> Callable[[Tensor, float, float], Tensor]:
    """x₀ in the middle of the coming step, from this one and the one before: Lu et al. 2022, algorithm 2, line 7."""
    previous: Tensor | None = None
    previous_h = 0.0

    def extrapolated(x0: Tensor, sigma: float, following: float) -> Tensor:
        nonlocal previous, previous_h
        h = half_log_snr_step(sigma, following)
        guess = x0 if previous is None else x0 + h / previous_h / 2 * (x0 - previous)
        previous, previous_h = x0, h
        return guess

    return extrapolated


def _denoised(denoiser: Denoiser, task: Task, x: Tensor, sigma: float, noise: SeededNoise) -> Tensor:
    """D(x, σ) under the known map."""
    level = torch.full((len(x),), sigma, device=x.device, dtype=x.dtype)
    if denoiser.conditional:
        x = torch.where(task.known > 0, task.values, x)
        return denoiser(x, level, task.known, task.label, task.zoom)
    x = torch.where(task.known > 0, task.values + sigma * noise(*x.shape[1:]), x)
    free = torch.zeros_like(task.known)
    return torch.where(task.known > 0, task.values, denoiser(x, level, free, task.label, task.zoom))
