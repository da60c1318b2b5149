"""What both views lay over their pictures: rings of true size, the pointer's ghost and cross, handles, the outline
under way, and the places of lesions that wait to be painted. A view says how these look from where it stands.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QRegion

from desktop.gui import theme
from desktop.gui.model.document import Document
from desktop.gui.model.ring import COUNT, Ring, ring
from desktop.gui.model.tools import Tool
from desktop.gui.model.waiting import waiting
from desktop.gui.views import strokes
from desktop.gui.views.strokes import Mark, Stroke
from engine.lesion import Site

if TYPE_CHECKING:
    from desktop.gui.views.pointing import Pointing

QUARTER = COUNT // 4
"""Of a ring's points, the one to the right; the first is at the top."""
SELECTED = 1.25
"""How much wider than a selected lesion its ring is."""
_HANDLE_OUT_PX = 24.0
"""Handles keep at least so far from the middle of a small lesion."""
_CROSS_PX = 11.0
_HANDLE_PX = 5.0
_RINGS_KEPT = 200


class Marks(ABC):
    """Marks of one view. Those that stand are made anew when the session or the view changes, the pointer's when it
    moves, so that a moving pointer costs next to nothing.
    """

    def __init__(self, view: Pointing) -> None:
        self.session = view.session
        self._view = view
        self._standing: list[Mark] = []
        self._pointer: list[Mark] = []
        self._stale = True
        self._rings: dict[tuple[Site, float], Ring] = {}

    # what a view says

    @abstractmethod
    def ring_marks(self, outline: Ring, colour: str, alpha: float = 1.0) -> list[Mark]:
        """A ring on the skin as this view sees it."""

    @abstractmethod
    def place_of(self, site: Site) -> QPointF | None:
        """Where this view sees a site; None where it doesn't."""

    @abstractmethod
    def points_per_mm(self, site: Site) -> float:
        """How large a millimetre of skin is seen at a site, about."""

    @abstractmethod
    def handle_places(self, site: Site, outline: Ring) -> dict[str, tuple[QPointF, QPointF]]:
        """For each handle (`size`, `turn`) the lesion's middle and the ring's edge beneath the handle."""

    @abstractmethod
    def ghost(self, outline: Ring, site: Site, diameter_mm: float, colour: str) -> list[Mark]:
        """The disc that a click would mark or paint, and its rim."""

    # drawing

    def forget(self) -> None:
        """Another document was opened."""
        self._rings.clear()
        self._standing, self._pointer, self._stale = [], [], True

    def spoil(self) -> None:
        """The session is another, or the view looks from elsewhere: all of it is made anew with the next painting."""
        self._stale = True

    def renew_pointer(self) -> QRegion:
        """Follow the pointer; what has to be drawn anew."""
        if self._stale:
            return QRegion()  # all of the view is drawn anew
        before = strokes.region_of(self._pointer)
        self._pointer = self._at_pointer()
        return before + strokes.region_of(self._pointer)

    def paint(self, painter: QPainter, within: QRegion) -> None:
        """Draw what meets a region of the view."""
        if self._stale:
            self._stale = False
            self._standing, self._pointer = self._all_standing(), self._at_pointer()
        strokes.paint(painter, [*self._standing, *self._pointer], within)

    def handles(self) -> dict[str, QPointF]:
        """Where the selected lesion can be taken hold of: `centre`, `turn`, `size`; empty where it isn't seen."""
        found = self._selected_now()
        if found is None:
            return {}
        site, diameter = found
        places = self.handle_places(site, self._ring(site, diameter * SELECTED))
        handles = {name: _out(*ends, 1.0 if name == "size" else 1.6) for name, ends in places.items()}
        return {**handles, "centre": next(iter(places.values()))[0]} if places else {}

    @property
    def _document(self) -> Document | None:
        return self.session.document

    def _selected_now(self) -> tuple[Site, float] | None:
        """Place and diameter of the selected lesion as a gesture shows it."""
        layer = self._document.layer(self.session.selection) if self._document is not None else None
        if layer is None:
            return None
        gestures = self._view.gestures
        return gestures.preview_site or layer.spec.site, gestures.preview_diameter_mm or layer.spec.diameter_mm

    def _all_standing(self) -> list[Mark]:
        session, document = self.session, self._document
        if document is None:
            return []
        marks: list[Mark] = []
        for layer in (document.layer(layer_id) for layer_id in session.selected):
            if layer is not None:
                main = self._selected_now() if layer.id == session.selection else None
                site, diameter = main or (layer.spec.site, layer.spec.diameter_mm)
                marks += self._ringed(site, diameter * SELECTED, theme.ACCENT)
        if session.site is not None:
            marks += self._ringed(session.site, session.request.diameter_mm, theme.SITE)
        marks += self._on_their_way()
        if session.tools.tool is Tool.POINT:
            marks += self._handles()
        return marks

    def _at_pointer(self) -> list[Mark]:
        marks: list[Mark] = []
        outline = self._view.gestures.outline()
        if len(outline) >= 2:
            marks.append(Stroke(strokes.line(outline, closed=True), theme.REGION))
        session, site = self.session, self.session.hover
        if self._document is None or site is None or self._view.gestures.preview_site is not None:
            return marks
        tool = session.tools.tool
        if not tool.outlines:
            diameter = session.tools.brush_mm if tool.brushes else session.request.diameter_mm
            colour = theme.REGION if tool is Tool.BRUSH else theme.SITE
            marks += self.ghost(ring(self._document.patient.surface, site, diameter), site, diameter, colour)
        place = None if self._view.underMouse() else self.place_of(site)
        if place is not None:
            marks.append(Stroke(strokes.cross(place, _CROSS_PX), theme.SITE))
        return marks

    def _ringed(self, site: Site, diameter_mm: float, colour: str) -> list[Mark]:
        """The true size on the skin, and about it a circle that is found from afar."""
        marks = self.ring_marks(self._ring(site, diameter_mm), colour)
        place = self.place_of(site)
        if place is not None and diameter_mm * self.points_per_mm(site) < 2 * theme.MARK_PX:
            marks.append(Stroke(strokes.circle(place, theme.MARK_PX), colour))
        return marks

    def _on_their_way(self) -> list[Mark]:
        """Lesions that wait: dashed, of true size; about those that are being painted an arc that closes."""
        marks: list[Mark] = []
        for lesion in waiting(self.session):
            place = self.place_of(lesion.site)
            if place is None:
                continue
            radius = max(lesion.diameter_mm / 2 * self.points_per_mm(lesion.site), 5.0)
            marks.append(Stroke(strokes.circle(place, radius), theme.SITE, alpha=0.85, dashed=True))
            if lesion.share is not None:
                around = max(radius + 4, theme.MARK_PX)
                marks.append(Stroke(strokes.arc(place, around, max(lesion.share, 0.02)), theme.ACCENT))
        return marks

    def _handles(self) -> list[Mark]:
        places = self.handles()
        shapes = {"size": strokes.square, "turn": strokes.circle}
        return [Stroke(shapes[name](places[name], _HANDLE_PX), theme.ACCENT) for name in shapes if name in places]

    def _ring(self, site: Site, diameter_mm: float) -> Ring:
        """A ring that stands for a while."""
        assert self._document is not None
        key = site, diameter_mm
        if key not in self._rings:
            while len(self._rings) >= _RINGS_KEPT:
                del self._rings[next(iter(self._rings))]
            self._rings[key] = ring(self._document.patient.surface, site, diameter_mm)
        return self._rings[key]


def runs(points: np.ndarray, shown: np.ndarray) -> list[Sequence[QPointF]]:
    """Pieces of a line [N, 2] whose points are all shown, bool [N]; of two points and more."""
    breaks = np.flatnonzero(np.diff(shown)) + 1
    pieces = zip(np.split(points, breaks), np.split(shown, breaks), strict=True)
    return [[QPointF(x, y) for x, y in piece] for piece, seen in pieces if len(piece) > 1 and seen[0]]


def _out(centre: QPointF, edge: QPointF, share: float) -> QPointF:
    """A place on the ray from the centre past the edge."""
    away = edge - centre
    length = max((away.x() ** 2 + away.y() ** 2) ** 0.5, 1e-6)
    reach: float = max(length, _HANDLE_OUT_PX) * share / length
    return QPointF(centre.x() + reach * away.x(), centre.y() + reach * away.y())
