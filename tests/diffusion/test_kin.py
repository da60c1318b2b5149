"""Related lesions resemble each other more than strangers do, and are no copies."""

import numpy as np
import pytest

from engine import shapes
from engine.batch.draw import ALIKE_NOISE
from engine.diffusion.noise import SeededNoise
from engine.errors import SpecError
from engine.generators.ddpm import DdpmGenerator
from engine.generators.protocol import PatchRequest
from engine.lesion import LesionSpec, Site

SIDE = 64
SITE = Site(0, (1.0, 0.0, 0.0))


@pytest.mark.parametrize("correlation", [0.0, 0.8, 1.0])
def test_the_common_seed_gives_the_noise_its_correlation_and_leaves_its_variance(correlation: float) -> None:
    drawn = SeededNoise([1, 2, 3], kin=[(9, correlation), (9, correlation), None])(4, 128, 128).numpy().reshape(3, -1)
    expected = np.eye(3)
    expected[0, 1] = expected[1, 0] = correlation
    assert np.cov(drawn) == pytest.approx(expected, abs=0.02)


def test_a_lesion_without_kin_keeps_its_noise() -> None:
    alone = SeededNoise([5])(4, 8, 8)
    assert (SeededNoise([4, 5], kin=[(9, 0.8), None])(4, 8, 8)[1] == alone[0]).all()


def _likeness(generator: DdpmGenerator, correlation: float) -> float:
    """Mean correlation of the colours in the middle of four lesions, pair by pair."""
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    shape = shapes.draw(LesionSpec("nevus", SITE, 5.0, 0).shape, 29.0, SIDE, 77).astype(np.float32)
    skin = np.full((3, SIDE, SIDE), 0.2, np.float32)
    specs = [LesionSpec("nevus", SITE, 5.0, 40 + n, steps=6, detail=SIDE, kin=(77, correlation)) for n in range(4)]
    results = generator.generate([PatchRequest(skin, np.hypot(x, y) < 28, shape, spec) for spec in specs])
    middle = np.hypot(x, y) < 9
    colours = np.stack([result.rgb.mean(0)[middle] for result in results])
    return float(np.corrcoef(colours)[np.triu_indices(4, 1)].mean())


def test_nevi_of_one_kind_are_like_siblings_not_like_copies_or_strangers() -> None:
    generator = DdpmGenerator("default", "cpu", threads=1, arithmetic="fp32")
    copies, siblings, strangers = (_likeness(generator, c) for c in (1.0, ALIKE_NOISE, 0.0))
    assert copies > 0.97
    assert strangers + 0.2 < siblings < 0.95


@pytest.mark.parametrize("kin", [(-1, 0.5), (1, 1.5), (1, float("nan")), (0.5, 0.5)])
def test_impossible_kin_is_refused_and_possible_kin_comes_back(kin: tuple) -> None:
    with pytest.raises(SpecError, match="kin"):
        LesionSpec("nevus", SITE, 5.0, 0, kin=kin)
    spec = LesionSpec("nevus", SITE, 5.0, 0, kin=(7, 0.8))
    assert LesionSpec.from_json(spec.to_json()) == spec
    assert '"kin"' not in LesionSpec("nevus", SITE, 5.0, 0).to_json()
