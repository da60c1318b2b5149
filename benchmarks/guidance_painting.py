"""Paints the guidance benchmark's problems with one method after the other, keeps the samples, and measures them.

What is kept is what the sampler returned: measures and the product's last steps can change without painting anew.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import guidance_measures as measures
from benchmarks import guidance_methods as methods
from benchmarks.guidance_skins import PHOTOTYPES, SIDE, Skin, avatar_patches, crops
from benchmarks.kept import Kept, name_of
from engine.colour import from_network, to_network
from engine.diffusion import checkpoint
from engine.diffusion.chroma import smooth_chroma
from engine.diffusion.denoiser import UNetDenoiser
from engine.diffusion.guidance import BorderGuiding, ClassBorderGuiding, Known, SegmentationGuiding, combine
from engine.diffusion.meeting import meet
from engine.diffusion.noise import stream
from engine.diffusion.samplers import Task
from engine.generators.ddpm import GRAIN
from engine.lesion import Shape
from engine.place import footprint
from engine.shapes import draw

FRAME = 16
"""Width of the known skin, pixels."""
DIAMETER = SIDE / 2.2
BATCH = 4
LONG = 100
"""Evaluations from which on pictures are painted one by one, so that a stopped run loses little."""
CLASSES = ("nevus", "melanoma")
KINDS = (True, False)
FREE = np.zeros((SIDE, SIDE), bool)
FREE[FRAME:-FRAME, FRAME:-FRAME] = True
CLASS_BORDER_SEED = 1000


@dataclass(frozen=True)
class Problem:
    """A skin, the shape asked for on it (coverage [128, 128]), the class and the seed. real: no avatar's skin."""

    skin: Skin
    shape: Skin
    lesion_class: str
    seed: int
    real: bool


@dataclass
class Result:
    """What one method made: seconds in all, and one value a picture of each measure. pictures: what was measured.

    gradient: across the border over beside it; seam: that over the untouched skin's. plain: whether the colour rule
    finds nothing as large as the lesion in the skin without one; elsewhere it can't find the lesion.
    """

    name: str
    evaluations: int
    seconds: float = 0.0
    real: list[bool] = field(default_factory=list)
    gradient: list[float] = field(default_factory=list)
    seam: list[float] = field(default_factory=list)
    step: list[float] = field(default_factory=list)
    iou: list[float] = field(default_factory=list)
    plain: list[bool] = field(default_factory=list)
    touching: list[bool] = field(default_factory=list)
    pictures: list[Skin] = field(default_factory=list)

    def seams(self, real: bool) -> float:
        """Median seam ratio on crops of real images, or on avatar patches."""
        return self._median(self.seam, real)

    def gradients(self, real: bool) -> float:
        """Median gradient ratio on crops of real images, or on avatar patches."""
        return self._median(self.gradient, real)

    def iou_on_plain_skin(self) -> tuple[float, int]:
        """Mean IoU where the skin is plain to the colour rule, and on how many skins."""
        values = [iou for iou, plain in zip(self.iou, self.plain, strict=True) if plain]
        return (float(np.mean(values)) if values else float("nan")), len(values)

    def _median(self, values: Sequence[float], real: bool) -> float:
        chosen = [value for value, kind in zip(values, self.real, strict=True) if kind == real]
        return float(np.median(chosen)) if chosen else float("nan")


@dataclass(frozen=True)
class Frames:
    """Lesions without known skin: which touch the frame by colour, and which by the mask that the network painted."""

    by_colour: list[bool]
    by_mask: list[bool]
    pictures: list[Skin]


class Painter:
    """One network on one device, and the samples it has made so far. paint: False measures what is kept, no more."""

    def __init__(self, kept: Kept, device: str, paint: bool = True) -> None:
        self.model = checkpoint.find("default")
        self._device = torch.device(device)
        self._network: UNetDenoiser = checkpoint.load(self.model).to(self._device)
        self._kept, self._paint = kept, paint

    def measured(
        self, method: methods.Method, problems: Sequence[Problem], met: bool = False, placed: bool = False
    ) -> Result:
        """One method over all problems. met: with the product's last step, by which painted skin meets the known skin.

        placed: in the product's region and composited, not in a frame.
        """
        result = Result(method.name + (", met" if met else "") + (", placed" if placed else ""), method.evaluations)
        regions = [footprint(p.shape) > 0 if placed else FREE for p in problems]
        known = [
            combine([BorderGuiding(p.skin, region), SegmentationGuiding(p.shape)], SIDE)
            for p, region in zip(problems, regions, strict=True)
        ]
        classes, seeds = [p.lesion_class for p in problems], [p.seed for p in problems]
        samples = self.samples(method, known, classes, seeds, result.name)
        for problem, region, sample in zip(problems, regions, samples, strict=True):
            if sample is None:
                continue
            x0, seconds = sample
            result.seconds += seconds
            picture = np.clip(smooth_chroma(x0[:3], region, self.model.chroma_radius), -1, 1)
            if met:
                rng = np.random.default_rng(stream(problem.seed, SIDE, GRAIN))
                picture = np.clip(meet(picture, region, problem.shape, rng), -1, 1)
            if placed:
                picture = _composited(picture, problem)
            _measure(result, picture, problem, region)
        return result

    def class_border(self, count: int, evaluations: int, guided: bool) -> Frames:
        """`count` lesions of free shape and free skin."""
        known = [combine([ClassBorderGuiding(SIDE)] if guided else [], SIDE)] * count
        classes = [CLASSES[number % 2] for number in range(count)]
        seeds = [CLASS_BORDER_SEED + number for number in range(count)]
        what = f"class border {'held' if guided else 'free'}"
        by_colour, by_mask, pictures = [], [], []
        for sample in self.samples(methods.ours(evaluations), known, classes, seeds, what):
            if sample is None:
                continue
            picture = np.clip(sample[0], -1, 1)
            skin = picture[3] < 0
            lesion = measures.segmented(picture[:3], skin) if skin.any() else ~skin
            by_colour.append(measures.touches_frame(lesion))
            by_mask.append(measures.touches_frame(~skin))
            pictures.append(picture[:3])
        return Frames(by_colour, by_mask, pictures)

    def samples(
        self,
        method: methods.Method,
        known: Sequence[Known],
        classes: Sequence[str],
        seeds: Sequence[int],
        what: str,
    ) -> list[tuple[Skin, float] | None]:
        """The sampler's x₀ [4, 128, 128] and seconds of each, from the file where it is there; None: not painted."""
        names = [
            name_of(self.model.fingerprint, method.name, method.evaluations, k.known, k.values, label, seed)
            for k, label, seed in zip(known, classes, seeds, strict=True)
        ]
        missing = [index for index, name in enumerate(names) if self._kept.get(name) is None]
        batch = BATCH if method.evaluations < LONG else 1
        for start in range(0, len(missing) if self._paint else 0, batch):
            part = missing[start : start + batch]
            task = self._task([known[i] for i in part], [classes[i] for i in part])
            began = time.perf_counter()
            x0 = method.sample(self._network, task, [seeds[i] for i in part], self.model.sigma_min).cpu().numpy()
            seconds = (time.perf_counter() - began) / len(part)
            for index, made in zip(part, x0, strict=True):
                self._kept.put(names[index], {"x0": made.astype(np.float32)}, seconds)
            done = len(names) - len(missing) + start + len(part)
            print(f"  {what}, {method.evaluations}: {done} of {len(names)}", file=sys.stderr, flush=True)
        found = [self._kept.get(name) for name in names]
        return [None if kept is None else (np.asarray(kept[0]["x0"], np.float32), kept[1]) for kept in found]

    def _task(self, known: Sequence[Known], classes: Sequence[str]) -> Task:
        names, device = list(self.model.config["classes"]), self._device
        return Task(
            torch.from_numpy(np.stack([k.known for k in known])).to(device),
            torch.from_numpy(np.stack([k.values for k in known])).to(device),
            torch.tensor([names.index(name) for name in classes], device=device),
            torch.zeros(len(known), device=device),
        )


def problems(kept: Kept, count: int, quick: bool) -> list[Problem]:
    """`count` problems, half on real skin, half on avatars'; a run that goes on has the skins it began with."""
    name = f"problems, {count}, {'quick' if quick else 'full'}"
    stored = kept.get(name)
    if stored is None:
        skins, real = _skins(count, quick)
        kept.put(name, {"skins": np.stack(skins), "real": np.array(real)})
        stored = kept.get(name)
        assert stored is not None
    arrays = stored[0]
    found = []
    for seed, (skin, kind) in enumerate(zip(arrays["skins"], arrays["real"], strict=True)):
        melanoma = seed // 2 % 2 == 1
        shape = Shape("automatic", 0.36, 0.5) if melanoma else Shape("automatic", 0.04, 0.15)
        drawn_name = f"shape of {name}, {seed}"
        if kept.get(drawn_name) is None:
            kept.put(drawn_name, {"shape": draw(shape, DIAMETER, SIDE, seed)})
        drawn = kept.get(drawn_name)
        assert drawn is not None
        found.append(Problem(np.asarray(skin), np.asarray(drawn[0]["shape"]), CLASSES[melanoma], seed, bool(kind)))
    return found


def _skins(count: int, quick: bool) -> tuple[list[Skin], list[bool]]:
    avatars = avatar_patches(count - count // 2, ("III",) if quick else PHOTOTYPES)
    real = crops(count - len(avatars))
    skins = [(skin, kind) for pair in zip(real, avatars, strict=False) for skin, kind in zip(pair, KINDS, strict=True)]
    skins += [(skin, True) for skin in real[len(avatars) :]] + [(skin, False) for skin in avatars[len(real) :]]
    return [skin for skin, _ in skins], [kind for _, kind in skins]


def _measure(result: Result, picture: Skin, problem: Problem, free: NDArray[np.bool_]) -> None:
    lesion, shape = measures.segmented(picture, ~free), problem.shape >= 0.5
    result.real.append(problem.real)
    result.gradient.append(measures.gradient_ratio(picture, free))
    result.seam.append(measures.seam_ratio(picture, problem.skin, free))
    result.step.append(measures.colour_step(picture, free))
    result.iou.append(measures.overlap(lesion, shape))
    result.plain.append(bool(measures.segmented(problem.skin, ~free).sum() < shape.sum()))
    result.touching.append(measures.touches_frame(lesion))
    result.pictures.append(picture)


def _composited(picture: Skin, problem: Problem) -> Skin:
    """The picture on the skin through its soft footprint, in linear light."""
    alpha = footprint(problem.shape)[None] / np.float32(255)
    below, above = from_network(problem.skin), from_network(picture)
    return to_network(below + alpha * (above - below))
