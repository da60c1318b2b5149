"""On the parametric body: lesions have their size where surfaces are hard, and detail survives the texels."""

import cv2
import numpy as np
import pytest

from benchmarks.exact import written_diameter_mm
from benchmarks.places import NAMES, places
from engine.avatar.load import load
from engine.colour import LINEAR_OF_BYTE, to_linear, to_srgb
from engine.surface import Surface, composite
from tests.surface.bodies import disc

SIZE, TEXELS = 128, 4096
CASES = [(name, 6.0) for name in NAMES] + [(name, 12.0) for name in ("back", "spine seam", "nose", "sole")]


@pytest.fixture(scope="module")
def body(default_patient):
    return Surface.of(load(default_patient))


@pytest.fixture(scope="module")
def sites(body):
    return places(body)


@pytest.fixture(scope="module")
def canvas():
    """One black 4096² atlas for all; each test leaves it black."""
    return {0: np.zeros((TEXELS, TEXELS, 4), np.uint8)}


def _psnr(one, other, where):
    error = np.clip(to_srgb(one.astype(float)), 0, 1) - np.clip(to_srgb(other.astype(float)), 0, 1)
    return -10 * np.log10(max(float((error[where] ** 2).mean()), 1e-12))


@pytest.mark.parametrize(("name", "diameter"), CASES)
def test_a_written_disc_has_its_diameter_on_the_surface(body, sites, canvas, name, diameter):
    owners = body.owners(0, TEXELS, TEXELS)
    patch = body.patch(sites[name], 2.2 * diameter, SIZE)
    mask = disc(SIZE, patch.width_mm, diameter)
    changed = composite(patch, canvas, np.ones((SIZE, SIZE, 3)), mask, {0: owners})
    written = written_diameter_mm(body, sites[name], LINEAR_OF_BYTE[canvas[0][..., 0]], owners, diameter)
    for rectangle in changed[0]:
        canvas[0][rectangle.slices] = 0
    assert not canvas[0].any()
    assert written == pytest.approx(diameter, rel=0.02)
    assert patch.diameter_mm(mask) == pytest.approx(diameter, rel=0.02)


def test_the_spines_lesion_lies_on_both_sides_of_the_seam(body, sites):
    patch = body.patch(sites["spine seam"], 13.2, SIZE)
    middle = patch.uv[60:68][disc(SIZE, 13.2, 6.0)[60:68] > 0]
    assert np.ptp(middle[:, 0]) > 0.2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("diameter", [6.0, 12.0])
def test_detail_of_a_millimetre_survives_the_texels(body, sites, canvas, name, diameter):
    owners = {0: body.owners(0, TEXELS, TEXELS)}
    patch = body.patch(sites[name], 2.2 * diameter, SIZE)
    noise = np.random.default_rng(5).standard_normal((SIZE + 80, SIZE + 80, 3))
    noise = cv2.GaussianBlur(noise, (0, 0), SIZE / patch.width_mm)[40:-40, 40:-40]
    picture = to_linear(np.clip(0.5 + 0.15 * noise / noise.std(), 0, 1))
    changed = composite(patch, canvas, picture, np.ones((SIZE, SIZE)), owners)
    back, valid = patch.sample(canvas)
    for rectangle in changed[0]:
        canvas[0][rectangle.slices] = 0
    lesion = valid & (disc(SIZE, patch.width_mm, 1.4 * diameter) > 0)
    assert _psnr(picture, back, lesion) >= 38


@pytest.mark.parametrize("name", NAMES)
def test_real_skin_survives_the_texels(body, sites, shared_data, name):
    files = sorted((shared_data / "skins").glob("*.png"))
    assert files
    for file in files:
        skin = cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGBA)
        owners = {0: body.owners(0, skin.shape[1], skin.shape[0])}
        for diameter in (6.0, 12.0):
            patch = body.patch(sites[name], 2.2 * diameter, SIZE)
            before, valid = patch.sample({0: skin})
            erased = {0: np.zeros_like(skin)}
            composite(patch, erased, before, np.ones((SIZE, SIZE)), owners)
            after, _ = patch.sample(erased)
            lesion = valid & (disc(SIZE, patch.width_mm, 1.4 * diameter) > 0)
            assert _psnr(before, after, lesion) >= 48, (file.name, diameter)


def test_a_patch_at_the_largest_atlas(body, sites):
    texels = 8192
    owners = {0: body.owners(0, texels, texels)}
    pixels = {0: np.zeros((texels, texels, 4), np.uint8)}
    patch = body.patch(sites["spine seam"], 13.2, SIZE)
    mask = disc(SIZE, 13.2, 6.0)
    composite(patch, pixels, np.ones((SIZE, SIZE, 3)), mask, owners)
    colour, _ = patch.sample(pixels)
    assert colour[disc(SIZE, 13.2, 4.4) > 0].min() > 0.99 and colour[disc(SIZE, 13.2, 7.6) < 1].max() < 0.01
    assert patch.diameter_mm(colour[..., 0]) == pytest.approx(6.0, rel=0.02)
