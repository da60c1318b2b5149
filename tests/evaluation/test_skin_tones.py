"""On every tone the skin around a lesion stays as it was, and contrasts are compared with real ones of that tone."""

import numpy as np
import pytest

from engine.avatar.tone import BASE_LAB
from engine.colour import delta_e2000, ita_degrees, lab_to_linear, phototype
from engine.evaluation.samples import SampleSettings
from engine.evaluation.skin_tones import PHOTOTYPES, Contrast, generated_contrasts, real_contrast, tones
from engine.generators.ddpm import DdpmGenerator


def test_the_skin_around_never_changes_and_contrast_falls_on_dark_skin(generator: DdpmGenerator) -> None:
    found = generated_contrasts(generator, 1, SampleSettings(steps=2))
    assert [(c.lesion_class, c.phototype) for c in found] == [(n, t) for n in generator.classes for t in PHOTOTYPES]
    assert all(c.changed == 0 for c in found)
    assert all(c.delta_e > 2 for c in found)
    for name in generator.classes:
        own = {c.phototype: c.delta_e for c in found if c.lesion_class == name}
        assert own["VI"] < own["I"]


def test_a_real_pictures_contrast_is_that_of_its_colours() -> None:
    skin, lesion = np.array(BASE_LAB["III"]), np.array([40.0, 15.0, 18.0])
    mask = np.zeros((128, 128), bool)
    mask[40:80, 40:90] = True
    lab = np.where(mask[..., None], lesion, skin)
    found = real_contrast("nevus", lab_to_linear(lab), mask)
    assert found is not None
    assert found.delta_e == pytest.approx(float(delta_e2000(lesion, skin)), abs=1e-3)
    assert found.delta_l == pytest.approx(23.0, abs=1e-3)
    assert found.phototype == phototype(float(ita_degrees(skin)))
    assert real_contrast("nevus", lab_to_linear(lab), np.ones((128, 128), bool)) is None


def test_tones_are_compared_with_real_pictures_of_the_same_tone_only() -> None:
    ours = [Contrast("nevus", "II", 12.0, 10.0), Contrast("nevus", "V", 12.0, 10.0)]
    real = [Contrast("nevus", "II", value, value) for value in np.linspace(8, 18, 40)]
    real += [Contrast("nevus", "V", 3.0, 3.0)] * 4 + [Contrast("melanoma", "V", 30.0, 30.0)] * 40
    light, dark = tones(ours, real, 0)
    assert light.real == 40 and light.within is True
    assert light.real_range == pytest.approx((9.0, 13.0, 17.0), abs=0.05)
    assert dark.real == 4 and dark.real_range is None and dark.within is None
    (pale,) = tones([Contrast("nevus", "II", 2.0, 2.0)], real, 0)
    assert pale.within is False
