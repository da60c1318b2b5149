"""Signs of the tools, drawn as lines in the theme's colour, so that they are sharp at every scale."""

from collections.abc import Callable
from functools import lru_cache
from math import cos, pi, sin

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from desktop.gui import theme

_SIDE = 24.0
_PIXELS = (24, 36, 48, 72)


def _point(painter: QPainter) -> None:
    corners = (6, 4), (6, 19), (10, 15), (13, 21), (15, 20), (12, 14), (17, 14)
    painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))


def _brush(painter: QPainter) -> None:
    painter.drawLine(QPointF(20, 4), QPointF(12, 13))
    path = QPainterPath(QPointF(12, 13))
    path.cubicTo(8, 11, 6, 15, 4, 20)
    path.cubicTo(9, 20, 14, 18, 12, 13)
    painter.fillPath(path, painter.pen().color())
    painter.drawPath(path)


def _eraser(painter: QPainter) -> None:
    painter.drawPolygon(QPolygonF([QPointF(*p) for p in ((4, 15), (13, 5), (20, 11), (11, 20), (8, 20))]))
    painter.drawLine(QPointF(9, 10), QPointF(16, 16))


def _lasso(painter: QPainter) -> None:
    painter.drawEllipse(QRectF(4, 4, 16, 10))
    path = QPainterPath(QPointF(7, 13))
    path.cubicTo(5, 16, 10, 17, 8, 21)
    painter.drawPath(path)


def _polygon(painter: QPainter) -> None:
    corners = [QPointF(12 + 8.5 * cos(a), 12.5 + 8.5 * sin(a)) for a in (2 * pi * k / 5 - pi / 2 for k in range(5))]
    painter.drawPolygon(QPolygonF(corners))
    for corner in corners:
        painter.drawEllipse(corner, 1.3, 1.3)


def _rectangle(painter: QPainter) -> None:
    pen = QPen(painter.pen())
    pen.setStyle(Qt.PenStyle.DashLine)
    pen.setDashPattern([2.2, 1.8])
    painter.setPen(pen)
    painter.drawRect(QRectF(4, 6, 16, 12))


def _wires(painter: QPainter) -> None:
    for a, b in (((4, 18), (12, 4)), ((12, 4), (20, 18)), ((20, 18), (4, 18)), ((8, 11), (16, 11))):
        painter.drawLine(QPointF(*a), QPointF(*b))
    painter.drawLine(QPointF(8, 11), QPointF(12, 18))
    painter.drawLine(QPointF(16, 11), QPointF(12, 18))


def _islands(painter: QPainter) -> None:
    path = QPainterPath(QPointF(4, 8))
    path.cubicTo(4, 2, 13, 3, 11, 9)
    path.cubicTo(12, 14, 4, 14, 4, 8)
    painter.drawPath(path)
    painter.drawEllipse(QRectF(13, 12, 7, 8))
    painter.drawEllipse(QRectF(15, 4, 4, 4))


def _density(painter: QPainter) -> None:
    for size, at in ((3, 4), (4.5, 8.5), (6.5, 15)):
        for row in (4, 12):
            painter.drawRect(QRectF(at, row, size, size))


def _light(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(12, 12), 4, 4)
    for k in range(8):
        across, down = cos(k * pi / 4), sin(k * pi / 4)
        painter.drawLine(*(QPointF(12 + reach * across, 12 + reach * down) for reach in (6.5, 9.5)))


_SIGNS: dict[str, Callable[[QPainter], None]] = {
    "point": _point,
    "brush": _brush,
    "eraser": _eraser,
    "lasso": _lasso,
    "polygon": _polygon,
    "rectangle": _rectangle,
    "wires": _wires,
    "islands": _islands,
    "density": _density,
    "light": _light,
}


def icon(name: str) -> QIcon:
    """The sign of a tool in the theme's colours: plain, chosen, and out of use."""
    return _drawn(name, theme.TEXT, theme.HIGHLIGHT, theme.DISABLED)


@lru_cache
def _drawn(name: str, plain: str, chosen: str, disabled: str) -> QIcon:
    made = QIcon()
    for mode, state, colour in (
        (QIcon.Mode.Normal, QIcon.State.Off, plain),
        (QIcon.Mode.Normal, QIcon.State.On, chosen),
        (QIcon.Mode.Disabled, QIcon.State.Off, disabled),
        (QIcon.Mode.Disabled, QIcon.State.On, disabled),
    ):
        for side in _PIXELS:
            made.addPixmap(_pixmap(name, colour, side), mode, state)
    return made


def _pixmap(name: str, colour: str, side: int) -> QPixmap:
    drawn = QPixmap(side, side)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(side / _SIDE, side / _SIDE)
    pen = QPen(QColor(colour), 1.6)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    _SIGNS[name](painter)
    painter.end()
    return drawn
