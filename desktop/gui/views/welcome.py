"""What is shown while no patient is open."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCommandLinkButton, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.gui.model import verbs
from desktop.gui.model.session import Session


class Welcome(QWidget):
    """Open a file, a recent scene, or drop one."""

    def __init__(self, session: Session, choose: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        heading = QLabel("Open a patient", objectName="heading")
        hint = QLabel("A scene (.moulage) or an avatar (GLB, VRM, OBJ). You can also drop the file here.")
        hint.setObjectName("faint")
        button = QPushButton("Open …")
        button.setAccessibleName("Open a patient")
        button.clicked.connect(choose)
        column = QVBoxLayout(self)
        column.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for widget in (heading, hint):
            column.addWidget(widget)
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        for path in session.recent:
            column.addWidget(self._link(path))

    def _link(self, path: Path) -> QCommandLinkButton:
        link = QCommandLinkButton(path.stem, str(path.parent))
        link.setAccessibleName(f"Open {path.name}")
        link.clicked.connect(lambda: verbs.open_path(self.session, path))
        return link
