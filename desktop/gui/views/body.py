"""The body, to look at from all sides, to point at and to paint on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from desktop.gui.model.camera import Camera
from desktop.gui.model.document import Changes
from desktop.gui.model.regions import Rects
from desktop.gui.model.session import Session
from desktop.gui.model.tools import Tool
from desktop.gui.views.body_canvas import BodyCanvas
from desktop.gui.views.body_marks import BodyMarks, projected
from desktop.gui.views.body_select import texels_inside
from desktop.gui.views.gestures import Anchor, Gestures
from desktop.gui.views.legend import Legend
from desktop.gui.views.look_buttons import LookButtons
from desktop.gui.views.pointing import Pointing
from engine.lesion import Site
from engine.surface.painting import Piece
from engine.surface.surface import site_of

_TURN_DEG = 0.35
_KEY_TURN_DEG = 10.0
_KEY_PAN = 0.08
_CLOSE_UP = 8.0
"""How many lesion diameters a close-up spans."""


class BodyView(Pointing, BodyCanvas):
    """Left button: what the tool does; with the pointing tool, and beside the body, it turns. Right button: pan.

    Middle button: turn while a tool is in hand, else pan. Wheel, or the right button with Ctrl: zoom to the pointer.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.begin_pointing(session)
        self.marks = BodyMarks(self)
        self.legend = Legend(session, self)
        self.buttons = LookButtons(self, lambda: self.look(self.camera.yaw_deg if self.camera else 0.0))
        self.setAccessibleName(self.tr("Body"))
        self.setAccessibleDescription(
            self.tr(
                "Click to place a lesion, or paint with the chosen tool; drag to turn; wheel, right drag with control, "
                "or plus and minus to zoom; arrow keys turn, with shift they shift; Enter does at the middle what a "
                "click does"
            )
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 240)
        session.document_changed.connect(self._take_document)
        session.lesions_changed.connect(self._take_changes)
        session.regions.painted.connect(self._take_paint)
        session.tools.tool_changed.connect(self._take_tool)
        session.hover_changed.connect(self._follow_pointer)
        for signal in (session.selection_changed, session.site_changed, session.request_changed, session.job_changed):
            signal.connect(self.redraw)
        session.tools.looks_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Half of a usual window."""
        return QSize(460, 640)

    # what is looked at

    def look(self, yaw_deg: float) -> None:
        """The whole body: 0 from the front, 180 from the back, 90 from its left side."""
        document = self.session.document
        if document is not None:
            surface = document.patient.surface
            points = surface.vertices[np.unique(surface.faces)]
            self._look(Camera.framing(points, yaw_deg, self.width() / max(self.height(), 1)))

    def look_closely(self) -> None:
        """The selected lesion or the marked site, straight on."""
        document, session = self.session.document, self.session
        layer = document.layer(session.selection) if document is not None else None
        site = layer.spec.site if layer is not None else session.site
        if document is not None and site is not None:
            surface = document.patient.surface
            diameter = layer.spec.diameter_mm if layer is not None else session.request.diameter_mm
            self._look(Camera.facing(surface.point(site), surface.normal(site), _CLOSE_UP * diameter / 1000))

    def zoom(self, factor: float, position: QPointF | None = None) -> None:
        """Nearer (factor > 1) or farther; what lies under the position stays there."""
        if self.camera is not None:
            about = None if position is None else self._point_under(position)
            self._look(self.camera.zoomed(1 / factor, about))

    def look_around(self, moved: QPointF, event: QMouseEvent) -> None:
        """Turn or shift."""
        if self.camera is None:
            return
        if self._turns(event):
            self._look(self.camera.orbited(-_TURN_DEG * moved.x(), _TURN_DEG * moved.y()))
        else:
            self._look(self.camera.panned(-moved.x() / self.height(), moved.y() / self.height()))

    def come_to_rest(self) -> None:
        """What was drawn quickly gets sharp."""
        self.sharpen_now()

    def step_around(self, right: int, up: int, modifiers: Qt.KeyboardModifier) -> None:
        """Turn; with shift, shift."""
        if self.camera is not None:
            if modifiers & Qt.KeyboardModifier.ShiftModifier:
                self._look(self.camera.panned(_KEY_PAN * right, _KEY_PAN * up))
            else:
                self._look(self.camera.orbited(_KEY_TURN_DEG * right, _KEY_TURN_DEG * up))

    def _turns(self, event: QMouseEvent) -> bool:
        if event.buttons() & Qt.MouseButton.LeftButton:
            return not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        in_hand = self.session.tools.tool is not Tool.POINT
        return in_hand and bool(event.buttons() & Qt.MouseButton.MiddleButton)

    def _look(self, camera: Camera) -> None:
        self.camera = camera
        self.point_by_keyboard()
        self.update()

    @property
    def middle(self) -> QPointF:
        """The picture's middle, where the keyboard points."""
        return QPointF(self.width() / 2, self.height() / 2)

    # what gestures and marks ask

    def site_under(self, position: QPointF) -> Site | None:
        """The site of the skin under a position in the widget."""
        document = self.session.document
        if document is None or self.camera is None:
            return None
        at = np.array([[position.x(), position.y()]])
        origins, directions = self.camera.view.rays(at, self.width(), self.height())
        faces, barycentric, _ = document.patient.surface.cast(origins, directions)
        return site_of(int(faces[0]), barycentric[0]) if faces[0] >= 0 else None

    def anchor_at(self, position: QPointF) -> Anchor | None:
        """The point in space under a position: of the skin, or beside it as far away as what is looked at."""
        point = self._point_under(position)
        return None if point is None else (float(point[0]), float(point[1]), float(point[2]))

    def position_of(self, anchor: Anchor) -> QPointF:
        """Where a point in space is seen."""
        document = self.session.document
        if document is None or self.camera is None:
            return QPointF()
        mesh, aspect = document.mesh, self.width() / max(self.height(), 1)
        ((x, y, _),) = projected(self.camera.matrix(aspect, mesh.centre, mesh.radius), np.array([anchor], float))
        return QPointF((x + 1) / 2 * self.width(), (1 - y) / 2 * self.height())

    def skin_inside(self, outline: Sequence[QPointF]) -> list[Piece]:
        """Visible skin inside a closed outline."""
        document, grid, pose = self.session.document, self.session.regions.grid, self.pose
        if document is None or grid is None or pose is None or (picture := self.live) is None or self.offscreen is None:
            return []
        points = [(point.x() * pose.ratio, point.y() * pose.ratio) for point in outline]
        kept = picture.kept(pose)
        with self.offscreen:
            return texels_inside(picture.scene, kept, pose, document.patient.surface, grid, points)

    def handles(self) -> dict[str, QPointF]:
        """See `Marks.handles`."""
        return self.marks.handles()

    def redraw(self) -> None:
        """Draw the marks anew."""
        self.marks.spoil()
        self.update()

    def _point_under(self, position: QPointF) -> NDArray[np.float64] | None:
        document, site = self.session.document, self.site_under(position)
        if document is not None and site is not None:
            return document.patient.surface.point(site)
        if self.camera is None:
            return None
        view = self.camera.view
        across, up = position.x() / self.height() - self.width() / self.height() / 2, 0.5 - position.y() / self.height()
        return np.asarray(np.asarray(view.target) + view.height_m * (across * view.axes[0] + up * view.axes[1]))

    # the session

    def _take_document(self) -> None:
        self.begin_anew()
        self.gestures = Gestures(self)
        self.look(0.0)
        self.update()

    def _take_changes(self, changes: Changes) -> None:
        self.follow(changes)
        self.redraw()

    def _take_paint(self, dirty: Rects | None) -> None:
        self.follow_paint(dirty)

    def _take_tool(self) -> None:
        self.gestures.give_up()
        pointing = self.session.tools.tool is Tool.POINT
        self.setCursor(Qt.CursorShape.ArrowCursor if pointing else Qt.CursorShape.CrossCursor)
        self.redraw()

    def _follow_pointer(self) -> None:
        self.update(self.marks.renew_pointer())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What lies over it stays in its corner."""
        super().resizeEvent(event)
        self.legend.move(10, self.height() - self.legend.height() - 10)
        self.buttons.settle()
