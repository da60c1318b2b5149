"""Avatars as they come: without UVs, with shared texels, of several materials, with huge textures."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "avatar"))
from sample_bodies import Draft, png, tube
from view_samples import LOADING_MS, opened, settled, steps

if TYPE_CHECKING:
    from desktop.gui.window import Window


def three_materials() -> bytes:
    """A tube of skin between two of cloth and hair."""
    draft = Draft()
    for number, name in enumerate(("hair", "skin", "cloth")):
        positions, faces, uvs = tube(0.6 + 0.2 * number)
        material = draft.material(name, draft.texture(png(64, 64, number), name=name))
        draft.draw(draft.primitive(positions + np.array([0.5 * number, 0, 0], np.float32), faces, uvs, material))
    return draft.glb()


def overlapping() -> bytes:
    """Two limbs on the same texels, as mirrored bodies have them."""
    draft = Draft()
    skin = draft.material("skin", draft.texture(png(64, 64)))
    for shift in (-0.3, 0.3):
        positions, faces, uvs = tube()
        draft.draw(draft.primitive(positions + np.array([shift, 0, 0], np.float32), faces, uvs, skin))
    return draft.glb()


def without_uvs() -> bytes:
    """A mesh that was never unwrapped."""
    positions, faces, _ = tube()
    lines = [f"v {x:.6g} {y:.6g} {z:.6g}" for x, y, z in positions.tolist()]
    return "\n".join(lines + [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]).encode()


def enormous() -> bytes:
    """A texture of 8192²."""
    from engine import png as encoder

    draft = Draft()
    pixels = np.full((8192, 8192, 3), (205, 165, 145), np.uint8)
    draft.draw(draft.primitive(*tube(), draft.material("skin", draft.texture(encoder.encode(pixels)))))
    return draft.glb()


@pytest.mark.parametrize(
    ("name", "content", "materials"),
    [
        ("no_uvs.obj", without_uvs, 1),
        ("overlapping.glb", overlapping, 1),
        ("three.glb", three_materials, 3),
        pytest.param("enormous.glb", enormous, 1, marks=pytest.mark.slow),
    ],
    ids=["no UVs", "overlapping UVs", "three materials", "8192²"],
)
def test_odd_avatars_open_and_can_be_painted(
    window: "Window",
    qtbot: Any,
    tmp_path: Path,
    name: str,
    content: Callable[[], bytes],
    materials: int,
) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from desktop.gui.model.tools import Tool

    path = tmp_path / name
    path.write_bytes(content())
    opened(qtbot, window, path)
    body, session = window.body, window.session
    assert session.document is not None
    assert len(session.document.pyramids) == materials
    body.grab()
    session.tools.choose(Tool.BRUSH)
    session.tools.set_brush(80)
    surface = session.document.patient.surface
    nearest = surface.vertices[surface.vertices[:, 2].argmax()] * (1, 0, 1) + (0, surface.vertices[:, 1].mean(), 0)
    QTest.mouseClick(body, Qt.MouseButton.LeftButton, pos=body.position_of(tuple(nearest)).toPoint())
    settled(qtbot, window)
    qtbot.waitUntil(lambda: bool(session.regions.area_cm2), timeout=LOADING_MS)
    assert 5 < (session.regions.area_cm2 or 0) < 60
    assert steps(window) == ("Paint Region 1",)
