"""The command palette: every action by a few letters of its name."""

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


def score(wanted: str, text: str) -> float | None:
    """How well letters fit a text: all must occur in order; those that begin words or follow each other count more.

    None where they don't fit; 0 for no letters.
    """
    text, place, total = text.lower(), -1, 0.0
    for letter in wanted.lower().replace(" ", ""):
        starts = [i for i in range(place + 1, len(text)) if text[i] == letter]
        if not starts:
            return None
        begins = [i for i in starts if i == 0 or not text[i - 1].isalnum()]
        if place + 1 in starts:
            total, place = total + 3, place + 1
        elif begins:
            total, place = total + 2, begins[0]
        else:
            total, place = total + 1 - 0.01 * starts[0], starts[0]
    return total - 0.01 * len(text)


class Palette(QDialog):
    """Type, choose with the arrows, Enter does it. What can't be done now is greyed."""

    def __init__(self, actions: Mapping[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Commands"))
        self.setMinimumSize(460, 380)
        self._actions = actions
        self.field, self.found = QLineEdit(), QListWidget()
        self.field.setPlaceholderText(self.tr("What do you want to do?"))
        self.field.setAccessibleName(self.tr("Search for a command"))
        self.found.setAccessibleName(self.tr("Commands that fit"))
        column = QVBoxLayout(self)
        column.addWidget(self.field)
        column.addWidget(self.found, 1)
        self.field.textChanged.connect(self._search)
        self.field.returnPressed.connect(self._do)
        self.field.installEventFilter(self)
        self.found.itemActivated.connect(self._do)
        self._search("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrows in the field move in the list."""
        pressed = watched is self.field and event.type() == QEvent.Type.KeyPress
        if pressed and isinstance(event, QKeyEvent) and event.key() in _MOVES:
            self.found.event(event)
            return True
        return super().eventFilter(watched, event)

    def _search(self, wanted: str) -> None:
        fitting = []
        for name, action in self._actions.items():
            text = action.text().replace("&", "")
            best = max((s for s in (score(wanted, text), score(wanted, name)) if s is not None), default=None)
            if best is not None:
                fitting.append((-best if wanted else 0.0, not action.isEnabled(), text, name, action))
        self.found.clear()
        for _, _, text, name, action in sorted(fitting, key=lambda one: one[:2]):
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            item = QListWidgetItem(f"{text}    {keys}" if keys else text)
            item.setData(Qt.ItemDataRole.UserRole, name)
            if not action.isEnabled():
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.found.addItem(item)
        usable = [row for row in range(self.found.count()) if self.found.item(row).flags()]
        self.found.setCurrentRow(usable[0] if usable else -1)

    def _do(self) -> None:
        item = self.found.currentItem()
        if item is not None and item.flags():
            self.accept()
            self._actions[item.data(Qt.ItemDataRole.UserRole)].trigger()
