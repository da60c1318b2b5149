"""Lines that both views lay over their pictures, in points of the view; each knows where it has to be drawn anew."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QRegion

from desktop.gui import theme

_BORDER = 2.4
"""How much wider than a line its dark border is."""
_MARGIN_PX = 4


@dataclass(frozen=True)
class Stroke:
    """A line with a dark border, to be seen on any skin. fill: how much of its colour covers the inside."""

    path: QPainterPath
    colour: str
    alpha: float = 1.0
    fill: float = 0.0
    dashed: bool = False

    @property
    def place(self) -> QRectF:
        """Where it is."""
        return self.path.boundingRect()

    def paint(self, painter: QPainter) -> None:
        """Draw it."""
        if self.fill:
            painter.fillPath(self.path, _shade(self.colour, self.fill))
        for colour, alpha, width in ((theme.OUTLINE, 0.55, _BORDER), (self.colour, 1.0, 1.0)):
            pen = QPen(_shade(colour, alpha * self.alpha), width * theme.RING_PX)
            if self.dashed:
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                pen.setDashPattern([3.0 / width, 2.5 / width])
            painter.strokePath(self.path, pen)


@dataclass(frozen=True)
class Stain:
    """A small picture laid over the view."""

    image: QImage
    place: QRectF

    def paint(self, painter: QPainter) -> None:
        """Draw it."""
        painter.drawImage(self.place, self.image)


Mark = Stroke | Stain


def region_of(marks: Iterable[Mark]) -> QRegion:
    """Where these are drawn."""
    region = QRegion()
    for mark in marks:
        around = mark.place.adjusted(-_MARGIN_PX, -_MARGIN_PX, _MARGIN_PX, _MARGIN_PX)
        region += around.toAlignedRect()
    return region


def paint(painter: QPainter, marks: Iterable[Mark], within: QRegion) -> None:
    """Draw those that meet a region."""
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for mark in marks:
        around = mark.place.adjusted(-_MARGIN_PX, -_MARGIN_PX, _MARGIN_PX, _MARGIN_PX)
        if within.intersects(around.toAlignedRect()):
            mark.paint(painter)


def line(points: Sequence[QPointF], closed: bool = False) -> QPainterPath:
    """A path through points."""
    path = QPainterPath()
    path.addPolygon(points)
    if closed:
        path.closeSubpath()
    return path


def circle(centre: QPointF, radius: float) -> QPainterPath:
    """A circle about a point."""
    path = QPainterPath()
    path.addEllipse(centre, radius, radius)
    return path


def square(centre: QPointF, half: float) -> QPainterPath:
    """A square about a point."""
    path = QPainterPath()
    path.addRect(QRectF(centre.x() - half, centre.y() - half, 2 * half, 2 * half))
    return path


def cross(centre: QPointF, arm: float) -> QPainterPath:
    """A cross about a point."""
    path = QPainterPath()
    for away in (QPointF(arm, 0), QPointF(0, arm)):
        path.moveTo(centre - away)
        path.lineTo(centre + away)
    return path


def arc(centre: QPointF, radius: float, share: float) -> QPainterPath:
    """A share of a circle, from the top on clockwise."""
    box, path = QRectF(centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius), QPainterPath()
    path.arcMoveTo(box, 90)
    path.arcTo(box, 90, -360 * float(np.clip(share, 0, 1)))
    return path


def _shade(colour: str, alpha: float) -> QColor:
    shade = QColor(colour)
    shade.setAlphaF(alpha)
    return shade
