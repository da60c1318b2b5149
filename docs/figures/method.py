"""The pictures of docs/method.md: the guidings as known maps with what comes of them, a sample on its way, the levels.

python -m docs.figures.method [-o docs/images]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from docs.figures.model_samples import skin
from engine import shapes
from engine.colour import from_network, to_bytes
from engine.diffusion.chroma import smooth_chroma
from engine.diffusion.denoiser import Denoiser
from engine.diffusion.guidance import BorderGuiding, ClassBorderGuiding, Guiding, Known, SegmentationGuiding, combine
from engine.diffusion.meeting import meet
from engine.diffusion.noise import SeededNoise, schedule
from engine.diffusion.pyramid import Level, pyramid
from engine.diffusion.samplers import Task, dpmpp_2m_sde
from engine.diffusion.tiles import TILE, sizes
from engine.diffusion.upsampling import Upsampling
from engine.generators.ddpm import DdpmGenerator
from engine.generators.protocol import PatchRequest
from engine.lesion import LesionSpec, Shape, Site
from engine.output import Provenance, encode_png, write_atomic
from engine.place import WINDOW, footprint
from engine.sheet import contact_sheet

Picture = NDArray[np.uint8]
SEED = 3
STEPS = 18
SHAPE = Shape("automatic", 0.4, 0.4)
FREE_COLOUR = np.array([120, 190, 235], np.uint8)
LEVELS = 454


def outline(side: int) -> NDArray[np.float32]:
    """The shape of all figures, float32 [side, side]."""
    return shapes.draw(SHAPE, side / WINDOW, side, SEED)


def region(side: int) -> NDArray[np.bool_]:
    """A disc that may change."""
    axis = np.abs((np.arange(side) + 0.5) / side - 0.5)
    inside: NDArray[np.bool_] = np.hypot(axis[:, None], axis) < 0.36
    return inside


def picture(x0: NDArray[np.float32]) -> Picture:
    """The colour of [4, H, W] as uint8 [H, W, 3]."""
    return to_bytes(from_network(x0[:3].transpose(1, 2, 0)))


def grey(channel: NDArray[np.float32]) -> Picture:
    """A mask channel [H, W] in [-1, 1] as uint8 [H, W, 3]."""
    values = np.rint(np.clip(channel / 2 + 0.5, 0, 1) * 255).astype(np.uint8)
    return np.repeat(values[..., None], 3, -1)


def given(known: Known) -> tuple[Picture, Picture]:
    """What is known of colour and of the mask; free entries are blue."""
    colour = np.where(known.known[0][..., None] > 0, picture(known.values), FREE_COLOUR)
    mask = np.where(known.known[3][..., None] > 0, grey(known.values[3]), FREE_COLOUR)
    return colour, mask


class Watched:
    """A denoiser that keeps what it saw and answered."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.conditional = denoiser.conditional
        self.seen: list[tuple[float, torch.Tensor, torch.Tensor]] = []
        self._denoiser = denoiser

    def __call__(
        self, x: torch.Tensor, sigma: torch.Tensor, known: torch.Tensor, label: torch.Tensor, zoom: torch.Tensor
    ) -> torch.Tensor:
        """See `Denoiser`."""
        x0 = self._denoiser(x, sigma, known, label, zoom)
        self.seen.append((float(sigma[0]), x[0], x0[0]))
        return x0


def sampled(generator: DdpmGenerator, known: Known) -> Watched:
    """One sample under the known map, watched; the last answer is the result."""
    task = Task(
        torch.from_numpy(known.known[None]), torch.from_numpy(known.values[None]), torch.zeros(1, dtype=torch.long),
        torch.zeros(1),
    )  # fmt: skip
    watched = Watched(generator.batched)
    with torch.inference_mode():
        dpmpp_2m_sde(watched, task, SeededNoise([SEED]), schedule(STEPS, sigma_min=generator.model.sigma_min))
    return watched


def finished(generator: DdpmGenerator, known: Known, x0: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last steps on a painted picture [4, H, W]: colour noise smoothed, painted skin met with the known."""
    editable = known.known[0] == 0
    smooth = smooth_chroma(x0[:3], editable, generator.model.chroma_radius)
    return meet(smooth, editable, np.clip(x0[3] / 2 + 0.5, 0, 1), np.random.default_rng(SEED))


def guidings(generator: DdpmGenerator) -> tuple[Picture, Watched]:
    """One row each: what is known of colour and mask, and what is painted."""
    patch, shape = skin(SEED), outline(TILE)
    tight = footprint(shape) > 0
    wishes: dict[str, list[Guiding]] = {
        "nothing": [],
        "class border": [ClassBorderGuiding(TILE)],
        "segmentation": [SegmentationGuiding(shape)],
        "border": [BorderGuiding(patch, region(TILE))],
        "border + segmentation": [BorderGuiding(patch, tight), SegmentationGuiding(shape)],
    }
    rows, watched = [], None
    for wish in wishes.values():
        known = combine(wish, TILE)
        watched = sampled(generator, known)
        x0 = watched.seen[-1][2].numpy()
        rows.append([*given(known), picture(x0), grey(x0[3]), picture(finished(generator, known, x0))])
    assert watched is not None
    columns = ("known colour", "known mask", "painted colour", "painted mask", "finished")
    return contact_sheet(rows, list(wishes), columns, "Guidings are known maps", "blue: free; synthetic"), watched


def steps(watched: Watched) -> Picture:
    """x_σ and the network's answer at some of the noise levels of one sample."""
    chosen = [watched.seen[round(i)] for i in np.linspace(0, len(watched.seen) - 1, 7)]
    rows = [[picture(x.numpy() / max(1.0, s)) for s, x, _ in chosen], [picture(x0.numpy()) for _, _, x0 in chosen]]
    names = [f"sigma {s:.3g}" for s, _, _ in chosen]
    return contact_sheet(rows, ["noisy", "denoised"], names, "A sample on its way", "synthetic")


def levels(generator: DdpmGenerator) -> Picture:
    """The tiles of each level, drawn over the finished picture reduced to the level's size."""
    shape = outline(LEVELS)
    editable = footprint(shape) > 0
    patch = cv2.resize(skin(SEED).transpose(1, 2, 0), (LEVELS, LEVELS), interpolation=cv2.INTER_CUBIC)
    fine = np.ascontiguousarray(patch.transpose(2, 0, 1))
    spec = LesionSpec("nevus", Site(0, (1.0, 0.0, 0.0)), 6.0, SEED, shape=SHAPE, detail=LEVELS)
    (result,) = generator.generate([PatchRequest(fine, editable, shape, spec)])
    finished = picture(result.rgb)
    row = []
    for side, level in zip(sizes(LEVELS), pyramid(Level(fine, editable, shape), sizes(LEVELS)), strict=True):
        free = torch.from_numpy(1 - level.editable[None, None].astype(np.float32)).expand(1, 4, -1, -1)
        tiles = Upsampling().tiles(free) if side > TILE else []
        shown = cv2.resize(finished, (side, side), interpolation=cv2.INTER_AREA)
        shown = cv2.resize(shown, (LEVELS, LEVELS), interpolation=cv2.INTER_NEAREST)
        scale = LEVELS / side
        for tile in tiles:
            first = (round(tile.column * scale), round(tile.row * scale))
            last = (round((tile.column + TILE) * scale) - 1, round((tile.row + TILE) * scale) - 1)
            cv2.rectangle(shown, first, last, (40, 110, 200), 1)
        row.append(shown)
    names = [f"{side} x {side}" for side in sizes(LEVELS)]
    return contact_sheet([row], ["tiles"], names, "Tile upsampling", "only tiles that hold free pixels; synthetic")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images"))
    folder = parser.parse_args(arguments).output
    generator = DdpmGenerator(device="cpu")
    provenance = Provenance("[]", generator.fingerprint, generator.licence)
    sheet, watched = guidings(generator)
    for name, pixels in (("guidings", sheet), ("steps", steps(watched)), ("levels", levels(generator))):
        write_atomic(folder / f"method-{name}.png", encode_png(pixels, provenance))
        print(folder / f"method-{name}.png")


if __name__ == "__main__":
    main()
