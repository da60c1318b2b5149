"""Body and texture: two pictures of the same skin, which agree, and lesions that are moved on either of them."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "avatar"))
from sample_bodies import plain_body, png
from shell_samples import trigger
from tube import layer

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint, QPointF

    from desktop.gui.window import Window

LOADING_MS = 240_000


def opened(qtbot: Any, window: "Window", path: Path) -> None:
    """Open a patient; the engine is not waited for."""
    from desktop.gui.model import verbs

    former = window.session.document
    verbs.open_path(window.session, path)
    qtbot.waitUntil(lambda: window.session.document is not former and not window.session.busy, timeout=LOADING_MS)


def settled(qtbot: Any, window: "Window") -> None:
    """Wait until all edits are on the disk and shown."""
    qtbot.waitUntil(lambda: window.session.saved == "saved" and not window.session.busy, timeout=LOADING_MS)


@pytest.fixture(scope="module")
def window(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Window"]:
    """One window for all tests here, without an engine; afterwards no thread or timer of it may be left."""
    from PySide6.QtCore import QSettings, QTimer

    from desktop.gui.model import painting
    from desktop.gui.model.session import Session
    from desktop.gui.window import Window

    threads = set(threading.enumerate())
    session = Session(QSettings(str(tmp_path_factory.mktemp("settings") / "settings.ini"), QSettings.Format.IniFormat))
    painting.connect(session)
    shown = Window(session)
    session.setParent(shown)
    shown.show()
    shown.activateWindow()
    yield shown
    shown.close()
    qapp.processEvents()
    left = [thread.name for thread in set(threading.enumerate()) - threads]
    ticking = [timer for timer in shown.findChildren(QTimer) if timer.isActive()]
    shown.deleteLater()
    qapp.processEvents()
    assert not left
    assert not ticking


@pytest.fixture
def limb(window: "Window", qtbot: Any, tmp_path: Path) -> "Window":
    """A limb seen straight on, 40 cm of it, with a lesion of 20 mm in the middle of the picture."""
    from desktop.gui.model import verbs
    from desktop.gui.model.camera import Camera
    from desktop.gui.model.tools import Looks, Tool

    (tmp_path / "limb.glb").write_bytes(plain_body(encoded=png(512, 512)).glb())
    with qtbot.waitActive(window, timeout=LOADING_MS):
        pass
    opened(qtbot, window, tmp_path / "limb.glb")
    session, document = window.session, window.session.document
    assert document is not None
    session.tools.choose(Tool.POINT)
    session.tools.show(**vars(Looks()))
    site = document.patient.site_facing((0.0, 0.9, 2.0), (0.0, 0.0, -1.0))
    verbs.edit(session, "Add nevus", lambda step: step.add(layer("one", site)))
    settled(qtbot, window)
    window.body.camera = Camera.facing(document.patient.surface.point(site), (0.0, 0.0, 1.0), 0.40)
    window.atlas.fit()
    window.body.grab()
    return window


def pixels(widget: Any) -> NDArray[np.uint8]:
    """What a widget shows, uint8 [H, W, 3]."""
    from PySide6.QtGui import QImage

    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def middle_of_change(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> tuple[float, float]:
    """The centre of the box around the pixels that differ."""
    rows, columns = np.nonzero((before.astype(int) - after).any(-1))
    assert len(rows)
    return (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2


def steps(window: "Window") -> tuple[str, ...]:
    """The names of the steps that undo would take back."""
    assert window.session.document is not None
    return window.session.document.state.undo


def position(window: "Window", name: str) -> "QPointF":
    """Where the body shows a handle of the selected lesion."""
    return window.body.handles()[name]


def move_to(view: Any, place: "QPoint") -> None:
    """Move the pointer, past the X server, which delivers when it likes."""
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    none = Qt.MouseButton.NoButton
    local, everywhere = QPointF(place), QPointF(view.mapToGlobal(place))
    pressed = QApplication.mouseButtons()
    event = QMouseEvent(QEvent.Type.MouseMove, local, everywhere, none, pressed, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view, event)


def drag(view: Any, start: "QPointF", end: "QPointF") -> None:
    """Press, move in four steps, let go."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=start.toPoint())
    for share in (0.25, 0.5, 0.75, 1.0):
        move_to(view, (start + share * (end - start)).toPoint())
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end.toPoint())


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


def test_a_body_that_was_hidden_while_it_was_coarse_gets_sharp(limb: "Window", qtbot: Any) -> None:
    body = limb.body
    body.look(90.0)
    body.repaint()
    assert body.shot is not None
    assert not body.shot.smooth
    body.hide()
    body.show()
    qtbot.waitUntil(lambda: body.shot is not None and body.shot.smooth, timeout=LOADING_MS)


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
