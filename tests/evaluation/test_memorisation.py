"""Planted copies are found however they are turned, noised or saved; pictures that are no copies raise no alarm."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.evaluation import lines
from engine.evaluation.memorisation import QUANTILE, Memorisation, memorisation, nearest
from engine.evaluation.pictures import Pictures, joined
from tests.evaluation.lesions import pictures


@pytest.fixture(scope="module")
def gallery() -> Pictures:
    return pictures(120, 1)


@pytest.fixture(scope="module")
def held_out() -> Pictures:
    return pictures(100, 2)


def copies(source: Pictures, numbers: list[int], seed: int) -> Pictures:
    """Turned or flipped, with noise, other gain, and a JPEG on top; under new names."""
    rng = np.random.default_rng(seed)
    rgb = []
    for place, number in enumerate(numbers):
        turned = np.rot90(source.rgb[number], place % 4)
        turned = turned[:, ::-1] if place % 2 else turned
        noised = turned * rng.uniform(0.96, 1.04) + rng.normal(0, 6, turned.shape)
        _, data = cv2.imencode(".jpg", np.clip(noised, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])
        rgb.append(cv2.imdecode(data, cv2.IMREAD_COLOR))
    part = source.take(np.array(numbers))
    names = tuple(f"copy-{i}" for i in range(len(numbers)))
    return Pictures(np.stack(rgb), part.mask, part.masked, part.label, names, names, part.classes)


def test_pictures_that_are_no_copies_raise_no_alarm(gallery: Pictures, held_out: Pictures) -> None:
    found = memorisation(pictures(60, 3, "generated"), gallery, held_out, 0, 50)
    assert found is not None
    assert not found.copies
    assert found.median.value == pytest.approx(found.real_median.value, abs=0.08)


def test_planted_copies_are_found_and_named(gallery: Pictures, held_out: Pictures) -> None:
    numbers = list(range(0, 240, 24))
    planted = copies(gallery, numbers, 1)
    found = memorisation(joined([pictures(60, 3, "generated"), planted]), gallery, held_out, 0, 50)
    assert found is not None
    assert found.copies and found.probability < 1e-3
    pairs = {name: other for name, other, _ in found.names}
    for place, number in enumerate(numbers):
        assert pairs[f"copy-{place}"] == gallery.name[number]


def test_a_single_copy_among_many_stands_first(gallery: Pictures, held_out: Pictures) -> None:
    found = memorisation(joined([pictures(60, 3, "generated"), copies(gallery, [7], 2)]), gallery, held_out, 0, 50)
    assert found is not None
    assert found.names[0][:2] == ("copy-0", gallery.name[7])
    assert found.names[0][2] < 0.85 * found.threshold


def verdict(generated: Pictures, gallery: Pictures, held_out: Pictures) -> tuple[Memorisation, str]:
    """What is found, and the line that the report has of it."""
    found = memorisation(generated, gallery, held_out, 0, 20)
    assert found is not None
    return found, lines.memorisation_lines(found, generated, len(gallery), "")[1][0]


@pytest.fixture(scope="module")
def many() -> Pictures:
    return pictures(150, 6, "generated")


def test_without_a_copy_the_verdict_is_quiet(many: Pictures, gallery: Pictures, held_out: Pictures) -> None:
    found, told = verdict(many, gallery, held_out)
    assert not found.copies and not found.alarming and told.endswith("no sign of copies")


@pytest.mark.parametrize("change", ["none", "flipped and noised"])
def test_one_copy_among_many_turns_the_verdict(
    many: Pictures, gallery: Pictures, held_out: Pictures, change: str
) -> None:
    rgb = many.rgb.copy()
    rgb[123] = gallery.rgb[7]
    if change != "none":
        noise = np.random.default_rng(1).normal(0, 4, rgb[123].shape)
        rgb[123] = np.clip(gallery.rgb[7][:, ::-1] + noise, 0, 255).astype(np.uint8)
    found, told = verdict(replace(many, rgb=rgb), gallery, held_out)
    assert found.copies and found.probability > 0.01, "one picture is no matter of counting"
    assert [row[:2] for row in found.alarming] == [(many.name[123], gallery.name[7])]
    assert f"{many.name[123]} beside {gallery.name[7]}" in told


def test_alarms_without_copies_are_as_rare_as_promised(gallery: Pictures) -> None:
    """Held-out pictures against held-out pictures, forty times."""
    pool = pictures(150, 5)
    ratio = nearest(pool, gallery).ratio
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(40):
        order = rng.permutation(len(ratio))
        threshold = np.quantile(ratio[order[:150]], QUANTILE)
        shares.append((ratio[order[150:]] < threshold).mean())
    assert np.mean(shares) < 2 * QUANTILE + 0.005


def test_a_picture_is_never_its_own_neighbour(gallery: Pictures) -> None:
    some = gallery.take(np.arange(20))
    found = nearest(some, gallery)
    assert (found.which != np.arange(20)).all()
    assert found.ratio.min() > 0.2


def test_a_gallery_of_one_lesion_more_than_its_neighbours_need_says_nothing(
    gallery: Pictures, held_out: Pictures
) -> None:
    """Without the lesion's own pictures there are too few to divide by, and the ratio would be 0."""
    few = gallery.take(np.arange(55))
    few = replace(few, lesion=("same",) * 10 + few.lesion[10:])
    assert memorisation(held_out, few, few, 0, 20) is None


def test_too_few_real_pictures_say_nothing(gallery: Pictures, held_out: Pictures) -> None:
    generated = pictures(4, 3)
    assert memorisation(generated, gallery.take(np.arange(30)), held_out, 0, 50) is None
    assert memorisation(generated, gallery, held_out.take(np.arange(5)), 0, 50) is None
