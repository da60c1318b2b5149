"""The window: the welcome page or the patient's page, menus, messages, status line; the file dialogs."""

from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QBuffer, QByteArray, QEvent, QIODevice, Qt, Signal
from PySide6.QtGui import QCloseEvent, QColor, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QMainWindow, QMenu, QStackedWidget, QVBoxLayout

from desktop.gui import menus, theme
from desktop.gui.model import recent, verbs
from desktop.gui.model.session import Session
from desktop.gui.views.about import About
from desktop.gui.views.atlas import AtlasView
from desktop.gui.views.body import BodyView
from desktop.gui.views.export_dialog import ExportDialog
from desktop.gui.views.focus_ring import FocusRing
from desktop.gui.views.lesion_list import LesionList
from desktop.gui.views.lesion_panel import LesionPanel
from desktop.gui.views.new_patient import NewPatient
from desktop.gui.views.notes import Notes
from desktop.gui.views.palette import Palette
from desktop.gui.views.pointing import STEP
from desktop.gui.views.preferences_dialog import PreferencesDialog
from desktop.gui.views.shortcuts import Shortcuts
from desktop.gui.views.status import StatusLine
from desktop.gui.views.welcome import Welcome
from desktop.gui.workspace import Workspace
from engine.scene.document import SUFFIX

READABLE = (SUFFIX, ".glb", ".vrm", ".obj")
_PICTURE_PX = 192
_Dialog = TypeVar("_Dialog", bound=QDialog)


class Window(QMainWindow):
    """Shows one session. Closing it stops the engine and lets go of the scene.

    theme_changed: the colours of `theme` are others.
    """

    theme_changed = Signal()
    session: Session
    workspace: Workspace
    body: BodyView
    atlas: AtlasView
    panel: LesionPanel
    lesions: LesionList

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.workspace = Workspace(session)
        self.body, self.atlas, self.material = self.workspace.body, self.workspace.atlas, self.workspace.material
        self.panel, self.lesions = self.workspace.panel_of(LesionPanel), self.workspace.panel_of(LesionList)
        self.pages = QStackedWidget()
        self.welcome = Welcome(session, self.choose_file)
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self.workspace)
        self.notes = Notes(session, self.pages)
        self.focus_ring = FocusRing(self)
        self.setCentralWidget(self.pages)
        self.setStatusBar(StatusLine(session))
        self.menus_by_title, self.actions_by_name = menus.build(self)
        self.theme_changed.connect(lambda: self.atlas.setBackgroundBrush(QColor(theme.PANEL)))
        self.theme_changed.connect(self.body.update)
        self.dialog: QDialog | None = None
        self._recent = QMenu(self.tr("Open &recent"), self)
        self._recent.aboutToShow.connect(self._fill_recent)
        self._add_submenus()
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        session.document_changed.connect(self._show_document)
        session.lesions_changed.connect(self._show_title)
        session.saved_changed.connect(self._show_title)
        session.place_wanted.connect(self._ask_place)
        self.body.failed.connect(lambda text: session.told.emit(text, True))
        self._show_document()

    def _add_submenus(self) -> None:
        """What the table of actions can't hold: recent files, and the panels."""
        file_menu = self.menus_by_title["&File"]
        file_menu.insertMenu(file_menu.actions()[1], self._recent)
        panels = self.menus_by_title["&Panels"]
        panels.addSeparator()
        for dock in self.workspace.docks.values():
            panels.addAction(dock.toggleViewAction())
        panels.addSeparator()
        panels.addAction(self.tr("&As at the beginning"), self.workspace.arrange_anew)

    def zoom(self, closer: bool) -> None:
        """Zoom the view that has the keyboard: the texture, or else the body."""
        view = self.atlas if self.atlas.hasFocus() else self.body
        view.zoom(STEP if closer else 1 / STEP)

    def choose_file(self) -> None:
        """Ask which patient to open."""
        folder = str(self.session.recent[0].parent) if self.session.recent else ""
        patients = self.tr("Patients ({})").format(" ".join(f"*{suffix}" for suffix in READABLE))
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Open a patient"), folder, patients)
        if name:
            verbs.open_path(self.session, Path(name))

    def choose_copy(self) -> None:
        """Ask where to save the scene under another name."""
        if self.session.document is not None:
            path = self._ask_scene(self.tr("Save the scene as"), self.session.document.path)
            if path is not None:
                verbs.save_as(self.session, path)

    def show_new(self) -> None:
        """Ask for a new patient."""
        dialog = self._shown(QDialog(self))
        dialog.setWindowTitle(self.tr("New patient"))
        new = NewPatient(self.session)
        QVBoxLayout(dialog).addWidget(new)
        new.made.connect(dialog.accept)
        dialog.finished.connect(new.task.give_up)
        dialog.open()

    def show_export(self) -> None:
        """Ask what to export."""
        self._shown(ExportDialog(self.session, self)).open()

    def show_preferences(self) -> None:
        """Ask what the user likes."""
        self._shown(PreferencesDialog(self.session, self)).open()

    def show_palette(self) -> None:
        """Every action by a few letters."""
        self._shown(Palette(self.actions_by_name, self)).open()

    def show_shortcuts(self) -> None:
        """All keys."""
        self._shown(Shortcuts(self)).open()

    def show_about(self) -> None:
        """Purpose and licences."""
        self._shown(About(self.session, self)).open()

    def _shown(self, dialog: _Dialog) -> _Dialog:
        """The dialog, gone for good when it is closed."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog = dialog
        return dialog

    def close_window(self) -> None:
        """Close; the program ends with its last window."""
        self.close()

    def _ask_place(self, avatar: Path, why: str) -> None:
        self.session.told.emit(why, False)
        path = self._ask_scene(self.tr("Where shall this patient's scene be kept?"), avatar.with_suffix(SUFFIX))
        if path is not None:
            verbs.open_path(self.session, avatar, path)

    def _ask_scene(self, title: str, suggested: Path) -> Path | None:
        scenes = self.tr("Scenes ({})").format(f"*{SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(self, title, str(suggested), scenes)
        if not name:
            return None
        path = Path(name)
        return path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self.session.recent:
            self._recent.addAction(str(path).replace("&", "&&"), partial(verbs.open_path, self.session, path))
        self._recent.setEnabled(bool(self.session.recent))

    def _show_document(self) -> None:
        self.pages.setCurrentIndex(0 if self.session.document is None else 1)
        self.notes.over(self.pages if self.session.document is None else self.workspace.views)
        self._show_title()
        self.body.look(0.0)

    def _show_title(self) -> None:
        document = self.session.document
        states = {"saved": self.tr("saved"), "saving": self.tr("saving"), "not saved": self.tr("not saved")}
        title = self.tr("Moulage")
        if document is not None:
            title = self.tr("{} ({}) - Moulage").format(document.path.name, states[self.session.saved])
        self.setWindowTitle(title)

    def _keep_picture(self) -> None:
        """A small picture of the body, for the list of recent patients."""
        document = self.session.document
        if document is None or self.body.scene is None:
            return
        image = self.body.still()
        side = min(image.width(), image.height())
        square = image.copy((image.width() - side) // 2, (image.height() - side) // 4, side, side)
        smooth = Qt.TransformationMode.SmoothTransformation
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        small = square.scaled(_PICTURE_PX, _PICTURE_PX, mode=smooth)
        small.save(buffer, "JPEG", 85)  # type: ignore[call-overload]  # the stubs want bytes where Qt takes a string
        kept = bytes(data.data())
        self.session.background.run(lambda: recent.keep(document.scene, kept), lambda _: None, lambda _: None)

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

    def changeEvent(self, event: QEvent) -> None:
        """Another theme reaches what is painted by hand."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.theme_changed.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop everything that runs."""
        self.welcome.new.task.give_up()
        for dialog in self.findChildren(QDialog):
            dialog.reject()
        self._keep_picture()
        self.workspace.keep_arrangement()
        self.session.close()
        super().closeEvent(event)


def _dropped(event: QDropEvent) -> Path | None:
    urls = event.mimeData().urls()
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    return path if path is not None and path.suffix.lower() in READABLE else None
