"""The window: two views side by side, the lesion panel and list at the right."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLabel,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.gui import actions
from desktop.gui.model import verbs
from desktop.gui.model.session import Session
from desktop.gui.views.atlas import AtlasView
from desktop.gui.views.body import BodyView
from desktop.gui.views.lesion_list import LesionList
from desktop.gui.views.lesion_panel import LesionPanel
from desktop.gui.views.status import NoteBar, StatusLine
from desktop.gui.views.welcome import Welcome
from engine.scene.document import SUFFIX

READABLE = (SUFFIX, ".glb", ".vrm", ".obj")
_FILES = "Patients (*" + " *".join(READABLE) + ")"
_SCENES = f"Scenes (*{SUFFIX})"
_CLOSER = 0.85


class Window(QMainWindow):
    """Shows one session. Closing it stops the engine and lets go of the scene."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.body, self.atlas = BodyView(session), AtlasView(session)
        self.panel, self.lesions = LesionPanel(session), LesionList(session)
        self.notes, self.material = NoteBar(session), QComboBox()
        self.material.setAccessibleName("Texture of material")
        self.material.currentIndexChanged.connect(self.atlas.show_material)
        self.pages = QStackedWidget()
        self.pages.addWidget(Welcome(session, self.choose_file))
        self.pages.addWidget(self._patient_page())
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notes)
        column.addWidget(self.pages, 1)
        centre = QWidget()
        centre.setLayout(column)
        self.setCentralWidget(centre)
        self.setStatusBar(StatusLine(session))
        self.actions_by_name = actions.build(self)
        self._recent = QMenu("Open &recent", self)
        self._recent.aboutToShow.connect(self._fill_recent)
        file_menu = self.menuBar().actions()[0].menu()
        file_menu.insertMenu(file_menu.actions()[1], self._recent)
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        session.document_changed.connect(self._show_document)
        session.lesions_changed.connect(self._show_title)
        session.place_wanted.connect(self._ask_place)
        session.site_changed.connect(self._show_material)
        session.selection_changed.connect(self._show_material)
        self.body.failed.connect(lambda text: session.told.emit(text, True))
        self._show_document()

    def _patient_page(self) -> QWidget:
        texture = QWidget()
        column = QVBoxLayout(texture)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.material)
        column.addWidget(self.atlas, 1)
        side = QWidget()
        right = QVBoxLayout(side)
        heading = QLabel("Lesions", objectName="faint")
        heading.setBuddy(self.lesions)
        for widget, stretch in ((self.panel, 0), (heading, 0), (self.lesions, 1)):
            right.addWidget(widget, stretch)
        side.setMinimumWidth(270)
        page = QSplitter(Qt.Orientation.Horizontal)
        page.setChildrenCollapsible(False)
        for widget, stretch in ((self.body, 5), (texture, 5), (side, 0)):
            page.addWidget(widget)
            page.setStretchFactor(page.count() - 1, stretch)
        page.setSizes([490, 500, 290])
        return page

    def zoom(self, closer: bool) -> None:
        """Zoom the view that has the keyboard: the texture, or else the body."""
        if self.atlas.hasFocus():
            self.atlas.zoom(1 / _CLOSER if closer else _CLOSER)
        else:
            self.body.zoom(_CLOSER if closer else 1 / _CLOSER)

    def choose_file(self) -> None:
        """Ask which patient to open."""
        folder = str(self.session.recent[0].parent) if self.session.recent else ""
        name, _ = QFileDialog.getOpenFileName(self, "Open a patient", folder, _FILES)
        if name:
            verbs.open_path(self.session, Path(name))

    def choose_copy(self) -> None:
        """Ask where to save the scene under another name."""
        if self.session.document is not None:
            path = self._ask_scene("Save the scene as", self.session.document.path)
            if path is not None:
                verbs.save_as(self.session, path)

    def close_window(self) -> None:
        """Close; the program ends with its last window."""
        self.close()

    def _ask_place(self, avatar: Path, why: str) -> None:
        self.session.told.emit(why, False)
        path = self._ask_scene("Where shall this patient's scene be kept?", avatar.with_suffix(SUFFIX))
        if path is not None:
            verbs.open_path(self.session, avatar, path)

    def _ask_scene(self, title: str, suggested: Path) -> Path | None:
        name, _ = QFileDialog.getSaveFileName(self, title, str(suggested), _SCENES)
        if not name:
            return None
        path = Path(name)
        return path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self.session.recent:
            self._recent.addAction(str(path), lambda chosen=path: verbs.open_path(self.session, chosen))
        self._recent.setEnabled(bool(self.session.recent))

    def _show_document(self) -> None:
        document = self.session.document
        self.pages.setCurrentIndex(0 if document is None else 1)
        self.material.blockSignals(True)
        self.material.clear()
        if document is not None:
            self.material.addItems([material.name for material in document.patient.avatar.materials])
        self.material.blockSignals(False)
        self.material.setVisible(self.material.count() > 1)
        self._show_material()
        self._show_title()
        self.body.look(0.0)

    def _show_material(self) -> None:
        self.material.blockSignals(True)
        self.material.setCurrentIndex(self.atlas.material)
        self.material.blockSignals(False)

    def _show_title(self) -> None:
        document = self.session.document
        self.setWindowTitle("Moulage" if document is None else f"{document.path.name} (saved) - Moulage")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take one file that can be read."""
        if _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the dropped file."""
        path = _dropped(event)
        if path is not None:
            event.acceptProposedAction()
            verbs.open_path(self.session, path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop everything that runs."""
        self.session.close()
        super().closeEvent(event)


def _dropped(event: QDropEvent) -> Path | None:
    urls = event.mimeData().urls()
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    return path if path is not None and path.suffix.lower() in READABLE else None
