"""Observers learn what is there to be learnt, are the same each time, and are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import Cancelled
from engine.evaluation.cache import observer_of
from engine.evaluation.class_fidelity import class_fidelity
from engine.evaluation.mask_fidelity import dice, mask_fidelity
from engine.evaluation.observer import Fit, Observer, fingerprint, read, trained
from engine.evaluation.pictures import Pictures
from tests.evaluation.lesions import pictures

CPU = torch.device("cpu")
FIT = Fit(60, batch=8)


@pytest.fixture(scope="module")
def learnt() -> Pictures:
    return pictures(24, 1)


@pytest.fixture(scope="module")
def observer(learnt: Pictures) -> Observer:
    return trained(learnt, FIT, CPU)


@pytest.fixture(scope="module")
def fresh() -> Pictures:
    return pictures(20, 2, "fresh")


def test_it_outlines_and_classifies_pictures_it_never_saw(observer: Observer, fresh: Pictures) -> None:
    reading = read(observer, fresh.rgb)
    masks, classes = mask_fidelity(fresh, reading, 0), class_fidelity(fresh, reading, 0, 50)
    assert masks is not None and masks.dice.value > 0.8 and masks.empty.value == 0
    assert classes is not None and classes.auc.value > 0.9
    assert {name: order.value > 0.6 for name, order in classes.order.items()} == dict.fromkeys(classes.order, True)


def test_masks_of_other_pictures_score_worse(observer: Observer, fresh: Pictures) -> None:
    """A fourth channel that belongs to another picture is what mask fidelity must catch."""
    reading = read(observer, fresh.rgb)
    wrong = Pictures(fresh.rgb, np.roll(fresh.mask, (1, 45), (0, 1)), *(getattr(fresh, n) for n in _REST))
    right, moved = mask_fidelity(fresh, reading, 0), mask_fidelity(wrong, reading, 0)
    assert right is not None and moved is not None
    assert moved.dice.high < right.dice.low - 0.1


def test_swapped_classes_turn_the_auc_round(observer: Observer, fresh: Pictures) -> None:
    reading = read(observer, fresh.rgb)
    swapped = Pictures(fresh.rgb, fresh.mask, fresh.masked, 1 - fresh.label, fresh.lesion, fresh.name, fresh.classes)
    right, wrong = class_fidelity(fresh, reading, 0, 50), class_fidelity(swapped, reading, 0, 50)
    assert right is not None and wrong is not None
    assert wrong.auc.value == pytest.approx(1 - right.auc.value)
    assert all(wrong.order[name].value < 0.4 for name in wrong.order)


def test_pictures_without_masks_or_classes_teach_what_they_can(learnt: Pictures) -> None:
    nothing = np.zeros(len(learnt), bool)
    bare = Pictures(learnt.rgb, learnt.mask, nothing, learnt.label, learnt.lesion, learnt.name, learnt.classes)
    trained(bare, Fit(2, batch=4), CPU)
    unnamed = Pictures(
        *(learnt.rgb, learnt.mask, learnt.masked, np.full(len(learnt), -1), learnt.lesion, learnt.name, learnt.classes)
    )
    trained(unnamed, Fit(2, batch=4), CPU)
    assert mask_fidelity(bare, read(trained(bare, Fit(1, batch=2), CPU), bare.rgb), 0) is None


def test_equal_data_and_settings_give_equal_weights(learnt: Pictures) -> None:
    short = Fit(3, batch=4)
    first, second = (trained(learnt, short, CPU).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = trained(learnt, Fit(3, batch=4, seed=1), CPU).state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_an_observer_is_trained_once(learnt: Pictures, tmp_path: Path) -> None:
    short = Fit(3, batch=4)
    steps: list[int] = []

    def asked() -> Observer:
        return observer_of(learnt, short, tmp_path, CPU, lambda done, total: steps.append(done))

    first = asked()
    assert steps
    steps.clear()
    again = asked()
    assert not steps
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    (weights,) = tmp_path.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-10])
    mended = asked()
    assert steps, "damaged weights must not be believed"
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), mended.parameters(), strict=True))


def test_other_data_have_another_fingerprint(learnt: Pictures) -> None:
    changed = learnt.rgb.copy()
    changed[0, 0, 0, 0] ^= 1
    other = Pictures(changed, *(getattr(learnt, n) for n in ("mask", *_REST)))
    names = {fingerprint(learnt, FIT), fingerprint(other, FIT), fingerprint(learnt, Fit(61, batch=8))}
    assert len(names) == 3


def test_training_can_be_stopped(learnt: Pictures) -> None:
    with pytest.raises(Cancelled):
        trained(learnt, FIT, CPU, cancel=lambda: True)


def test_dice() -> None:
    a, b = np.zeros((2, 3, 4, 4), bool)
    a[1, :2], b[1, 1:3] = True, True
    a[2, :2] = True
    assert dice(a, b) == pytest.approx([1.0, 0.5, 0.0])


_REST = ("masked", "label", "lesion", "name", "classes")
