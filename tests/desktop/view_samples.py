"""What tests of the two views share: opening, waiting, the pointer, pictures of widgets."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
