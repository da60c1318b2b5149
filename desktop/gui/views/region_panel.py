"""The regions of the skin: which is painted, how large it is, what lesions keep out of, what can be done with it."""

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFormLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from desktop.gui.model import region_verbs, texts
from desktop.gui.model.session import Session
from desktop.gui.model.tools import BRUSH_MM
from desktop.gui.views.controls import button, check, choice, label, name_all, number, row

_NAME = Qt.ItemDataRole.UserRole


class RegionPanel(QWidget):
    """Shows `Session.regions`; every change goes there and comes back from it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.list = _Names(self)
        self.area = label(style="faint")
        self.new, self.remove = button(self.tr("New")), button(self.tr("Remove"))
        self.protected = check(self.tr("Keep lesions out"))
        self.part = choice()
        self.add_part, self.take_part = button(self.tr("Add")), button(self.tr("Take out"))
        self.brush = number(*BRUSH_MM, suffix=self.tr(" mm"))
        self.by = number(0.5, region_verbs.MOST_GROWTH_MM, 5.0, suffix=self.tr(" mm"))
        self.widen, self.narrow = button(self.tr("Widen")), button(self.tr("Narrow"))
        self.invert, self.clear = button(self.tr("Invert")), button(self.tr("Clear"))
        self.shape = button(self.tr("Use as the lesion's outline"))
        self._name_controls()
        self._lay_out()
        self._connect()
        self._list()

    def grow(self, sign: int) -> None:
        """Widen (1) or narrow (-1) the region by the panel's millimetres."""
        region_verbs.grow(self.session, sign * self.by.value())

    def _name_controls(self) -> None:
        name_all(
            (
                (
                    self.list,
                    self.tr("Regions"),
                    self.tr("Named regions of the skin. F2 renames; the mark at the left keeps lesions out."),
                ),
                (self.new, self.tr("New region"), self.tr("What is painted next becomes a region of its own.")),
                (self.remove, self.tr("Remove region"), self.tr("Forget this region; lesions in it stay.")),
                (self.protected, self.tr("Keep lesions out"), self.tr("A protected area: no lesion may enter it.")),
                (
                    self.part,
                    self.tr("Body part"),
                    self.tr("A part of the body to add to the region or to take out of it."),
                ),
                (self.add_part, self.tr("Add body part"), self.tr("Add this part of the body to the region.")),
                (
                    self.take_part,
                    self.tr("Take out body part"),
                    self.tr("Take this part of the body out of the region."),
                ),
                (self.brush, self.tr("Brush size"), self.tr("The brush's diameter on the skin ([ and ]).")),
                (
                    self.by,
                    self.tr("Widen or narrow by"),
                    self.tr("How far the region's rim moves, in millimetres on the skin."),
                ),
                (self.widen, self.tr("Widen region"), self.tr("Move the rim outwards.")),
                (self.narrow, self.tr("Narrow region"), self.tr("Move the rim inwards.")),
                (self.invert, self.tr("Invert region"), self.tr("All skin that is not in the region.")),
                (self.clear, self.tr("Clear region"), self.tr("Take all skin out of the region.")),
                (
                    self.shape,
                    self.tr("Use region as outline"),
                    self.tr("The next lesion gets the region's outline, size and place."),
                ),
                (self.area, self.tr("Size of the region"), ""),
            )
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(self.tr("B&rush"), self.brush)
        form.addRow(self.tr("Rim"), row((self.by, 0), (self.widen, 0), (self.narrow, 0)))
        self.list.setMinimumHeight(48)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.list, 1)
        column.addWidget(self.area)
        column.addLayout(row((self.new, 0), (self.remove, 0), (self.clear, 0), (self.invert, 0)))
        column.addWidget(self.protected)
        column.addLayout(row((self.part, 1), (self.add_part, 0), (self.take_part, 0)))
        column.addLayout(form)
        column.addWidget(self.shape)

    def _connect(self) -> None:
        session, regions = self.session, self.session.regions
        self.list.currentItemChanged.connect(self._choose)
        self.list.itemChanged.connect(self._change_item)
        self.new.clicked.connect(regions.begin_new)
        self.remove.clicked.connect(lambda: regions.remove(regions.active))
        self.protected.clicked.connect(lambda on: regions.protect(regions.active, on))
        self.add_part.clicked.connect(lambda: region_verbs.take_body_part(session, self.part.currentData()))
        self.take_part.clicked.connect(lambda: region_verbs.take_body_part(session, self.part.currentData(), False))
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
        for name in names:
            self.part.addItem(texts.body_part(name), name)
        if not names:
            self.part.addItem(self.tr("(this avatar has no named parts)"))
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
                item.setToolTip(self.tr("Marked: lesions keep out."))
        for line in range(self.list.count()):
            item = self.list.item(line)
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
            return self.tr("Choose a tool above and paint on the skin.")
        if regions.area_cm2 is None:
            return self.tr("{}: …").format(regions.active)
        return self.tr("{}: {}").format(regions.active, _area(regions.area_cm2))

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
    if cm2 < 1:
        return texts.tr("{:.0f} mm²").format(100 * cm2)
    return (texts.tr("{:.1f} cm²") if cm2 < 100 else texts.tr("{:.0f} cm²")).format(cm2)
