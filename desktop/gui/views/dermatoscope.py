"""The dermatoscope: the selected lesion at its own resolution, on the skin around it, with a scale in millimetres."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop.gui import theme
from desktop.gui.model.document import Document
from desktop.gui.model.session import Session
from desktop.gui.model.texts import lesion_class, tr
from desktop.gui.views.lesion_list import image_of
from engine.lesion import LesionLayer

_KEY = "dermatoscope"
_LONGEST = 0.4
"""The scale spans at most this share of the picture."""


@dataclass(frozen=True)
class _Shown:
    """What stands in the dock. layer: of which it is the close-up; its picture, uint8 [P, P, 3]."""

    layer: LesionLayer
    picture: NDArray[np.uint8]
    under_way: bool


class Dermatoscope(QWidget):
    """Shows the lesion that is being painted, else the variant that is looked at, else the selected one."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._shown: _Shown | None = None
        self._image = QImage()
        self._asked: tuple[object, ...] = ()
        self.setAccessibleName(self.tr("Dermatoscope"))
        self.setMinimumSize(120, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip(
            self.tr("The lesion as a dermatoscope would show it: its own picture, finer than the body's texture.")
        )
        for signal in (session.document_changed, session.lesions_changed, session.selection_changed):
            signal.connect(self._ask)
        session.live_changed.connect(self._ask)

    def sizeHint(self) -> QSize:
        """A square beside the lists."""
        return QSize(260, 260)

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """What is shown, uint8 [P, P, 3]; None while nothing is."""
        return self._shown.picture if self._shown is not None else None

    def _ask(self) -> None:
        """Have the close-up made, in the background, where what it shows may have changed."""
        document, session = self.session.document, self.session
        layer = session.live[0] if session.live else None
        if layer is None and document is not None:
            layer = document.layer(session.selection)
        if document is None or layer is None:
            self._asked = ()
            self._take(None)
            return
        wanted = (layer, document.state, session.live)
        if self.isVisible() and (
            len(wanted) != len(self._asked) or any(a is not b for a, b in zip(wanted, self._asked, strict=True))
        ):
            self._asked = wanted
            self._order(document, layer, bool(session.live))

    def _order(self, document: Document, layer: LesionLayer, under_way: bool) -> None:
        def made(picture: NDArray[np.uint8]) -> None:
            if self.session.document is document:
                self._take(_Shown(layer, picture, under_way))

        self.session.background.run(
            lambda: document.close_up(layer), made, lambda error: self.session.told.emit(str(error), True), _KEY
        )

    def _take(self, shown: _Shown | None) -> None:
        self._shown = shown
        self._image = QImage() if shown is None else image_of(shown.picture)
        told = tr("Nothing is selected") if shown is None else _described(shown)
        self.setAccessibleDescription(told)
        self.update()

    def showEvent(self, event: object) -> None:
        """Nothing is made while the dock is hidden."""
        self._asked = ()
        self._ask()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture as large as it fits, the scale, and what it is."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        if self._shown is None:
            painter.setPen(QColor(theme.FAINT))
            painter.drawText(
                self.rect(),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                self.tr("Select a lesion to see it closely."),
            )
            return
        side = min(self.width(), self.height())
        place = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        painter.drawImage(place, self._image)
        self._draw_scale(painter, place, self._shown.layer.width_mm)
        _lettered(painter, place.adjusted(8, 6, -8, -6), _described(self._shown), Qt.AlignmentFlag.AlignTop)

    def _draw_scale(self, painter: QPainter, place: QRectF, width_mm: float) -> None:
        """A bar of a round number of millimetres, with a mark at each."""
        length, parts = scale_of(width_mm)
        pixels = place.width() / width_mm
        right, bottom = place.right() - 10, place.bottom() - 10
        left = right - length * pixels
        for width, colour in ((4.0, theme.OUTLINE), (1.6, theme.SITE)):
            painter.setPen(QPen(QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawLine(QPointF(left, bottom), QPointF(right, bottom))
            for number in range(parts + 1):
                x = left + (right - left) * number / parts
                tall = 8 if number in (0, parts) else 5
                painter.drawLine(QPointF(x, bottom + 1), QPointF(x, bottom - tall))
        text = QRectF(left - 60, bottom - 28, right - left + 60, 18)
        _lettered(painter, text, tr("{:g} mm").format(length), Qt.AlignmentFlag.AlignRight)


def scale_of(width_mm: float) -> tuple[float, int]:
    """The scale's length in mm, round and at most 0.4 of the picture's width, and into how many parts it is divided."""
    most = _LONGEST * width_mm
    decade = 10.0 ** math.floor(math.log10(most))
    step = max(step for step in (1, 2, 5) if step * decade <= most)
    return step * decade, {1: 10, 2: 4, 5: 5}[step]


def _described(shown: _Shown) -> str:
    layer = shown.layer
    if shown.under_way:
        return tr("{}, not in the scene yet").format(lesion_class(layer.spec.lesion_class))
    told = tr("{}, {:.1f} mm") if layer.visible else tr("{}, {:.1f} mm, hidden")
    return told.format(lesion_class(layer.spec.lesion_class), layer.diameter_mm)


def _lettered(painter: QPainter, place: QRectF, text: str, alignment: Qt.AlignmentFlag) -> None:
    """White letters with a dark edge, legible on any skin."""
    width = QFontMetricsF(painter.font()).horizontalAdvance(text)
    place = place if width <= place.width() else place.adjusted(place.width() - width, 0, 0, 0)
    painter.setPen(QColor(theme.OUTLINE))
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        painter.drawText(place.translated(dx, dy), alignment, text)
    painter.setPen(QColor(theme.SITE))
    painter.drawText(place, alignment, text)
