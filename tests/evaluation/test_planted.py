"""Planted faults move the measures the way they should: noise, copies of few, one class for the other."""

import numpy as np
import pytest

from engine.evaluation import handmade, lines
from engine.evaluation.figures import Figure
from engine.evaluation.pictures import Pictures
from tests.evaluation.lesions import pictures

VIEWS = {"hand-made": lambda p: handmade.features(p.rgb)}
SIDE_BY_SIDE = 28


def similarity(candidate: Pictures, reference: Pictures, other: Pictures) -> dict[str, Figure]:
    found, remarks = lines.similarity_lines(candidate, reference, other, VIEWS, "real", 0, 40)
    assert not remarks
    return {figure.measure.partition(",")[0]: figure for figure in found if figure.group == "melanoma"}


@pytest.fixture(scope="module")
def real() -> tuple[Pictures, Pictures, Pictures]:
    """The reference, other real pictures, and real ones that play a perfect network."""
    reference, other, perfect = (pictures(SIDE_BY_SIDE, seed) for seed in (1, 2, 3))
    return reference, other, perfect


@pytest.fixture(scope="module")
def perfect(real: tuple[Pictures, Pictures, Pictures]) -> dict[str, Figure]:
    return similarity(real[2], real[0], real[1])


def test_a_perfect_network_is_at_the_floor(perfect: dict[str, Figure]) -> None:
    for name in ("Fréchet distance", "kernel distance"):
        figure = perfect[name]
        assert figure.generated is not None and figure.real is not None
        assert figure.generated.low < figure.real.high and figure.real.low < figure.generated.high


def test_noise_takes_pictures_away_from_real_ones(
    real: tuple[Pictures, Pictures, Pictures], perfect: dict[str, Figure]
) -> None:
    reference, other, source = real
    rng = np.random.default_rng(1)
    noised = np.clip(source.rgb + rng.normal(0, 12, source.rgb.shape), 0, 255).astype(np.uint8)
    bad = Pictures(noised, source.mask, source.masked, source.label, source.lesion, source.name, source.classes)
    found = similarity(bad, reference, other)
    for name in ("Fréchet distance", "kernel distance"):
        assert _value(found[name]) > 2 * max(_value(perfect[name]), 0.1)
    assert _value(found["precision"]) < _value(perfect["precision"]) - 0.3


def test_copies_of_few_pictures_are_precise_and_cover_little(
    real: tuple[Pictures, Pictures, Pictures], perfect: dict[str, Figure]
) -> None:
    reference, other, _ = real
    few = np.concatenate([np.flatnonzero(reference.label == c)[:3] for c in (0, 1)])
    chosen = reference.take(np.repeat(few, 8))
    names = tuple(f"copy-{i}" for i in range(len(chosen)))
    found = similarity(
        Pictures(chosen.rgb, chosen.mask, chosen.masked, chosen.label, names, names, chosen.classes), reference, other
    )
    assert _value(found["precision"]) == 1
    assert _value(found["recall"]) < _value(perfect["recall"]) - 0.3
    assert _value(found["coverage"]) < _value(perfect["coverage"]) - 0.2


def test_nevi_that_pass_for_melanomas_are_far_from_them(
    real: tuple[Pictures, Pictures, Pictures], perfect: dict[str, Figure]
) -> None:
    reference, other, source = real
    swapped = Pictures(*(getattr(source, n) for n in ("rgb", "mask", "masked")), 1 - source.label, *_names(source))
    found = similarity(swapped, reference, other)
    assert _value(found["Fréchet distance"]) > 3 * _value(perfect["Fréchet distance"])
    assert _value(found["precision"]) < 0.2


def test_too_few_pictures_are_told_instead_of_measured(real: tuple[Pictures, Pictures, Pictures]) -> None:
    few = real[2].take(np.r_[0:4, SIDE_BY_SIDE : SIDE_BY_SIDE + 20])
    found, remarks = lines.similarity_lines(few, real[0], real[1], VIEWS, "real", 0, 20)
    assert {figure.group for figure in found} == {"melanoma"}
    assert remarks == [
        "likeness, nevus: left out; it takes 16 generated and 16 real pictures of the class, there are 4 and 28"
    ]
    _, remarks = lines.similarity_lines(real[2], real[0].of_class("nevus"), real[1], VIEWS, "real", 0, 20)
    assert len(remarks) == 1 and remarks[0].endswith("there are 28 and 0"), "a class that the data lack is told"


def _value(figure: Figure) -> float:
    assert figure.generated is not None
    return figure.generated.value


def _names(source: Pictures) -> tuple[tuple[str, ...], ...]:
    return source.lesion, source.name, source.classes
