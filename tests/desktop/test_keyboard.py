"""The keyboard alone: Tab reaches every control and shows where it is; a lesion is placed, grown, chosen and undone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from shell_samples import LOADING_MS, add, disc, open_egg

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop.gui.window import Window

PANELS = ("New lesion", "Selected lesion", "Lesions", "Region", "Link", "Dermatoscope")
MOST_STOPS = 120


@pytest.fixture
def egg(open_window: "Callable[[], Window]", qtbot: Any, tmp_path: Path) -> "Window":
    """An egg with a lesion, which is selected, and a region, so that nearly everything can be used."""
    window = open_window()
    open_egg(qtbot, window, tmp_path)
    session = window.session
    assert session.document is not None
    add(qtbot, window, disc(session.document.patient, "one", 0.3, 0.5))
    session.set_selection("one")
    assert session.regions.grid is not None
    session.regions.paint(session.regions.grid.of_faces(session.document.patient.surface.face_material == 0))
    session.regions.finish("Paint")
    qtbot.waitUntil(lambda: not session.pending and session.regions.area_cm2 is not None, timeout=LOADING_MS)
    return window


def press(keys: str) -> None:
    """Keys, wherever the focus is."""
    from PySide6.QtGui import QKeySequence
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    widget = QApplication.focusWidget() or QApplication.activeWindow()
    assert widget is not None
    QTest.keySequence(widget, QKeySequence(keys))


def stops_of(panel: "QWidget") -> "list[QWidget]":
    """The controls of a panel that can be used now."""
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QScrollArea, QWidget

    return [
        widget
        for widget in (panel, *panel.findChildren(QWidget))
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus
        and widget.isVisible()
        and widget.isEnabled()
        and widget.focusProxy() is None
        and not isinstance(widget, QScrollArea)
        and not widget.objectName().startswith("qt_")
    ]


def seen(widget: "QWidget") -> bytes:
    """What a control looks like."""
    from PySide6.QtGui import QImage

    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    return bytes(image.constBits())


def tab_round(window: "Window") -> "tuple[list[QWidget], list[str]]":
    """The controls that Tab stops at until it comes back to the first, and those of them that don't show it."""
    from PySide6.QtCore import QPoint, QRect, Qt
    from PySide6.QtWidgets import QApplication

    stops: list[QWidget] = []
    unseen = []
    for _ in range(MOST_STOPS):
        QApplication.processEvents()
        stop = QApplication.focusWidget()
        assert stop is not None
        if stop in stops:
            return stops, unseen
        stops.append(stop)
        on_screen = window.rect().contains(QRect(stop.mapTo(window, QPoint()), stop.size()))
        focused = seen(stop)
        stop.clearFocus()
        if not on_screen or seen(stop) == focused:
            unseen.append(stop.accessibleName() or type(stop).__name__)
        stop.setFocus(Qt.FocusReason.ShortcutFocusReason)
        press("Tab")
    raise AssertionError(f"Tab does not come back to {stops[0].accessibleName()}")


def test_the_keyboard_alone(egg: "Window", qtbot: Any) -> None:
    from PySide6.QtWidgets import QApplication

    egg.panel.folding.unfold()
    QApplication.processEvents()
    stops: list[QWidget] = []
    for number, name in enumerate(PANELS, start=1):
        press(f"Ctrl+{number}")
        panel = egg.workspace.panel(name)
        assert panel.isVisible()
        wanted = stops_of(panel)
        if wanted and wanted[0] not in stops:
            assert wanted[0].hasFocus(), name
            stops, unseen = tab_round(egg)
            assert unseen == [], name
        assert [one.accessibleName() or type(one).__name__ for one in wanted if one not in stops] == [], name
        assert egg.body in stops
        assert egg.atlas in stops

    session = egg.session
    while QApplication.focusWidget() is not egg.body:
        press("Tab")
    session.set_request(replace(session.request, detail=64, steps=2, diameter_mm=30.0))
    for _ in range(4):
        press("Right")
    press("Return")
    assert session.site is not None  # in the middle of the body, which the arrows turned
    qtbot.waitUntil(lambda: session.engine.is_ready, timeout=LOADING_MS)
    press("G")
    qtbot.waitUntil(lambda: egg.lesions.count() == 2 and session.saved == "saved", timeout=LOADING_MS)
    press("Ctrl+3")
    press("Down")
    assert session.selected == ("one",)
    press("Alt+Right")
    press(".")
    press("Ctrl+Z")
    press("Ctrl+Z")
    press("Ctrl+Z")
    qtbot.waitUntil(lambda: egg.lesions.ids() == ["one"] and session.saved == "saved", timeout=LOADING_MS)
    assert session.document is not None
    assert [name.split()[0] for name in session.document.state.redo] == ["Add", "Move", "Turn"]
    press("Ctrl+Shift+Z")
    qtbot.waitUntil(lambda: egg.lesions.count() == 2, timeout=LOADING_MS)
