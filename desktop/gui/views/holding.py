"""The selected lesion in hand: dragged by its middle, turned and resized by its handles."""

from __future__ import annotations

from math import atan2, degrees, hypot
from typing import Protocol

import numpy as np
from PySide6.QtCore import QPointF

from desktop.gui.model import lesions, verbs
from desktop.gui.model.dragging import Drag
from desktop.gui.model.session import Session
from engine.lesion import DIAMETER_MM, Site

HANDLE_PX = 9.0


class Holdable(Protocol):
    """What it asks of a view. Positions are in the view's points."""

    session: Session

    def site_under(self, position: QPointF) -> Site | None:
        """The skin at a position."""

    def handles(self) -> dict[str, QPointF]:
        """Where the selected lesion's handles are: `centre`, `turn` and `size`; none where they can't be seen."""

    def redraw(self) -> None:
        """Draw the marks anew."""


class Hold:
    """At most one handle at a time. handle: its name, "" for none."""

    def __init__(self, view: Holdable) -> None:
        self.view = view
        self._clear()

    def _clear(self) -> None:
        self.handle = ""
        self._drag: Drag | None = None
        self._from: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
        self._wanted: float | None = None

    @property
    def site(self) -> Site | None:
        """Where the dragged lesion is shown."""
        return self._drag.site if self._drag is not None else None

    @property
    def diameter_mm(self) -> float | None:
        """How large the lesion under the size handle is shown."""
        return self._wanted if self.handle == "size" else None

    def take(self, position: QPointF) -> bool:
        """Take hold of what is there; whether there was something, be it locked."""
        session = self.view.session
        layer = session.document.layer(session.selection) if session.document is not None else None
        places = self.view.handles()
        if layer is None or "centre" not in places:
            return False
        centre = places["centre"]
        for name in ("size", "turn"):
            if name in places and _apart(position, places[name]) <= HANDLE_PX:
                if not lesions.unlocked(session, [layer.id]):
                    return True
                self._from = (
                    _angle(centre, position),
                    layer.spec.turn_deg,
                    _apart(position, centre),
                    layer.spec.diameter_mm,
                )
                self.handle = name
                return True
        site = self.view.site_under(position)
        on_it = site is not None and session.document is not None and session.document.lesion_at(site) == layer.id
        if on_it or _apart(position, centre) <= HANDLE_PX:
            self._drag = Drag.begin(session, layer.id)
            self.handle = "centre"
            return True
        return False

    def pull(self, position: QPointF) -> None:
        """Show the lesion as it would be."""
        if self.handle == "centre":
            self._move(position)
            return
        places = self.view.handles()
        if "centre" not in places:
            return
        centre, session = places["centre"], self.view.session
        angle, turn, away, diameter = self._from
        if self.handle == "turn":
            self._wanted = turn + (_angle(centre, position) - angle)
            lesions.turn(session, self._wanted, commit=False)
        else:
            scaled = diameter * _apart(position, centre) / max(away, 1.0)
            self._wanted = float(np.clip(scaled, *DIAMETER_MM))
            lesions.resize(session, self._wanted, commit=False)
        self.view.redraw()

    def _move(self, position: QPointF) -> None:
        session, site = self.view.session, self.view.site_under(position)
        layer = session.document.layer(session.selection) if session.document is not None else None
        if site is None or layer is None or self._drag is None:
            return
        if not session.regions.keep_out(site, layer.spec.diameter_mm):
            session.set_hover(site)
            self._drag.to(site)

    def let_go(self, moved: bool) -> bool:
        """One step of the history, where anything was moved; whether this was more than a click."""
        handle, drag, wanted, session = self.handle, self._drag, self._wanted, self.view.session
        self._clear()
        if not moved:
            return handle != "centre"  # a click on the lesion is a click
        if drag is not None:
            drag.drop()
        elif wanted is not None and handle == "turn":
            lesions.turn(session, wanted)
        elif wanted is not None and handle == "size":
            lesions.resize(session, wanted)
        self.view.redraw()
        return True

    def give_up(self) -> None:
        """Everything as before."""
        if self._drag is not None:
            self._drag.give_up()
        elif self.handle:
            verbs.show_as_saved(self.view.session)
        self._clear()


def _angle(centre: QPointF, position: QPointF) -> float:
    """Of a ray from the centre, degrees, counter-clockwise from the right."""
    return degrees(atan2(-(position.y() - centre.y()), position.x() - centre.x()))


def _apart(one: QPointF, other: QPointF) -> float:
    return hypot(one.x() - other.x(), one.y() - other.y())
