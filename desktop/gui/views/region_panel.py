"""The regions of the skin: which is painted, how large it is, what lesions keep out of, what can be done with it."""

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.gui.model import region_verbs
from desktop.gui.model.session import Session
from desktop.gui.model.tools import BRUSH_MM

_NAME = Qt.ItemDataRole.UserRole


class RegionPanel(QWidget):
    """Shows `Session.regions`; every change goes there and comes back from it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.list = _Names(self)
        self.area = QLabel(objectName="faint")
        self.new, self.remove = QPushButton("New"), QPushButton("Remove")
        self.protected = QCheckBox("Keep lesions out")
        self.part = QComboBox()
        self.add_part, self.take_part = QPushButton("Add"), QPushButton("Take out")
        self.brush = QDoubleSpinBox(minimum=BRUSH_MM[0], maximum=BRUSH_MM[1], decimals=1, singleStep=1.0, suffix=" mm")
        self.by = QDoubleSpinBox(
            minimum=0.5, maximum=region_verbs.MOST_GROWTH_MM, decimals=1, singleStep=1.0, suffix=" mm", value=5.0
        )
        self.widen, self.narrow = QPushButton("Widen"), QPushButton("Narrow")
        self.invert, self.clear = QPushButton("Invert"), QPushButton("Clear")
        self.shape = QPushButton("Use as the lesion's outline")
        self._name_controls()
        self._lay_out()
        self._connect()
        self._list()

    def grow(self, sign: int) -> None:
        """Widen (1) or narrow (-1) the region by the panel's millimetres."""
        region_verbs.grow(self.session, sign * self.by.value())

    def _name_controls(self) -> None:
        for control, name, tip in (
            (self.list, "Regions", "Named regions of the skin. F2 renames; the mark at the left keeps lesions out."),
            (self.new, "New region", "What is painted next becomes a region of its own."),
            (self.remove, "Remove region", "Forget this region; lesions in it stay."),
            (self.protected, "Keep lesions out", "A protected area: no lesion may enter it."),
            (self.part, "Body part", "A part of the body to add to the region or to take out of it."),
            (self.add_part, "Add body part", "Add this part of the body to the region."),
            (self.take_part, "Take out body part", "Take this part of the body out of the region."),
            (self.brush, "Brush size", "The brush's diameter on the skin ([ and ])."),
            (self.by, "Widen or narrow by", "How far the region's rim moves, in millimetres on the skin."),
            (self.widen, "Widen region", "Move the rim outwards."),
            (self.narrow, "Narrow region", "Move the rim inwards."),
            (self.invert, "Invert region", "All skin that is not in the region."),
            (self.clear, "Clear region", "Take all skin out of the region."),
            (self.shape, "Use region as outline", "The next lesion gets the region's outline, size and place."),
            (self.area, "Size of the region", ""),
        ):
            control.setAccessibleName(name)
            control.setToolTip(tip)

    def _lay_out(self) -> None:
        names = QHBoxLayout()
        for widget in (self.new, self.remove):
            names.addWidget(widget)
        parts = QHBoxLayout()
        parts.addWidget(self.part, 1)
        for widget in (self.add_part, self.take_part):
            parts.addWidget(widget)
        names.addWidget(self.clear)
        names.addWidget(self.invert)
        rim = QHBoxLayout()
        for widget in (self.by, self.widen, self.narrow):
            rim.addWidget(widget)
        form = QFormLayout()
        form.addRow("B&rush", self.brush)
        form.addRow("Rim", rim)
        self.list.setMinimumHeight(48)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.list, 1)
        column.addWidget(self.area)
        for row in (names, self.protected, parts, form, self.shape):
            column.addWidget(row) if isinstance(row, QWidget) else column.addLayout(row)

    def _connect(self) -> None:
        session, regions = self.session, self.session.regions
        self.list.currentItemChanged.connect(self._choose)
        self.list.itemChanged.connect(self._change_item)
        self.new.clicked.connect(regions.begin_new)
        self.remove.clicked.connect(lambda: regions.remove(regions.active))
        self.protected.clicked.connect(lambda on: regions.protect(regions.active, on))
        self.add_part.clicked.connect(lambda: region_verbs.take_body_part(session, self.part.currentText()))
        self.take_part.clicked.connect(lambda: region_verbs.take_body_part(session, self.part.currentText(), False))
        self.brush.valueChanged.connect(session.tools.set_brush)
        self.widen.clicked.connect(lambda: self.grow(1))
        self.narrow.clicked.connect(lambda: self.grow(-1))
        self.invert.clicked.connect(lambda: region_verbs.invert(session))
        self.clear.clicked.connect(lambda: region_verbs.clear(session))
        self.shape.clicked.connect(lambda: region_verbs.use_as_shape(session))
        session.document_changed.connect(self._list_parts)
        session.tools.tool_changed.connect(self._show_brush)
        for signal in (regions.listed, session.busy_changed, session.document_changed):
            signal.connect(self._list)
        self._list_parts()
        self._show_brush()

    def _list_parts(self) -> None:
        names = region_verbs.body_parts(self.session)
        self.part.clear()
        self.part.addItems(names or ["(this avatar has no named parts)"])
        for widget in (self.part, self.add_part, self.take_part):
            widget.setEnabled(bool(names))

    def _show_brush(self) -> None:
        blocked = QSignalBlocker(self.brush)
        self.brush.setValue(self.session.tools.brush_mm)
        del blocked

    def _list(self) -> None:
        session, regions = self.session, self.session.regions
        blocked = QSignalBlocker(self.list)
        if [self.list.item(row).data(_NAME) for row in range(self.list.count())] != list(regions.names):
            self.list.clear()
            for name in regions.names:
                item = QListWidgetItem(name, self.list)
                item.setData(_NAME, name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable)
                item.setToolTip("Marked: lesions keep out.")
        for row in range(self.list.count()):
            item = self.list.item(row)
            name = item.data(_NAME)
            item.setText(name)
            item.setCheckState(Qt.CheckState.Checked if regions.is_protected(name) else Qt.CheckState.Unchecked)
            if name == regions.active:
                self.list.setCurrentItem(item)
        if not regions.active:
            self.list.setCurrentRow(-1)
        del blocked
        named, whole = bool(regions.active), region_verbs.can_change(session)
        for widget in (self.remove, self.protected, self.new):
            widget.setEnabled(named)
        for widget in (self.widen, self.narrow, self.clear, self.shape):
            widget.setEnabled(whole)
        free = session.document is not None and not session.busy
        self.invert.setEnabled(whole)
        self.add_part.setEnabled(free and bool(region_verbs.body_parts(session)))
        self.take_part.setEnabled(whole and bool(region_verbs.body_parts(session)))
        self.protected.setChecked(regions.is_protected(regions.active))
        self.area.setText(self._told())

    def _told(self) -> str:
        regions = self.session.regions
        if not regions.active:
            return "Choose a tool above and paint on the skin."
        if regions.area_cm2 is None:
            return f"{regions.active}: …"
        return f"{regions.active}: {_area(regions.area_cm2)}"

    def _choose(self, current: QListWidgetItem | None) -> None:
        if current is not None:
            self.session.regions.choose(current.data(_NAME))

    def _change_item(self, item: QListWidgetItem) -> None:
        regions, name = self.session.regions, item.data(_NAME)
        regions.protect(name, item.checkState() == Qt.CheckState.Checked)
        problem = regions.rename(name, item.text())
        if problem:
            self.session.told.emit(problem, True)
            self._list()


class _Names(QListWidget):
    """A list in which Delete removes a region."""

    def __init__(self, panel: RegionPanel) -> None:
        super().__init__(panel)
        self._panel = panel

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes the chosen region."""
        if event.key() == Qt.Key.Key_Delete and self.currentItem() is not None:
            self._panel.session.regions.remove(self.currentItem().data(_NAME))
        else:
            super().keyPressEvent(event)


def _area(cm2: float) -> str:
    return f"{cm2 * 100:.0f} mm²" if cm2 < 1 else f"{cm2:.1f} cm²" if cm2 < 100 else f"{cm2:.0f} cm²"
