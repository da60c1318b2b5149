"""Gestures that both views share: painting with the tools, and the selected lesion in hand (`holding`).

A view says where things are; the gesture says what happens. One gesture is one step of the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot
from typing import Protocol

import numpy as np
from PySide6.QtCore import QPointF, Qt

from desktop.gui.model.texts import tr
from desktop.gui.model.tools import Tool
from desktop.gui.views.holding import Hold, Holdable
from engine.lesion import Site
from engine.surface.painting import Piece

CLICK_PX = 4
_REACH = 6.0
"""A brush stroke is joined over gaps of so many brush radii; farther apart the pointer has left the skin between."""
_FREEHAND_PX = 2.0

Anchor = tuple[float, ...]
"""A place in a view's own space, which stays where it is when the view is turned or zoomed."""


class View(Holdable, Protocol):
    """What a gesture asks of a view. Positions are in the view's points."""

    def anchor_at(self, position: QPointF) -> Anchor | None:
        """A position, kept in the view's own space."""

    def position_of(self, anchor: Anchor) -> QPointF:
        """Where an anchor is seen now."""

    def skin_inside(self, outline: Sequence[QPointF]) -> list[Piece]:
        """The texels inside a closed outline."""


class Gestures:
    """The gesture under way in one view, if any."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.corners: list[Anchor] = []
        self.pointer: QPointF | None = None
        self._subtract = False
        self._path: list[np.ndarray] = []
        self._stroke = False
        self._freehand = False
        self._hold = Hold(view)
        self._moved = self._given_up = False
        self._pressed = QPointF()

    @property
    def busy(self) -> bool:
        """Whether something is under way that Esc gives up."""
        return bool(self.corners or self._stroke or self._hold.handle)

    def outline(self) -> list[QPointF]:
        """What is drawn so far, in points, for the view to show."""
        found = [self.view.position_of(corner) for corner in self.corners]
        if not found:
            return []
        if self._tool is Tool.RECTANGLE:
            return _box(found[0], found[-1] if len(found) > 1 else self.pointer or found[0])
        if self.pointer is not None and not self._freehand:
            found.append(self.pointer)
        return found

    # the mouse

    def press(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> bool:
        """The left button goes down; whether a gesture takes it."""
        self._pressed, self._moved, self._given_up, self.pointer = position, False, False, position
        if self._tool is Tool.POINT:
            return self._hold.take(position)
        self._choose_side(modifiers)
        if self._tool.brushes:
            return self._begin_stroke(position)
        return self._add_corner(position)

    def move(self, position: QPointF) -> bool:
        """The pointer moves; whether a gesture follows it."""
        self.pointer = position
        if (position - self._pressed).manhattanLength() > CLICK_PX:
            self._moved = True
        if self._hold.handle:
            if self._moved:
                self._hold.pull(position)
            return True
        if self._stroke:
            self._dab(position)
            return True
        if self._freehand:
            self._trail(position)
            return True
        if self.corners:
            self.view.redraw()
        return False

    def release(self, position: QPointF) -> bool:
        """The left button goes up; whether a gesture ends or goes on by it."""
        self.pointer = position
        if self._given_up:
            return True
        if self._hold.handle:
            return self._hold.let_go(self._moved)
        if self._stroke:
            self._end_stroke()
            return True
        if self._freehand:
            self._freehand = False
            if self._moved:
                if self._tool is Tool.RECTANGLE:
                    self._append(position)
                self.close()
            return True
        return False

    # the keyboard

    def enter(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> bool:
        """Enter at a place: a dab, or a corner; whether a tool takes it."""
        if self._tool is Tool.POINT:
            return False
        self._choose_side(modifiers)
        if self._tool.brushes:
            if self._begin_stroke(position):
                self._end_stroke()
        else:
            self._add_corner(position)
            self._freehand = False
        return True

    def give_up(self) -> bool:
        """Esc: everything as before the gesture; whether there was one."""
        if not self.busy:
            return False
        self._given_up = True
        self._hold.give_up()
        if self._stroke:
            self._end_stroke()
        self._forget()
        self.view.redraw()
        return True

    # painting

    @property
    def _tool(self) -> Tool:
        return self.view.session.tools.tool

    @property
    def _adds(self) -> bool:
        return self._subtract == (self._tool is Tool.ERASER)

    def _choose_side(self, modifiers: Qt.KeyboardModifier) -> None:
        wanted = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        self._subtract = bool(modifiers & wanted)

    def _begin_stroke(self, position: QPointF) -> bool:
        if self.view.site_under(position) is None:
            return False
        self._stroke, self._path = True, []
        self._dab(position)
        return True

    def _dab(self, position: QPointF) -> None:
        session, site = self.view.session, self.view.site_under(position)
        session.set_hover(site)
        document, grid = session.document, session.regions.grid
        if site is None or document is None or grid is None:
            self._path = []
            return
        radius, point = session.tools.brush_mm / 2, document.patient.surface.point(site)
        joined = self._path and np.linalg.norm(point - self._path[-1]) * 1000 < _REACH * max(radius, 2.0)
        path = np.array([self._path[-1], point] if joined else [point])
        self._path = [point]
        session.regions.paint(grid.brushed(path, radius, site.face), self._adds)

    def _end_stroke(self) -> None:
        self._stroke, self._path = False, []
        self.view.session.regions.finish("Paint" if self._adds else "Erase from")

    def _add_corner(self, position: QPointF) -> bool:
        """A corner; on the last or the first one it closes the outline."""
        seen = [self.view.position_of(corner) for corner in self.corners]
        ends = [seen[0], seen[-1]] if seen else []
        if len(seen) >= 3 and any((position - end).manhattanLength() <= 2 * CLICK_PX for end in ends):
            self.close()
            return True
        if self._tool is Tool.RECTANGLE and len(seen) == 1:
            self._append(position)
            self.close()
            return True
        if not seen or (position - seen[-1]).manhattanLength() > CLICK_PX:
            self._append(position)
        self._freehand = self._tool is Tool.LASSO or (self._tool is Tool.RECTANGLE and len(self.corners) == 1)
        self.view.redraw()
        return True

    def _trail(self, position: QPointF) -> None:
        if self._tool is not Tool.RECTANGLE:
            last = self.view.position_of(self.corners[-1])
            if hypot(position.x() - last.x(), position.y() - last.y()) >= _FREEHAND_PX:
                self._append(position)
        self.view.redraw()

    def _append(self, position: QPointF) -> None:
        anchor = self.view.anchor_at(position)
        if anchor is not None:
            self.corners.append(anchor)

    def close(self) -> None:
        """Fill the outline."""
        outline = [self.view.position_of(corner) for corner in self.corners]
        if self._tool is Tool.RECTANGLE and len(outline) >= 2:
            outline = _box(outline[0], outline[-1])
        self._forget()
        if len(outline) >= 3:
            regions = self.view.session.regions
            pieces = self.view.skin_inside(outline)
            regions.paint(pieces, not self._subtract)
            if pieces:
                regions.finish("Add to" if not self._subtract else "Take from")
            else:
                self.view.session.told.emit(tr("There is no skin inside this outline."), False)
        self.view.redraw()

    def _forget(self) -> None:
        self.corners, self._path = [], []
        self._stroke = self._freehand = False

    # the selected lesion

    @property
    def preview_site(self) -> Site | None:
        """Where the dragged lesion is shown."""
        return self._hold.site

    @property
    def preview_diameter_mm(self) -> float | None:
        """How large the lesion under the size handle is shown."""
        return self._hold.diameter_mm


def _box(one: QPointF, other: QPointF) -> list[QPointF]:
    return [one, QPointF(other.x(), one.y()), other, QPointF(one.x(), other.y())]
