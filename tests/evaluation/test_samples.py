"""Sample sets: the same pictures however often they were interrupted, and never those of another network."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput, Cancelled
from engine.evaluation.samples import SampleSettings, request, sample_set
from engine.generators.ddpm import DdpmGenerator

QUICK = SampleSettings(steps=2)


def test_a_set_that_was_interrupted_goes_on_and_ends_the_same(generator: DdpmGenerator, tmp_path: Path) -> None:
    whole = sample_set(generator, tmp_path / "whole", {"nevus": 4, "melanoma": 4}, QUICK)
    first_batch = tmp_path / "cut" / "nevus-00003.mask.png"
    with pytest.raises(Cancelled):
        sample_set(generator, tmp_path / "cut", {"nevus": 4, "melanoma": 4}, QUICK, cancel=first_batch.exists)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cut").glob("*.png")}
    assert len(kept) == 8, "the first batch was finished, the second was not"
    again = sample_set(generator, tmp_path / "cut", {"nevus": 4, "melanoma": 4}, QUICK)
    assert np.array_equal(whole.rgb, again.rgb) and np.array_equal(whole.mask, again.mask)
    assert {n: (tmp_path / "cut" / n).stat().st_mtime_ns for n in kept} == kept, "made anew"
    (tmp_path / "cut" / "nevus-00001.png").write_bytes(b"damaged")
    mended = sample_set(generator, tmp_path / "cut", {"nevus": 4, "melanoma": 4}, QUICK)
    assert np.array_equal(whole.rgb, mended.rgb)
    fewer = sample_set(generator, tmp_path / "cut", {"nevus": 1, "melanoma": 2}, QUICK)
    assert np.array_equal(fewer.rgb, whole.rgb[[0, 4, 5]])
    with pytest.raises(BadInput, match="another job"):
        sample_set(generator, tmp_path / "cut", {"nevus": 1}, SampleSettings(steps=2, seed=1))
    shutil.rmtree(tmp_path / "cut")


def test_what_is_asked_depends_on_class_number_and_seed_alone() -> None:
    asked = request("melanoma", 7, SampleSettings(seed=3))
    assert asked.spec == request("melanoma", 7, SampleSettings(seed=3)).spec
    others = [("nevus", 7, 3), ("melanoma", 8, 3), ("melanoma", 7, 4)]
    seeds = {request(c, n, SampleSettings(seed=s)).spec.seed for c, n, s in others}
    assert len(seeds | {asked.spec.seed}) == 4


def test_given_outlines_are_guided_and_free_ones_are_not() -> None:
    free, given = request("nevus", 1, SampleSettings()), request("nevus", 1, SampleSettings("automatic"))
    assert free.shape is None and free.spec.guiding == ("class_border",)
    assert given.shape is not None and given.spec.guiding == ("segmentation",)
    assert 0.03 < given.shape.mean() < 0.5 and free.editable.all() and given.editable.all()


def test_impossible_wishes_are_told(generator: DdpmGenerator, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--outlines"):
        SampleSettings("square")
    with pytest.raises(BadInput, match="--count"):
        sample_set(generator, tmp_path / "many", {"nevus": 30_000}, QUICK)
    assert not (tmp_path / "many").exists()
