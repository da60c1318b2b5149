"""A minute of training on a few real images already helps with images that it never saw."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import CLASSES, mean_loss

from engine.training.architecture import SIZES, fresh, unet_config, with_any
from engine.training.batches import Drawing, Shelf, draw
from engine.training.devices import Devices
from engine.training.gathering import make_pack
from engine.training.packing import Filters
from engine.training.settings import Stage, TrainSettings
from engine.training.trainer import Training

_EACH_CLASS = 60
_HELD_OUT = 5
"""One lesion in so many."""
_BATCHES = 6


def parted(shelf: Shelf, chosen: torch.Tensor) -> Shelf:
    return Shelf(*(t[chosen] for t in (shelf.pixels, shelf.label, shelf.zoom, shelf.box)))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_minute_lowers_the_loss_on_real_images_that_were_held_out(shared_data: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    packed = make_pack(
        *([shared_data / "dermoscopy-512"], tmp_path / "it.pack", 16, CLASSES, Filters(), lambda _: None, _EACH_CLASS)
    )
    assert packed.classes == CLASSES and max(packed.counts().values()) <= _EACH_CLASS
    lesions = sorted(set(packed.lesion_id))
    away = {lesion for number, lesion in enumerate(lesions) if number % _HELD_OUT == 0}
    sides = packed.arrays["side"]
    seen, unseen = [], []
    for shelf in packed.shelves():  # the images of each side in the pack's order
        names = np.array(packed.lesion_id)[sides == shelf.side]
        apart = torch.tensor([name in away for name in names])
        seen += [parted(shelf, ~apart)] * bool((~apart).any())
        unseen += [parted(shelf, apart)] * bool(apart.any())
    torch.manual_seed(0)
    network = fresh(unet_config(SIZES["tiny"], with_any(CLASSES)))
    settings = TrainSettings(minutes=1, batch=8, warm_up=20, learning_rate=1e-3, stages=(Stage(64, 1.0),))
    run = Training(network, seen, CLASSES, settings, Devices("cpu", "fp32"))
    weights = [torch.ones(len(shelf)) for shelf in unseen]
    shares = [float(len(shelf)) for shelf in unseen]
    batches = [draw(unseen, weights, shares, 64, 16, Drawing(2), 10**9 + i) for i in range(_BATCHES)]
    before = mean_loss(run, batches)
    run.run()
    assert run.done >= 1 and run.progress.seconds >= 60
    after = mean_loss(run, batches)
    assert after < 0.85 * before  # 0.71 after 53 steps of a crowded processor; a quiet one takes many more
