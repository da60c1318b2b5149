"""What the two views draw, when they draw it anew, and how they are looked at: looks, marks, zoom, the keyboard."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shell_samples import trigger
from tube import layer
from view_samples import LOADING_MS, middle_of_change, move_to, pixels, settled

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint

    from desktop.gui.window import Window


def test_a_body_that_was_hidden_while_it_was_coarse_gets_sharp(limb: "Window", qtbot: Any) -> None:
    body = limb.body
    body.look(90.0)
    body.repaint()
    assert body.shot is not None
    assert not body.shot.smooth
    body.hide()
    body.show()
    qtbot.waitUntil(lambda: body.shot is not None and body.shot.smooth, timeout=LOADING_MS)


def test_a_body_whose_graphics_context_was_lost_is_drawn_anew(limb: "Window", qtbot: Any) -> None:
    """As after a driver's reset: a context that can't be made current any more."""
    body = limb.body
    before = pixels(body)
    faults: list[str] = []
    body.failed.connect(faults.append)
    lost = body.offscreen
    assert lost is not None
    lost._surface.destroy()
    assert not lost.usable
    body.follow_paint(None)
    limb.session.set_selection(None)
    assert body.picture is None
    body.repaint()
    assert body.offscreen is not lost and not faults
    qtbot.waitUntil(lambda: body.shot is not None and body.shot.smooth, timeout=LOADING_MS)
    assert np.array_equal(pixels(body), before)


def test_looks_change_the_pictures_and_come_back(limb: "Window", qtbot: Any) -> None:
    body, atlas = limb.body, limb.atlas
    limb.body.look(180.0)
    plain, flat = pixels(body), pixels(atlas.viewport())
    for name, of_texture in (
        ("Wires", True),
        ("Texture islands", True),
        ("Texel density", False),
        ("Head light", False),
    ):
        trigger(qtbot, limb, name)
        assert limb.actions_by_name[name].isChecked()
        assert (pixels(body) != plain).any(-1).mean() > 0.02
        assert np.array_equal(pixels(atlas.viewport()), flat) != of_texture
        assert body.legend.isVisible() == (name == "Texel density")
        trigger(qtbot, limb, name)
        assert np.array_equal(pixels(body), plain)
        assert np.array_equal(pixels(atlas.viewport()), flat)


def test_the_body_is_looked_at_by_keyboard_alone(limb: "Window") -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    body, session = limb.body, limb.session
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_B)
    assert body.camera is not None
    far, yaw, target = body.camera.distance_m, body.camera.yaw_deg, body.camera.target
    QTest.keyClick(body, Qt.Key.Key_Plus)
    QTest.keyClick(body, Qt.Key.Key_Right)
    QTest.keyClick(body, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert body.camera.distance_m < far
    assert body.camera.yaw_deg != yaw
    assert body.camera.target[1] > target[1]
    assert session.hover is not None  # the picture's middle
    QTest.keyClick(body, Qt.Key.Key_Return)
    assert session.site == session.hover


def test_what_is_drawn_anew_in_part_is_what_a_whole_drawing_shows(limb: "Window", qtbot: Any) -> None:
    from desktop.gui.model import verbs

    body, document = limb.body, limb.session.document
    assert document is not None
    site = document.patient.site_facing((0.02, 0.86, 2.0), (0.0, 0.0, -1.0))
    before = body.still()
    verbs.edit(limb.session, "Add nevus", lambda step: step.add(layer("two", site)))
    settled(qtbot, limb)
    assert body.picture is not None
    shot = body.picture.shot
    in_part = body.still()
    assert in_part != before
    assert body.picture.shot is shot  # only what had changed was drawn
    body.picture.renew()
    assert body.still() == in_part


def test_a_moving_pointer_draws_no_body_and_leaves_no_trail(limb: "Window") -> None:
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QApplication

    body, atlas, session = limb.body, limb.atlas, limb.session
    limb.notes.hide()
    session.set_hover(None)
    QApplication.processEvents()
    screens = [body.still(), pixels(atlas.viewport())]
    assert body.picture is not None
    shot = body.picture.shot
    for step in range(6):
        move_to(body, QPoint(body.width() // 2 + 9 * step, body.height() // 2 - 7 * step))
        QApplication.processEvents()
    assert body.still() != screens[0]
    session.set_hover(None)
    QApplication.processEvents()
    corner = body.mapTo(limb, QPoint())
    shown = limb.screen().grabWindow(limb.winId(), corner.x(), corner.y(), body.width() - 60, body.height()).toImage()
    assert shown == screens[0].copy(0, 0, body.width() - 60, body.height())
    assert np.array_equal(pixels(atlas.viewport()), screens[1])
    assert body.picture.shot is shot


def test_lesions_in_the_queue_are_marked_in_both_views(limb: "Window") -> None:
    from desktop.gui.model.job import Job, Kind
    from engine.lesion import LesionSpec

    body, atlas, session = limb.body, limb.atlas, limb.session
    document = session.document
    assert document is not None
    session.set_hover(None)
    before = pixels(body), pixels(atlas.viewport())
    site = document.patient.site_facing((0.03, 0.95, 2.0), (0.0, 0.0, -1.0))
    session.queue.append(Job("later", Kind.ADD, "Add nevus", (LesionSpec("nevus", site, 30.0, 1),), ("later",)))
    session.job_changed.emit()
    waiting = pixels(body), pixels(atlas.viewport())
    there = body.position_of(tuple(document.patient.surface.point(site)))
    assert middle_of_change(before[0], waiting[0]) == pytest.approx((there.x(), there.y()), abs=2)
    rows = np.flatnonzero((waiting[0] != before[0]).any((1, 2)))
    assert np.ptp(rows) == pytest.approx(30 / 400 * body.height(), abs=5)  # of true size
    _, u, v = document.patient.surface.uv(site)
    place = atlas.position_of((u, v))
    assert middle_of_change(before[1], waiting[1]) == pytest.approx((place.x(), place.y()), abs=2)

    job = session.queue.pop()
    job.layers[0] = layer("later", site)
    session.set_job(job)
    painted = pixels(body)
    assert (painted != waiting[0]).any()  # the arc about what is under way
    session.set_job(None)
    assert np.array_equal(pixels(body), before[0])
    assert np.array_equal(pixels(atlas.viewport()), before[1])


def test_both_views_zoom_without_a_wheel(limb: "Window") -> None:
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtGui import QFocusEvent
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QToolButton

    body, atlas, session = limb.body, limb.atlas, limb.session
    scales = (lambda: 1 / body.camera.distance_m, body), (lambda: atlas.scale_now, atlas)  # type: ignore[union-attr]
    for scale, view in scales:
        before = scale()
        nearer, farther, everything = view.buttons.findChildren(QToolButton)
        QTest.mouseClick(nearer, Qt.MouseButton.LeftButton)
        assert scale() > 1.1 * before
        QTest.mouseClick(farther, Qt.MouseButton.LeftButton)
        assert scale() == pytest.approx(before)
        seen = view.viewport() if view is atlas else view
        start = QPoint(view.width() // 2, view.height() // 2)
        QTest.mousePress(seen, Qt.MouseButton.RightButton, Qt.KeyboardModifier.ControlModifier, start)
        for up in (10, 90):
            _drag_on(seen, start - QPoint(0, up))
        QTest.mouseRelease(seen, Qt.MouseButton.RightButton, Qt.KeyboardModifier.ControlModifier, start)
        assert scale() == pytest.approx(2 * before, rel=0.01)
        QTest.mouseClick(everything, Qt.MouseButton.LeftButton)
        session.set_hover(None)
        QApplication.sendEvent(view, QFocusEvent(QFocusEvent.Type.FocusIn, Qt.FocusReason.TabFocusReason))
        assert session.hover == view.site_under(view.middle)
        QApplication.sendEvent(view, QFocusEvent(QFocusEvent.Type.FocusOut, Qt.FocusReason.TabFocusReason))
        assert session.hover is None


def _drag_on(view: Any, place: "QPoint") -> None:
    """Move with the right button and Ctrl held down."""
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    right, none = Qt.MouseButton.RightButton, Qt.MouseButton.NoButton
    local, everywhere = QPointF(place), QPointF(view.mapToGlobal(place))
    control = Qt.KeyboardModifier.ControlModifier
    QApplication.sendEvent(view, QMouseEvent(QEvent.Type.MouseMove, local, everywhere, none, right, control))
