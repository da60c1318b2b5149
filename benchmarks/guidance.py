"""Guidance beside its peers: `python -m benchmarks.guidance [--quick] [--json FILE] [--strict]`.

One run, one network, the same skins and shapes for all: a frame of real skin is known (border guiding), and so is the
lesion's shape (segmentation guiding). Ours against diffusers' RePaintPipeline, replacement with ancestral DDPM, and
DDNM: all at 20 evaluations, then each at its own count. Then ours as the product places it: the region ends just
outside the shape and the footprint fades. "Met" is with the product's last step, by which painted skin meets the known
skin (`engine/diffusion/meeting.py`); without it the rows show what the samplers return. Then class border guiding
alone: no lesion may be cropped.

64 skins by default (`--skins N`), half of them crops of real images, half avatar patches. RePaint at eleven times our
evaluations gets a quarter of them, the peers' own counts (up to 2,410) an eighth (`--peers N`; 0 leaves them out),
class border guiding four times as many pictures (`--frames N`). `--sheet FILE` draws the first skins in all methods.

`--rows FILE` keeps every sample there: a run that was stopped goes on, several processes may share the file, and
`--only TEXT` paints just the methods whose "name, evaluations" begins so. `--no-painting` measures what is there.
`--device` says where the network runs.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import guidance_measures as measures
from benchmarks import guidance_methods as methods
from benchmarks.guidance_painting import FREE, KINDS, Frames, Painter, Problem, Result, problems
from benchmarks.guidance_sheet import write_sheet
from benchmarks.guidance_skins import lesions
from benchmarks.kept import Kept
from benchmarks.report import Figure, finish, options
from engine.lesion import LesionSpec
from engine.place import footprint

SKINS = 64
EVALUATIONS = 20
AIM_SEAM = (0.95, 1.05)
AIM_STEP = 1.0
AIM_IOU = 0.85
AIM_TIMES = 10.0
REAL_LESIONS, QUICK_REAL_LESIONS = 160, 40
ENOUGH = 32
"""Pictures below which an aim is not decided."""
ENOUGH_PEERS = 8
FRAMES_DECIDED = 256
QUICK_COUNT, QUICK_PEERS = 4, 2
ON_SHEET = ("ours", "ours as sampled", "replacement, DDPM", "DDNM", "RePaint, 20", "ours as placed")
NOTE = """Medians of gradient ratio, seam ratio (both: crops; avatars) and colour step (ΔE2000), means of IoU.
Plain skins (their number): the colour rule finds nothing as large as the lesion in the skin without one."""

Lesions = Sequence[tuple[measures.Picture, measures.Region]]


def main(arguments: Sequence[str]) -> int:
    """Run, print and return the exit code."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--skins", type=int, default=SKINS)
    own.add_argument("--peers", type=int)
    own.add_argument("--frames", type=int)
    own.add_argument("--rows", type=Path)
    own.add_argument("--only", default="")
    own.add_argument("--no-painting", action="store_true")
    own.add_argument("--device", default="cpu")
    own.add_argument("--sheet", type=Path)
    asked, rest = own.parse_known_args(list(arguments))
    chosen = options(__doc__, rest)
    count = QUICK_COUNT if chosen.quick else max(QUICK_COUNT, asked.skins)
    few = count // 8 if asked.peers is None else asked.peers
    frame_count = QUICK_PEERS if chosen.quick else asked.frames or 4 * count
    kept = Kept(asked.rows)
    painter = Painter(kept, asked.device, paint=not asked.no_painting)
    found = problems(kept, count, chosen.quick)
    with torch.inference_mode():
        if asked.only:
            for method, part in _runs(found, few, chosen.quick):
                if f"{method.name}, {method.evaluations}".startswith(asked.only):
                    painter.measured(method, part)
            return 0
        results = [painter.measured(method, part) for method, part in _runs(found, few, chosen.quick)]
        ours = painter.measured(methods.ours(EVALUATIONS), found, met=True)
        beside = found[:QUICK_PEERS] if chosen.quick else found
        others = [painter.measured(r, beside, met=True) for r in (methods.ddnm(EVALUATIONS), _repaint_short())]
        placed = painter.measured(methods.ours(LesionSpec.steps), found, met=True, placed=True)
        frames = painter.class_border(frame_count, EVALUATIONS, guided=True)
        unguided = painter.class_border(0 if chosen.quick else frame_count // 4, EVALUATIONS, guided=False)
    real = lesions(QUICK_REAL_LESIONS if chosen.quick else REAL_LESIONS)
    print(_columns([ours, *results, *others, placed], found, real), end="\n\n")
    if asked.sheet is not None:
        made = zip(ON_SHEET, [ours, *results[:4], placed], strict=True)
        write_sheet(asked.sheet, [p.skin for p in found], {name: result.pictures for name, result in made})
    title = f"Guidance, {len(found)} skins, network 'default' ({painter.model.fingerprint[:12]})"
    kept.close()
    return finish(title, _figures(ours, results, placed, frames, unguided), chosen, peer="RePaint, 20 evaluations")


def _runs(found: Sequence[Problem], few: int, quick: bool) -> list[tuple[methods.Method, Sequence[Problem]]]:
    """Each method with the problems it gets: all at 20 evaluations first, then the peers at their own counts."""
    beside = found[:QUICK_PEERS] if quick else found
    runs = [
        (methods.ours(EVALUATIONS), found),
        (methods.replacement(EVALUATIONS), beside),
        (methods.ddnm(EVALUATIONS), beside),
        (_repaint_short(), beside),
    ]
    if not quick:
        runs.append((methods.repaint(*methods.REPAINT_ELEVENFOLD), found[: len(found) // 4]))
        if few:
            own_counts = (methods.ddnm(100), methods.replacement(1000), methods.repaint(*methods.REPAINT_OWN))
            runs += [(method, found[:few]) for method in own_counts]
    return runs


def _repaint_short() -> methods.Method:
    return methods.repaint(*methods.REPAINT_SHORT)


def _columns(results: Sequence[Result], problems: Sequence[Problem], real: Lesions) -> str:
    heads = ("evaluations", "pictures", "s/picture", "gradient ratio", "seam ratio", "step", "IoU")
    rows: list[tuple[str, ...]] = [
        ("(the skins themselves)", "", f"{len(problems)}", "", *_of_the_skins(problems), "", "", "")
    ]
    if real:
        rows.append(("(real lesions, as placed ones)", "", f"{len(real)}", "", "", "", *_of_real_lesions(real)))
    for r in results:
        count = len(r.seam)
        if count == 0:
            rows.append((r.name, f"{r.evaluations}", "0", *[""] * 7))
            continue
        ratios = [f"{of(True):.2f}; {of(False):.2f}" for of in (r.gradients, r.seams)]
        iou, plain = r.iou_on_plain_skin()
        rest = (
            f"{np.median(r.step):.2f}",
            f"{np.mean(r.iou):.2f}",
            f"{iou:.2f} ({plain})",
            f"{np.mean(r.touching):.0%}",
        )
        rows.append((r.name, f"{r.evaluations}", f"{count}", f"{r.seconds / count:.1f}", *ratios, *rest))
    table = [("method", *heads, "IoU, plain skins", "touch"), *rows]
    lines = [f"{name:<36}" + "".join(f"{cell:>18}" for cell in cells) for name, *cells in table]
    return "\n".join([*lines, NOTE])


def _of_the_skins(problems: Sequence[Problem]) -> tuple[str, str, str]:
    """Gradient ratio, seam ratio and colour step of the untouched skins."""
    ratios = {kind: [measures.gradient_ratio(p.skin, FREE) for p in problems if p.real == kind] for kind in KINDS}
    step = np.median([measures.colour_step(problem.skin, FREE) for problem in problems])
    return "; ".join(f"{_median(ratios[kind]):.2f}" for kind in KINDS), "1; 1", f"{step:.2f}"


def _of_real_lesions(real: Lesions) -> tuple[str, str, str, str]:
    """Colour step, IoU and "touches the frame" of real lesions by the benchmark's own rules: what these make of truth.

    Only lesions that end inside by the experts' masks count for the last.
    """
    found = [measures.segmented(skin, ~FREE & ~mask) for skin, mask in real]
    around = [footprint(mask.astype(np.float32)) > 0 for _, mask in real]
    steps = [measures.colour_step(skin, free) for (skin, _), free in zip(real, around, strict=True) if _amid(free)]
    iou = np.mean([measures.overlap(lesion, mask) for lesion, (_, mask) in zip(found, real, strict=True)])
    inside = [lesion for lesion, (_, mask) in zip(found, real, strict=True) if not measures.touches_frame(mask)]
    touching = sum(measures.touches_frame(lesion) for lesion in inside)
    return f"{np.median(steps):.2f}", f"{iou:.2f}", "", f"{touching} of {len(inside)}"


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else float("nan")


def _amid(free: NDArray[np.bool_]) -> bool:
    """Whether a region lies about the picture's middle, with skin on all sides."""
    margin, middle = measures.RING + 1, free.shape[0] // 2
    inside = free[margin:-margin, margin:-margin]
    return bool(inside.sum() == free.sum() and free[middle, middle])


def _figures(ours: Result, results: Sequence[Result], placed: Result, frames: Frames, unguided: Frames) -> list[Figure]:
    peer = results[3]
    decided = len(ours.seam) >= ENOUGH
    figures = []
    for result, what in ((ours, "seam ratio"), (placed, "seam ratio as placed")):
        for real, where in ((True, "crops"), (False, "avatars")):
            for aim, least in zip(AIM_SEAM, (True, False), strict=True):
                other = f"{peer.seams(real):.2f}" if result is ours else None
                figures.append(Figure(f"{what}, {where}", result.seams(real), "", aim, least, other, decided))
    step, step_placed, peers_step = (_median(result.step) for result in (ours, placed, peer))
    iou, peers_iou = float(np.mean(ours.iou)), float(np.mean(peer.iou)) if peer.iou else float("nan")
    (plain, count), (peers_plain, _) = ours.iou_on_plain_skin(), peer.iou_on_plain_skin()
    figures += [
        Figure("colour step", step, "ΔE2000", AIM_STEP, False, f"{peers_step:.2f}", decided),
        Figure("colour step as placed", step_placed, "ΔE2000", AIM_STEP, False, None, decided),
        Figure("IoU with the shape asked for, all skins", iou, "", AIM_IOU, True, f"{peers_iou:.2f}", decided),
        Figure(f"the same, {count} plain skins", plain, "", AIM_IOU, True, f"{peers_plain:.2f}", decided),
        _times(results, ours),
        *_cropped(frames, "class border held", 0),
        *_cropped(unguided, "unguided", None),
    ]
    return figures


def _cropped(frames: Frames, how: str, aim: float | None) -> list[Figure]:
    count = len(frames.by_mask)
    columns = (("by the mask painted along", frames.by_mask), ("by colour", frames.by_colour))
    return [
        Figure(f"of {count} cropped, {how}, {by}", sum(found), "", aim, decided=count >= FRAMES_DECIDED)
        for by, found in columns
        if count
    ]


def _times(results: Sequence[Result], ours: Result) -> Figure:
    """How many times our evaluations RePaint needs for our seam on crops and colour step; a bound if it never does."""
    runs = sorted((r for r in results if r.seam and r.name.startswith("RePaint")), key=lambda r: r.evaluations)
    runs = [r for r in runs if len(r.seam) >= ENOUGH_PEERS] or runs
    seam, step = abs(np.log(ours.seams(real=True))), np.median(ours.step)
    enough = [r for r in runs if abs(np.log(r.seams(real=True))) <= seam and np.median(r.step) <= step]
    reached = enough[0] if enough else runs[-1]
    name = "RePaint is as good at" if enough else "RePaint is not yet as good at"
    decided = len(reached.seam) >= ENOUGH_PEERS
    return Figure(name, reached.evaluations / ours.evaluations, "× our evaluations", AIM_TIMES, True, decided=decided)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
