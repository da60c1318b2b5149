"""What is drawn over the body: rings of true size, the pointer's ghost, the outline under way, the lesion's handles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor

from desktop.gui import theme
from desktop.gui.model.ring import COUNT, ring
from desktop.gui.model.tools import Tool
from desktop.gui.views.body_scene import Mark
from desktop.gui.views.kept import Ghost
from engine.lesion import Site
from engine.render import visible
from engine.surface import Surface

if TYPE_CHECKING:
    from desktop.gui.views.body import BodyView

SELECTED = 1.25
"""How much wider than a selected lesion its ring is."""
HANDLE_OUT_PX = 24.0
"""Handles keep at least so far from the middle of a small lesion."""
_LIFT_M = 4e-4
"""Marks float this far above the skin, so that they don't sink into it."""
_CROSS_PX = 11.0
_HANDLE_PX = 5.0


class BodyMarks:
    """Makes lines and the ghost of the session's state, as the view's camera sees them."""

    def __init__(self, view: BodyView) -> None:
        self.view = view

    def lines(self, ratio: float) -> list[Mark]:
        """Everything but the ghost's disc. ratio: pixels per point."""
        session, surface = self.view.session, self._surface
        if surface is None or session.document is None:
            return []
        marks: list[Mark] = []
        for layer_id in session.selected:
            layer = session.document.layer(layer_id)
            if layer is not None:
                main = layer_id == session.selection
                site = (self.view.gestures.preview_site if main else None) or layer.spec.site
                size = (self.view.gestures.preview_diameter_mm if main else None) or layer.spec.diameter_mm
                marks += self._ring(site, size * SELECTED, theme.ACCENT, ratio)
        if session.site is not None:
            marks += self._ring(session.site, session.request.diameter_mm, theme.SITE, ratio)
        if session.tools.tool is Tool.POINT:
            marks += self._handles(ratio)
        marks += self._pointer(ratio) + self._outline(ratio)
        return marks

    def ghost(self) -> Ghost | None:
        """The disc that a click would mark or paint."""
        session, surface, camera = self.view.session, self._surface, self.view.camera
        if surface is None or camera is None or session.hover is None or session.tools.tool.outlines:
            return None
        if self.view.gestures.preview_site is not None:
            return None
        brush = session.tools.tool.brushes
        diameter = session.tools.brush_mm if brush else session.request.diameter_mm
        colour = theme.REGION if session.tools.tool is Tool.BRUSH else theme.SITE
        pixel = camera.view.height_m / max(self.view.height(), 1)
        return Ghost(surface.point(session.hover), diameter / 2000, _tint(colour, 0.28), 0.7 * pixel)

    def handles(self) -> dict[str, QPointF]:
        """Where the selected lesion can be taken hold of: `centre`, `turn`, `size`; empty behind the body."""
        session, surface, view = self.view.session, self._surface, self.view
        layer = session.document.layer(session.selection) if session.document is not None else None
        if layer is None or surface is None or view.camera is None or view.scene is None:
            return {}
        site = view.gestures.preview_site or layer.spec.site
        point = surface.point(site)
        if not visible(surface, view.camera.view, point)[0]:
            return {}
        size = view.gestures.preview_diameter_mm or layer.spec.diameter_mm
        outline = ring(surface, site, size * SELECTED)
        centre, right, up = (view.position_of(tuple(p)) for p in (point, outline.points[COUNT // 4], outline.points[0]))
        return {"centre": centre, "size": _out(centre, right, 1.0), "turn": _out(centre, up, 1.6)}

    @property
    def _surface(self) -> Surface | None:
        document = self.view.session.document
        return None if document is None or self.view.scene is None else document.patient.surface

    def _ring(self, site: Site, diameter_mm: float, colour: str, ratio: float) -> list[Mark]:
        """The true size on the skin, and about it a circle that is found from afar."""
        assert self._surface is not None
        outline = ring(self._surface, site, diameter_mm)
        points = self.view.clip(outline.points + _LIFT_M * outline.normals)
        marks = _lined(points, colour, ratio)
        across = np.ptp(points[:, 0]) * self.view.width() / 2
        return marks if across > 2 * theme.MARK_PX else marks + self._circle(site, colour, ratio)

    def _circle(self, site: Site, colour: str, ratio: float) -> list[Mark]:
        """A circle of constant size on the screen, unless the site is on the far side."""
        assert self._surface is not None and self.view.camera is not None
        point = self._surface.point(site)
        if not visible(self._surface, self.view.camera.view, point)[0]:
            return []
        angle = np.linspace(0, 2 * np.pi, 41)
        shape = theme.MARK_PX * np.column_stack([np.cos(angle), np.sin(angle)])
        shape[-1] = shape[0]
        return _lined(self._on_screen(self.view.clip(point[None])[0], shape), colour, ratio, hidden=True)

    def _pointer(self, ratio: float) -> list[Mark]:
        """The ghost's rim, and a cross where the pointer itself is in another view."""
        session, surface, camera = self.view.session, self._surface, self.view.camera
        site = session.hover
        if surface is None or camera is None or site is None or self.view.gestures.preview_site is not None:
            return []
        marks: list[Mark] = []
        if not session.tools.tool.outlines:
            brush = session.tools.tool.brushes
            diameter = session.tools.brush_mm if brush else session.request.diameter_mm
            outline = ring(surface, site, diameter)
            points = self.view.clip(outline.points + _LIFT_M * outline.normals)
            marks += _lined(points, theme.REGION if session.tools.tool is Tool.BRUSH else theme.SITE, ratio, 0.8)
        point = surface.point(site)
        if not self.view.underMouse() and visible(surface, camera.view, point)[0]:
            middle = self.view.clip(point[None])[0]
            for arm in (np.array([[-1, 0], [1, 0]]), np.array([[0, -1], [0, 1]])):
                marks += _lined(self._on_screen(middle, _CROSS_PX * arm), theme.SITE, ratio, hidden=True)
        return marks

    def _outline(self, ratio: float) -> list[Mark]:
        points = self.view.gestures.outline()
        if len(points) < 2:
            return []
        size = np.array([self.view.width(), self.view.height()], float)
        placed = np.array([[p.x(), p.y()] for p in [*points, points[0]]]) / size * (2, -2) + (-1, 1)
        clip = np.column_stack([placed, np.zeros(len(placed))]).astype(np.float32)
        return _lined(clip, theme.REGION, ratio, hidden=True)

    def _handles(self, ratio: float) -> list[Mark]:
        places = self.handles()
        marks: list[Mark] = []
        for name in ("size", "turn"):
            if name not in places:
                continue
            corners = 4 if name == "size" else 24
            angle = np.linspace(0, 2 * np.pi, corners + 1) + (np.pi / 4 if corners == 4 else 0)
            shape = _HANDLE_PX * np.column_stack([np.cos(angle), np.sin(angle)])
            shape[-1] = shape[0]
            at = places[name]
            middle = np.array([at.x() / self.view.width() * 2 - 1, 1 - at.y() / self.view.height() * 2, 0], np.float32)
            marks += _lined(self._on_screen(middle, shape), theme.ACCENT, ratio, hidden=True)
        return marks

    def _on_screen(self, middle: NDArray[np.float32], shape: NDArray[np.float64]) -> NDArray[np.float32]:
        """A shape [N, 2] in points about a place in clip space."""
        points = np.tile(middle, (len(shape), 1)).astype(np.float32)
        points[:, :2] += (shape * 2 / np.array([self.view.width(), self.view.height()])).astype(np.float32)
        return points


def _lined(
    points: NDArray[np.float32], colour: str, ratio: float, alpha: float = 1.0, hidden: bool = False
) -> list[Mark]:
    """A line with a dark border, to be seen on any skin."""
    width = theme.RING_PX * ratio
    return [
        Mark(points, 2.4 * width, _tint(theme.OUTLINE, 0.55 * alpha), hidden),
        Mark(points, width, _tint(colour, alpha), hidden),
    ]


def _out(centre: QPointF, edge: QPointF, share: float) -> QPointF:
    """A place on the ray from the centre past the edge."""
    away = edge - centre
    length = max((away.x() ** 2 + away.y() ** 2) ** 0.5, 1e-6)
    return centre + away * (max(length, HANDLE_OUT_PX) * share / length)


def _tint(colour: str, alpha: float) -> tuple[float, float, float, float]:
    red, green, blue, _ = QColor(colour).getRgbF()
    return red, green, blue, alpha
