"""Batches: the same step is the same batch; crops show what they say; known maps are what guidance makes of them."""

import pytest
import torch
from torch import Tensor

from engine.training.batches import GAIN, Drawing, Shelf, draw, draw_known, magnifications, step_seed


def shelf(side: int = 64, count: int = 6, zoom: tuple[float, float] = (1.0, 2.0)) -> Shelf:
    """Discs in the middle: red, dark, on grey; label is the number modulo 2."""
    axis = torch.arange(side) + 0.5 - side / 2
    disc = (axis[:, None] ** 2 + axis**2).sqrt() < side / 4
    pixels = torch.full((count, 4, side, side), 180, dtype=torch.uint8)
    pixels[:, :3] = torch.where(disc, torch.tensor([120, 60, 40], dtype=torch.uint8)[:, None, None], pixels[:, :3])
    pixels[:, 3] = disc * 255
    box = torch.tensor([[0.25, 0.25, 0.75, 0.75]]).repeat(count, 1)
    return Shelf(pixels, torch.arange(count) % 2, torch.tensor([zoom]).repeat(count, 1), box)


def one(s: Shelf, size: int, count: int, how: Drawing, seed: int = 3):
    return draw([s], [torch.ones(len(s))], [1.0], size, count, how, seed)


def test_a_step_is_its_batch() -> None:
    s, how = shelf(), Drawing(2)
    first, again, other = one(s, 32, 8, how, 5), one(s, 32, 8, how, 5), one(s, 32, 8, how, 6)
    for name in ("x", "known", "label", "zoom", "sigma", "noisy"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.x, other.x)


def test_step_seeds_are_all_different() -> None:
    seeds = {step_seed(seed, step, process) for seed in range(5) for step in range(400) for process in range(3)}
    assert len(seeds) == 5 * 400 * 3 and all(0 <= s < 2**63 for s in seeds)


def test_known_entries_are_clean_and_others_have_the_noise_they_say() -> None:
    batch = one(shelf(), 64, 64, Drawing(2))
    assert torch.equal(batch.noisy[batch.known > 0], batch.x[batch.known > 0])
    noise = (batch.noisy - batch.x) / batch.sigma.view(-1, 1, 1, 1)
    assert float(noise[batch.known == 0].std()) == pytest.approx(1, abs=0.01)


def test_colour_jitter_stays_within_five_percent_and_the_mask_is_untouched() -> None:
    s = shelf(zoom=(1.0, 1.0))
    batch = one(s, 64, 64, Drawing(2, smooth_skin=0))
    skin, lesion = (batch.x[:, :3, 0, 0] + 1) / 2, (batch.x[:, :3, 32, 32] + 1) / 2
    plain = torch.tensor([120, 60, 40]) / 255
    assert bool(((skin / (180 / 255) - 1).abs() <= GAIN + 1e-3).all())
    assert bool(((lesion / plain - 1).abs() <= GAIN + 1e-3).all())
    assert float((skin / (180 / 255) - 1).abs().max()) > GAIN / 2
    assert set(batch.x[:, 3].unique().round().tolist()) == {-1.0, 1.0}


def test_magnification_is_what_the_zoom_says() -> None:
    s = shelf(side=128, count=40, zoom=(1.0, 3.0))
    batch = one(s, 64, 40, Drawing(2, smooth_skin=0))
    area = ((batch.x[:, 3] + 1) / 2).sum((1, 2))
    whole = torch.pi * 16**2  # of the disc at zoom 1
    inside = (batch.x[:, 3, [0, -1]].amax((1, 2)) < 0) & (batch.x[:, 3, :, [0, -1]].amax((1, 2)) < 0)
    assert int(inside.sum()) >= 5
    expected = whole * (2 ** batch.zoom[inside]) ** 2
    assert torch.allclose(area[inside], expected, rtol=0.05)


def test_a_crop_never_exceeds_what_the_image_is_sharp_for() -> None:
    batch = one(shelf(zoom=(1.3, 1.7)), 32, 200, Drawing(2))
    zoom = 2**batch.zoom
    assert float(zoom.min()) >= 1.3 - 1e-4 and float(zoom.max()) <= 1.7 + 1e-4
    assert float(zoom.max() - zoom.min()) > 0.25
    assert magnifications(224, 1.0, 1.0, 128, 3.5) == (1.0, 1.75)
    assert magnifications(224, 0.5, 1.0, 128, 3.5) == (1.0, 1.0)
    assert magnifications(448, 1.0, 1.5, 128, 3.5) == (1.5, 3.5)


def test_all_eight_flips_and_turns_occur_and_are_only_that() -> None:
    s = shelf(side=32, count=1, zoom=(1.0, 1.0))
    s.pixels[:, :3, :8, :14] = 20  # a mark that no symmetry keeps
    batch = one(s, 32, 120, Drawing(2, smooth_skin=0))
    mark: Tensor = (batch.x[:, 0] < -0.5).float()
    base = mark[0]
    eight = {t.rot90(k).numpy().tobytes() for t in (base, base.flip(1)) for k in range(4)}
    assert {m.numpy().tobytes() for m in mark} == eight


def test_a_tenth_loses_its_class() -> None:
    batch = one(shelf(side=32), 16, 3000, Drawing(2))
    assert float((batch.label == 2).float().mean()) == pytest.approx(0.1, abs=0.02)


def test_smooth_skin_leaves_the_lesion_as_it_is() -> None:
    s = shelf(zoom=(1.0, 1.0))
    s.pixels[:, :3] += torch.randint(0, 20, s.pixels[:, :3].shape, dtype=torch.uint8)
    rough, smooth = (one(s, 64, 16, Drawing(2, smooth_skin=share)) for share in (0.0, 1.0))
    core = rough.x[:, 3:] > 0.99
    assert float(((rough.x - smooth.x)[:, :3].abs() * core).max()) < 0.02
    corner = (slice(None), slice(0, 3), slice(0, 6), slice(0, 6))
    assert float(smooth.x[corner].std((2, 3)).mean()) < 0.4 * float(rough.x[corner].std((2, 3)).mean())


def test_known_maps_come_in_the_kinds_that_guidance_makes() -> None:
    known = draw_known(4000, 32, torch.Generator().manual_seed(0))
    colour, mask = known[:, :3].amax((1, 2, 3)), known[:, 3]
    assert bool((known[:, 0] == known[:, 1]).all()) and bool((known[:, 0] == known[:, 2]).all())
    nothing = (colour == 0) & (mask.amax((1, 2)) == 0)
    whole_mask_only = (colour == 0) & (mask.amin((1, 2)) == 1)
    assert 0.38 < float(nothing.float().mean()) < 0.5
    assert 0.12 < float(whole_mask_only.float().mean()) < 0.2
    assert 0.25 < float((colour > 0).float().mean()) < 0.4
