"""The list of shortcuts, made from the actions' table, and what keys and mouse do in the views."""

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from desktop.gui.actions import ACTIONS
from desktop.gui.model import texts


class Shortcuts(QDialog):
    """One branch per menu, one for the views."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Shortcuts"))
        self.resize(520, 600)
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setAccessibleName(self.tr("Shortcuts"))
        self.list.setHeaderLabels([self.tr("What"), self.tr("Keys")])
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for menu in dict.fromkeys(entry.menu for entry in ACTIONS):
            lines = [
                (entry.title, entry.keys.toString(QKeySequence.SequenceFormat.NativeText))
                for entry in ACTIONS
                if entry.menu == menu and not entry.keys.isEmpty()
            ]
            self._add(texts.tr(menu, "Actions").replace("&", ""), lines)
        self._add(self.tr("In the views"), self._in_views())
        self.list.expandAll()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.list)
        column.addWidget(buttons)

    def _in_views(self) -> list[tuple[str, str]]:
        return [
            (self.tr("Mark a place, or select a lesion"), self.tr("click, Enter")),
            (self.tr("Turn the body"), self.tr("drag, arrows")),
            (self.tr("Shift the body"), self.tr("right or middle button, Shift+drag, Shift+arrows")),
            (self.tr("Nearer, farther"), self.tr("wheel, + and −")),
            (self.tr("From one control to the next"), self.tr("Tab, Shift+Tab")),
        ]

    def _add(self, title: str, lines: list[tuple[str, str]]) -> None:
        if lines:
            branch = QTreeWidgetItem([title, ""])
            for line in lines:
                branch.addChild(QTreeWidgetItem(list(line)))
            self.list.addTopLevelItem(branch)
