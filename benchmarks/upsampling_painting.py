"""Raises the upsampling benchmark's lesions, each level twice with one noise and two tile grids, and keeps the steps.

The second grid is the first, moved by the margin. Between the two pictures only the tiles differ: a line with a tile
edge in one has none in the other, and the lesion's and the skin's own texture is the same in both. That comparison
needs far fewer lesions than one with other lines. The margin is a multiple of the network's own lattice (4 pixels: its
stem and its first reduction), which would otherwise differ between the grids line by line.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.kept import Kept, name_of
from benchmarks.upsampling_detail import fine_power
from engine import place, shapes
from engine.colour import to_network
from engine.diffusion.guidance import BorderGuiding, SegmentationGuiding, combine
from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.pooling import Pooling
from engine.diffusion.pyramid import Level, pyramid
from engine.diffusion.samplers import Task, dpmpp_2m_sde
from engine.diffusion.tiles import TILE, Tile, sizes
from engine.diffusion.upsampling import Upsampling, raise_level
from engine.generators.ddpm import DdpmGenerator
from engine.lesion import Shape

STEPS = 18
DISC = 0.4
CLEAR = 5
"""A line is plain where no tile of either grid ends so near."""
BESIDE = 2
"""Each line is compared with those two pixels away: they lie alike between the coarse pixels, whose scale is near 2."""
COUNTED = 0.25
"""Lines with less than this share of the longest line's free pixels don't count."""
AXES = (2, 3)

Floats = NDArray[np.float32]


class Moved(Upsampling):
    """The same tiles, nearer to the first pixel by the margin: they still cover all that is free."""

    def tiles(self, known: Tensor) -> list[Tile]:
        """See `Upsampling`."""
        own = super().tiles(known)
        return [Tile(tile.lesion, tile.row - self.margin, tile.column - self.margin) for tile in own]


@dataclass(frozen=True)
class Steps:
    """Pooled over lesions: the mean step across a line in one grid over that in the other, against the lines beside it.

    What is left is a step at that very line: texture is alike in both grids, and where grain is stronger in one of
    them, as in tiles that see no known skin, it is so for the lines beside as well. edges: where a tile ends in the
    first grid and none in the second. plain: where none ends in either.
    """

    edges: list[float]
    plain: list[float]


class Raiser:
    """The shipped network, and what it has raised so far. paint: False measures what is kept, no more."""

    def __init__(self, kept: Kept, generator: DdpmGenerator, paint: bool = True) -> None:
        self._kept, self._generator, self._paint = kept, generator, paint

    def lesions(self, how: Upsampling, target: int, count: int, what: str) -> list[dict[str, NDArray[np.generic]]]:
        """What is kept of each lesion raised in that way; those that were not painted are left out."""
        found = []
        for seed in range(count):
            model = (self._generator.fingerprint, self._generator.precision)
            name = name_of("tile edges, moved grid", *model, repr(how), target, seed, STEPS, DISC)
            stored = self._kept.get(name)
            if stored is None and self._paint:
                print(f"  {what}, {target}²: {seed + 1} of {count}", file=sys.stderr, flush=True)
                with torch.inference_mode():
                    self._kept.put(name, self._raised(how, target, seed))
                stored = self._kept.get(name)
            if stored is not None:
                found.append(stored[0])
        return found

    def _raised(self, how: Upsampling, target: int, seed: int) -> dict[str, NDArray[np.generic]]:
        """Steps across all lines of all levels in both grids; drift, fine detail, evaluations and seconds of one."""
        low, tasks = self._direct(target, seed)
        batched, sigma_min = self._generator.batched, self._generator.model.sigma_min
        arrays: dict[str, NDArray[np.generic]] = {}
        picture, seconds, evaluations = low, 0.0, 0
        for task in tasks[1:]:
            began, before, grids = time.perf_counter(), batched.evaluated, []
            for grid in _grids(how):
                grids.append(raise_level(lambda _: batched, picture, task, [seed], grid, sigma_min).clamp(-1, 1))
                if len(grids) == 1:
                    seconds += time.perf_counter() - began
                    evaluations += batched.evaluated - before
            free = task.known[:, :3].cpu() == 0
            for axis in AXES:
                steps = [_steps(x[:, :3].cpu(), free, axis) for x in grids]
                arrays[f"steps, {task.known.shape[-1]}, {axis}"] = np.stack(steps).astype(np.float64)
            picture = grids[0]
        x = picture.cpu()
        arrays["drift"] = np.array(_drift(x, low.cpu(), tasks))
        arrays["detail"] = np.array(fine_power(_luma(x), place.WINDOW))
        arrays["cost"] = np.array([evaluations, seconds])
        return arrays

    def _direct(self, target: int, seed: int) -> tuple[Tensor, list[Task]]:
        """One lesion at 128² and the tasks of all levels."""
        levels = pyramid(_lesion(target, seed), sizes(target))
        tasks = [_task(self._generator, level) for level in levels]
        name = name_of("128² lesion", self._generator.fingerprint, self._generator.precision, target, seed, STEPS, DISC)
        if self._kept.get(name) is None:
            sigmas = schedule(STEPS, sigma_min=self._generator.model.sigma_min)
            noise = SeededNoise([seed], self._generator.device)
            made = dpmpp_2m_sde(self._generator.batched, tasks[0], noise, sigmas).clamp(-1, 1)
            self._kept.put(name, {"x0": made.cpu().numpy()})
        stored = self._kept.get(name)
        assert stored is not None
        return torch.from_numpy(np.asarray(stored[0]["x0"], np.float32)).to(self._generator.device), tasks


def compared(lesions: Sequence[dict[str, NDArray[np.generic]]], how: Upsampling, target: int) -> Steps:
    """All lines of all levels, over all lesions."""
    edges: list[float] = []
    plain: list[float] = []
    for side in sizes(target)[1:]:
        free = _disc(side)
        for axis in AXES:
            steps = np.sum([lesion[f"steps, {side}, {axis}"] for lesion in lesions], axis=0)
            lines = [_lines(grid, free, axis) for grid in _grids(how)]
            inside = free[1:] & free[:-1] if axis == AXES[0] else (free[:, 1:] & free[:, :-1]).T
            good = inside.sum(1) > COUNTED * inside.sum(1).max()
            ratio = np.log(np.where(good, steps[0], 1) / np.where(good, steps[1], 1))
            for line in range(1 + BESIDE, side - BESIDE):
                if not good[[line - 1, line - 1 - BESIDE, line - 1 + BESIDE]].all():
                    continue
                step = ratio[line - 1] - (ratio[line - 1 - BESIDE] + ratio[line - 1 + BESIDE]) / 2
                near = [min(abs(line - edge) for edge in own) for own in lines]
                if min(near) > CLEAR:
                    plain.append(float(np.exp(step)))
                for own, other, sign in ((0, 1, 1), (1, 0, -1)):
                    if near[own] == 0 and near[other] > CLEAR:
                        edges.append(float(np.exp(sign * step)))
    return Steps(edges, plain)


def _grids(how: Upsampling) -> tuple[Upsampling, Upsampling]:
    return how, Moved(**asdict(how))


def _lines(how: Upsampling, free: NDArray[np.bool_], axis: int) -> set[int]:
    """Where tiles begin or end along an axis."""
    tiles = how.tiles(torch.from_numpy(~free).float().expand(1, 4, -1, -1))
    first = {tile.row if axis == AXES[0] else tile.column for tile in tiles}
    return first | {start + how.tile for start in first}


def _steps(x: Tensor, free: Tensor, axis: int) -> NDArray[np.float32]:
    """Mean step across each line [S - 1] over the free pixels of [1, 3, S, S]; 0 where there are none."""
    size = x.shape[-1]
    inside = (free.narrow(axis, 1, size - 1) & free.narrow(axis, 0, size - 1)).float()
    others = (0, 1, sum(AXES) - axis)
    steps: NDArray[np.float32] = (
        ((x.diff(dim=axis).abs() * inside).sum(others) / inside.sum(others).clamp(min=1)).float().numpy()
    )
    return steps


def _lesion(target: int, seed: int) -> Level:
    """A lesion of automatic shape on mottled skin; a disc far larger than it may change."""
    coarse = np.random.default_rng(seed).normal(0, 0.02, (24, 24, 3)).astype(np.float32)
    mottled = np.array([0.6, 0.37, 0.31], np.float32) * (1 + cv2.resize(coarse, (target, target)))
    shape = shapes.draw(Shape(), target / place.WINDOW, target, seed)
    return Level(to_network(mottled).transpose(2, 0, 1).copy(), _disc(target), shape)


def _disc(side: int) -> NDArray[np.bool_]:
    axis = (np.arange(side) + 0.5) / side - 0.5
    return np.asarray(np.hypot(axis[:, None], axis) < DISC)


def _task(generator: DdpmGenerator, level: Level) -> Task:
    side = level.editable.shape[-1]
    assert level.shape is not None
    known = combine([BorderGuiding(level.skin, level.editable), SegmentationGuiding(level.shape)], side)
    zoom = float(np.log2(min(side / TILE, generator.model.max_zoom)))
    device = generator.device
    return Task(
        torch.from_numpy(known.known[None]).to(device),
        torch.from_numpy(known.values[None]).to(device),
        torch.zeros(1, dtype=torch.long, device=device),
        torch.full((1,), zoom, device=device),
    )


def _drift(x: Tensor, low: Tensor, tasks: Sequence[Task]) -> float:
    """Mean square of the area-averaged result's distance from the 128² lesion, over what may be painted there."""
    for task in reversed(tasks[:-1]):
        x = Pooling.between(x.shape[-1], task.known.shape[-1]).pool(x)
    free = tasks[0].known[:, :3].cpu() == 0
    return float((x - low)[:, :3][free].square().mean())


def _luma(x: Tensor) -> Floats:
    weights = torch.tensor([0.299, 0.587, 0.114])
    luma: Floats = (x[0, :3] * weights.view(3, 1, 1)).sum(0).numpy()
    return luma
