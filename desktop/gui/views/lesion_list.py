"""The lesions of the scene, the topmost first: picture, number, class, size, place; the box hides and shows."""

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from desktop.gui import theme
from desktop.gui.model import verbs
from desktop.gui.model.document import Document
from desktop.gui.model.session import Session
from engine.lesion import LesionLayer

_ID = Qt.ItemDataRole.UserRole


class LesionList(QListWidget):
    """Selecting here selects everywhere."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setAccessibleName("Lesions")
        self.setIconSize(QSize(theme.THUMBNAIL_PX, theme.THUMBNAIL_PX))
        self.setWordWrap(True)
        self.setUniformItemSizes(True)
        session.document_changed.connect(self._show_lesions)
        session.lesions_changed.connect(self._show_lesions)
        session.selection_changed.connect(self._show_selection)
        self.currentItemChanged.connect(self._select)
        self.itemChanged.connect(self._hide_or_show)

    def ids(self) -> list[str]:
        """The lesions' ids in the order of the list."""
        return [self.item(row).data(_ID) for row in range(self.count())]

    def _show_lesions(self) -> None:
        document = self.session.document
        blocked = QSignalBlocker(self)
        self.clear()
        if document is not None:
            for layer in reversed(document.layers):
                self.addItem(_item(document, layer))
        self._show_selection()
        del blocked

    def _show_selection(self) -> None:
        blocked = QSignalBlocker(self)
        ids = self.ids()
        row = ids.index(self.session.selection) if self.session.selection in ids else -1
        self.setCurrentRow(row)
        if row < 0:
            self.clearSelection()
        del blocked

    def _select(self, item: QListWidgetItem | None) -> None:
        verbs.select(self.session, None if item is None else item.data(_ID))

    def _hide_or_show(self, item: QListWidgetItem) -> None:
        verbs.set_visible(self.session, item.data(_ID), item.checkState() == Qt.CheckState.Checked)


def _item(document: Document, layer: LesionLayer) -> QListWidgetItem:
    place = layer.body_part.replace("-", " ") or "no named part"
    number = document.number_of(layer)
    item = QListWidgetItem(f"{number or ''}  {layer.spec.lesion_class}, {layer.diameter_mm:.1f} mm\n{place}".lstrip())
    picture = document.thumbnail(layer)
    side = picture.shape[0]
    image = QImage(picture.data, side, side, picture.strides[0], QImage.Format.Format_RGB888)
    smooth = Qt.TransformationMode.SmoothTransformation
    size = 2 * theme.THUMBNAIL_PX
    pixmap = QPixmap.fromImage(image.scaled(size, size, mode=smooth))
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # a selected lesion keeps its colours
    item.setIcon(icon)
    item.setData(_ID, layer.id)
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    item.setCheckState(Qt.CheckState.Checked if layer.visible else Qt.CheckState.Unchecked)
    item.setToolTip(f"Seed {layer.spec.seed}, {layer.spec.detail} px. The box hides and shows the lesion.")
    return item
