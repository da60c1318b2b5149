"""Guidance beside its peers: `python -m benchmarks.guidance [--quick] [--json FILE] [--strict]`.

One run, one network, the same skins and shapes for all: a frame of real skin is known (border guiding), and so is the
lesion's shape (segmentation guiding). Ours against diffusers' RePaintPipeline, replacement with ancestral DDPM, and
DDNM: all at 20 evaluations, then each at its own count. Then ours as the product places it: the region ends just
outside the shape and the footprint fades. Then class border guiding alone: no lesion may be cropped.

64 skins by default (`--skins N`), half of them crops of real images, half avatar patches. RePaint at eleven times our
evaluations gets a quarter of them, the peers' own counts (up to 2,410) an eighth (`--peers N`; 0 leaves them out),
class border guiding four times as many pictures (`--frames N`). `--sheet FILE` draws the first skins in all methods.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import guidance_measures as measures
from benchmarks import guidance_methods as methods
from benchmarks.guidance_sheet import write_sheet
from benchmarks.guidance_skins import PHOTOTYPES, SIDE, Skin, avatar_patches, crops, lesions
from benchmarks.report import Figure, finish, options
from engine.colour import from_network, to_network
from engine.diffusion import checkpoint
from engine.diffusion.chroma import smooth_chroma
from engine.diffusion.denoiser import UNetDenoiser
from engine.diffusion.guidance import BorderGuiding, ClassBorderGuiding, Known, SegmentationGuiding, combine
from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.samplers import Task, dpmpp_2m_sde
from engine.lesion import LesionSpec, Shape
from engine.place import footprint
from engine.shapes import draw

SKINS = 64
FRAME = 16
"""Width of the known skin, pixels."""
DIAMETER = SIDE / 2.2
EVALUATIONS = 20
BATCH = 4
AIM_SEAM = (0.95, 1.05)
AIM_STEP = 1.0
AIM_IOU = 0.85
AIM_TIMES = 10.0
REAL_LESIONS = 160
ENOUGH = 32
"""Pictures below which an aim is not decided."""
CLASSES = ("nevus", "melanoma")
KINDS = (True, False)
FREE = np.zeros((SIDE, SIDE), bool)
FREE[FRAME:-FRAME, FRAME:-FRAME] = True


@dataclass
class Result:
    """What one method made: seconds in all, and one value a picture of each measure. pictures: the first few."""

    name: str
    evaluations: int
    seconds: float = 0.0
    real: list[bool] = field(default_factory=list)
    seam: list[float] = field(default_factory=list)
    step: list[float] = field(default_factory=list)
    iou: list[float] = field(default_factory=list)
    touching: list[bool] = field(default_factory=list)
    pictures: list[Skin] = field(default_factory=list)

    def seams(self, real: bool) -> float:
        """Median seam ratio on crops of real images, or on avatar patches."""
        values = [seam for seam, kind in zip(self.seam, self.real, strict=True) if kind == real]
        return float(np.median(values)) if values else float("nan")


@dataclass(frozen=True)
class Problem:
    """A skin, the shape asked for on it (coverage [128, 128]), the class and the seed. real: no avatar's skin."""

    skin: Skin
    shape: Skin
    lesion_class: str
    seed: int
    real: bool


def main(arguments: Sequence[str]) -> int:
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--skins", type=int, default=SKINS)
    own.add_argument("--peers", type=int)
    own.add_argument("--frames", type=int)
    own.add_argument("--sheet", type=Path)
    asked, rest = own.parse_known_args(list(arguments))
    chosen = options(__doc__, rest)
    count = 4 if chosen.quick else max(4, asked.skins)
    few = count // 8 if asked.peers is None else asked.peers
    frame_count = 4 if chosen.quick else asked.frames or 4 * count
    model = checkpoint.find("default")
    network = checkpoint.load(model)
    problems = _problems(count, quick=chosen.quick)
    runs = [
        (methods.ours(EVALUATIONS), problems),
        (methods.replacement(EVALUATIONS), problems),
        (methods.ddnm(EVALUATIONS), problems),
        (methods.repaint(*methods.REPAINT_SHORT), problems),
    ]
    if not chosen.quick:
        runs.append((methods.repaint(*methods.REPAINT_ELEVENFOLD), problems[: count // 4]))
        if few:
            own_counts = (methods.ddnm(100), methods.replacement(1000), methods.repaint(*methods.REPAINT_OWN))
            runs += [(method, problems[:few]) for method in own_counts]
    with torch.inference_mode():
        results = [measured(network, model, method, chosen_problems) for method, chosen_problems in runs]
        placed = measured(network, model, methods.ours(LesionSpec.steps), problems, placed=True)
        frames = class_border(network, model, frame_count, guided=True)
        unguided = class_border(network, model, 0 if chosen.quick else frame_count // 4, guided=False)
    print(_columns([*results, placed], problems), end="\n\n")
    if asked.sheet is not None:
        write_sheet(asked.sheet, [p.skin for p in problems], {r.name: r.pictures for r in [*results[:4], placed]})
    title = f"Guidance, {len(problems)} skins, network 'default' ({model.fingerprint[:12]})"
    return finish(title, _figures(results, placed, frames, unguided), chosen, peer="RePaint, 20 evaluations")


def measured(
    network: UNetDenoiser,
    model: checkpoint.Model,
    method: methods.Method,
    problems: Sequence[Problem],
    placed: bool = False,
) -> Result:
    """One method over all problems, batch by batch. placed: in the product's region and composited, not in a frame."""
    result = Result(method.name + (", placed" if placed else ""), method.evaluations)
    for start in range(0, len(problems), BATCH):
        part = problems[start : start + BATCH]
        free = [footprint(p.shape) > 0 if placed else FREE for p in part]
        known = [
            combine([BorderGuiding(p.skin, region), SegmentationGuiding(p.shape)], SIDE)
            for p, region in zip(part, free, strict=True)
        ]
        task = _task(model, known, [p.lesion_class for p in part])
        began = time.perf_counter()
        x0 = method.sample(network, task, [p.seed for p in part], model.sigma_min).numpy()
        result.seconds += time.perf_counter() - began
        for problem, region, made in zip(part, free, x0, strict=True):
            picture = np.clip(smooth_chroma(made[:3], region, model.chroma_radius), -1, 1)
            if placed:
                picture = _composited(picture, problem)
            _measure(result, picture, problem, region)
        print(
            f"  {result.name}, {method.evaluations}: {len(result.seam)} of {len(problems)}", file=sys.stderr, flush=True
        )
    return result


def _measure(result: Result, picture: Skin, problem: Problem, free: NDArray[np.bool_]) -> None:
    lesion = measures.segmented(picture, ~free)
    result.real.append(problem.real)
    result.seam.append(measures.seam_ratio(picture, problem.skin, free))
    result.step.append(measures.colour_step(picture, free))
    result.iou.append(measures.overlap(lesion, problem.shape >= 0.5))
    result.touching.append(measures.touches_frame(lesion))
    result.pictures.append(picture)


def _composited(picture: Skin, problem: Problem) -> Skin:
    """The picture on the skin through its soft footprint, in linear light."""
    alpha = footprint(problem.shape)[None] / np.float32(255)
    below, above = from_network(problem.skin), from_network(picture)
    return to_network(below + alpha * (above - below))


def class_border(network: UNetDenoiser, model: checkpoint.Model, count: int, guided: bool) -> list[bool]:
    """Whether each of `count` lesions of free shape and free skin touches the frame, by colour."""
    touching = []
    for start in range(0, count, BATCH):
        seeds = range(start, min(start + BATCH, count))
        known = combine([ClassBorderGuiding(SIDE)] if guided else [], SIDE)
        task = _task(model, [known] * len(seeds), [CLASSES[seed % 2] for seed in seeds])
        sigmas = schedule(EVALUATIONS, sigma_min=model.sigma_min)
        x0 = dpmpp_2m_sde(network, task, SeededNoise([1000 + seed for seed in seeds]), sigmas).clamp(-1, 1).numpy()
        for picture in x0:
            skin = picture[3] < 0
            touching.append(not skin.any() or measures.touches_frame(measures.segmented(picture[:3], skin)))
        print(f"  class border {'held' if guided else 'free'}: {len(touching)} of {count}", file=sys.stderr, flush=True)
    return touching


def _task(model: checkpoint.Model, known: Sequence[Known], classes: Sequence[str]) -> Task:
    names = list(model.config["classes"])
    return Task(
        torch.from_numpy(np.stack([k.known for k in known])),
        torch.from_numpy(np.stack([k.values for k in known])),
        torch.tensor([names.index(name) for name in classes]),
        torch.zeros(len(known)),
    )


def _problems(count: int, quick: bool) -> list[Problem]:
    avatars = avatar_patches(count - count // 2, ("III",) if quick else PHOTOTYPES)
    real = crops(count - len(avatars))
    skins = [(skin, kind) for pair in zip(real, avatars, strict=False) for skin, kind in zip(pair, KINDS, strict=True)]
    skins += [(skin, True) for skin in real[len(avatars) :]] + [(skin, False) for skin in avatars[len(real) :]]
    found = []
    for seed, (skin, kind) in enumerate(skins):
        melanoma = seed // 2 % 2 == 1
        shape = Shape("automatic", 0.6, 0.5) if melanoma else Shape("automatic", 0.2, 0.15)
        found.append(Problem(skin, draw(shape, DIAMETER, SIDE, seed), CLASSES[melanoma], seed, kind))
    return found


def _columns(results: Sequence[Result], problems: Sequence[Problem]) -> str:
    heads = ("evaluations", "pictures", "s/picture", "seam, crops", "seam, avatars", "step", "IoU", "touch")
    rows = [("(the skins themselves)", "", f"{len(problems)}", "", "1", "1", *_skins_own_step(problems), "", "")]
    real = [measures.overlap(measures.segmented(skin, ~FREE & ~mask), mask) for skin, mask in lesions(REAL_LESIONS)]
    if real:
        rows.append(("(real lesions, experts' masks)", "", f"{len(real)}", "", "", "", "", f"{np.mean(real):.2f}", ""))
    for r in results:
        seams = (f"{r.seams(real=True):.2f}", f"{r.seams(real=False):.2f}")
        rest = (f"{np.median(r.step):.2f}", f"{np.mean(r.iou):.2f}", f"{np.mean(r.touching):.0%}")
        count = len(r.seam)
        rows.append((r.name, f"{r.evaluations}", f"{count}", f"{r.seconds / count:.1f}", *seams, *rest))
    lines = [f"{name:<34}" + "".join(f"{cell:>14}" for cell in cells) for name, *cells in [("method", *heads), *rows]]
    note = "Medians of seam ratio and colour step (ΔE2000), means of IoU and of the share that touches the frame."
    return "\n".join([*lines, note])


def _skins_own_step(problems: Sequence[Problem]) -> tuple[str]:
    return (f"{np.median([measures.colour_step(problem.skin, FREE) for problem in problems]):.2f}",)


def _figures(results: Sequence[Result], placed: Result, frames: list[bool], unguided: list[bool]) -> list[Figure]:
    ours, peer = results[0], results[3]
    decided = len(ours.seam) >= ENOUGH
    figures = []
    for result, what in ((ours, "seam ratio"), (placed, "seam ratio as placed")):
        for real, where in ((True, "crops"), (False, "avatars")):
            for aim, least in zip(AIM_SEAM, (True, False), strict=True):
                other = f"{peer.seams(real):.2f}" if result is ours else None
                figures.append(Figure(f"{what}, {where}", result.seams(real), "", aim, least, other, decided))
    step, step_placed, peers_step = (float(np.median(result.step)) for result in (ours, placed, peer))
    iou = float(np.mean(ours.iou))
    figures += [
        Figure("colour step", step, "ΔE2000", AIM_STEP, False, f"{peers_step:.2f}", decided),
        Figure("colour step as placed", step_placed, "ΔE2000", AIM_STEP, False, None, decided),
        Figure("IoU with the shape asked for", iou, "", AIM_IOU, True, f"{np.mean(peer.iou):.2f}", decided),
        _times(results, ours),
        Figure(f"of {len(frames)} cropped, class border held", sum(frames), "", 0, decided=len(frames) >= 256),
    ]
    return figures + ([Figure(f"of {len(unguided)} cropped, unguided", sum(unguided))] if unguided else [])


def _times(results: Sequence[Result], ours: Result) -> Figure:
    """How many times our evaluations RePaint needs for our seam on crops and colour step; a bound if it never does."""
    runs = sorted((r for r in results if r.name.startswith("RePaint")), key=lambda r: r.evaluations)
    seam, step = abs(np.log(ours.seams(real=True))), np.median(ours.step)
    enough = [r for r in runs if abs(np.log(r.seams(real=True))) <= seam and np.median(r.step) <= step]
    reached = enough[0] if enough else runs[-1]
    name = "RePaint is as good at" if enough else "RePaint is not yet as good at"
    decided = len(reached.seam) >= 8
    return Figure(name, reached.evaluations / ours.evaluations, "× our evaluations", AIM_TIMES, True, decided=decided)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
