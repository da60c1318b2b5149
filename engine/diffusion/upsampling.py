"""Tile upsampling (Pielage et al.): a finished picture raised by the same network, tile by tile, no seams, no drift.

One level: bilinear upsampling in the network's space, noise to σ*, denoising in overlapping native tiles. Overlaps are
averaged at each step (MultiDiffusion, Bar-Tal et al. 2023, arXiv:2302.08113, eq. 5) with Hann weights, or guide the
next tile as a border does (the poster's form). Pool guiding holds the result to the low-resolution picture. The skin
around stays known at every level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from engine.diffusion.denoiser import Denoiser
from engine.diffusion.noise import SeededNoise, schedule, stream
from engine.diffusion.pooling import Pooling, project
from engine.diffusion.samplers import Task, dpmpp_2m_sde
from engine.diffusion.tiles import MARGIN, OVERLAP, TILE, Tile, cover, hann

OVERLAPS = ("hann", "box", "sequential", "independent")
POOLS = ("x0", "noisy", "noisy_unscaled", "off")
_LAST_ROUNDS = 4
"""Alternating projections onto what pools to the low picture and onto [-1, 1]."""
_STEP_ITERATIONS = 4

For = Callable[[Sequence[int]], Denoiser]
"""The denoiser for a batch of pictures that belong to these lesions (their class guidance may differ)."""


@dataclass(frozen=True)
class Upsampling:
    """How a level is raised.

    overlap: `hann` or `box` averages the overlaps at each step; `sequential` paints tile after tile, each guided by its
    painted neighbours; `independent` ignores them. pool: `x0` corrects each denoised picture, with one final
    projection; `noisy` corrects the noisy intermediate against the low-resolution picture with the noise that pooling
    leaves, `noisy_unscaled` with noise of the full σ; `off`. sigma: σ*, the noise a level begins with. steps:
    evaluations per tile and level.
    """

    overlap: str = "hann"
    pool: str = "x0"
    sigma: float = 1.0
    steps: int = 4
    tile: int = TILE
    least_overlap: int = OVERLAP
    margin: int = MARGIN

    def __post_init__(self) -> None:
        """ValueError for settings that mean nothing."""
        if self.overlap not in OVERLAPS or self.pool not in POOLS or self.steps < 1 or self.sigma <= 0:
            raise ValueError(f"{self} is no way to upsample")
        if not 0 <= self.least_overlap < self.tile:
            raise ValueError(f"tiles of {self.tile} pixels can't overlap by {self.least_overlap}")

    def tiles(self, known: Tensor) -> list[Tile]:
        """The tiles that a level with this known map [B, 4, S, S] needs; each costs `steps` evaluations."""
        free = (known == 0).any(1).cpu().numpy()
        return cover(free, self.tile, self.least_overlap, self.margin)


def raise_level(
    denoiser_for: For, low: Tensor, task: Task, seeds: Sequence[int], how: Upsampling, sigma_min: float
) -> Tensor:
    """One level up: x₀ [B, 4, S, S] of low [B, 4, s, s], s < S ≤ 2 s; S from the task, whose known entries are exact.

    task.values must pool to low wherever a coarse pixel is wholly known. sigma_min: the network's lowest noise level.
    """
    size, low = task.known.shape[-1], low.clamp(-1, 1)
    pooling = Pooling.between(size, low.shape[-1], low.device)
    start = F.interpolate(low, size=(size, size), mode="bilinear", align_corners=False)
    start = torch.where(task.known > 0, task.values, start)
    sigmas = schedule(how.steps, how.sigma, min(sigma_min, how.sigma))
    tiles = how.tiles(task.known)
    if not tiles:
        return start
    if how.overlap in ("hann", "box"):
        weights = hann(how.tile) if how.overlap == "hann" else torch.ones(how.tile, how.tile)
        lesions = [tile.lesion for tile in tiles]
        canvas: Denoiser = Tiled(denoiser_for(lesions), tiles, weights.to(low.device))
        canvas = _pool_guided(canvas, how.pool, pooling, low, task, [stream(seed, size, 0) for seed in seeds])
        noise = SeededNoise([stream(seed, size, 1) for seed in seeds], low.device)
        x0 = dpmpp_2m_sde(canvas, task, noise, sigmas, start)
    else:
        x0 = _tile_by_tile(denoiser_for, tiles, start, low, task, pooling, seeds, how, sigmas)
    if how.pool == "x0":
        for _ in range(_LAST_ROUNDS):
            x0 = project(pooling, x0.clamp(-1, 1), low, 1 - task.known)
    return torch.where(task.known > 0, task.values, x0)


class Tiled:
    """A denoiser of whole pictures [B, 4, S, S] made of one for native tiles: overlaps are averaged with weights.

    weights: [tile, tile]. Entries that no tile covers must be known and come back unchanged.
    """

    def __init__(self, denoiser: Denoiser, tiles: Sequence[Tile], weights: Tensor) -> None:
        self.conditional = denoiser.conditional
        self._denoiser, self._tiles, self._weights = denoiser, tiles, weights
        self._lesions = torch.tensor([tile.lesion for tile in tiles], device=weights.device)
        self._total: Tensor | None = None

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `Denoiser`; one evaluation of all tiles."""
        own = self._lesions
        x0 = self._denoiser(self._cut(x), sigma[own], self._cut(known), label[own], zoom[own])
        if self._total is None:
            self._total = self._laid(self._weights.expand(len(own), 1, -1, -1), x[:, :1])
        mean = self._laid(self._weights * x0, x) / self._total.clamp(min=1e-12)
        return torch.where(self._total > 0, mean, x)

    def _cut(self, pictures: Tensor) -> Tensor:
        side = len(self._weights)
        return torch.stack(
            [pictures[t.lesion, :, t.row : t.row + side, t.column : t.column + side] for t in self._tiles]
        )

    def _laid(self, tiles: Tensor, like: Tensor) -> Tensor:
        side = len(self._weights)
        canvas = torch.zeros_like(like)
        for tile, values in zip(self._tiles, tiles, strict=True):
            canvas[tile.lesion, :, tile.row : tile.row + side, tile.column : tile.column + side] += values
        return canvas


class PoolGuided:
    """Pool guiding at x₀ level: every denoised picture is moved to pool to the low-resolution one."""

    def __init__(self, denoiser: Denoiser, pooling: Pooling, low: Tensor, task: Task) -> None:
        self.conditional = denoiser.conditional
        self._denoiser, self._pooling, self._low, self._task = denoiser, pooling, low, task

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `Denoiser`."""
        held = self._task.known
        x0 = torch.where(held > 0, self._task.values, self._denoiser(x, sigma, known, label, zoom))
        return project(self._pooling, x0, self._low, 1 - held, _STEP_ITERATIONS)


class NoisyPoolGuided:
    """Pool guiding in the poster's form: the network sees an intermediate that pools to the noised low picture.

    scaled: the low picture gets the noise that pooling leaves, σ √diag(PPᵀ); else noise of the full σ. Coarse pixels
    that are partly known are left alone.
    """

    def __init__(
        self, denoiser: Denoiser, pooling: Pooling, low: Tensor, task: Task, noise: SeededNoise, scaled: bool
    ) -> None:
        self.conditional = denoiser.conditional
        self._denoiser, self._pooling, self._low, self._noise = denoiser, pooling, low, noise
        self._std = pooling.noise_std if scaled else torch.ones_like(pooling.noise_std)
        self._free = 1 - task.known

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `Denoiser`."""
        noised = self._low + sigma.view(-1, 1, 1, 1) * self._std * self._noise(*self._low.shape[1:])
        x = project(self._pooling, x, noised, self._free, _STEP_ITERATIONS)
        return self._denoiser(x, sigma, known, label, zoom)


def _pool_guided(
    denoiser: Denoiser, pool: str, pooling: Pooling, low: Tensor, task: Task, seeds: Sequence[int]
) -> Denoiser:
    if pool == "off":
        return denoiser
    if pool == "x0":
        return PoolGuided(denoiser, pooling, low, task)
    return NoisyPoolGuided(denoiser, pooling, low, task, SeededNoise(seeds, low.device), scaled=pool == "noisy")


def _tile_by_tile(
    denoiser_for: For,
    tiles: Sequence[Tile],
    start: Tensor,
    low: Tensor,
    task: Task,
    pooling: Pooling,
    seeds: Sequence[int],
    how: Upsampling,
    sigmas: Sequence[float],
) -> Tensor:
    """Tiles one after the other; under `sequential`, what earlier tiles painted is known to later ones."""
    picture, side = start.clone(), how.tile
    known = task.known.clone()
    for index, tile in enumerate(tiles):
        own = slice(tile.lesion, tile.lesion + 1)
        place = (own, slice(None), slice(tile.row, tile.row + side), slice(tile.column, tile.column + side))
        part = Task(known[place], picture[place], task.label[own], task.zoom[own])
        own_pooling, rows, columns = pooling.within(tile.row, tile.column, side)
        tile_seeds = [stream(seeds[tile.lesion], picture.shape[-1], 2 + 2 * index + i) for i in range(2)]
        denoiser = denoiser_for([tile.lesion])
        denoiser = _pool_guided(denoiser, how.pool, own_pooling, low[own, :, rows, columns], part, tile_seeds[:1])
        noise = SeededNoise(tile_seeds[1:], low.device)
        picture[place] = dpmpp_2m_sde(denoiser, part, noise, sigmas, start[place])
        if how.overlap == "sequential":
            known[place] = 1
    return picture
