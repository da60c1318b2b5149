"""The shipped generator with its real network: exact skin, no drift, the same bytes, stops between evaluations."""

import numpy as np
import pytest
import torch

from engine.diffusion.pooling import Pooling
from engine.diffusion.tiles import sizes
from engine.diffusion.upsampling import Upsampling
from engine.errors import Cancelled, SpecError
from engine.generators import ddpm
from engine.generators.ddpm import DdpmGenerator
from engine.lesion import Shape
from tests.diffusion.requests import request

STEPS = 3


@pytest.fixture(scope="module")
def generator() -> DdpmGenerator:
    return DdpmGenerator(upsampling=Upsampling(steps=2))


@pytest.mark.parametrize(
    ("guiding", "detail"), [(("border", "segmentation"), 300), (("border",), 160), (("border", "class_border"), 160)]
)
def test_skin_outside_the_editable_region_is_bitwise_unchanged_at_every_level(generator, guiding, detail, monkeypatch):
    kept, raise_level = [], ddpm.raise_level

    def watched(denoiser_for, low, task, *rest):
        raised = raise_level(denoiser_for, low, task, *rest)
        kept.append(torch.equal(raised[task.known > 0], task.values[task.known > 0]))
        return raised

    monkeypatch.setattr(ddpm, "raise_level", watched)
    shape = Shape() if "segmentation" in guiding else Shape("free")
    asked = request(detail, steps=2, guiding=guiding, shape=shape)
    result = generator.generate([asked])[0]
    assert kept == [True] * (len(sizes(detail)) - 1)
    assert result.rgb.shape == (3, detail, detail) and result.mask.shape == (detail, detail)
    assert (result.rgb == asked.skin)[:, ~asked.editable].all()
    assert (result.rgb != asked.skin)[:, asked.editable].mean() > 0.9


def test_the_upsampled_lesion_pools_to_what_was_painted_at_128(generator, monkeypatch):
    levels, raise_level = [], ddpm.raise_level

    def watched(denoiser_for, low, task, *rest):
        levels.append((low, task, raise_level(denoiser_for, low, task, *rest)))
        return levels[-1][2]

    monkeypatch.setattr(ddpm, "raise_level", watched)
    generator.generate([request(241, steps=STEPS)])
    low, task, raised = levels[0]
    pooling = Pooling.between(241, 128)
    difference = pooling.pool(raised[0, :3].clamp(-1, 1)) - low[0, :3].clamp(-1, 1)
    whole = pooling.pool(1 - task.known[0, :3]) > 1 - 1e-5
    assert whole.float().mean() > 0.1
    assert difference[whole].square().mean().sqrt() * 127.5 <= 0.5


def test_a_given_shape_comes_back_as_the_mask_at_full_size(generator):
    asked = request(160, steps=2)
    result = generator.generate([asked])[0]
    assert np.abs(result.mask - asked.shape).max() < 1e-6


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_lesion(generator):
    first, again, other = (generator.generate([request(160, seed, steps=2)])[0] for seed in (1, 1, 2))
    assert first.rgb.tobytes() == again.rgb.tobytes() and first.mask.tobytes() == again.mask.tobytes()
    assert first.rgb.tobytes() != other.rgb.tobytes()


def test_the_batch_changes_nothing_visible(generator):
    asked = [request(160, seed, ("nevus", "melanoma")[seed % 2], steps=2) for seed in (1, 2)]
    together = generator.generate(asked)
    alone = generator.generate([asked[1]])[0]
    assert np.abs(together[1].rgb - alone.rgb).max() / 2 <= 1 / 255
    assert np.abs(together[1].mask - alone.mask).max() <= 1 / 255


def test_work_stops_between_two_evaluations(generator):
    told = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    with pytest.raises(Cancelled):
        generator.generate([request(241, steps=STEPS)], progress, lambda: len(told) == 4)
    assert [done for done, _ in told][:4] == [0, 1, 2, 3]
    assert generator.generate([request(64, steps=2)])[0].rgb.shape == (3, 64, 64)


def test_evaluations_are_counted_and_progress_ends_at_their_sum(generator):
    told = []
    asked = [request(241, seed, steps=STEPS) for seed in (1, 2)]
    results = generator.generate(asked, lambda done, total: told.append((done, total)))
    tiles = 4 if asked[0].editable.any(1).sum() + 24 > 128 else 1
    assert results[0].evaluations == STEPS + 2 * tiles
    total = sum(result.evaluations for result in results)
    assert told[0] == (0, total) and told[-1] == (total, total)
    assert told == sorted(told)


def test_class_guidance_costs_two_evaluations_each(generator):
    plain, guided = (generator.generate([request(128, steps=2, class_guidance=w)])[0] for w in (1.0, 2.0))
    assert (plain.evaluations, guided.evaluations) == (2, 4)
    assert np.abs(plain.rgb - guided.rgb).max() > 0.01


@pytest.mark.parametrize("detail", [64, 100, 127])
def test_small_details_of_any_size_are_painted_directly(generator, detail):
    asked = request(detail, steps=2)
    result = generator.generate([asked])[0]
    assert result.rgb.shape == (3, detail, detail) and result.evaluations == 2
    assert (result.rgb == asked.skin)[:, ~asked.editable].all()


def test_lesions_of_different_detail_are_no_batch(generator):
    with pytest.raises(SpecError, match="detail"):
        generator.generate([request(128), request(64)])
