"""The texture, flat: one material at a time, down to single texels. Only what is exposed is drawn."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene, QGraphicsView, QStyleOptionGraphicsItem, QWidget

from desktop.gui import theme
from desktop.gui.model import verbs
from desktop.gui.model.document import Changes
from desktop.gui.model.pyramid import Pyramid
from desktop.gui.model.ring import ring, strokes
from desktop.gui.model.session import Session
from desktop.gui.views.body import CLICK_PX
from engine.errors import BadInput
from engine.lesion import Site

_ZOOM_STEP = 1.2
_CLOSEST = 40.0
"""Screen pixels per texel."""


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


class AtlasView(QGraphicsView):
    """Left button: click to place, drag to move the map. Wheel: zoom to the pointer."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.material = 0
        self.item: AtlasItem | None = None
        self._scene = QGraphicsScene(self)
        self.setScene(self._scene)
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = False
        self._fitted = True
        self.setAccessibleName("Texture")
        self.setAccessibleDescription("The skin's texture map; click to place a lesion; drag to move; wheel to zoom")
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setBackgroundBrush(QColor(theme.PANEL))
        self.setMouseTracking(True)
        self.setMinimumSize(240, 240)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        session.document_changed.connect(self._take_document)
        session.lesions_changed.connect(self._take_changes)
        session.site_changed.connect(self._follow_site)
        session.selection_changed.connect(self._follow_site)
        for signal in (session.hover_changed, session.request_changed):
            signal.connect(self.viewport().update)

    def show_material(self, material: int) -> None:
        """Show the map of another material."""
        document = self.session.document
        if document is None or (material == self.material and self.item is not None):
            return
        self.material = material
        self._scene.clear()
        self.item = AtlasItem(document.pyramids[material])
        self._scene.addItem(self.item)
        bounds = self.item.boundingRect()
        self._scene.setSceneRect(
            bounds.adjusted(
                *(
                    s * side
                    for s, side in zip((-1, -1, 1, 1), 2 * [bounds.width()] + 2 * [bounds.height()], strict=True)
                )
            )
        )
        self.fit()

    def fit(self) -> None:
        """The whole map."""
        if self.item is not None:
            self._fitted = True
            self.fitInView(self.item, Qt.AspectRatioMode.KeepAspectRatio)

    def zoom(self, factor: float, position: QPointF | None = None) -> None:
        """Nearer (factor > 1) or farther; what lies under the position stays there."""
        if self.item is None:
            return
        scale = self.transform().m11()
        least = 0.5 * min(self.width() / self.item.boundingRect().width(), 1.0)
        factor = float(np.clip(scale * factor, least, _CLOSEST)) / scale
        at = position or QPointF(self.viewport().rect().center())
        before = self.mapToScene(at.toPoint())
        self._fitted = False
        self.scale(factor, factor)
        shift = self.mapToScene(at.toPoint()) - before
        self.translate(shift.x(), shift.y())

    def site_under(self, position: QPointF) -> Site | None:
        """The site of the skin under a position in the viewport; None where the map is empty."""
        document = self.session.document
        if document is None or self.item is None:
            return None
        inverse, _ = self.viewportTransform().inverted()
        texel, bounds = inverse.map(position), self.item.boundingRect()
        if not bounds.contains(texel):
            return None
        try:
            return document.patient.surface.site_at_uv(
                self.material, texel.x() / bounds.width(), texel.y() / bounds.height()
            )
        except BadInput:
            return None  # between the islands there is no skin

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        """Rings of true size, where they lie on this map."""
        document, session = self.session.document, self.session
        if document is None or self.item is None:
            return
        layer = document.layer(session.selection)
        if layer is not None:
            self._draw_ring(painter, layer.spec.site, layer.spec.diameter_mm * 1.25, theme.ACCENT)
        if session.site is not None:
            self._draw_ring(painter, session.site, session.request.diameter_mm, theme.SITE)
        elif session.hover is not None:
            self._draw_pointer(painter, session.hover, theme.SITE)

    def _draw_ring(self, painter: QPainter, site: Site, diameter_mm: float, colour: str) -> None:
        assert self.session.document is not None and self.item is not None
        document, bounds = self.session.document, self.item.boundingRect()
        path = QPainterPath()
        for stroke in strokes(
            ring(document.patient.surface, site, diameter_mm), document.island_material, self.material
        ):
            points = [QPointF(u * bounds.width(), v * bounds.height()) for u, v in stroke]
            path.moveTo(points[0])
            for point in points[1:]:
                path.lineTo(point)
        _stroke(painter, path, colour)
        if max(path.boundingRect().width(), path.boundingRect().height()) * self.transform().m11() < 2 * theme.MARK_PX:
            self._draw_pointer(painter, site, colour)

    def _draw_pointer(self, painter: QPainter, site: Site, colour: str) -> None:
        assert self.session.document is not None and self.item is not None
        material, u, v = self.session.document.patient.surface.uv(site)
        if material == self.material:
            bounds, radius = self.item.boundingRect(), theme.MARK_PX / self.transform().m11()
            path = QPainterPath()
            path.addEllipse(QPointF(u * bounds.width(), v * bounds.height()), radius, radius)
            _stroke(painter, path, colour)

    def _take_document(self) -> None:
        self._scene.clear()
        self.item = None
        document = self.session.document
        if document is not None:
            self.show_material(document.patient.material(None))

    def _take_changes(self, changes: Changes) -> None:
        document = self.session.document
        if self.item is None or document is None:
            return
        shown = document.pyramids[self.material]
        for material, levels in changes.rects.items():
            if document.pyramids[material] is shown:
                for rect in levels[0]:
                    self.item.update(QRectF(rect.x - 1, rect.y - 1, rect.width + 2, rect.height + 2))
        self.viewport().update()

    def _follow_site(self) -> None:
        """Show the map on which the new site lies."""
        document, session = self.session.document, self.session
        layer = document.layer(session.selection) if document is not None else None
        site = session.site if layer is None else layer.spec.site
        if document is not None and site is not None:
            self.show_material(int(document.patient.surface.face_material[site.face]))
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The beginning of a click or a drag."""
        self._pressed, self._last, self._dragging = event.position(), event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the map, or tell what is under the pointer."""
        if self._pressed is None:
            self.session.set_hover(self.site_under(event.position()))
            return
        if not self._dragging and (event.position() - self._pressed).manhattanLength() <= CLICK_PX:
            return
        moved, self._last, self._dragging = event.position() - self._last, event.position(), True
        self._fitted = False
        scale = self.transform().m11()
        self.translate(moved.x() / scale, moved.y() / scale)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click places or selects."""
        pressed, self._pressed = self._pressed, None
        if pressed is not None and not self._dragging and event.button() == Qt.MouseButton.LeftButton:
            site = self.site_under(event.position())
            if site is not None:
                verbs.point_at(self.session, site)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        self.zoom(_ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """+ and - zoom, 0 shows everything."""
        match event.key():
            case Qt.Key.Key_Plus:
                self.zoom(_ZOOM_STEP)
            case Qt.Key.Key_Minus:
                self.zoom(1 / _ZOOM_STEP)
            case Qt.Key.Key_0:
                self.fit()
            case _:
                super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole map in sight until the user has zoomed."""
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    def leaveEvent(self, event: object) -> None:
        """Nothing is under the pointer any more."""
        self.session.set_hover(None)


def _wrapped(pixels: NDArray[np.uint8]) -> QImage:
    """An image that shows the array itself; the array must outlive it."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGBX8888)


def _stroke(painter: QPainter, path: QPainterPath, colour: str) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for tint, width in ((QColor(16, 17, 18, 140), 2.4), (QColor(colour), 1.0)):
        pen = QPen(tint, width * theme.RING_PX)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
