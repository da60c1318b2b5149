"""What is shown while no patient is open: a new patient, recent ones, a file."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.gui.model import recent, verbs
from desktop.gui.model.session import Session
from desktop.gui.views.controls import button, label
from desktop.gui.views.new_patient import NewPatient

_PICTURE = QSize(96, 96)


class Welcome(QWidget):
    """Left: who the new patient is. Right: who was here before."""

    def __init__(self, session: Session, choose: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.new = NewPatient(session)
        self.open = button(self.tr("Open …"))
        self.open.setAccessibleName(self.tr("Open a patient"))
        self.open.clicked.connect(choose)
        self.recent = QListWidget()
        self.recent.setAccessibleName(self.tr("Recent patients"))
        self.recent.setIconSize(_PICTURE)
        self.recent.itemActivated.connect(self._open_item)
        self.recent.itemClicked.connect(self._open_item)
        self._lay_out()
        self.list_recent()

    def _lay_out(self) -> None:
        left, right, page, middle = QVBoxLayout(), QVBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        told = self.tr("A scene (.moulage) or an avatar (GLB, VRM, OBJ). You can also drop the file here.")
        left.addWidget(label(self.tr("New patient"), "heading"))
        left.addSpacing(8)
        left.addWidget(self.new)
        left.addStretch(1)
        self.recent_heading = label(self.tr("Recent"), "faint")
        right.addWidget(label(self.tr("Open a patient"), "heading"))
        right.addWidget(label(told, "faint", wrap=True))
        right.addWidget(self.open, 0, Qt.AlignmentFlag.AlignLeft)
        right.addSpacing(12)
        right.addWidget(self.recent_heading)
        right.addWidget(self.recent, 1)
        right.addStretch(0)
        for column in (left, right):
            box = QWidget()
            box.setLayout(column)
            box.setFixedWidth(440)
            page.addWidget(box)
        page.setSpacing(56)
        page.insertStretch(0, 1)
        page.addStretch(1)
        purpose = label(self.tr("Synthetic, for teaching and research. Not for diagnosis."), "faint")
        middle.addStretch(1)
        middle.addLayout(page, 4)
        middle.addStretch(1)
        middle.addWidget(purpose, 0, Qt.AlignmentFlag.AlignHCenter)

    def list_recent(self) -> None:
        """Recent scenes as they are now; their pictures follow."""
        self.recent.clear()
        paths = self.session.recent
        for path in paths:
            item = QListWidgetItem(f"{path.stem}\n{path.parent}")
            item.setData(Qt.ItemDataRole.UserRole, str(path))
            item.setToolTip(str(path))
            self.recent.addItem(item)
        for widget in (self.recent, self.recent_heading):
            widget.setVisible(bool(paths))
        if paths:
            self.session.background.run(
                lambda: recent.pictures(paths), self._show_pictures, self._no_pictures, "recent"
            )

    def _show_pictures(self, pictures: Sequence[bytes]) -> None:
        for row, data in enumerate(pictures):
            picture, item = QPixmap(), self.recent.item(row)
            if item is not None and data and picture.loadFromData(data):
                item.setIcon(QIcon(picture))

    def _no_pictures(self, error: Exception) -> None:
        verbs.tell(self.session, error)

    def _open_item(self, item: QListWidgetItem) -> None:
        verbs.open_path(self.session, Path(item.data(Qt.ItemDataRole.UserRole)))
