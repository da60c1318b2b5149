"""What is drawn over the texture: rings of true size, islands, wires, lesions' outlines, the pointer, the handles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from desktop.gui import theme
from desktop.gui.model.document import Document
from desktop.gui.model.ring import COUNT, ring, strokes
from desktop.gui.model.tools import Tint, Tool
from desktop.gui.model.uv_lines import Segments, UvLines, lesion_outlines, within
from desktop.gui.views.body_marks import HANDLE_OUT_PX, SELECTED
from engine.lesion import LesionLayer, Site

if TYPE_CHECKING:
    from desktop.gui.views.atlas import AtlasView

_MOST_WIRES = 6000
_CROSS_PX = 11.0
_HANDLE_PX = 5.0


class AtlasMarks:
    """Draws the session's state in one view. Lines of the mesh are sorted out once a document and material."""

    def __init__(self, view: AtlasView) -> None:
        self.view = view
        self._lines: dict[int, UvLines] = {}
        self._outlines: dict[tuple[str, int], tuple[LesionLayer, int, list[NDArray[np.float64]]]] = {}

    def forget(self) -> None:
        """Another document was opened."""
        self._lines, self._outlines = {}, {}

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Everything; exposed: in texels."""
        session, document = self.view.session, self.view.session.document
        if document is None or self.view.item is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_mesh(painter, document, exposed)
        if session.tools.looks.outlines:
            self._draw_lesions(painter, document)
        for layer_id in session.selected:
            layer = document.layer(layer_id)
            if layer is not None:
                main = layer_id == session.selection
                site = (self.view.gestures.preview_site if main else None) or layer.spec.site
                size = (self.view.gestures.preview_diameter_mm if main else None) or layer.spec.diameter_mm
                self._draw_ring(painter, site, size * SELECTED, theme.ACCENT)
        if session.site is not None:
            self._draw_ring(painter, session.site, session.request.diameter_mm, theme.SITE)
        if session.tools.tool is Tool.POINT:
            self._draw_handles(painter)
        self._draw_pointer(painter)
        self._draw_outline(painter)

    def handles(self) -> dict[str, QPointF]:
        """Where the selected lesion can be taken hold of, in points; empty on another map."""
        session, document = self.view.session, self.view.session.document
        layer = document.layer(session.selection) if document is not None else None
        if document is None or layer is None or self.view.item is None:
            return {}
        site = self.view.gestures.preview_site or layer.spec.site
        material, u, v = document.patient.surface.uv(site)
        if material != self.view.material:
            return {}
        size = self.view.gestures.preview_diameter_mm or layer.spec.diameter_mm
        outline = ring(document.patient.surface, site, size * SELECTED)
        centre = self.view.position_of((u, v))
        found = {"centre": centre}
        own = int(document.patient.surface.face_island[site.face])
        for name, place, share in (("size", COUNT // 4, 1.0), ("turn", 0, 1.6)):
            edge = self.view.position_of(tuple(outline.uv[place])) if outline.island[place] == own else None
            away = edge - centre if edge is not None else QPointF(1, 0) if name == "size" else QPointF(0, -1)
            length = max((away.x() ** 2 + away.y() ** 2) ** 0.5, 1e-6)
            found[name] = centre + away * (max(length, HANDLE_OUT_PX) * share / length)
        return found

    def _draw_mesh(self, painter: QPainter, document: Document, exposed: QRectF) -> None:
        looks, bounds = self.view.session.tools.looks, self.view.bounds
        if looks.tint is not Tint.ISLANDS and not looks.wires:
            return
        if self.view.material not in self._lines:
            self._lines[self.view.material] = UvLines(document.patient.surface, self.view.material)
        lines = self._lines[self.view.material]
        low = exposed.left() / bounds.width(), exposed.top() / bounds.height()
        high = exposed.right() / bounds.width(), exposed.bottom() / bounds.height()
        if looks.wires:
            wires = within(lines.wires, low, high)
            if len(wires) <= _MOST_WIRES:
                _draw_segments(painter, wires, bounds, QColor(16, 17, 18, 150), 1.0)
        borders = within(lines.borders, low, high)
        _draw_segments(painter, borders, bounds, QColor(16, 17, 18, 190), 3.0)
        _draw_segments(painter, borders, bounds, QColor("#f0e442"), 1.2)

    def _draw_lesions(self, painter: QPainter, document: Document) -> None:
        bounds, path = self.view.bounds, QPainterPath()
        for layer in document.layers:
            if layer.visible:
                for outline in self._outline_of(document, layer):
                    points = [QPointF(u * bounds.width(), v * bounds.height()) for u, v in outline]
                    path.moveTo(points[-1])
                    for point in points:
                        path.lineTo(point)
        pen = _pen(painter, QColor(240, 240, 238, 150), 1.0)
        pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    def _outline_of(self, document: Document, layer: LesionLayer) -> list[NDArray[np.float64]]:
        key = layer.id, self.view.material
        kept = self._outlines.get(key)
        if kept is None or kept[0] is not layer or kept[1] != document.state.revision:
            found = lesion_outlines(document, layer, self.view.material)
            self._outlines[key] = kept = (layer, document.state.revision, found)
        return kept[2]

    def _draw_ring(self, painter: QPainter, site: Site, diameter_mm: float, colour: str, fill: float = 0.0) -> None:
        document, bounds = self.view.session.document, self.view.bounds
        assert document is not None
        path = QPainterPath()
        outline = ring(document.patient.surface, site, diameter_mm)
        for stroke in strokes(outline, document.island_material, self.view.material):
            points = [QPointF(u * bounds.width(), v * bounds.height()) for u, v in stroke]
            path.moveTo(points[0])
            for point in points[1:]:
                path.lineTo(point)
        if fill:
            shade = QColor(colour)
            shade.setAlphaF(fill)
            painter.fillPath(path, shade)
        _stroke(painter, path, colour)
        if max(path.boundingRect().width(), path.boundingRect().height()) * self.view.scale_now < 2 * theme.MARK_PX:
            self._draw_circle(painter, site, colour)

    def _draw_circle(self, painter: QPainter, site: Site, colour: str) -> None:
        place = self._texel(site)
        if place is not None:
            radius, path = theme.MARK_PX / self.view.scale_now, QPainterPath()
            path.addEllipse(place, radius, radius)
            _stroke(painter, path, colour)

    def _draw_pointer(self, painter: QPainter) -> None:
        session = self.view.session
        site, tool = session.hover, session.tools.tool
        if site is None or self.view.gestures.preview_site is not None:
            return
        if not tool.outlines:
            diameter = session.tools.brush_mm if tool.brushes else session.request.diameter_mm
            self._draw_ring(painter, site, diameter, theme.REGION if tool is Tool.BRUSH else theme.SITE, 0.25)
        place = self._texel(site)
        if place is not None and not self.view.underMouse():
            arm, path = _CROSS_PX / self.view.scale_now, QPainterPath()
            for dx, dy in ((arm, 0.0), (0.0, arm)):
                path.moveTo(place - QPointF(dx, dy))
                path.lineTo(place + QPointF(dx, dy))
            _stroke(painter, path, theme.SITE)

    def _draw_outline(self, painter: QPainter) -> None:
        points = self.view.gestures.outline()
        if len(points) >= 2:
            path = QPainterPath(self.view.texel_at(points[0]))
            for point in points[1:]:
                path.lineTo(self.view.texel_at(point))
            path.closeSubpath()
            _stroke(painter, path, theme.REGION)

    def _draw_handles(self, painter: QPainter) -> None:
        places, half = self.handles(), _HANDLE_PX / self.view.scale_now
        for name in ("size", "turn"):
            if name in places:
                middle, path = self.view.texel_at(places[name]), QPainterPath()
                box = QRectF(middle.x() - half, middle.y() - half, 2 * half, 2 * half)
                path.addRect(box) if name == "size" else path.addEllipse(box)
                _stroke(painter, path, theme.ACCENT)

    def _texel(self, site: Site) -> QPointF | None:
        """Where a site lies on this map."""
        document, bounds = self.view.session.document, self.view.bounds
        assert document is not None
        material, u, v = document.patient.surface.uv(site)
        return QPointF(u * bounds.width(), v * bounds.height()) if material == self.view.material else None


def _pen(painter: QPainter, colour: QColor, width: float) -> QPen:
    """A pen as wide at every zoom. Qt counts its width in the screen's pixels, of which a dense screen has more."""
    pen = QPen(colour, width * painter.device().devicePixelRatio())
    pen.setCosmetic(True)
    return pen


def _draw_segments(painter: QPainter, segments: Segments, bounds: QRectF, colour: QColor, width: float) -> None:
    painter.setPen(_pen(painter, colour, width))
    scaled = (segments * (bounds.width(), bounds.height())).reshape(-1, 4).tolist()
    painter.drawLines([QLineF(*ends) for ends in scaled])


def _stroke(painter: QPainter, path: QPainterPath, colour: str) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for tint, width in ((QColor(16, 17, 18, 140), 2.4), (QColor(colour), 1.0)):
        painter.setPen(_pen(painter, tint, width * theme.RING_PX))
        painter.drawPath(path)
