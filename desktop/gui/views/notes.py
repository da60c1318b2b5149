"""What the user is told: a line that lies over the views' upper edge, so that nothing moves when it comes and goes."""

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleEvent, QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from desktop.gui.model.session import Session
from desktop.gui.views.controls import label, sign

_WIDEST, _MARGIN = 720, 12
_STAYS_MS = 12_000
_LONGER_MS = 60
"""For each letter, so that long notes can be read."""


class Notes(QFrame):
    """The last line that the user was told, over `place`.

    Faults stay until they are put away, with the last note beneath; notes give way to the next one, and go after a
    while by themselves unless the pointer is on them (`staying` counts).
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = self._place = parent
        self._fault = ""
        self.text = label(wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setAccessibleName(self.tr("Message"))
        self.close_button = sign("✕")
        self.close_button.setAutoRaise(True)
        self.close_button.setAccessibleName(self.tr("Put the message away"))
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.addWidget(self.text, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self.staying = QTimer(self)
        self.staying.setSingleShot(True)
        self.staying.timeout.connect(self.hide)
        self.close_button.clicked.connect(self.hide)
        session.told.connect(self.tell)
        session.closing.connect(self.staying.stop)
        self.over(parent)
        self.hide()

    def over(self, place: QWidget) -> None:
        """Lie over this widget, which is the parent or stands somewhere in it."""
        self._place.removeEventFilter(self)
        self._place = place
        place.installEventFilter(self)
        self._settle()

    def tell(self, text: str, fault: bool) -> None:
        """Show a line."""
        if fault or not self.isVisible():
            self._fault = text if fault else ""
        self.setObjectName("fault" if self._fault else "note")
        self.style().unpolish(self)
        self.style().polish(self)
        self.text.setText(text if fault or not self._fault else f"{self._fault}\n{text}")
        self._settle()
        self.show()
        self.raise_()
        self._wait()
        QAccessible.updateAccessibility(QAccessibleEvent(self.text, QAccessible.Event.Alert))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget that it lies over."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show):
            self._settle()
        return super().eventFilter(watched, event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Who is reading isn't hurried."""
        self.staying.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """The time begins anew."""
        self._wait()
        super().leaveEvent(event)

    def _wait(self) -> None:
        if self.isVisible() and self.objectName() == "note" and not self.underMouse():
            self.staying.start(_STAYS_MS + _LONGER_MS * len(self.text.text()))
        else:
            self.staying.stop()

    def _settle(self) -> None:
        """As wide as the text needs, in the middle of the upper edge."""
        widest = max(min(self._place.width() - 2 * _MARGIN, _WIDEST), 80)
        self.text.setWordWrap(False)
        width = min(self.sizeHint().width(), widest)
        self.text.setWordWrap(True)
        height = max(self._row.totalHeightForWidth(width), self.minimumSizeHint().height())
        corner = QPoint((self._place.width() - width) // 2, _MARGIN)
        at = self._place.mapTo(self._parent, corner)
        self.setGeometry(at.x(), at.y(), width, height)
