"""An open patient's page: body and texture side by side, the tool bar above, the panels of `docks` around."""

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QMainWindow,
    QScrollArea,
    QSplitter,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from desktop.gui.docks import DOCKS, Dock
from desktop.gui.model.session import Session
from desktop.gui.views.atlas import AtlasView
from desktop.gui.views.body import BodyView

_Panel = TypeVar("_Panel", bound=QWidget)
_LAYOUT = "layout"
_LAYOUT_VERSION = 1
"""Counted up when panels change so much that a kept arrangement would be odd."""


class Workspace(QMainWindow):
    """A main window within the window, so that panels and tools come and go with the patient."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Widget)
        self.session = session
        self.body, self.atlas = BodyView(session), AtlasView(session)
        self.material = QComboBox()
        self.material.setAccessibleName(self.tr("Texture of material"))
        self.tools = QToolBar(self.tr("Tools"))
        self.tools.setObjectName("tools")
        self.tools.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.tools)
        self.views = self._views()
        self.setCentralWidget(self.views)
        self.setDockOptions(
            QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AnimatedDocks
        )
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.docks: dict[str, QDockWidget] = {}
        for dock in DOCKS:
            self._add(dock)
        self._arranged = self.saveState(_LAYOUT_VERSION)
        self.material.currentIndexChanged.connect(self.atlas.show_material)
        session.document_changed.connect(self._list_materials)
        session.site_changed.connect(self._show_material)
        session.selection_changed.connect(self._show_material)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._bring_forward)
        kept = session.settings.value(_LAYOUT)
        if kept is not None:
            self.restoreState(kept, _LAYOUT_VERSION)

    def panel(self, name: str) -> QWidget:
        """The widget of a panel."""
        return self.docks[name].widget()

    def panel_of(self, kind: type[_Panel]) -> _Panel:
        """The panel of this kind."""
        return next(found for dock in self.docks.values() if isinstance(found := dock.widget(), kind))

    def reveal(self, name: str) -> None:
        """Bring a panel to the front, and the keyboard to it."""
        dock = self.docks[name]
        dock.show()
        dock.raise_()
        panel = dock.widget()
        found = next((one for one in (panel, *panel.findChildren(QWidget)) if _takes_keys(one)), None)
        if found is not None:
            found.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def arrange_anew(self) -> None:
        """All panels as at the beginning."""
        self.restoreState(self._arranged, _LAYOUT_VERSION)

    def keep_arrangement(self) -> None:
        """Remember where the panels stand."""
        self.session.settings.setValue(_LAYOUT, self.saveState(_LAYOUT_VERSION))

    def _bring_forward(self, former: QWidget | None, focused: QWidget | None) -> None:
        """Tab goes on into panels that lie behind others; what has the keyboard must be seen."""
        for dock in self.docks.values():
            if focused is not None and dock.isAncestorOf(focused):
                dock.raise_()

    def _views(self) -> QWidget:
        texture = QWidget()
        column = QVBoxLayout(texture)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.material)
        column.addWidget(self.atlas, 1)
        views = QSplitter(Qt.Orientation.Horizontal)
        views.setChildrenCollapsible(False)
        for widget in (self.body, texture):
            views.addWidget(widget)
            views.setStretchFactor(views.count() - 1, 1)
        views.setSizes([500, 490])
        return views

    def _add(self, dock: Dock) -> None:
        placed = QDockWidget(dock.title, self)
        placed.setObjectName(dock.name)
        panel = dock.make(self.session)
        if not panel.accessibleName():
            panel.setAccessibleName(dock.title)
        placed.setWidget(panel)
        self.addDockWidget(dock.side, placed)
        if dock.behind:
            self.tabifyDockWidget(self.docks[dock.behind], placed)
            self.docks[dock.behind].raise_()
        placed.setVisible(dock.shown)
        self.docks[dock.name] = placed

    def _list_materials(self) -> None:
        document = self.session.document
        self.material.blockSignals(True)
        self.material.clear()
        if document is not None:
            self.material.addItems([material.name for material in document.patient.avatar.materials])
        self.material.blockSignals(False)
        self.material.setVisible(self.material.count() > 1)
        self._show_material()

    def _show_material(self) -> None:
        self.material.blockSignals(True)
        self.material.setCurrentIndex(self.atlas.material)
        self.material.blockSignals(False)


def _takes_keys(widget: QWidget) -> bool:
    """Whether Tab would stop there; a scroll area itself has nothing to type into."""
    stops = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return stops and widget.isEnabled() and not widget.isHidden() and not isinstance(widget, QScrollArea)
