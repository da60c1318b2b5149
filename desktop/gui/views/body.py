"""The body, to look at from all sides, to point at and to paint on."""

from collections.abc import Sequence

import moderngl
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

from desktop.gui import theme
from desktop.gui.model import verbs
from desktop.gui.model.camera import Camera
from desktop.gui.model.document import Changes, Document
from desktop.gui.model.regions import Rects
from desktop.gui.model.session import Session
from desktop.gui.model.tools import Tool
from desktop.gui.views.body_marks import BodyMarks
from desktop.gui.views.body_scene import BodyScene
from desktop.gui.views.body_select import texels_inside
from desktop.gui.views.gestures import CLICK_PX, Anchor, Gestures
from desktop.gui.views.legend import Legend
from engine.lesion import Site
from engine.surface.painting import Piece
from engine.surface.surface import site_of

_TURN_DEG = 0.35
_KEY_TURN_DEG = 10.0
_KEY_PAN = 0.08
_ZOOM_STEP = 0.85
_CLOSE_UP = 8.0
"""How many lesion diameters a close-up spans."""

_ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


class BodyView(QOpenGLWidget):
    """Left button: what the tool does; with the pointing tool, and beside the body, it turns. Right button: pan.

    Middle button: turn while a tool is in hand, else pan. Wheel: zoom to the pointer.
    """

    failed = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        form = self.format()
        form.setSamples(0)  # the kept picture has its own
        self.setFormat(form)
        self.session = session
        self.camera: Camera | None = None
        self.scene: BodyScene | None = None
        self.gestures = Gestures(self)
        self.marks = BodyMarks(self)
        self.by_keyboard = False
        self._hovered: Site | None = None
        self._context: moderngl.Context | None = None
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = self._gesture = False
        self._pending: list[Changes] = []
        self._paint: list[Rects | None] = []
        self.legend = Legend(session, self)
        self.setAccessibleName("Body")
        self.setAccessibleDescription(
            "Click to place a lesion, or paint with the chosen tool; drag to turn; wheel or plus and minus to zoom; "
            "arrow keys turn, with shift they shift; Enter does at the middle what a click does"
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 240)
        session.document_changed.connect(self._take_document)
        session.lesions_changed.connect(self._take_changes)
        session.regions.painted.connect(self._take_paint)
        session.tools.tool_changed.connect(self._take_tool)
        for signal in (session.selection_changed, session.site_changed, session.hover_changed, session.request_changed):
            signal.connect(self.update)
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
        """Nearer or farther; what lies under the position stays there."""
        if self.camera is not None:
            about = None if position is None else self._point_under(position)
            self._look(self.camera.zoomed(factor, about))

    def _look(self, camera: Camera) -> None:
        self.camera = camera
        if self.by_keyboard:
            self.session.set_hover(self.site_under(self.middle))
        self.update()

    @property
    def middle(self) -> QPointF:
        """The picture's middle, where the keyboard points."""
        return QPointF(self.width() / 2, self.height() / 2)

    # what gestures ask

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
        if self.scene is None or self.camera is None:
            return QPointF()
        (clip,) = self.clip(np.array([anchor], float))
        return QPointF((clip[0] + 1) / 2 * self.width(), (1 - clip[1]) / 2 * self.height())

    def skin_inside(self, outline: Sequence[QPointF]) -> list[Piece]:
        """Visible skin inside a closed outline."""
        document, grid = self.session.document, self.session.regions.grid
        if document is None or grid is None or self.scene is None or self.camera is None:
            return []
        ratio = self.devicePixelRatio()
        points = [(point.x() * ratio, point.y() * ratio) for point in outline]
        self.makeCurrent()
        self.scene.draw_body(self.camera, self.session.tools.looks, self._pixels(), ratio)
        found = texels_inside(self.scene, document.patient.surface, grid, self.camera, points)
        self.doneCurrent()
        return found

    def handles(self) -> dict[str, QPointF]:
        """See `BodyMarks.handles`."""
        return self.marks.handles()

    def redraw(self) -> None:
        """Draw again."""
        self.update()

    def clip(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """Points [N, 3] in metres as they lie in clip space, float32 [N, 3]."""
        assert self.scene is not None and self.camera is not None
        matrix = self.camera.matrix(self.width() / max(self.height(), 1), self.scene.centre, self.scene.radius)
        placed = np.column_stack([points, np.ones(len(points))]) @ matrix
        w = np.where(np.abs(placed[:, 3:]) < 1e-6, 1e-6, placed[:, 3:])
        return (placed[:, :3] / w).astype(np.float32)

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
        """Draw the body where it changed, and the marks."""
        context = self._context
        if context is None:
            return
        ratio, size = self.devicePixelRatio(), self._pixels()
        frame = context.detect_framebuffer(self.defaultFramebufferObject())
        document = self.session.document
        if self.scene is None and document is not None:
            self._make_scene(context, document)
        if self.scene is None or self.camera is None:
            frame.use()
            frame.viewport = (0, 0, *size)
            frame.clear(*theme.BACKDROP, 1.0, depth=1.0)
            return
        self._catch_up(self.scene)
        self.scene.draw_body(self.camera, self.session.tools.looks, size, ratio, self._pressed is not None)
        frame.use()
        frame.viewport = (0, 0, *size)
        self.scene.show(self.camera, self.marks.lines(ratio), self.marks.ghost())

    def _make_scene(self, context: moderngl.Context, document: Document) -> None:
        try:
            self.scene = BodyScene(context, document)
        except (moderngl.Error, MemoryError) as error:
            self._context = None
            self.failed.emit(
                f"The body can't be shown: the graphics card refuses it ({error}). The texture still works."
            )
        self._pending.clear()
        self._paint = [None]

    def _catch_up(self, scene: BodyScene) -> None:
        """Upload what changed, and a piece of what is not on the card yet."""
        while self._pending:
            scene.update(self._pending.pop(0))
        while self._paint:
            scene.paint(self.session.regions.overlay, self._paint.pop(0))
        if scene.upload():
            self.update()

    def _pixels(self) -> tuple[int, int]:
        ratio = self.devicePixelRatio()
        return max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)

    # the session

    def _take_document(self) -> None:
        if self.scene is not None:
            self.makeCurrent()
            self.scene.release()
            self.doneCurrent()
        self.scene, self.camera = None, None
        self._pending.clear()
        self._paint.clear()
        self.gestures = Gestures(self)
        self.look(0.0)
        self.update()

    def _take_changes(self, changes: Changes) -> None:
        if self.scene is not None:
            self._pending.append(changes)
        self.update()

    def _take_paint(self, dirty: Rects | None) -> None:
        if self.scene is not None:
            self._paint.append(dirty)
        self.update()

    def _take_tool(self) -> None:
        self.gestures.give_up()
        pointing = self.session.tools.tool is Tool.POINT
        self.setCursor(Qt.CursorShape.ArrowCursor if pointing else Qt.CursorShape.CrossCursor)
        self.update()

    # the user

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The beginning of a click, a drag or a gesture."""
        self.by_keyboard = False
        self._pressed, self._last, self._dragging = event.position(), event.position(), False
        left = event.button() == Qt.MouseButton.LeftButton
        self._gesture = left and self.gestures.press(event.position(), event.modifiers())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn, pan, go on with the gesture, or tell what is under the pointer."""
        self.by_keyboard = False
        if self._gesture or self._pressed is None or self.camera is None:
            if not self.gestures.move(event.position()):
                self._hovered = self.site_under(event.position())
                self.session.set_hover(self._hovered)
            return
        moved = event.position() - self._last
        if not self._dragging and (event.position() - self._pressed).manhattanLength() <= CLICK_PX:
            return
        self._dragging, self._last = True, event.position()
        if self._turns(event):
            self._look(self.camera.orbited(-_TURN_DEG * moved.x(), _TURN_DEG * moved.y()))
        else:
            self._look(self.camera.panned(-moved.x() / self.height(), moved.y() / self.height()))

    def _turns(self, event: QMouseEvent) -> bool:
        if event.buttons() & Qt.MouseButton.LeftButton:
            return not event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        in_hand = self.session.tools.tool is not Tool.POINT
        return in_hand and bool(event.buttons() & Qt.MouseButton.MiddleButton)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The end of a gesture; a click places or selects."""
        pressed, self._pressed = self._pressed, None
        self.update()
        if self._gesture:
            self._gesture = False
            if self.gestures.release(event.position()):
                return
        if pressed is None or self._dragging or event.button() != Qt.MouseButton.LeftButton:
            return
        if self.session.tools.tool is Tool.POINT:
            self._point_at(event.position(), event.modifiers())

    def _point_at(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        site = self.site_under(position)
        if site is not None:
            verbs.point_at(self.session, site, bool(modifiers & Qt.KeyboardModifier.ControlModifier))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        self.zoom(_ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows turn, with shift they pan; Enter does at the middle what a click does; Esc gives a gesture up."""
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        if self.camera is not None and key in _ARROWS and not modifiers & Qt.KeyboardModifier.AltModifier:
            x, y = _ARROWS[key]
            self.by_keyboard = True
            if modifiers & Qt.KeyboardModifier.ShiftModifier:
                self._look(self.camera.panned(_KEY_PAN * x, _KEY_PAN * y))
            else:
                self._look(self.camera.orbited(_KEY_TURN_DEG * x, _KEY_TURN_DEG * y))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.by_keyboard = True
            if not self.gestures.enter(self.middle, modifiers):
                self._point_at(self.middle, modifiers)
            self.update()
        elif key != Qt.Key.Key_Escape or not self.gestures.give_up():
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Esc belongs to the gesture under way before it belongs to the menus."""
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if event.type() == QEvent.Type.ShortcutOverride and escape and self.gestures.busy:
            event.accept()
            return True
        return bool(super().event(event))

    def leaveEvent(self, event: object) -> None:
        """Nothing is under the pointer any more."""
        self.gestures.pointer = None
        if self.session.hover is self._hovered:  # the other view may have been entered already
            self.session.set_hover(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The keyboard points elsewhere."""
        if self.by_keyboard:
            self.by_keyboard = False
            self.session.set_hover(None)
        super().focusOutEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The key to colours stays in its corner."""
        super().resizeEvent(event)
        self.legend.move(10, self.height() - self.legend.height() - 10)
