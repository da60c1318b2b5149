"""Body and texture: two views of the same skin, which agree, and lesions that are moved on either of them."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shell_samples import trigger
from view_samples import LOADING_MS, drag, middle_of_change, move_to, pixels, position, settled, steps

if TYPE_CHECKING:
    from desktop.gui.window import Window


def test_what_is_under_the_pointer_is_shown_in_the_other_view(limb: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPoint

    body, atlas, session = limb.body, limb.atlas, limb.session
    document = session.document
    assert document is not None
    session.set_hover(None)
    before = pixels(atlas.viewport())
    move_to(body, QPoint(body.width() // 2 + 60, body.height() // 2))
    assert session.hover is not None
    assert "mm per texel" in limb.statusBar().place.text()
    assert "phototype" in limb.statusBar().place.text()
    _, u, v = document.patient.surface.uv(session.hover)
    there = atlas.position_of((u, v))
    assert middle_of_change(before, pixels(atlas.viewport())) == pytest.approx((there.x(), there.y()), abs=2)

    session.set_hover(None)
    before = pixels(body)
    move_to(atlas.viewport(), there.toPoint())
    assert session.hover is not None
    there = body.position_of(tuple(document.patient.surface.point(session.hover)))
    assert middle_of_change(before, pixels(body)) == pytest.approx((there.x(), there.y()), abs=2)


def test_the_ghost_has_its_true_size(limb: "Window") -> None:
    """The disc of a 60 mm brush, seen straight on where 400 mm fill the height."""
    from PySide6.QtCore import QPoint

    from desktop.gui.model.tools import Tool

    body = limb.body
    limb.session.tools.choose(Tool.BRUSH)
    limb.session.tools.set_brush(60)
    limb.session.set_hover(None)
    before = pixels(body)
    move_to(body, QPoint(body.width() // 2, body.height() // 2))
    changed = (pixels(body).astype(int) - before).any(-1)
    rows = np.flatnonzero(changed.any(1))
    assert np.ptp(rows) + 1 == pytest.approx(0.15 * body.height(), rel=0.06)
    assert changed[rows.mean().astype(int), changed.shape[1] // 2 - 10]  # filled, not a ring alone


def test_a_lesion_dragged_on_the_body_is_one_step(limb: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPointF
    from PySide6.QtTest import QTest

    body, session = limb.body, limb.session
    document = session.document
    assert document is not None
    QTest.mouseClick(body, _left(), pos=body.middle.toPoint())
    assert session.selection == "one"
    session.set_hover(None)
    before = pixels(body)
    goal = body.middle + QPointF(0, -120)
    wanted = document.patient.surface.point(body.site_under(goal))
    drag(body, body.middle, goal)
    settled(qtbot, limb)
    assert steps(limb) == ("Add nevus", "Move nevus")
    moved = document.layer("one")
    assert moved is not None
    assert np.linalg.norm(document.patient.surface.point(moved.spec.site) - wanted) < 0.002
    assert (pixels(body) != before).any(-1)[int(goal.y()), int(goal.x())]
    trigger(qtbot, limb, "Undo")
    settled(qtbot, limb)
    session.set_hover(None)
    qtbot.waitUntil(lambda: np.array_equal(pixels(body), before), timeout=LOADING_MS)


def test_a_lesion_dragged_in_the_texture_moves_on_the_body(limb: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPointF

    atlas, session = limb.atlas, limb.session
    document = session.document
    assert document is not None
    session.set_selection("one")
    atlas.zoom(6.0, atlas.handles()["centre"])
    start = atlas.handles()["centre"]
    goal = start + QPointF(40, 30)
    wanted = document.patient.surface.point(atlas.site_under(goal))
    drag(atlas.viewport(), start, goal)
    settled(qtbot, limb)
    moved = document.layer("one")
    assert moved is not None
    assert np.linalg.norm(document.patient.surface.point(moved.spec.site) - wanted) < 0.002
    assert steps(limb) == ("Add nevus", "Move nevus")


def test_handles_turn_and_resize(limb: "Window", qtbot: Any) -> None:
    body, session = limb.body, limb.session
    document = session.document
    assert document is not None
    session.set_selection("one")
    centre, size = position(limb, "centre"), position(limb, "size")
    drag(body, size, centre + 1.5 * (size - centre))
    settled(qtbot, limb)
    larger = document.layer("one")
    assert larger is not None
    assert larger.spec.diameter_mm == pytest.approx(30.0, rel=0.05)
    centre, turn = position(limb, "centre"), position(limb, "turn")
    away = turn - centre
    drag(body, turn, centre + type(away)(away.y(), -away.x()))  # a quarter to the left as seen here
    settled(qtbot, limb)
    turned = document.layer("one")
    assert turned is not None
    assert turned.spec.turn_deg == pytest.approx(90.0, abs=4.0)
    assert steps(limb) == ("Add nevus", "Resize nevus", "Turn nevus")


def test_a_locked_lesion_stays(limb: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPointF

    from desktop.gui.model import lesions

    body, session = limb.body, limb.session
    lesions.set_locked(session, ["one"], True)
    settled(qtbot, limb)
    session.set_selection("one")
    drag(body, body.middle, body.middle + QPointF(0, -120))
    settled(qtbot, limb)
    assert steps(limb) == ("Add nevus", "Lock nevus")


def test_a_drag_given_up_changes_nothing(limb: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPointF, Qt
    from PySide6.QtTest import QTest

    body = limb.body
    limb.session.set_selection("one")
    limb.session.set_hover(None)
    before = pixels(body)
    QTest.mousePress(body, _left(), pos=body.middle.toPoint())
    move_to(body, (body.middle + QPointF(0, -90)).toPoint())
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_Escape)
    QTest.mouseRelease(body, _left(), pos=(body.middle + QPointF(0, -90)).toPoint())
    settled(qtbot, limb)
    limb.session.set_hover(None)
    qtbot.waitUntil(lambda: np.array_equal(pixels(body), before), timeout=LOADING_MS)
    assert steps(limb) == ("Add nevus",)


def test_another_button_neither_ends_a_stroke_nor_begins_one(limb: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    from desktop.gui.model.tools import Tool

    body, session = limb.body, limb.session
    session.tools.choose(Tool.BRUSH)
    start = body.middle.toPoint()
    camera = body.camera
    QTest.mousePress(body, _left(), pos=start)
    QTest.mousePress(body, Qt.MouseButton.RightButton, pos=start)
    move_to(body, start + QPoint(30, 0))
    QTest.mouseRelease(body, Qt.MouseButton.RightButton, pos=start + QPoint(30, 0))
    assert body.gestures.busy
    move_to(body, start + QPoint(60, 0))
    QTest.mouseRelease(body, _left(), pos=start + QPoint(60, 0))
    assert not body.gestures.busy
    assert body.camera == camera
    settled(qtbot, limb)
    assert steps(limb) == ("Add nevus", "Paint Region 1")


def test_lesions_are_moved_turned_and_resized_by_keys(limb: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    body, session = limb.body, limb.session
    document = session.document
    assert document is not None
    session.set_selection("one")
    body.setFocus()
    start = document.patient.surface.point(document.layer("one").spec.site)  # type: ignore[union-attr]
    for key, modifier in (
        (Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier),
        (Qt.Key.Key_Comma, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_BracketRight, Qt.KeyboardModifier.NoModifier),
    ):
        QTest.keyClick(body, key, modifier)
        settled(qtbot, limb)
    now = document.layer("one")
    assert now is not None
    assert np.linalg.norm(document.patient.surface.point(now.spec.site) - start) == pytest.approx(1e-3, rel=0.1)
    assert (now.spec.turn_deg, now.spec.diameter_mm) == (5.0, 25.0)
    assert steps(limb) == ("Add nevus", "Move nevus", "Turn nevus", "Resize nevus")


def _left() -> Any:
    from PySide6.QtCore import Qt

    return Qt.MouseButton.LeftButton


def test_a_lesion_is_not_dragged_into_a_protected_area(limb: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPointF

    body, session = limb.body, limb.session
    document, grid = session.document, session.regions.grid
    assert document is not None
    assert grid is not None
    goal = body.middle + QPointF(0, -120)
    there = body.site_under(goal)
    assert there is not None
    session.regions.paint(grid.brushed(document.patient.surface.point(there), 15.0, there.face))
    session.regions.finish("Paint")
    session.regions.protect("Region 1", True)
    settled(qtbot, limb)
    assert session.regions.keep_out(there, 20.0)
    session.set_selection("one")
    drag(body, body.middle, goal)
    settled(qtbot, limb)
    moved = document.layer("one")
    assert moved is not None
    assert not session.regions.keep_out(moved.spec.site, 20.0)
    session.set_site(None)
    limb.session.set_selection(None)
    from PySide6.QtTest import QTest

    QTest.mouseClick(body, _left(), pos=goal.toPoint())
    assert session.site is None
