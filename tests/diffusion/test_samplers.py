"""Samplers: order of convergence, RePaint's walk, what survives a jump, seeds, stopping."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_field import DoubleNoise, ExactDenoiser, plain_skin
from torch import Tensor

from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.samplers import (
    SAMPLERS,
    Sampler,
    Task,
    ddim,
    dpmpp_2m,
    evaluations,
    jump_walk,
    repaint,
)
from engine.errors import Cancelled, SpecError
from engine.lesion import SAMPLER_NAMES, LesionSpec, Site

SIDE = 4


def _task(known: Tensor, values: Tensor) -> Task:
    return Task(known, values, torch.zeros(len(known), dtype=torch.long), torch.zeros(len(known)))


def _free(count: int = 1) -> Task:
    nothing = torch.zeros(count, 4, SIDE, SIDE, dtype=torch.float64)
    return _task(nothing, nothing)


def _exact_flow(known: Tensor, values: Tensor, start: Tensor, first: float, last: float) -> Tensor:
    """The probability-flow ODE of one Gaussian, solved: each eigenvector shrinks by √((λ+σ²)/(λ+σ₀²)).

    Song et al. 2021 (arXiv:2011.13456), eq. 13, with a score that is linear in x. Returns E[x₀ | x_σ] at the last σ.
    """
    mean, covariance = plain_skin(SIDE).given(known, values)
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    eigenvalues = eigenvalues.clamp(min=0)
    along = vectors.T @ (start.flatten() - mean)
    along = along * ((eigenvalues + last**2) / (eigenvalues + first**2)).sqrt()
    x0 = mean + vectors @ (along * eigenvalues / (eigenvalues + last**2))
    return torch.where(known.flatten() > 0, values.flatten(), x0).view(4, SIDE, SIDE)


@pytest.mark.parametrize(("sampler", "order"), [(ddim, 1), (dpmpp_2m, 2)])
@pytest.mark.parametrize("guided", [False, True])
def test_deterministic_samplers_converge_with_their_order(sampler: Sampler, order: int, guided: bool) -> None:
    known = torch.zeros(4, SIDE, SIDE, dtype=torch.float64)
    if guided:
        known[:, 0] = known[:, :, 0] = 1
    values = plain_skin(SIDE).means[0].view(4, SIDE, SIDE) + 0.1
    first, last, seed = 5.0, 0.05, 7
    x = first * DoubleNoise([seed])(4, SIDE, SIDE)[0]
    # Known entries enter clean: what is left of the problem is the free entries' own.
    exact = _exact_flow(known, values, torch.where(known > 0, values, x), first, last)
    errors = []
    for steps in (32, 64, 128):
        sigmas = [first * (last / first) ** (i / (steps - 1)) for i in range(steps)]
        denoiser = ExactDenoiser(plain_skin(SIDE))
        found = sampler(denoiser, _task(known[None], values[None]), DoubleNoise([seed]), sigmas)[0]
        errors.append(float((found - exact).abs().max()))
    orders = [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]
    assert all(abs(found - order) < 0.2 for found in orders), orders


class _Silent(SeededNoise):
    """No noise at all: what remains is the sampler's own arithmetic."""

    def __call__(self, *shape: int) -> Tensor:
        return torch.ones(1, *shape, dtype=torch.float64) if not self._begun() else torch.zeros(1, *shape)

    def _begun(self) -> bool:
        begun = getattr(self, "_started", False)
        self._started = True
        return begun


class _Curved:
    """A denoiser that depends on x and σ, so that a stale history shows."""

    conditional = True

    def __init__(self) -> None:
        self.levels: list[float] = []

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        self.levels.append(float(sigma[0]))
        return torch.tanh(x) / (1 + sigma.view(-1, 1, 1, 1))


def _by_hand(walk: list[int], sigmas: list[float], forget: bool) -> float:
    """One pixel through `repaint(second_order=True)` without noise, history kept or forgotten at jumps."""
    x, previous = sigmas[0], None
    for level, following in itertools.pairwise(walk):
        sigma, target = sigmas[level], sigmas[following]
        if following < level:
            previous = None if forget else previous
            continue
        x0 = math.tanh(x) / (1 + sigma)
        h = math.log(sigma / target)
        guess = x0 if previous is None else x0 + h / previous[1] / 2 * (x0 - previous[0])
        decay = (target / sigma) ** 2
        x, previous = decay * x + (1 - decay) * guess, (x0, h)
    return math.tanh(x) / (1 + sigmas[walk[-1]])


def test_no_history_survives_a_jump() -> None:
    sigmas = schedule(9, 4.0, 0.2)
    walk = jump_walk(9, 3, 3)
    found = repaint(_Curved(), _free(), _Silent([0]), sigmas, jump_length=3, resamplings=3, second_order=True)
    forgotten, kept = (_by_hand(walk, sigmas, forget) for forget in (True, False))
    assert float(found[0, 0, 0, 0]) == pytest.approx(forgotten, abs=1e-12)
    assert abs(forgotten - kept) > 1e-4


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 120), st.integers(1, 20), st.integers(1, 12))
def test_a_walk_goes_down_level_by_level_and_back_only_by_whole_jumps(levels: int, length: int, times: int) -> None:
    walk = jump_walk(levels, length, times)
    assert (walk[0], walk[-1]) == (0, levels - 1)
    assert set(walk) == set(range(levels))
    steps = [after - before for before, after in itertools.pairwise(walk)]
    assert set(steps) <= {1, -length}
    landings = range(levels - 1, length - 1, -length)
    assert steps.count(-length) == len(landings) * (times - 1)


def test_the_walk_takes_as_many_evaluations_as_the_reference() -> None:
    from diffusers.schedulers.scheduling_repaint import RePaintScheduler

    scheduler = RePaintScheduler()
    scheduler.set_timesteps(250, 10, 10)
    times = scheduler.timesteps.tolist()
    reference = 1 + sum(after < before for before, after in itertools.pairwise(times))
    assert evaluations("repaint", 250) == reference == 2410
    assert evaluations("ddpm", 1000) == 1000


@pytest.mark.parametrize("name", SAMPLERS)
def test_each_level_is_asked_and_told_before(name: str) -> None:
    told: list[tuple[int, int]] = []
    denoiser = _Curved()
    sigmas = schedule(12, 10.0, 0.1)
    SAMPLERS[name](denoiser, _free(2), DoubleNoise([1, 2]), sigmas, step=lambda done, total: told.append((done, total)))
    asked = evaluations(name, 12)
    assert told == [(done, asked) for done in range(asked)]
    assert len(denoiser.levels) == asked
    assert denoiser.levels[-1] == sigmas[-1]


@pytest.mark.parametrize("name", SAMPLERS)
def test_stopping_happens_between_two_evaluations(name: str) -> None:
    denoiser = _Curved()

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        SAMPLERS[name](denoiser, _free(), DoubleNoise([0]), schedule(12), step=stop)
    assert len(denoiser.levels) == 3


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_decides_its_picture_and_no_other(name: str) -> None:
    def sample(*seeds: int) -> Tensor:
        return SAMPLERS[name](_Curved(), _free(len(seeds)), DoubleNoise(seeds), schedule(6))

    both = sample(1, 2)
    assert torch.equal(both, sample(1, 2))
    assert torch.equal(both[1], sample(2)[0])
    assert float((both[0] - both[1]).abs().max()) > 1e-3


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("name", SAMPLERS)
def test_known_entries_come_back_bit_for_bit(name: str, conditional: bool) -> None:
    known = (torch.rand(3, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(5)) < 0.5).float()
    values = torch.rand(3, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(6)) * 2 - 1
    denoiser = _Curved()
    denoiser.conditional = conditional
    found = SAMPLERS[name](denoiser, _task(known, values), SeededNoise([1, 2, 3]), schedule(5))
    assert torch.equal(found[known > 0], values[known > 0])
    assert not torch.equal(found[known == 0], values[known == 0])


def test_the_names_of_samplers_are_the_specifications() -> None:
    assert tuple(SAMPLERS) == SAMPLER_NAMES
    with pytest.raises(SpecError, match=r"^sampler: .*'euler'.*dpmpp_2m_sde.*repaint$"):
        LesionSpec("nevus", Site(0, (1.0, 0.0, 0.0)), 5.0, 1, sampler="euler")
