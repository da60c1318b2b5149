"""Tile upsampling of a field whose answer is known: no seams, the exact amount of detail, no drift."""

import pytest
import torch
from torch import Tensor

from engine.diffusion.pooling import Pooling, area_matrix
from engine.diffusion.samplers import Task
from engine.diffusion.tiles import starts
from engine.diffusion.upsampling import Upsampling, raise_level
from tests.diffusion.field import FieldDenoiser, draw, draw_given

TILE, OVERLAP, LOW, SIDE = 32, 4, 32, 60
LESIONS = 6
SIGMA_MIN = 0.01


def ways(overlap: str, pool: str = "x0") -> Upsampling:
    return Upsampling(overlap, pool, sigma=0.4, steps=6, tile=TILE, least_overlap=OVERLAP)


def low_of(side: int = SIDE) -> Tensor:
    P = area_matrix(side, LOW)
    return (P @ draw(LESIONS, side, seed=5) @ P.T).float()


def raised(how: Upsampling, low: Tensor, seeds: list[int], side: int = SIDE) -> Tensor:
    count = len(low)
    free = torch.zeros(count, 4, side, side)
    task = Task(free, free, torch.zeros(count, dtype=torch.long), torch.zeros(count))
    return raise_level(lambda _: FieldDenoiser(), low, task, seeds, how, SIGMA_MIN)


def worst_seam(x: Tensor) -> float:
    """Mean step across the worst line where a tile begins or ends, over the mean step across all other lines."""
    places = starts(0, SIDE, SIDE, TILE, OVERLAP)
    lines = {line for start in places for line in (start, start + TILE) if 0 < line < SIDE}
    steps = (x.diff(dim=-1).abs().mean((0, 1, 2)) + x.diff(dim=-2).abs().mean((0, 1, 3))) / 2
    others = [line for line in range(1, SIDE) if line not in lines]
    plain = steps[[line - 1 for line in others]].mean()
    return max(float(steps[line - 1] / plain) for line in lines)


def drift(x: Tensor, low: Tensor) -> float:
    """Of the pooled picture from the low one: rms in 8-bit steps."""
    return float((Pooling.between(x.shape[-1], LOW).pool(x) - low).square().mean().sqrt()) * 127.5


def test_the_default_has_neither_seams_nor_drift_and_the_exact_amount_of_detail():
    low = low_of()
    x = raised(ways("hann"), low, list(range(LESIONS)))
    exact = draw_given(low.double(), SIDE, seed=9)
    assert worst_seam(x) / worst_seam(exact) < 1.12
    assert drift(x, low) < 0.05
    expected = torch.stack([draw_given(low.double(), SIDE, seed=s) for s in range(20, 40)]).mean(0)
    detail, exact_detail = ((field - expected).std() for field in (x, exact))
    assert float(detail / exact_detail) == pytest.approx(1, abs=0.1)


def test_averaging_with_fading_weights_leaves_smaller_seams_than_every_other_way():
    low = low_of()
    seams = {way: worst_seam(raised(ways(way), low, list(range(LESIONS)))) for way in ("hann", "box", "independent")}
    assert seams["hann"] < seams["box"] < seams["independent"]


def test_guiding_the_next_tile_by_its_painted_neighbour_is_better_than_not():
    low = low_of()[:3]
    guided, alone = (worst_seam(raised(ways(way, "off"), low, [0, 1, 2])) for way in ("sequential", "independent"))
    assert guided < alone


def test_pool_guiding_at_x0_drifts_less_than_the_noisy_form_and_that_less_than_none():
    low = low_of()
    drifts = [drift(raised(ways("hann", pool), low, list(range(LESIONS))), low) for pool in POOLS]
    assert drifts == sorted(drifts)
    assert drifts[0] < 0.05 and drifts[1] < 1 and drifts[-1] > 5


POOLS = ("x0", "noisy", "noisy_unscaled", "off")


@pytest.mark.parametrize("overlap", ["hann", "box", "sequential", "independent"])
@pytest.mark.parametrize("pool", POOLS)
def test_known_entries_are_exact_in_every_variant(overlap, pool):
    low = low_of()[:1]
    values = torch.linspace(-1, 1, SIDE * SIDE).view(1, 1, SIDE, SIDE).repeat(1, 4, 1, 1)
    known = torch.zeros(1, 4, SIDE, SIDE)
    known[:, :, :20] = 1
    known[:, 3] = 1
    task = Task(known, values, torch.zeros(1, dtype=torch.long), torch.zeros(1))
    how = Upsampling(overlap, pool, steps=2, tile=TILE, least_overlap=OVERLAP)
    x = raise_level(lambda _: FieldDenoiser(), low, task, [0], how, SIGMA_MIN)
    assert torch.equal(x[known > 0], values[known > 0])
    assert not torch.equal(x[known == 0], values[known == 0])


def test_a_lesion_looks_the_same_alone_and_in_a_batch():
    low = low_of()
    together = raised(ways("hann"), low, list(range(LESIONS)))
    alone = raised(ways("hann"), low[2:3], [2])
    assert (together[2] - alone[0]).abs().max() < 1 / 255
    assert not torch.allclose(together[1], together[2], atol=0.1)


def test_nothing_to_paint_needs_no_network():
    values = torch.rand(1, 4, SIDE, SIDE)
    task = Task(torch.ones(1, 4, SIDE, SIDE), values, torch.zeros(1, dtype=torch.long), torch.zeros(1))

    def refuse(_: object) -> FieldDenoiser:
        raise AssertionError("asked for a network")

    assert torch.equal(raise_level(refuse, low_of()[:1], task, [0], ways("hann"), SIGMA_MIN), values)


@pytest.mark.parametrize(
    "wrong", [{"overlap": "blend"}, {"pool": "on"}, {"steps": 0}, {"sigma": 0.0}, {"least_overlap": 128}]
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=r"upsample|overlap"):
        Upsampling(**wrong)
