"""Tile upsampling of the shipped network: seams, drift and detail, beside MultiDiffusion and independent tiles.

All ways begin from the same 128² lesions and cost the same evaluations. The editable region is a disc far larger than
the lesion, so that tile edges cross plain skin, where seams show most. A tile edge's figure is the step across it over
the step across the same line where the same noise is denoised in another grid of tiles, against the same for the lines
beside it (`upsampling_painting`).

`--lesions N` for ours, `--peers N` for the others. `--rows FILE` keeps what was raised, so that a stopped run goes on;
`--no-painting` measures what is there.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

from benchmarks.kept import Kept
from benchmarks.report import Figure, finish, options
from benchmarks.upsampling_detail import real_detail
from benchmarks.upsampling_painting import Raiser, compared
from engine.diffusion.upsampling import Upsampling
from engine.generators.ddpm import DdpmGenerator

SEAM = (0.97, 1.05)
DRIFT = 0.5
LESIONS = 12
PEERS = 2
SIDES = (454, 512)
QUICK_SIDE = 241
OURS = "ours"
OTHERS = {
    "pool guiding in the noisy form": Upsampling(pool="noisy"),
    "without pool guiding": Upsampling(pool="off"),
    "sequential border guiding": Upsampling(overlap="sequential"),
    "MultiDiffusion": Upsampling(overlap="box", pool="off"),
    "independent tiles": Upsampling(overlap="independent", pool="off"),
}
FOREIGN = ("MultiDiffusion", "independent tiles")


@dataclass(frozen=True)
class Measured:
    """One way's result over `count` lesions.

    most, least, mean: ratios of all tile edges of all levels. plain: the same ratio where no tile ends in either grid,
    its 2.5th and 97.5th percentile. drift: rms, 8 bit. detail: real lesions' is 1.
    """

    count: int
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
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--lesions", type=int, default=LESIONS)
    own.add_argument("--peers", type=int, default=PEERS)
    own.add_argument("--rows", type=Path)
    own.add_argument("--no-painting", action="store_true")
    asked, rest = own.parse_known_args(arguments)
    chosen = options(__doc__.splitlines()[0], rest)
    kept = Kept(asked.rows)
    generator = DdpmGenerator()
    raiser = Raiser(kept, generator, paint=not asked.no_painting)
    few, many = (1, 1) if chosen.quick else (asked.peers, asked.lesions)
    side = QUICK_SIDE if chosen.quick else SIDES[0]
    ours = _measured(raiser, Upsampling(), side, many, OURS)
    peers = {name: _measured(raiser, OTHERS[name], side, few, name) for name in FOREIGN}
    figures = _figures(ours, f"{side}²", chosen.quick, peers)
    if not chosen.quick:
        larger = _measured(raiser, Upsampling(), SIDES[1], many, OURS)
        figures += _figures(larger, f"{SIDES[1]}²", False, {})
        for name in (one for one in OTHERS if one not in FOREIGN):
            figures += _figures(_measured(raiser, OTHERS[name], side, few, name), f"{side}², {name}", None, {})
    kept.close()
    title = f"Tile upsampling: {Upsampling().steps} evaluations a tile and level, {generator.precision}"
    return finish(title, figures, chosen, " | ".join(FOREIGN))


def _measured(raiser: Raiser, how: Upsampling, target: int, count: int, what: str) -> Measured | None:
    lesions = raiser.lesions(how, target, count, what)
    if not lesions:
        return None
    steps, real = compared(lesions, how, target), real_detail(target)
    drifts, details, costs = (
        np.array([lesion[key] for lesion in lesions], float) for key in ("drift", "detail", "cost")
    )
    evaluations, seconds = costs.mean(0)
    return Measured(
        len(lesions),
        *(max(steps.edges), min(steps.edges), float(np.mean(steps.edges))),
        (float(np.percentile(steps.plain, 2.5)), float(np.percentile(steps.plain, 97.5))),
        float(np.sqrt(drifts.mean())) * 127.5,
        *(float(details.mean()) / real if real else float("nan"), float(seconds), float(evaluations)),
    )


def _figures(found: Measured | None, label: str, quick: bool | None, peers: dict[str, Measured | None]) -> list[Figure]:
    """quick: too little to decide anything. None: no aims, it is not ours."""
    if found is None:
        return []
    others = [peer for peer in peers.values() if peer is not None]

    def peer(values: Sequence[float]) -> str | None:
        return " | ".join(f"{value:.3g}" for value in values) or None

    most, least, drift = (None, None, None) if quick is None else (SEAM[1], SEAM[0], DRIFT)
    enough = not quick and found.decided
    columns = [
        Figure("lesions", found.count, peer=peer([p.count for p in others])),
        Figure("worst tile seam", found.most, "", most, False, peer([p.most for p in others]), enough),
        Figure("least step at a tile edge", found.least, "", least, True, peer([p.least for p in others]), enough),
        Figure("mean over tile edges", found.mean, peer=peer([p.mean for p in others])),
        Figure("where no tile ends, 97.5 % of lines below", found.plain[1], peer=peer([p.plain[1] for p in others])),
        Figure("where no tile ends, 2.5 % of lines below", found.plain[0], peer=peer([p.plain[0] for p in others])),
        Figure("drift", found.drift, "/255", drift, False, peer([p.drift for p in others]), not quick),
        Figure("fine detail against real lesions", found.detail, peer=peer([p.detail for p in others])),
        Figure("evaluations a lesion", found.evaluations),
        Figure("seconds a lesion", found.seconds, "s"),
    ]
    return [replace(figure, name=f"{label}: {figure.name}") for figure in columns]


if __name__ == "__main__":
    sys.exit(main())
