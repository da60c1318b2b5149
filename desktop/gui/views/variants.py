"""Variants as thumbnails: while they are painted, and until one is kept."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QListView,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.gui.model import choosing, texts
from desktop.gui.model.job import Kind
from desktop.gui.model.session import Session
from desktop.gui.views.controls import button, label
from desktop.gui.views.lesion_list import image_of

_ID = Qt.ItemDataRole.UserRole
_SIDE = 96


class VariantStrip(QWidget):
    """Choosing a thumbnail shows it on the skin; Enter or Keep makes it a lesion."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.heading = label(style="faint", wrap=True)
        self.list = QListWidget()
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setFlow(QListView.Flow.LeftToRight)
        self.list.setWrapping(False)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setIconSize(QSize(_SIDE, _SIDE))
        self.list.setFixedHeight(_SIDE + 44)
        self.list.setAccessibleName(self.tr("Variants"))
        self.keep, self.discard = button(self.tr("Keep")), button(self.tr("Discard all"))
        self.keep.setAccessibleName(self.tr("Keep this variant"))
        self.keep.setToolTip(self.tr("The chosen variant becomes a lesion; the others are forgotten (Enter)."))
        self.discard.setAccessibleName(self.tr("Discard all variants"))
        self.discard.setToolTip(self.tr("Forget all variants; nothing is changed."))
        buttons = QVBoxLayout()
        buttons.addWidget(self.heading)
        buttons.addWidget(self.keep)
        buttons.addWidget(self.discard)
        buttons.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 8, 6)
        row.addWidget(self.list, 1)
        row.addLayout(buttons)
        self.list.currentItemChanged.connect(self._look)
        self.list.itemActivated.connect(lambda: self._keep())
        self.keep.clicked.connect(self._keep)
        self.discard.clicked.connect(lambda: choosing.discard(session))
        self._waiting: tuple[str, ...] | None = None
        for signal in (session.document_changed, session.lesions_changed, session.live_changed, session.job_changed):
            signal.connect(self._show)
        self._show()

    def ids(self) -> list[str]:
        """The variants' ids in the order of the strip."""
        return [self.list.item(row).data(_ID) for row in range(self.list.count())]

    def _show(self) -> None:
        waiting = choosing.waiting(self.session)
        ids = tuple(layer.id for layer in waiting)
        if ids != self._waiting:
            self._list(ids)
        self._show_growing()
        chosen = self.list.currentItem() is not None and self.list.currentItem().data(_ID) in ids
        self.keep.setEnabled(chosen)
        self.discard.setEnabled(bool(ids))
        self.heading.setText(self._told(len(ids)))

    def _list(self, ids: tuple[str, ...]) -> None:
        came = bool(set(ids) - set(self._waiting or ()))
        self._waiting = ids
        blocked = QSignalBlocker(self.list)
        self.list.clear()
        for layer in choosing.waiting(self.session):
            assert self.session.document is not None
            picture = self.session.document.thumbnail(layer)
            assert picture is not None
            item = QListWidgetItem(_icon(picture), self.tr("seed {}").format(layer.spec.seed))
            item.setData(_ID, layer.id)
            told = self.tr("{}, seed {}").format(texts.described(layer), layer.spec.seed)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, told)
            item.setToolTip(told)
            self.list.addItem(item)
        del blocked
        self._appear(bool(ids))
        if came:
            self.list.setFocus()
            self.list.setCurrentRow(self.list.currentRow() if self.list.currentRow() >= 0 else 0)
            self._look(self.list.currentItem())

    def _show_growing(self) -> None:
        """The pictures that are being painted, behind those that are finished; they can't be chosen yet."""
        session, finished = self.session, len(self._waiting or ())
        blocked = QSignalBlocker(self.list)
        growing = session.live_thumbnails if session.job is not None and session.job.kind is Kind.CHOOSE else ()
        while self.list.count() > finished + len(growing):
            self.list.takeItem(self.list.count() - 1)
        for number, picture in enumerate(growing):
            if self.list.count() <= finished + number:
                item = QListWidgetItem(self.tr("growing …"))
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                self.list.addItem(item)
            self.list.item(finished + number).setIcon(_icon(picture))
        if growing:
            self._appear(True)
        del blocked

    def _told(self, count: int) -> str:
        if self.session.job is not None and self.session.job.kind is Kind.CHOOSE:
            return self.tr("Growing …")
        return self.tr("Choose one to see it on the skin.") if count else self.tr("No variants wait.")

    def _look(self, item: QListWidgetItem | None) -> None:
        choosing.show(self.session, None if item is None else item.data(_ID))
        self.keep.setEnabled(item is not None)

    def _keep(self) -> None:
        if self.list.currentItem() is not None:
            choosing.keep(self.session, self.list.currentItem().data(_ID))

    def _appear(self, wanted: bool) -> None:
        """The panel comes when there is something to choose, and goes with it."""
        dock = self.parentWidget()
        if isinstance(dock, QDockWidget):
            dock.setVisible(wanted)


def _icon(picture: NDArray[np.uint8]) -> QIcon:
    icon = QIcon()
    pixmap = QPixmap.fromImage(image_of(picture))
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected, QIcon.Mode.Disabled):
        icon.addPixmap(pixmap, mode)
    return icon
