"""The marks as they lie on the texture, and what lies beneath them: islands, wires, lesions' outlines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from desktop.gui.model.document import Changes, Document
from desktop.gui.model.ring import Ring
from desktop.gui.model.ring import strokes as pieces_of
from desktop.gui.model.tools import Tint
from desktop.gui.model.uv_lines import Segments, UvLines, lesion_outlines, within
from desktop.gui.views.marks import QUARTER, Marks
from desktop.gui.views.strokes import Mark, Stroke, line
from engine.lesion import LesionLayer, Site

if TYPE_CHECKING:
    from desktop.gui.views.atlas import AtlasView

_MOST_WIRES = 6000
_GHOST = 0.25


class AtlasMarks(Marks):
    """Marks of the view of the texture. Lines of the mesh are sorted out once a document and material."""

    def __init__(self, view: AtlasView) -> None:
        super().__init__(view)
        self.view = view
        self._lines: dict[int, UvLines] = {}
        self._outlines: dict[tuple[str, int], tuple[LesionLayer, QPainterPath]] = {}

    def forget(self) -> None:
        """Another document was opened."""
        super().forget()
        self._lines, self._outlines = {}, {}

    def follow(self, changes: Changes) -> None:
        """Outlines of lesions whose texels changed are found anew."""
        if self._document is None:
            return
        maps = self._document.pyramids
        for key, (_, path) in list(self._outlines.items()):
            near = path.boundingRect().adjusted(-2, -2, 2, 2)
            rects = [r for m, levels in changes.rects.items() if maps[m] is maps[key[1]] for r in levels[0]]
            if path.isEmpty() or any(near.intersects(QRectF(r.x, r.y, r.width, r.height)) for r in rects):
                del self._outlines[key]

    # as `Marks` asks

    def ring_marks(self, outline: Ring, colour: str, alpha: float = 1.0) -> list[Mark]:
        """See `Marks`."""
        return [Stroke(path, colour, alpha) for path in self._paths(outline)]

    def ghost(self, outline: Ring, site: Site, diameter_mm: float, colour: str) -> list[Mark]:
        """See `Marks`."""
        return [Stroke(path, colour, fill=_GHOST) for path in self._paths(outline)]

    def place_of(self, site: Site) -> QPointF | None:
        """See `Marks`; None on another map."""
        if self._document is None:
            return None
        material, u, v = self._document.patient.surface.uv(site)
        return self.view.position_of((u, v)) if material == self.view.material else None

    def points_per_mm(self, site: Site) -> float:
        """See `Marks`."""
        if self._document is None:
            return 0.0
        texel_mm = float(self._document.texel_mm[site.face])
        return self.view.scale_now / texel_mm if np.isfinite(texel_mm) and texel_mm > 0 else 0.0

    def handle_places(self, site: Site, outline: Ring) -> dict[str, tuple[QPointF, QPointF]]:
        """See `Marks`; beside the lesion where the ring leaves its island."""
        centre = self.place_of(site)
        if centre is None or self._document is None or self.view.item is None:
            return {}
        own = int(self._document.patient.surface.face_island[site.face])
        found = {}
        for name, place, beside in (("size", QUARTER, QPointF(1, 0)), ("turn", 0, QPointF(0, -1))):
            on_island = outline.island[place] == own
            found[name] = (centre, self.view.position_of(tuple(outline.uv[place])) if on_island else centre + beside)
        return found

    def _paths(self, outline: Ring) -> Iterator[QPainterPath]:
        assert self._document is not None
        for stroke in pieces_of(outline, self._document.island_material, self.view.material):
            yield line([self.view.position_of((u, v)) for u, v in stroke])

    # beneath

    def draw_ground(self, painter: QPainter, exposed: QRectF) -> None:
        """Islands, wires and lesions' outlines; exposed: in texels, as the painter's units."""
        document, session = self._document, self.session
        if document is None or self.view.item is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_mesh(painter, document, exposed)
        if session.tools.looks.outlines:
            self._draw_lesions(painter, document, exposed)

    def _draw_mesh(self, painter: QPainter, document: Document, exposed: QRectF) -> None:
        looks, bounds = self.session.tools.looks, self.view.bounds
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

    def _draw_lesions(self, painter: QPainter, document: Document, exposed: QRectF) -> None:
        pen = _pen(painter, QColor(240, 240, 238, 150), 1.0)
        pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for layer in document.layers:
            if layer.visible:
                path = self._outline_of(document, layer)
                if path.boundingRect().intersects(exposed):
                    painter.drawPath(path)

    def _outline_of(self, document: Document, layer: LesionLayer) -> QPainterPath:
        """In texels."""
        key, bounds = (layer.id, self.view.material), self.view.bounds
        kept = self._outlines.get(key)
        if kept is None or kept[0] is not layer:
            path = QPainterPath()
            for outline in lesion_outlines(document, layer, self.view.material):
                path.addPolygon([QPointF(u * bounds.width(), v * bounds.height()) for u, v in outline])
                path.closeSubpath()
            self._outlines[key] = kept = (layer, path)
        return kept[1]


def _pen(painter: QPainter, colour: QColor, width: float) -> QPen:
    """A pen as wide at every zoom. Qt counts its width in the screen's pixels, of which a dense screen has more."""
    pen = QPen(colour, width * painter.device().devicePixelRatio())
    pen.setCosmetic(True)
    return pen


def _draw_segments(painter: QPainter, segments: Segments, bounds: QRectF, colour: QColor, width: float) -> None:
    painter.setPen(_pen(painter, colour, width))
    scaled = (segments * (bounds.width(), bounds.height())).reshape(-1, 4).tolist()
    painter.drawLines([QLineF(*ends) for ends in scaled])
