"""Three buttons in a view's corner, for whoever has no wheel: nearer, farther, all of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout

from desktop.gui.views.pointing import STEP

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop.gui.views.pointing import Pointing

_SIDE = 26
_GAP = 8
_STEPS = 1.5
"""A click comes so many notches of the wheel nearer."""


class LookButtons(QFrame):
    """For the mouse only: the keyboard has + and - and does not stop here."""

    def __init__(self, view: "Pointing", show_all: Callable[[], object]) -> None:
        parent: QWidget = view
        super().__init__(parent)
        self._view = view
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        factor = STEP**_STEPS
        for sign, name, do in (
            ("+", self.tr("Zoom in"), lambda: view.zoom(factor)),
            ("−", self.tr("Zoom out"), lambda: view.zoom(1 / factor)),
            ("□", self.tr("Show all of it"), show_all),
        ):
            button = QToolButton()
            button.setText(sign)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setAutoRepeat(sign != "□")
            button.setFixedSize(_SIDE, _SIDE)
            button.setAccessibleName(name)
            button.setToolTip(name)
            button.setCursor(Qt.CursorShape.ArrowCursor)
            button.clicked.connect(do)
            column.addWidget(button)
        self.resize(self.sizeHint())

    def settle(self) -> None:
        """Stand in the lower right corner."""
        self.move(self._view.width() - self.width() - _GAP, self._view.height() - self.height() - _GAP)
        self.raise_()
