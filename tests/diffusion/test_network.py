"""The shipped network as a denoiser: guidings on real samples, class guidance, every sampler. 64² for speed."""

from functools import partial

import numpy as np
import pytest
import torch

from engine.diffusion import checkpoint
from engine.diffusion.denoiser import GuidedByClass, UNetDenoiser
from engine.diffusion.guidance import SKIN, BorderGuiding, ClassBorderGuiding, Known, SegmentationGuiding, combine
from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.samplers import SAMPLERS, Sampler, Task, dpmpp_2m_sde, repaint
from engine.lesion import Shape
from engine.shapes import draw

SIZE = 64
MODEL = checkpoint.find("default")


@pytest.fixture(scope="module")
def network() -> UNetDenoiser:
    return checkpoint.load(MODEL)


def _skin(seed: int) -> np.ndarray:
    grain = np.random.default_rng(seed).normal(0, 0.02, (3, SIZE, SIZE))
    return (np.array([0.6, 0.28, 0.19])[:, None, None] + grain).astype(np.float32)


def _placed(seed: int) -> Known:
    region = np.zeros((SIZE, SIZE), bool)
    region[8:-8, 8:-8] = True
    shape = draw(Shape(), SIZE / 2.2, SIZE, seed)
    return combine([BorderGuiding(_skin(seed), region), SegmentationGuiding(shape)], SIZE)


def _task(known: list[Known], labels: list[int]) -> Task:
    return Task(
        torch.from_numpy(np.stack([k.known for k in known])),
        torch.from_numpy(np.stack([k.values for k in known])),
        torch.tensor(labels),
        torch.zeros(len(known)),
    )


def _sample(
    network: UNetDenoiser, sampler: Sampler, known: list[Known], seeds: list[int], steps: int = 6
) -> torch.Tensor:
    task = _task(known, [seed % 2 for seed in seeds])
    with torch.inference_mode():
        return sampler(network, task, SeededNoise(seeds), schedule(steps, sigma_min=MODEL.sigma_min))


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_paints_a_lesion_and_keeps_the_known_bit_for_bit(network: UNetDenoiser, name: str) -> None:
    known = _placed(3)
    sampler = SAMPLERS[name] if name != "repaint" else partial(repaint, jump_length=4, resamplings=2)
    x0 = _sample(network, sampler, [known], [3], 10)[0].numpy()
    held = known.known > 0
    assert (x0[held] == known.values[held]).all()
    assert np.isfinite(x0).all()
    lesion = known.values[3] > 0.5
    skin_inside = (known.known[0] == 0) & (known.values[3] == SKIN)
    assert x0[:3, lesion].mean() < x0[:3, skin_inside].mean() - 0.05


def test_class_border_guiding_holds_skin_in_the_mask_along_the_border(network: UNetDenoiser) -> None:
    guiding = combine([ClassBorderGuiding(SIZE, 4)], SIZE)
    x0 = _sample(network, dpmpp_2m_sde, [guiding] * 4, [0, 1, 2, 3])[:, 3].numpy()
    border = guiding.known[3] > 0
    assert (x0[:, border] == SKIN).all()
    assert ((x0 > 0).sum((1, 2)) > 20).all()


def test_a_lesion_alone_looks_as_it_does_in_a_batch(network: UNetDenoiser) -> None:
    known, seeds = [_placed(seed) for seed in range(4)], [0, 1, 2, 3]
    together = _sample(network, dpmpp_2m_sde, known, seeds)
    for i in (0, 3):
        alone = _sample(network, dpmpp_2m_sde, [known[i]], [seeds[i]])[0]
        assert float((alone - together[i]).abs().max()) / 2 <= 1 / 255


def test_the_same_seed_gives_the_same_bytes_and_another_another_lesion(network: UNetDenoiser) -> None:
    known = [_placed(1)] * 3
    first = _sample(network, dpmpp_2m_sde, known, [5, 7, 5]).numpy()
    again = _sample(network, dpmpp_2m_sde, known, [5, 7, 5]).numpy()
    assert first.tobytes() == again.tobytes()
    assert np.abs(first[0] - first[2]).max() / 2 <= 1 / 255
    assert np.abs(first[0] - first[1]).max() > 0.1


def _asked(weight: float) -> tuple[torch.Tensor, ...]:
    known = _placed(2)
    task = _task([known, known], [0, 1])
    x = torch.where(task.known > 0, task.values, 2.0 * SeededNoise([1, 2])(4, SIZE, SIZE))
    return x, torch.full((2,), 2.0), task.known, task.label, task.zoom, torch.full((2,), weight)


def test_class_guidance_of_weight_one_is_the_conditional_network_and_of_zero_the_unconditional(
    network: UNetDenoiser,
) -> None:
    any_class = torch.full((2,), MODEL.any_label)
    with torch.inference_mode():
        *inputs, one = _asked(1.0)
        x, sigma, known, _, zoom = inputs
        conditional = network(*inputs)
        unconditional = network(x, sigma, known, any_class, zoom)
        guided = GuidedByClass(network, one, MODEL.any_label)(*inputs)
        unguided = GuidedByClass(network, 0 * one, MODEL.any_label)(*inputs)
        further = GuidedByClass(network, 3 * one, MODEL.any_label)(*inputs)
    assert float((conditional - unconditional).abs().max()) > 0.01
    assert torch.allclose(guided, conditional, atol=1e-4)
    assert torch.allclose(unguided, unconditional, atol=1e-4)
    free = known == 0
    beyond = (unconditional + 3 * (conditional - unconditional))[free]
    assert torch.allclose(further[free], beyond, atol=1e-3)
    assert torch.equal(further[~free], x[~free])


def test_the_class_changes_the_lesion(network: UNetDenoiser) -> None:
    known, steps = _placed(2), schedule(6, sigma_min=MODEL.sigma_min)
    with torch.inference_mode():
        x0 = dpmpp_2m_sde(network, _task([known, known], [0, 1]), SeededNoise([4, 4]), steps)
    assert float((x0[0] - x0[1]).abs().max()) / 2 > 5 / 255
