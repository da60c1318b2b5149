"""Tile upsampling of the shipped network: seams, drift and detail, beside MultiDiffusion and independent tiles.

All ways begin from the same 128² lesions and cost the same evaluations. The editable region is a disc far larger than
the lesion, so that tile edges cross plain skin, where seams show most.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.report import Figure, finish, options
from engine import place, shapes
from engine.colour import SkinColour, to_linear, to_network
from engine.diffusion.guidance import BorderGuiding, SegmentationGuiding, combine
from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.pooling import Pooling
from engine.diffusion.pyramid import Level, pyramid
from engine.diffusion.samplers import Task, dpmpp_2m_sde
from engine.diffusion.tiles import TILE, sizes
from engine.diffusion.upsampling import Upsampling, raise_level
from engine.generators.ddpm import DdpmGenerator
from engine.lesion import Shape

SEAM = (0.97, 1.05)
DRIFT = 0.5
STEPS = 18
LESIONS = 3
DISC = 0.4
REACH = 32
PHASE = 0.08
"""A tile edge is compared with lines up to `REACH` pixels beside it that lie alike between the coarse pixels: a step
within a coarse pixel differs from one between two, whatever tiles there are."""
WAYS = {
    "ours": Upsampling(),
    "ours, pool guiding in the noisy form": Upsampling(pool="noisy"),
    "ours, without pool guiding": Upsampling(pool="off"),
    "sequential border guiding": Upsampling(overlap="sequential"),
    "MultiDiffusion": Upsampling(overlap="box", pool="off"),
    "independent tiles": Upsampling(overlap="independent", pool="off"),
}
PEERS = ("MultiDiffusion", "independent tiles")
QUICK = ("ours", *PEERS)
TIGHT = Path(__file__).resolve().parents[2] / "shared" / "data" / "dermoscopy-512" / "tight" / "images"
TIGHT_FRAMING = 1.3
"""Side of those crops in lesion diameters."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Measured:
    """One way's result.

    most, least, mean: ratios of all tile edges of all levels. plain: the same ratio where no tile ends, its 2.5th and
    97.5th percentile: what the pictures' own texture makes of it. drift: rms, 8 bit.
    """

    most: float
    least: float
    mean: float
    plain: tuple[float, float]
    drift: float
    detail: float
    seconds: float
    evaluations: float

    @property
    def decided(self) -> bool:
        """Whether there are pictures enough: plain lines alone stay within the aim."""
        return SEAM[0] <= self.plain[0] and self.plain[1] <= SEAM[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and return the exit code."""
    chosen = options(__doc__.splitlines()[0], arguments)
    generator = DdpmGenerator()
    target, count = (241, 1) if chosen.quick else (454, LESIONS)
    names = QUICK if chosen.quick else tuple(WAYS)
    lows, tasks = _direct(generator, target, count)
    real = _real_detail(target)
    found = {name: _measure(generator, WAYS[name], lows, tasks, real) for name in names}
    figures = _figures(found, target, decided=not chosen.quick)
    if not chosen.quick:
        lows, tasks = _direct(generator, 512, count)
        figures += _figures({"ours": _measure(generator, WAYS["ours"], lows, tasks, _real_detail(512))}, 512, True)
    title = (
        f"Tile upsampling: {count} lesions, {WAYS['ours'].steps} evaluations a tile and level, {generator.precision}"
    )
    return finish(title, figures, chosen, " | ".join(PEERS))


def _figures(found: dict[str, Measured], target: int, decided: bool) -> list[Figure]:
    peers = [found[name] for name in PEERS if name in found]

    def peer(values: Sequence[float]) -> str | None:
        return " | ".join(f"{value:.3g}" for value in values) or None

    figures = []
    for name, m in found.items():
        if name in PEERS:
            continue
        ours = name == "ours"
        label = f"{target}²" if ours else f"{target}², {name.removeprefix('ours, ')}"
        seam = peer([p.most for p in peers]) if ours else None
        aims = (SEAM[1], SEAM[0], DRIFT) if ours else (None, None, None)
        enough = decided and m.decided
        figures += [
            Figure(f"{label}: worst tile seam", m.most, "", aims[0], peer=seam, decided=enough),
            Figure(
                f"{label}: least step at a tile edge",
                *(m.least, "", aims[1], True),
                peer=peer([p.least for p in peers]) if ours else None,
                decided=enough,
            ),
            Figure(f"{label}: mean over tile edges", m.mean, peer=peer([p.mean for p in peers]) if ours else None),
            Figure(f"{label}: where no tile ends, 97.5 % of lines below", m.plain[1]),
            Figure(f"{label}: where no tile ends, 2.5 % of lines below", m.plain[0]),
            Figure(
                f"{label}: drift",
                *(m.drift, "/255", aims[2]),
                peer=peer([p.drift for p in peers]) if ours else None,
                decided=decided,
            ),
            Figure(
                f"{label}: fine detail against real lesions",
                m.detail,
                "",
                peer=peer([p.detail for p in peers]) if ours else None,
            ),
            Figure(f"{label}: evaluations a lesion", m.evaluations),
            Figure(f"{label}: seconds a lesion", m.seconds, "s"),
        ]
    return figures


def _direct(generator: DdpmGenerator, target: int, count: int) -> tuple[Tensor, list[Task]]:
    """Lesions at 128² and the tasks of all levels."""
    sides = sizes(target)
    pyramids = [pyramid(_level(target, seed), sides) for seed in range(count)]
    tasks = [_task(generator, [levels[i] for levels in pyramids]) for i in range(len(sides))]
    sigmas = schedule(STEPS, sigma_min=generator.model.sigma_min)
    with torch.inference_mode():
        low = dpmpp_2m_sde(generator.batched, tasks[0], SeededNoise(range(count), generator.device), sigmas)
    return low.clamp(-1, 1), tasks


def _level(target: int, seed: int) -> Level:
    """A lesion of automatic shape on mottled skin."""
    coarse = np.random.default_rng(seed).normal(0, 0.02, (24, 24, 3)).astype(np.float32)
    mottled = np.array([0.6, 0.37, 0.31], np.float32) * (1 + cv2.resize(coarse, (target, target)))
    shape = shapes.draw(Shape(), target / place.WINDOW, target, seed)
    axis = (np.arange(target) + 0.5) / target - 0.5
    return Level(to_network(mottled).transpose(2, 0, 1).copy(), np.hypot(axis[:, None], axis) < DISC, shape)


def _task(generator: DdpmGenerator, levels: Sequence[Level]) -> Task:
    side = levels[0].editable.shape[-1]
    known = [
        combine([BorderGuiding(v.skin, v.editable), SegmentationGuiding(v.shape)], side)
        for v in levels
        if v.shape is not None
    ]
    zoom = np.log2(min(side / TILE, generator.model.max_zoom))
    device = generator.device
    return Task(
        torch.from_numpy(np.stack([k.known for k in known])).to(device),
        torch.from_numpy(np.stack([k.values for k in known])).to(device),
        torch.arange(len(known), device=device) % len(generator.classes),
        torch.full((len(known),), float(zoom), device=device),
    )


def _measure(
    generator: DdpmGenerator, how: Upsampling, low: Tensor, tasks: Sequence[Task], real: float | None
) -> Measured:
    """Raise the lesions through all levels and look at every level's result."""
    batched, seeds = generator.batched, list(range(len(low)))
    batched.evaluated, started = 0, time.perf_counter()
    ratios: list[float] = []
    plain: list[float] = []
    picture, levels = low, []
    with torch.inference_mode():
        for task in tasks[1:]:
            picture = raise_level(lambda _: batched, picture, task, seeds, how, generator.model.sigma_min)
            levels.append(picture.clamp(-1, 1).cpu())
    seconds = (time.perf_counter() - started) / len(low)
    for task, below, level in zip(tasks[1:], [low, *levels], levels, strict=False):
        at_edges, elsewhere = _seams(level[:, :3], task.known[:, :3].cpu() == 0, how, below.shape[-1])
        ratios, plain = ratios + at_edges, plain + elsewhere
    detail = _detail(_luma(levels[-1])) / real if real else float("nan")
    return Measured(
        *(max(ratios), min(ratios), float(np.mean(ratios))),
        (float(np.percentile(plain, 2.5)), float(np.percentile(plain, 97.5))),
        _drift(levels[-1], low.cpu(), tasks),
        *(detail, seconds, batched.evaluated / len(low)),
    )


def _seams(x: Tensor, free: Tensor, how: Upsampling, low: int) -> tuple[list[float], list[float]]:
    """For each tile edge: mean step across it ÷ mean step across like lines beside it, over all lesions' free pixels.

    x: [N, 3, S, S], raised from `low` pixels a side. Returns the same for all lines that lie well off any edge, too.
    """
    edges: list[float] = []
    plain: list[float] = []
    tiles = [tile for tile in how.tiles((~free).float()) if tile.lesion == 0]
    size = x.shape[-1]
    for axis, places in ((2, {t.row for t in tiles}), (3, {t.column for t in tiles})):
        lines = {line for start in places for line in (start, start + how.tile)}
        inside = (free.narrow(axis, 1, size - 1) & free.narrow(axis, 0, size - 1)).float()
        others = (0, 1, 5 - axis)
        counted = inside.sum(others)
        steps = (x.diff(dim=axis).abs() * inside).sum(others) / counted.clamp(min=1)
        good = counted > 0.25 * counted.max()
        for line in range(1, size):
            near = range(max(1, line - REACH), min(size, line + REACH + 1))
            alike = [i for i in near if abs(i - line) > 1 and _phase_distance(i, line, low / size) < PHASE]
            alike = [i - 1 for i in alike if good[i - 1]]
            if not (good[line - 1] and alike):
                continue
            ratio = float(steps[line - 1] / steps[alike].mean())
            if line in lines:
                edges.append(ratio)
            elif min(abs(line - edge) for edge in lines) > 2:
                plain.append(ratio)
    return edges, plain


def _phase_distance(a: int, b: int, scale: float) -> float:
    """How differently two lines lie between the coarse pixels: 0 alike, 0.5 opposite."""
    turn = (a - b) * scale
    return abs(turn - round(turn))


def _drift(x: Tensor, low: Tensor, tasks: Sequence[Task]) -> float:
    """Of the area-averaged result from the 128² lesion, over what may be painted there: rms in 8-bit steps."""
    for task in reversed(tasks[:-1]):
        x = Pooling.between(x.shape[-1], task.known.shape[-1]).pool(x)
    free = tasks[0].known[:, :3].cpu() == 0
    return float((x - low)[:, :3][free].square().mean().sqrt()) * 127.5


def _luma(x: Tensor) -> Floats:
    weights = torch.tensor([0.299, 0.587, 0.114])
    return (x[:, :3] * weights.view(3, 1, 1)).sum(1).numpy()


def _detail(pictures: Floats) -> float:
    """Mean power of the lesions' middles [N, S, S] at frequencies that 128² can't hold."""
    size = pictures.shape[-1]
    side = int(size / place.WINDOW * 0.6)
    first = (size - side) // 2
    middle = pictures[:, first : first + side, first : first + side]
    return _fine_power(middle, 0.5 * TILE / size)


def _fine_power(middle: Floats, cycles: float) -> float:
    window = np.outer(np.hanning(middle.shape[-1]), np.hanning(middle.shape[-1]))
    centred = (middle - middle.mean((1, 2), keepdims=True)) * window
    power = np.abs(np.fft.fft2(centred)) ** 2 / (window**2).sum() / middle.shape[-1] ** 2
    frequency = np.fft.fftfreq(middle.shape[-1])
    return float(power[:, np.hypot(frequency[:, None], frequency) > cycles].sum(-1).mean())


def _real_detail(target: int) -> float | None:
    """The same power of real close-up photographs brought to this scale; None where they are absent."""
    if not TIGHT.is_dir():
        return None
    side = round(target * TIGHT_FRAMING / place.WINDOW)
    middles = []
    for path in sorted(TIGHT.iterdir()):
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        small = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        linear = to_linear(small)
        rim = np.ones((side, side), bool)
        rim[side // 16 : -side // 16, side // 16 : -side // 16] = False
        normal = to_network(SkinColour.for_training(linear, rim).normalise(linear))
        cut = int(target / place.WINDOW * 0.6)
        first = (side - cut) // 2
        middles.append(normal[first : first + cut, first : first + cut] @ np.array([0.299, 0.587, 0.114], np.float32))
    return float(np.median([_fine_power(m[None], 0.5 * TILE / target) for m in middles]))


if __name__ == "__main__":
    raise SystemExit(main())
