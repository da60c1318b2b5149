"""What an observer learns from generated pictures: planted faults show; sets that are compared match."""

from dataclasses import replace

import numpy as np
import torch

from engine.evaluation.observer import Fit, read, trained
from engine.evaluation.pictures import Pictures
from engine.evaluation.usefulness import FEWEST, Diet, Usefulness, diets, usefulness
from tests.evaluation.lesions import pictures

FIT = Fit(60, batch=8)


def learnt_from(diet: Pictures, test: Pictures) -> Usefulness:
    """How an observer of these pictures alone does on the test pictures."""
    observer = trained(diet, FIT, torch.device("cpu"))
    return usefulness(Diet("planted", diet), test, read(observer, test.rgb), 0, 50)


def test_wrong_masks_and_swapped_classes_make_pictures_useless() -> None:
    generated, test = pictures(24, 4, "generated"), pictures(20, 5, "test")
    good = learnt_from(generated, test)
    spoilt = replace(generated, mask=np.roll(generated.mask, (40, 40), (1, 2)), label=1 - generated.label)
    bad = learnt_from(spoilt, test)
    assert good.dice is not None and good.auc is not None and bad.dice is not None and bad.auc is not None
    assert good.dice.value > 0.8 and good.auc.value > 0.9
    assert bad.dice.high < good.dice.low - 0.1 and bad.auc.value < 0.4


def few(count: int, prefix: str) -> Pictures:
    """Pictures of nothing: only how many there are matters here."""
    names = tuple(f"{prefix}-{i}" for i in range(count))
    pixels = np.zeros((count, 1, 1), np.uint8)
    return Pictures(
        np.repeat(pixels[..., None], 3, 3), pixels, np.ones(count, bool), np.arange(count) % 2, names, names, ("a", "b")
    )


def test_real_pictures_are_the_same_within_a_group_and_every_group_begins_with_them_alone() -> None:
    for real, generated, sizes in (
        (400, 1200, [[400, 800, 400, 1600]]),
        (400, 600, [[400, 800, 400], [200, 800]]),
        (50, 90, [[50, 100, 50]]),
        (FEWEST - 1, 90, []),
    ):
        groups, remark = diets(few(real, "real"), few(generated, "generated"), 1)
        assert [[len(diet.pictures) for diet in group] for group in groups] == sizes
        assert bool(remark) == (generated == 90)
        for group in groups:
            alone = set(group[0].pictures.name)
            assert group[0].name == "real" and all(name.startswith("real") for name in alone)
            for diet in group[1:]:
                theirs = [name for name in diet.pictures.name if name.startswith("real")]
                assert not theirs or set(theirs) == alone
                assert len(set(diet.pictures.name)) == len(diet.pictures)
            counts = np.bincount(group[0].pictures.label)
            assert abs(int(counts[0]) - int(counts[1])) <= 1
