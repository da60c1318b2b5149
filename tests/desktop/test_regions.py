"""Regions painted in the window: on the body and in the texture, kept in the scene, undone gesture by gesture."""

import shutil
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shell_samples import trigger
from view_samples import LOADING_MS, move_to, opened, pixels, settled, steps

if TYPE_CHECKING:
    from desktop.gui.window import Window


@pytest.fixture
def patient(window: "Window", qtbot: Any, default_patient: Path, tmp_path: Path) -> "Window":
    """The default patient's back, 60 cm of it."""
    from desktop.gui.model.camera import Camera
    from desktop.gui.model.tools import Looks, Tool

    with qtbot.waitActive(window, timeout=LOADING_MS):
        pass
    opened(qtbot, window, Path(shutil.copy(default_patient, tmp_path / "anna.glb")))
    session, document = window.session, window.session.document
    assert document is not None
    session.tools.show(**vars(Looks()))
    session.tools.choose(Tool.POINT)
    window.body.camera = Camera((0.0, 1.25, 0.0), 1.2, yaw_deg=180.0)
    window.body.grab()
    return window


def test_a_region_from_the_first_stroke_to_the_file_and_back(patient: "Window", qtbot: Any) -> None:
    """One patient, since opening it takes seconds: paint, erase, lasso, undo, protect, reopen, outline."""
    from PySide6.QtCore import QPointF, Qt
    from PySide6.QtTest import QTest

    from desktop.gui.model import verbs

    body, atlas, session = patient.body, patient.atlas, patient.session
    regions, document = session.regions, session.document
    assert document is not None
    left = Qt.MouseButton.LeftButton

    # A stroke across the spine covers both banks of its seam, and both views show it.
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_2)
    session.tools.set_brush(40)
    QTest.keyClick(body, Qt.Key.Key_BracketRight)
    assert session.tools.brush_mm == 50
    session.set_hover(None)
    before, flat = pixels(body), pixels(atlas.viewport())
    start, end = body.middle - QPointF(60, 0), body.middle + QPointF(60, 0)
    QTest.mousePress(body, left, pos=start.toPoint())
    for share in (0.25, 0.5, 0.75, 1.0):
        move_to(body, (start + share * (end - start)).toPoint())
    QTest.mouseRelease(body, left, pos=end.toPoint())
    settled(qtbot, patient)
    assert steps(patient) == ("Paint Region 1",)
    (mask,) = regions.masks().values()
    columns = np.flatnonzero(mask.any(0))
    gap = columns[:-1][np.diff(columns) > mask.shape[1] // 4]
    assert len(gap) == 1  # two blots, far apart in the texture
    assert 0.7 < mask[:, : gap[0] + 1].sum() / mask[:, gap[0] + 1 :].sum() < 1.4
    session.set_hover(None)
    for place in (start, body.middle, end):
        assert (pixels(body) != before).any(-1)[int(place.y()), int(place.x())]
    assert (pixels(atlas.viewport()) != flat).any()
    stroke = mask.copy()

    # Ctrl and the brush take out again; undo and redo follow gesture by gesture.
    QTest.mouseClick(body, left, Qt.KeyboardModifier.ControlModifier, body.middle.toPoint())
    settled(qtbot, patient)
    assert regions.masks()[0].sum() < stroke.sum()
    trigger(qtbot, patient, "Undo")
    settled(qtbot, patient)
    assert np.array_equal(regions.masks()[0], stroke)
    trigger(qtbot, patient, "Undo")
    settled(qtbot, patient)
    assert regions.names == ()
    assert regions.is_empty
    trigger(qtbot, patient, "Redo")
    settled(qtbot, patient)
    assert regions.names == ("Region 1",)
    assert np.array_equal(document.scene.region("Region 1").masks[0], stroke)

    # A lasso around the whole back takes what is seen, and nothing of the chest.
    regions.begin_new()
    QTest.keyClick(body, Qt.Key.Key_4)
    corners = [QPointF(0.1, 0.1), QPointF(0.9, 0.1), QPointF(0.9, 0.9), QPointF(0.1, 0.9)]
    around = [QPointF(c.x() * body.width(), c.y() * body.height()) for c in (*corners, corners[0])]
    QTest.mousePress(body, left, pos=around[0].toPoint())
    for a, b in pairwise(around):
        for share in (0.5, 1.0):
            move_to(body, (a + share * (b - a)).toPoint())
    QTest.mouseRelease(body, left, pos=around[-1].toPoint())
    settled(qtbot, patient)
    grid, surface = regions.grid, document.patient.surface
    assert grid is not None
    chosen = grid.faces_of(regions.masks())
    away = surface.face_normals[:, 2] > 0.3
    assert surface.face_areas[chosen].sum() > 0.05
    assert not (chosen & away).any()
    inside = body.site_under(QPointF(0.45 * body.width(), 0.2 * body.height()))
    assert inside is not None
    assert chosen[inside.face]

    # By keyboard alone: Enter sets corners at the picture's middle while the body turns under it.
    regions.begin_new()
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_5)
    arrows = (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down)
    for arrow in arrows:
        QTest.keyClick(body, Qt.Key.Key_Return)
        QTest.keyClick(body, arrow, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(body, Qt.Key.Key_Return)
    QTest.keyClick(body, Qt.Key.Key_Return)  # on the same spot: closed
    settled(qtbot, patient)
    assert regions.active == "Region 3"
    assert not regions.is_empty

    # Protected: the session tells whoever paints lesions; the file keeps it.
    regions.choose("Region 1")
    trigger(qtbot, patient, "Keep lesions out")
    settled(qtbot, patient)
    assert np.array_equal(session.protected[0], regions.masks()[0])
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_1)
    QTest.mouseClick(body, left, pos=body.middle.toPoint())
    inner = body.site_under(body.middle)
    assert inner is not None
    assert regions.keep_out(inner, 6.0)
    assert session.site is None
    trigger(qtbot, patient, "Undo")
    settled(qtbot, patient)
    assert not session.protected
    QTest.mouseClick(body, left, pos=body.middle.toPoint())
    assert session.site is not None
    trigger(qtbot, patient, "Redo")
    settled(qtbot, patient)
    path = document.path
    copied = path.with_name("copy.moulage")
    shutil.copy(path, copied)
    verbs.open_path(session, copied)
    qtbot.waitUntil(lambda: session.document is not document and not session.busy, timeout=LOADING_MS)
    assert regions.names == ("Region 1", "Region 2", "Region 3")
    assert regions.is_protected("Region 1")
    assert np.array_equal(session.protected[0], stroke)

    # A dab as the next lesion's outline.
    regions.begin_new()
    session.tools.set_brush(30)
    body.camera = body.camera.zoomed(0.5) if body.camera is not None else None
    body.grab()
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_2)
    QTest.keyClick(body, Qt.Key.Key_Return)
    settled(qtbot, patient)
    place = body.site_under(body.middle)
    trigger(qtbot, patient, "Use as the lesion's outline")
    settled(qtbot, patient)
    assert session.request.shape == "painted"
    assert session.request.diameter_mm == pytest.approx(30.0, abs=3.5)
    assert session.site is not None
    assert place is not None
    apart = document.patient.surface.point(session.site) - document.patient.surface.point(place)
    assert np.linalg.norm(apart) < 0.003


def test_body_parts_and_the_rim(patient: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    session, panel = patient.session, patient.workspace.panel("Region")
    document = session.document
    assert document is not None
    assert document.patient.parts is not None
    patient.workspace.reveal("Region")
    panel.part.setCurrentIndex(panel.part.findData("left-forearm"))
    QTest.mouseClick(panel.add_part, Qt.MouseButton.LeftButton)
    settled(qtbot, patient)
    qtbot.waitUntil(lambda: bool(session.regions.area_cm2), timeout=LOADING_MS)
    area = session.regions.area_cm2 or 0
    part = document.patient.surface.face_areas[document.patient.parts.select("left-forearm")].sum() * 1e4
    assert area == pytest.approx(part, rel=0.03)
    QTest.mouseClick(panel.widen, Qt.MouseButton.LeftButton)
    settled(qtbot, patient)
    qtbot.waitUntil(lambda: (session.regions.area_cm2 or 0) > area, timeout=LOADING_MS)
    QTest.mouseClick(panel.invert, Qt.MouseButton.LeftButton)
    settled(qtbot, patient)
    qtbot.waitUntil(lambda: (session.regions.area_cm2 or 0) > 20 * area, timeout=LOADING_MS)
    assert steps(patient) == ("Add to Region 1", "Widen Region 1", "Invert Region 1")
    assert session.region is not None  # what lesions would be scattered in
    assert not session.region.faces[document.patient.parts.select("left-forearm")].all()
