"""The site's ring: its true size on the body, and whole in the texture where a seam cuts it."""

from pathlib import Path

import numpy as np
import pytest

from desktop.gui.model.ring import ring, strokes
from engine.avatar.load import load
from engine.lesion import Site
from engine.surface import Surface
from engine.surface.surface import site_of


@pytest.fixture(scope="module")
def surface(default_patient: Path) -> Surface:
    return Surface.of(load(default_patient))


def _on_the_back(surface: Surface, x: float) -> Site:
    faces, barycentric, _ = surface.cast(np.array([[x, 1.3, -2.0]]), np.array([[0.0, 0.0, 1.0]]))
    return site_of(int(faces[0]), barycentric[0])


@pytest.mark.parametrize("x", [0.0, 0.06], ids=["on the spine's seam", "beside it"])
def test_a_ring_has_its_diameter_and_no_stroke_leaps_over_the_texture(surface: Surface, x: float) -> None:
    site = _on_the_back(surface, x)
    outline = ring(surface, site, 20.0)
    radii = np.linalg.norm(outline.points - surface.point(site), axis=1) * 1000
    assert radii.min() > 9.9
    assert radii.max() < 10.6  # the skin of the back falls away by less than 3 mm
    material = surface.uv(site)[0]
    islands = np.zeros(int(surface.face_island.max()) + 1, np.int16)
    islands[surface.face_island] = surface.face_material
    pieces = strokes(outline, islands, material)
    assert sum(len(piece) for piece in pieces) >= len(outline.uv) - 2
    longest = max(np.linalg.norm(np.diff(piece, axis=0), axis=1).max() for piece in pieces)
    assert longest < 0.01
    if x == 0.0:
        assert len(pieces) > 1
