"""The procedural skin: the right tone in the right place, no seams, eyes that look."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("anny", reason="the avatar extra is not installed")

from engine.avatar import bodyparts, landmarks, skin
from engine.avatar.body import PHOTOTYPES, Body, BodySpec, shape
from engine.colour import LINEAR_OF_BYTE, ita_degrees, linear_to_lab
from engine.colour import phototype as phototype_of
from engine.surface.raster import face_map

SIZE = 1024


@cache
def painted(phototype: str, sex: str = "male") -> tuple[Body, np.ndarray]:
    """A body and its albedo."""
    spec = BodySpec(sex=sex, phototype=phototype, texture_size=SIZE)
    body = shape(spec)
    return body, skin.paint(body, spec)


def tone(phototype: str, part: str) -> np.ndarray:
    """Mean Lab of a body part."""
    body, pixels = painted(phototype)
    parts = bodyparts.label(skin._bare(body))
    assert parts is not None
    owners = face_map(body.uvs[body.faces], SIZE, SIZE)
    inside = (owners >= 0) & parts.select(part)[owners]
    return linear_to_lab(LINEAR_OF_BYTE[pixels[inside]].mean(0))


@pytest.mark.parametrize("phototype", PHOTOTYPES)
def test_the_back_has_the_phototype_that_was_asked_for(phototype: str) -> None:
    """By its ITA."""
    assert phototype_of(float(ita_degrees(tone(phototype, "back")))) == phototype


def test_palms_and_soles_are_lighter_on_dark_skin_and_redder_on_light_skin() -> None:
    """Horny skin carries little melanin."""
    back = tone("VI", "back")
    assert tone("VI", "palm")[0] > back[0] + 8
    assert tone("VI", "sole")[0] > back[0] + 8
    assert tone("II", "palm")[1] > tone("II", "back")[1] + 1
    assert tone("II", "ear")[1] > tone("II", "back")[1]


def test_no_seam_shows_along_the_spine() -> None:
    """Colours on both sides of the seam differ less than neighbouring texels do elsewhere."""
    body, pixels = painted("II")
    linear = LINEAR_OF_BYTE[pixels]
    keys, merged = np.unique(body.positions, axis=0, return_inverse=True)
    merged = merged.reshape(-1)
    order = np.argsort(merged, kind="stable")
    twins = [(a, b) for a, b in pairwise(order) if merged[a] == merged[b]]
    spine = [(a, b) for a, b in twins if abs(body.positions[a][0]) < 1e-4 and body.positions[a][2] < 0]
    assert len(spine) > 20
    assert len(keys) > 13000

    def colour(vertex: int) -> np.ndarray:
        # A little inside the island, where texels are owned: towards the middle of the vertex' faces.
        faces = body.faces[(body.faces == vertex).any(1)]
        u, v = 0.7 * body.uvs[vertex] + 0.3 * body.uvs[faces].reshape(-1, 2).mean(0)
        x, y = int(u * SIZE), int(v * SIZE)
        return linear_to_lab(linear[y - 1 : y + 2, x - 1 : x + 2].mean((0, 1)))

    across = np.array([colour(a) - colour(b) for a, b in spine])
    torso = (slice(300, 600), slice(250, 500))
    lab = linear_to_lab(linear[torso])
    assert np.abs(across.mean(0)).max() < 0.3
    assert across[:, 0].std() < 2.0 * lab[..., 0].std()


def test_eyes_have_pupil_iris_and_sclera() -> None:
    """From near black over the iris' colour to near white."""
    body, pixels = painted("I")
    owners = face_map(body.uvs[body.faces], SIZE, SIZE)
    eyes = owners >= len(body.faces) - landmarks.EYE_FACES
    lab = linear_to_lab(LINEAR_OF_BYTE[pixels[eyes]])
    assert eyes.sum() > 5000
    assert (lab[:, 0] < 12).mean() > 0.005
    assert (lab[:, 0] > 70).mean() > 0.3
    assert (lab[:, 2] < -5).mean() > 0.02


def test_the_skin_is_even_enough() -> None:
    """Neither plastic nor camouflage: L* varies by one to four units over the trunk, little of it slowly."""
    _, pixels = painted("III")
    lab = linear_to_lab(LINEAR_OF_BYTE[pixels[200:600, 200:560]])[..., 0]
    blocks = lab.reshape(10, 40, 9, 40).mean((1, 3))
    assert 0.5 < lab.std() < 4
    assert blocks.std() < 1.6


def test_no_background_is_left() -> None:
    """Empty atlas space holds the skin beside it."""
    _, pixels = painted("II")
    assert pixels.min() > 0
    corner = linear_to_lab(LINEAR_OF_BYTE[pixels[-8:, :8]].mean((0, 1)))
    assert abs(corner[0] - 69) < 12
