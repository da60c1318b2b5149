"""The texture's pixels and the painted region in the flat view. Only what is exposed is drawn, as fine as needed."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from desktop.gui.model.pyramid import Pyramid
from desktop.gui.model.regions import ACTIVE, PROTECTED

_PREMULTIPLIED = QImage.Format.Format_RGBA8888_Premultiplied


class AtlasItem(QGraphicsItem):
    """A pyramid as an item of one unit per texel; takes the level that suits the zoom."""

    def __init__(self, pyramid: Pyramid) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)  # else exposedRect is everything
        self._levels = pyramid.levels
        self.images = [_wrapped(pixels) for pixels in pyramid.levels]

    def boundingRect(self) -> QRectF:
        """The whole map, in texels."""
        return QRectF(0, 0, self.images[0].width(), self.images[0].height())

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """The exposed part, from the level whose texels are at least as fine as the screen's pixels."""
        scale = option.levelOfDetailFromTransform(painter.worldTransform())
        level = int(np.clip(np.floor(np.log2(max(1 / max(scale, 1e-6), 1))), 0, len(self.images) - 1))
        image = self.images[level]
        exposed = option.exposedRect.intersected(self.boundingRect())
        across, down = image.width() / self.images[0].width(), image.height() / self.images[0].height()
        source = QRectF(exposed.x() * across, exposed.y() * down, exposed.width() * across, exposed.height() * down)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        painter.drawImage(exposed, image, source)


def draw_overlay(painter: QPainter, bits: NDArray[np.uint8], exposed: QRectF, bounds: QRectF, scale: float) -> None:
    """The region and the protected areas where they are exposed; stripes as on the body.

    bits: uint8 [H, W], see `Regions.overlay`; it may be coarser than the map. exposed, bounds: in texels of the map.
    scale: points per texel.
    """
    height, width = bits.shape
    across, down = width / bounds.width(), height / bounds.height()
    left, top = int(max(exposed.left() * across, 0)), int(max(exposed.top() * down, 0))
    right = min(int(np.ceil(exposed.right() * across)), width)
    bottom = min(int(np.ceil(exposed.bottom() * down)), height)
    step = max(int(across / max(scale, 1e-6)), 1)
    left, top = left - left % step, top - top % step
    part = bits[top:bottom:step, left:right:step]
    painted = part > 0
    if not painted.any():
        return
    inside_rows, inside_columns = np.flatnonzero(painted.any(1)), np.flatnonzero(painted.any(0))
    rows, columns = np.arange(inside_rows[0], inside_rows[-1] + 1), np.arange(inside_columns[0], inside_columns[-1] + 1)
    part = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    left, top = left + step * int(columns[0]), top + step * int(rows[0])
    side = step / across * scale  # points that one sample covers
    colours = np.zeros((*part.shape, 4), np.uint8)
    kept, active = (part & PROTECTED) > 0, (part & ACTIVE) > 0
    colours[kept] = (9, 6, 13, 90)
    colours[kept & _striped(columns + rows[:, None], side)] = (180, 174, 188, 195)
    colours[active] = (21, 56, 92, 107)
    colours[active & _striped(columns - rows[:, None], side)] = (12, 62, 128, 178)
    image = QImage(colours.data, part.shape[1], part.shape[0], 4 * part.shape[1], _PREMULTIPLIED)
    target = QRectF(left / across, top / down, part.shape[1] * step / across, part.shape[0] * step / down)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(target, image)


def _striped(diagonal: NDArray[np.intp], side: float) -> NDArray[np.bool_]:
    """Every ninth point along a diagonal, two and a half wide; plain where single samples are seen."""
    if side >= 3:
        return np.zeros(diagonal.shape, bool)
    period, wide = max(round(9 / side), 2), max(round(2.5 / side), 1)
    return np.asarray(diagonal % period < wide)


def _wrapped(pixels: NDArray[np.uint8]) -> QImage:
    """An image that shows the array itself; the array must outlive it."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGBX8888)
