"""The lesions of the scene, the topmost first: picture, number, class, size, place.

The box hides and shows, the padlock keeps a lesion from being changed; dragging a row changes what lies on top.
"""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSignalBlocker,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QDropEvent, QIcon, QImage, QMouseEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.gui import theme
from desktop.gui.model import lesions, texts, verbs
from desktop.gui.model.document import Document, State
from desktop.gui.model.session import Session
from engine.lesion import LesionLayer

_ID = Qt.ItemDataRole.UserRole
_LOCKED = Qt.ItemDataRole.UserRole + 1
_PADLOCK_PX = 26
Index = QModelIndex | QPersistentModelIndex


class LesionList(QListWidget):
    """Selecting here selects everywhere; several with shift and control."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._shown: State | None = None
        self._icons: dict[str, tuple[NDArray[np.uint8], QIcon]] = {}
        self.setAccessibleName(self.tr("Lesions"))
        self.setIconSize(QSize(theme.THUMBNAIL_PX, theme.THUMBNAIL_PX))
        self.setWordWrap(True)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setItemDelegate(_Row(session, self))
        session.document_changed.connect(self._show_lesions)
        session.lesions_changed.connect(self._show_lesions)
        session.selection_changed.connect(self._show_selection)
        self.itemSelectionChanged.connect(self._select)
        self.itemChanged.connect(self._hide_or_show)

    def ids(self) -> list[str]:
        """The lesions' ids in the order of the list."""
        return [self.item(row).data(_ID) for row in range(self.count())]

    def dropEvent(self, event: QDropEvent) -> None:
        """Lay the dragged lesions where they were dropped: the list's order, read from below, is the stack's."""
        blocked = QSignalBlocker(self)
        super().dropEvent(event)
        del blocked
        self._shown = None
        lesions.reorder(self.session, self.ids()[::-1])

    def _show_lesions(self) -> None:
        document = self.session.document
        if document is not None and document.state is self._shown:
            return  # only what is shown on the skin changed
        self._shown = document.state if document is not None else None
        blocked = QSignalBlocker(self)
        self.clear()
        if document is None:
            self._icons.clear()
        else:
            for layer in reversed(document.layers):
                self.addItem(self._item(document, layer))
        self._show_selection()
        del blocked

    def _show_selection(self) -> None:
        blocked = QSignalBlocker(self)
        selected, primary = set(self.session.selected), self.session.selection
        for row in range(self.count()):
            item = self.item(row)
            if item.data(_ID) == primary:
                self.setCurrentItem(item)
        for row in range(self.count()):
            self.item(row).setSelected(self.item(row).data(_ID) in selected)
        del blocked

    def _select(self) -> None:
        chosen = [item.data(_ID) for item in self.selectedItems()]
        current = self.currentItem().data(_ID) if self.currentItem() is not None else None
        verbs.select_many(self.session, sorted(chosen, key=lambda key: key == current))

    def _hide_or_show(self, item: QListWidgetItem) -> None:
        visible = item.checkState() == Qt.CheckState.Checked
        key = item.data(_ID)
        chosen = self.session.selected if key in self.session.selected else (key,)
        lesions.set_visible(self.session, chosen, visible)

    def _item(self, document: Document, layer: LesionLayer) -> QListWidgetItem:
        place = texts.body_part(layer.body_part) or self.tr("no named part")
        number, named = document.number_of(layer), texts.lesion_class(layer.spec.lesion_class)
        title = f"{number or ''}  {self.tr('{}, {:.1f} mm').format(named, layer.diameter_mm)}".lstrip()
        item = QListWidgetItem(f"{title}\n{place}")
        item.setIcon(self._icon(document, layer))
        item.setData(_ID, layer.id)
        item.setData(_LOCKED, layer.locked)
        flags = item.flags() | Qt.ItemFlag.ItemIsUserCheckable
        item.setFlags(flags & ~Qt.ItemFlag.ItemIsDropEnabled)
        item.setCheckState(Qt.CheckState.Checked if layer.visible else Qt.CheckState.Unchecked)
        states = [self.tr("locked")] * layer.locked + [self.tr("hidden")] * (not layer.visible)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join((title, place, *states)))
        item.setToolTip(
            self.tr(
                "Seed {}, {} px. The box hides and shows the lesion (H); the padlock keeps it from being changed (K)."
                " Drag a row to lay the lesion above or below others."
            ).format(layer.spec.seed, layer.rgb.shape[0])
        )
        return item

    def _icon(self, document: Document, layer: LesionLayer) -> QIcon:
        picture = document.thumbnail(layer)
        assert picture is not None
        kept = self._icons.get(layer.id)
        if kept is None or kept[0] is not picture:
            pixmap = QPixmap.fromImage(image_of(picture))
            icon = QIcon(pixmap)
            icon.addPixmap(pixmap, QIcon.Mode.Selected)  # a selected lesion keeps its colours
            self._icons[layer.id] = kept = (picture, icon)
        return kept[1]


class _Row(QStyledItemDelegate):
    """A row with its padlock at the right."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt's row, and the padlock."""
        super().paint(painter, option, index)
        _draw_padlock(painter, _padlock(option.rect), bool(index.data(_LOCKED)))

    def editorEvent(self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: Index) -> bool:
        """A click on the padlock locks and unlocks."""
        if isinstance(event, QMouseEvent) and _padlock(option.rect).contains(event.position().toPoint()):
            if event.type() == QEvent.Type.MouseButtonRelease:
                lesions.set_locked(self._session, [index.data(_ID)], not index.data(_LOCKED))
            return True
        return super().editorEvent(event, model, option, index)


def image_of(picture: NDArray[np.uint8]) -> QImage:
    """A picture [H, W, 3] as Qt's own copy."""
    height, width = picture.shape[:2]
    return QImage(picture.data, width, height, picture.strides[0], QImage.Format.Format_RGB888).copy()


def _padlock(row: QRect) -> QRect:
    return QRect(row.right() - _PADLOCK_PX, row.top(), _PADLOCK_PX, row.height())


def _draw_padlock(painter: QPainter, place: QRect, locked: bool) -> None:
    """A body and a shackle; open and faint where the lesion may be changed."""
    middle = QPointF(place.center())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colour = QColor(theme.ACCENT if locked else theme.FAINT)
    painter.setOpacity(1.0 if locked else 0.55)
    painter.setPen(QPen(colour, 1.6))
    shackle = QRectF(middle.x() - 3.5, middle.y() - 8 - (0 if locked else 2), 7, 9)
    painter.drawArc(shackle, 0 if locked else 30 * 16, 180 * 16)
    painter.setBrush(colour if locked else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(middle.x() - 5.5, middle.y() - 3, 11, 8), 1.5, 1.5)
    painter.restore()
