"""The body, to look at from all sides and to point at."""

import moderngl
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from desktop.gui import theme
from desktop.gui.model import verbs
from desktop.gui.model.camera import Camera
from desktop.gui.model.document import Changes
from desktop.gui.model.ring import ring
from desktop.gui.model.session import Session
from desktop.gui.views.body_scene import BodyScene, Mark
from engine.lesion import Site
from engine.render import visible
from engine.surface.surface import site_of

CLICK_PX = 4
_TURN_DEG = 0.35
_KEY_TURN_DEG = 10.0
_ZOOM_STEP = 0.85
_CLOSE_UP = 8.0
"""How many lesion diameters a close-up spans."""
_LIFT_M = 4e-4
"""Marks float this far above the skin, so that they don't sink into it."""
_BEFORE = 2e-4
"""By how much of the depth a line lies before its dark border."""

_TURNS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


class BodyView(QOpenGLWidget):
    """Left button: click to place, drag to turn. Right or middle button, or shift: pan. Wheel: zoom to the pointer."""

    failed = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.camera: Camera | None = None
        self.scene: BodyScene | None = None
        self._context: moderngl.Context | None = None
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = False
        self._pending: list[Changes] = []
        self.setAccessibleName("Body")
        self.setAccessibleDescription("Click to place a lesion; drag to turn; wheel to zoom; arrow keys turn")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 240)
        session.document_changed.connect(self._take_document)
        session.lesions_changed.connect(self._take_changes)
        for signal in (session.selection_changed, session.site_changed, session.hover_changed, session.request_changed):
            signal.connect(self.update)

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
            self.camera = Camera.framing(points, yaw_deg, self.width() / max(self.height(), 1))
            self.update()

    def look_closely(self) -> None:
        """The selected lesion or the marked site, straight on."""
        document, session = self.session.document, self.session
        layer = document.layer(session.selection) if document is not None else None
        site = layer.spec.site if layer is not None else session.site
        if document is not None and site is not None:
            surface = document.patient.surface
            diameter = layer.spec.diameter_mm if layer is not None else session.request.diameter_mm
            self.camera = Camera.facing(surface.point(site), surface.normal(site), _CLOSE_UP * diameter / 1000)
            self.update()

    def zoom(self, factor: float, position: QPointF | None = None) -> None:
        """Nearer or farther; what lies under the position stays there."""
        if self.camera is not None:
            about = None if position is None else self._point_under(position)
            self.camera = self.camera.zoomed(factor, about)
            self.update()

    def site_under(self, position: QPointF) -> Site | None:
        """The site of the skin under a position in the widget."""
        document = self.session.document
        if document is None or self.camera is None:
            return None
        at = np.array([[position.x(), position.y()]])
        origins, directions = self.camera.view.rays(at, self.width(), self.height())
        faces, barycentric, _ = document.patient.surface.cast(origins, directions)
        return site_of(int(faces[0]), barycentric[0]) if faces[0] >= 0 else None

    def _point_under(self, position: QPointF) -> NDArray[np.float64] | None:
        document, site = self.session.document, self.site_under(position)
        if document is not None and site is not None:
            return document.patient.surface.point(site)
        if self.camera is None:
            return None
        view = self.camera.view
        across, up = position.x() / self.height() - self.width() / self.height() / 2, 0.5 - position.y() / self.height()
        return np.asarray(view.target) + view.height_m * (across * view.axes[0] + up * view.axes[1])

    # OpenGL

    def initializeGL(self) -> None:
        """Qt's call for a new context, also after the widget was moved to another window."""
        try:
            self._context = moderngl.create_context(require=330)
        except Exception as error:
            self.failed.emit(f"The body can't be shown: OpenGL 3.3 is missing here ({error}). Update the driver.")
            return
        self.scene = None

    def paintGL(self) -> None:
        """Draw the body and the marks."""
        context = self._context
        if context is None:
            return
        ratio = self.devicePixelRatio()
        size = round(self.width() * ratio), round(self.height() * ratio)
        frame = context.detect_framebuffer(self.defaultFramebufferObject())
        frame.use()
        frame.viewport = (0, 0, *size)
        frame.clear(*theme.BACKDROP, 1.0, depth=1.0)
        document = self.session.document
        if self.scene is None and document is not None:
            self.scene = BodyScene(context, document)
            self._pending.clear()
        if self.scene is None or self.camera is None:
            return
        while self._pending:
            self.scene.update(self._pending.pop(0))
        self.scene.draw(self.camera, size[0] / max(size[1], 1), self._marks(ratio), size)

    def _marks(self, ratio: float) -> list[Mark]:
        document, session = self.session.document, self.session
        if document is None:
            return []
        marks: list[Mark] = []
        layer = document.layer(session.selection)
        if layer is not None:
            marks += self._ring(layer.spec.site, layer.spec.diameter_mm * 1.25, theme.ACCENT, ratio)
        if session.site is not None:
            marks += self._ring(session.site, session.request.diameter_mm, theme.SITE, ratio)
        elif session.hover is not None:
            marks += self._pointer(session.hover, theme.SITE, ratio, 0.5)
        return marks

    def _ring(self, site: Site, diameter_mm: float, colour: str, ratio: float) -> list[Mark]:
        """The true size on the skin, and about it a circle that is found from afar."""
        assert self.session.document is not None
        outline = ring(self.session.document.patient.surface, site, diameter_mm)
        points = self._clip(outline.points + _LIFT_M * outline.normals)
        width = theme.RING_PX * ratio
        marks = [
            Mark(points, 2.4 * width, _tint(theme.OUTLINE, 0.55)),
            Mark(points - np.array([0, 0, _BEFORE], np.float32), width, _tint(colour, 1.0)),
        ]
        across = np.ptp(points[:, 0]) * self.width() / 2
        return marks if across > 2 * theme.MARK_PX else marks + self._pointer(site, colour, ratio, 0.9)

    def _pointer(self, site: Site, colour: str, ratio: float, alpha: float) -> list[Mark]:
        """A circle of constant size on the screen, unless the site is on the far side."""
        assert self.session.document is not None
        assert self.camera is not None
        surface = self.session.document.patient.surface
        point = surface.point(site)
        if not visible(surface, self.camera.view, point)[0]:
            return []
        (centre,) = self._clip(point[None])
        angle = np.linspace(0, 2 * np.pi, 41)
        radius = theme.MARK_PX * 2 / np.array([self.width(), self.height()])
        points = np.tile(centre, (len(angle), 1)).astype(np.float32)
        points[:, :2] += (np.column_stack([np.cos(angle), np.sin(angle)]) * radius).astype(np.float32)
        points[-1] = points[0]
        return [
            Mark(points, 2.2 * theme.RING_PX * ratio, _tint(theme.OUTLINE, 0.5 * alpha), hidden=True),
            Mark(points, theme.RING_PX * ratio, _tint(colour, alpha), hidden=True),
        ]

    def _clip(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        assert self.scene is not None and self.camera is not None
        matrix = self.camera.matrix(self.width() / max(self.height(), 1), self.scene.centre, self.scene.radius)
        placed = np.column_stack([points, np.ones(len(points))]) @ matrix
        w = np.where(np.abs(placed[:, 3:]) < 1e-6, 1e-6, placed[:, 3:])
        return (placed[:, :3] / w).astype(np.float32)

    # the session

    def _take_document(self) -> None:
        if self.scene is not None:
            self.makeCurrent()
            self.scene.release()
            self.doneCurrent()
        self.scene, self.camera = None, None
        self._pending.clear()
        self.look(0.0)
        self.update()

    def _take_changes(self, changes: Changes) -> None:
        if self.scene is not None:
            self._pending.append(changes)
        self.update()

    # the user

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The beginning of a click or a drag."""
        self._pressed, self._last, self._dragging = event.position(), event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn, pan, or tell what is under the pointer."""
        if self._pressed is None or self.camera is None:
            self.session.set_hover(self.site_under(event.position()))
            return
        moved = event.position() - self._last
        if not self._dragging and (event.position() - self._pressed).manhattanLength() <= CLICK_PX:
            return
        self._dragging, self._last = True, event.position()
        shifted = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.buttons() & Qt.MouseButton.LeftButton and not shifted:
            self.camera = self.camera.orbited(-_TURN_DEG * moved.x(), _TURN_DEG * moved.y())
        else:
            self.camera = self.camera.panned(-moved.x() / self.height(), moved.y() / self.height())
        self.update()

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
        """Arrows turn; + and - zoom; Enter places at the picture's middle."""
        key = Qt.Key(event.key())
        if self.camera is not None and key in _TURNS:
            x, y = _TURNS[key]
            self.camera = self.camera.orbited(_KEY_TURN_DEG * x, _KEY_TURN_DEG * y)
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            site = self.site_under(QPointF(self.width() / 2, self.height() / 2))
            if site is not None:
                verbs.point_at(self.session, site)
        else:
            super().keyPressEvent(event)

    def leaveEvent(self, event: object) -> None:
        """Nothing is under the pointer any more."""
        self.session.set_hover(None)


def _tint(colour: str, alpha: float) -> tuple[float, float, float, float]:
    red, green, blue, _ = QColor(colour).getRgbF()
    return red, green, blue, alpha
