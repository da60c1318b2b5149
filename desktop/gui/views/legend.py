"""Colours for millimetres per texel, and the key to them. Viridis (van der Walt & Smith 2015) is even for every eye."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop.gui.model.document import Document
from desktop.gui.model.session import Session
from desktop.gui.model.tools import Tint

_STOPS = (
    *((68, 1, 84), (72, 40, 120), (62, 73, 137), (49, 104, 142), (38, 130, 142)),
    *((31, 158, 137), (53, 183, 121), (110, 206, 88), (181, 222, 43), (253, 231, 37)),
)
"""Viridis at ten even places."""


def _table() -> NDArray[np.uint8]:
    places, wanted = np.linspace(0, 1, len(_STOPS)), np.linspace(0, 1, 256)
    columns = [np.interp(wanted, places, [stop[k] for stop in _STOPS]) for k in range(3)]
    return np.rint(np.stack(columns, 1)).astype(np.uint8)


VIRIDIS = _table()


def density_range(document: Document) -> tuple[float, float]:
    """From fine to coarse: what 5 % and 95 % of the skin stay below, mm per texel."""
    if document.density is None:
        return 0.1, 1.0
    low, _, high = document.density.mm_per_texel
    return low, max(high, 1.02 * low)


class Legend(QWidget):
    """Stands in a corner of the body while the texel density is shown."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._range = (0.1, 1.0)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(self.tr("Key to the texel density"))
        self.resize(self.sizeHint())
        session.tools.looks_changed.connect(self.follow)
        session.document_changed.connect(self.follow)
        self.follow()

    def sizeHint(self) -> QSize:
        """Room for the bar and three figures."""
        return QSize(190, 46)

    def follow(self) -> None:
        """Show it where it has something to tell."""
        document = self._session.document
        wanted = document is not None and self._session.tools.looks.tint is Tint.DENSITY
        if wanted and document is not None:
            self._range = density_range(document)
            low, high = self._range
            told = self.tr("{:.2f} (dark) to {:.2f} (bright) mm per texel")
            self.setAccessibleDescription(told.format(low, high))
        self.setVisible(wanted)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A bar from fine to coarse, logarithmic as on the body."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(20, 21, 23, 205))
        painter.drawRoundedRect(self.rect(), 4, 4)
        bar = QRectF(10, 8, self.width() - 20, 12)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for place, stop in zip(np.linspace(0, 1, len(_STOPS)), _STOPS, strict=True):
            gradient.setColorAt(float(place), QColor(*stop))
        painter.setBrush(gradient)
        painter.drawRect(bar)
        painter.setPen(QColor("#e6e6e4"))
        low, high = self._range
        line = QRectF(bar.left() - 4, bar.bottom() + 2, bar.width() + 8, 18)
        aligned = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | aligned, f"{low:.2f}")
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter | aligned, self.tr("mm per texel"))
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | aligned, f"{high:.2f}")
