"""A training that fits a test: a tiny network, 32² crops of drawn discs. As a program: trains until it is killed."""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.training.architecture import SIZES, fresh, unet_config, with_any
from engine.training.batches import Batch, Shelf
from engine.training.devices import Devices
from engine.training.loss import edm_loss
from engine.training.settings import Stage, TrainSettings
from engine.training.trainer import Training

CLASSES = ("nevus", "melanoma")


def shelf(count: int = 16, side: int = 48) -> Shelf:
    """Dark discs of several sizes on skin; melanomas are darker."""
    axis = torch.arange(side) + 0.5 - side / 2
    distance = (axis[:, None] ** 2 + axis**2).sqrt()
    pixels = torch.empty((count, 4, side, side), dtype=torch.uint8)
    for i in range(count):
        inside = distance < side * (0.15 + 0.02 * (i % 6))
        for channel, (skin, lesion) in enumerate(((203, 120), (165, 70), (152, 60))):
            pixels[i, channel] = torch.where(inside, lesion - 40 * (i % 2), skin)
        pixels[i, 3] = inside * 255
    box = torch.tensor([[0.3, 0.3, 0.7, 0.7]]).repeat(count, 1)
    return Shelf(pixels, torch.arange(count) % 2, torch.tensor([[1.0, 1.4]]).repeat(count, 1), box)


def training(steps: int, seed: int = 0, **settings: object) -> Training:
    """A training from its beginning."""
    torch.manual_seed(seed)
    network = fresh(unet_config(SIZES["tiny"], with_any(CLASSES)))
    how = {"batch": 8, "warm_up": 10, "stages": (Stage(32, 1.0),), "learning_rate": 1e-3} | settings
    return Training(
        *(network, [shelf()], CLASSES, TrainSettings(steps=steps, seed=seed, **how)),  # type: ignore[arg-type]
        *(Devices("cpu", "fp32"), "drawn discs"),
    )


def weights(run: Training) -> dict[str, torch.Tensor]:
    """Weights and their average, by name."""
    both = {"net": run.network, "ema": run.average}
    return {f"{kind}.{n}": t for kind, network in both.items() for n, t in network.unet.state_dict().items()}


@torch.inference_mode()
def mean_loss(run: Training, batches: Sequence[Batch]) -> float:
    """The averaged weights' loss over fixed batches."""
    network = run.average
    answers = [network(b.noisy, b.sigma, b.known, b.label, b.zoom) for b in batches]
    return sum(float(edm_loss(a, b.x, b)) for a, b in zip(answers, batches, strict=True)) / len(batches)


if __name__ == "__main__":
    torch.set_num_threads(1)
    path = Path(sys.argv[1])
    run = training(1_000_000)
    if path.is_file():
        run.resume(path)
    print("ready", flush=True)
    while True:
        run._step()
        run.save(path)
