"""Training batches: zoomed, flipped, turned crops with little gain jitter, and what of them is known.

Everything is drawn from a generator that belongs to one step, so that step n is the same batch after any interruption.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from engine.colour import SKIN_REFERENCE, to_network

GAIN = 0.05
"""No gain of a channel leaves [1 - GAIN, 1 + GAIN]."""
_NEAR_LESION = 0.7
"""Share of the crops whose middle lies over the lesion: tiles in use lie there."""


@dataclass(frozen=True)
class Shelf:
    """Images of one side, ready to be cropped.

    pixels: uint8 [N, 4, S, S], colour and mask, skin at the reference. label: int64 [N]. zoom: float32 [N, 2], the
    least magnification (its own framing) and the largest that its sharpness supports. box: float32 [N, 4], the
    lesion's left, top, right, bottom as shares of the side.
    """

    pixels: Tensor
    label: Tensor
    zoom: Tensor
    box: Tensor

    def __len__(self) -> int:
        return len(self.label)

    @property
    def side(self) -> int:
        """S."""
        return int(self.pixels.shape[-1])

    def to(self, device: torch.device) -> "Shelf":
        """The same, on another device."""
        return Shelf(*(t.to(device) for t in (self.pixels, self.label, self.zoom, self.box)))


@dataclass(frozen=True)
class Batch:
    """x: float32 [B, 4, S, S] in [-1, 1]. known: as x, of 0 and 1. label: [B]. zoom: [B], log₂. sigma: [B].

    noisy: x where known, x + σ n elsewhere.
    """

    x: Tensor
    known: Tensor
    label: Tensor
    zoom: Tensor
    sigma: Tensor
    noisy: Tensor


@dataclass(frozen=True)
class Drawing:
    """What batches are made of. any_label: the class that stands for no class, or -1.

    class_dropout: share of the labels replaced by it. smooth_skin: share of the pictures whose skin becomes smooth.
    log_sigma: mean and spread of log σ (Karras et al. 2022, table 1, shifted to pixel detail).
    """

    any_label: int
    class_dropout: float = 0.1
    smooth_skin: float = 0.15
    log_sigma: tuple[float, float] = (-0.8, 1.4)
    sigma_range: tuple[float, float] = (0.003, 80.0)
    zoom_power: float = 1.3
    """1 draws log₂ zoom evenly; more makes low magnifications more frequent."""


def draw(
    shelves: Sequence[Shelf],
    weights: Sequence[Tensor],
    shares: Sequence[float],
    size: int,
    count: int,
    how: Drawing,
    seed: int,
) -> Batch:
    """One batch on the shelves' device. weights: per shelf float32 [N], how often each image is drawn.

    shares: each shelf's whole weight, as numbers, so that the device needn't be asked. A batch comes from one shelf.
    """
    device = shelves[0].label.device
    g = torch.Generator(device).manual_seed(seed)
    number = random.Random(seed).choices(range(len(shelves)), shares)[0]
    shelf = shelves[number]
    chosen = torch.multinomial(weights[number], count, replacement=True, generator=g)
    low, high = shelf.zoom[chosen].unbind(1)
    zoom = low * (torch.maximum(high, low) / low) ** (_uniform(g, count) ** how.zoom_power)
    crops = _crops(shelf, chosen, low / zoom, size, g)
    crops = _jittered(crops, g)
    known = draw_known(count, size, g)
    x = _smoothed(crops, how.smooth_skin, g)
    label = shelf.label[chosen].clone()
    if how.any_label >= 0:
        label[_uniform(g, count) < how.class_dropout] = how.any_label
    mean, spread = how.log_sigma
    sigma = (torch.randn(count, generator=g, device=device) * spread + mean).exp().clamp(*how.sigma_range)
    noise = torch.randn(x.shape, generator=g, device=device)
    noisy = torch.where(known > 0, x, x + sigma.view(-1, 1, 1, 1) * noise)
    return Batch(x, known, label, zoom.log2(), sigma, noisy)


def draw_known(count: int, size: int, g: torch.Generator) -> Tensor:
    """Known maps [B, 4, S, S]. Nothing: 40 %; the mask channel: 15 %; it and colour around a hole: 10 %; both channels
    around a hole: 25 %; only the mask around a hole: 10 %. Holes are frames of random width and sides, or blobs."""
    device = g.device
    axis = torch.arange(size, device=device)
    rows, columns = axis[None, :, None], axis[None, None, :]
    width = (2 + _uniform(g, count, 4) * size / 3) * (_uniform(g, count, 4) < 0.8)
    top, left, bottom, right = (w[:, None, None] for w in width.unbind(1))
    frame = (rows < top) | (rows >= size - bottom) | (columns < left) | (columns >= size - right)
    wobble = torch.randn(count, 1, 5, 5, generator=g, device=device)
    wobble = F.interpolate(wobble, size=(size, size), mode="bicubic")[:, 0]
    middle = ((rows - size / 2) ** 2 + (columns - size / 2) ** 2).float().sqrt() / size
    blob = middle + 0.12 * wobble > 0.22 + 0.2 * _uniform(g, count, 1, 1)
    around = torch.where(_uniform(g, count, 1, 1) < 0.35, blob, frame)
    kind = _uniform(g, count, 1, 1)
    colour = around & (kind >= 0.55) & (kind < 0.9)
    mask = (around & (kind >= 0.55)) | ((kind >= 0.4) & (kind < 0.65)).expand_as(around)
    return torch.stack([colour, colour, colour, mask], 1).float()


def step_seed(seed: int, step: int, process: int = 0) -> int:
    """A seed for one step of one process: neighbours share nothing (SplitMix64's finaliser, Steele et al. 2014)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xD1342543DE82EF95 + process + 1) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (mixed ^ (mixed >> 31)) >> 1


def _crops(shelf: Shelf, chosen: Tensor, share: Tensor, size: int, g: torch.Generator) -> Tensor:
    """Windows of `share` of the side, at `size`, float32 [B, 4, size, size], one of eight flips and turns each.

    Resampled by one matrix per axis (triangle filter as wide as the step), so nothing aliases at any magnification.
    """
    count = len(chosen)
    box = shelf.box[chosen]
    near = _uniform(g, count, 1) < _NEAR_LESION
    place = _uniform(g, count, 2)
    corner = torch.where(near, box[:, :2] + place * (box[:, 2:] - box[:, :2]), place)
    half = share[:, None] / 2
    middle = torch.where(near, corner.clamp(half, 1 - half), half + place * (1 - share[:, None]))
    flip = torch.where(_uniform(g, count, 2) < 0.5, -1.0, 1.0)
    turned = _uniform(g, count, 1, 1, 1) < 0.5
    columns = _resampling(middle[:, 0], share * flip[:, 0], size, shelf.side)
    rows = _resampling(middle[:, 1], share * flip[:, 1], size, shelf.side)
    x = shelf.pixels[chosen].float() / 127.5 - 1
    x = rows[:, None] @ x @ columns[:, None].mT
    return torch.where(turned, x.mT, x)


def _resampling(middle: Tensor, share: Tensor, size: int, side: int) -> Tensor:
    """[B, size, side]: output pixel p is the mean of input pixels around its place. A negative share reverses."""
    p = (torch.arange(size, device=share.device) + 0.5) / size - 0.5
    centre = (middle[:, None] + share[:, None] * p) * side
    s = torch.arange(side, device=share.device) + 0.5
    reach = (share.abs() * side / size).clamp(min=1)[:, None, None]
    weights = (1 - (centre[:, :, None] - s).abs() / reach).clamp(min=0)
    return weights / weights.sum(2, keepdim=True)


def _jittered(x: Tensor, g: torch.Generator) -> Tensor:
    """Each channel's encoded brightness by at most ±5 %."""
    gain = 1 + GAIN * (2 * _uniform(g, len(x), 3, 1, 1) - 1)
    return torch.cat([((x[:, :3] + 1) * gain - 1).clamp(-1, 1), x[:, 3:]], 1)


def _smoothed(x: Tensor, share: float, g: torch.Generator) -> Tensor:
    """For a share of the pictures, skin well outside the lesion becomes smooth, as low-resolution avatars have it.

    The lesion and its halo stay; the new skin is the picture's own mean skin with slow changes.
    """
    count, size = len(x), x.shape[-1]
    smooth = _uniform(g, count, 1, 1, 1) < share
    slow = torch.randn(count, 3, 4, 4, generator=g, device=x.device) * 0.02
    slow = F.interpolate(slow, size=(size, size), mode="bicubic")
    radius = max(2, size // 16)
    near = F.max_pool2d(x[:, 3:], 2 * radius + 1, 1, radius).clamp(-1, 1) / 2 + 0.5
    near = F.avg_pool2d(near, 2 * radius + 1, 1, radius, count_include_pad=False)
    skin_share = (1 - near).mean((2, 3), keepdim=True)
    reference = torch.from_numpy(to_network(SKIN_REFERENCE)).to(x.device).view(1, 3, 1, 1)
    mean = (x[:, :3] * (1 - near)).sum((2, 3), keepdim=True) / (1 - near).sum((2, 3), keepdim=True).clamp(min=1e-3)
    skin = torch.where(skin_share > 0.02, mean, reference) + slow
    colour = near * x[:, :3] + (1 - near) * skin.clamp(-1, 1)
    return torch.where(smooth, torch.cat([colour, x[:, 3:]], 1), x)


def _uniform(g: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=g, device=g.device)


def magnifications(side: int, sharp: float, least: float, native: int, most: float) -> tuple[float, float]:
    """The zooms that an image serves: its own framing's, and the largest at which a native pixel is no less sharp.

    side: pixels across. sharp: share of its resolution that it really has, (0, 1]. most: of the whole training.
    """
    return least, max(least, min(most, least * side * sharp / native))
