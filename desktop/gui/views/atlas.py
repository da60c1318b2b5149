"""The texture, flat: one material at a time, down to single texels."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsScene, QGraphicsView, QWidget

from desktop.gui import theme
from desktop.gui.model import verbs
from desktop.gui.model.document import Changes
from desktop.gui.model.regions import Rects
from desktop.gui.model.session import Session
from desktop.gui.model.tools import Tool
from desktop.gui.views.atlas_item import AtlasItem, draw_overlay
from desktop.gui.views.atlas_marks import AtlasMarks
from desktop.gui.views.gestures import CLICK_PX, Anchor, Gestures
from engine.errors import BadInput
from engine.lesion import Site
from engine.surface.painting import Piece

_ZOOM_STEP = 1.2
_CLOSEST = 40.0
"""Screen points per texel."""
_KEY_PAN_PX = 40

_ARROWS = {Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


class AtlasView(QGraphicsView):
    """Left button: what the tool does; with the pointing tool it moves the map. Right or middle: move. Wheel: zoom."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.material = 0
        self.item: AtlasItem | None = None
        self.gestures = Gestures(self)
        self.marks = AtlasMarks(self)
        self.by_keyboard = False
        self._hovered: Site | None = None
        self._scene = QGraphicsScene(self)
        self.setScene(self._scene)
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = self._gesture = False
        self._fitted = True
        self.setAccessibleName("Texture")
        self.setAccessibleDescription(
            "The skin's texture map. Click to place a lesion, or paint with the chosen tool; drag to move; wheel or "
            "plus and minus to zoom; arrow keys move; Enter does at the middle what a click does"
        )
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 240)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        session.document_changed.connect(self._take_document)
        session.lesions_changed.connect(self._take_changes)
        session.site_changed.connect(self._follow_site)
        session.selection_changed.connect(self._follow_site)
        session.regions.painted.connect(self._take_paint)
        session.tools.tool_changed.connect(self._take_tool)
        for signal in (session.hover_changed, session.request_changed, session.tools.looks_changed):
            signal.connect(self.redraw)

    @property
    def bounds(self) -> QRectF:
        """The whole map, in texels."""
        return self.item.boundingRect() if self.item is not None else QRectF(0, 0, 1, 1)

    @property
    def scale_now(self) -> float:
        """Points per texel."""
        return self.transform().m11()

    @property
    def middle(self) -> QPointF:
        """The view's middle, where the keyboard points."""
        return QPointF(self.viewport().width() / 2, self.viewport().height() / 2)

    def show_material(self, material: int) -> None:
        """Show the map of another material."""
        document = self.session.document
        if document is None or material < 0 or (material == self.material and self.item is not None):
            return
        self.gestures.give_up()
        self.material = material
        self._scene.clear()
        self.item = AtlasItem(document.pyramids[material])
        self._scene.addItem(self.item)
        size = self.item.boundingRect().size()
        self._scene.setSceneRect(QRectF(-size.width(), -size.height(), 3 * size.width(), 3 * size.height()))
        self.fit()

    def fit(self) -> None:
        """The whole map."""
        if self.item is not None:
            self._fitted = True
            self.fitInView(self.item, Qt.AspectRatioMode.KeepAspectRatio)
            self._point_by_keyboard()

    def zoom(self, factor: float, position: QPointF | None = None) -> None:
        """Nearer (factor > 1) or farther; what lies under the position stays there."""
        if self.item is None:
            return
        least = 0.5 * min(self.width() / self.bounds.width(), 1.0)
        factor = float(np.clip(self.scale_now * factor, least, _CLOSEST)) / self.scale_now
        at = (position or self.middle).toPoint()
        before = self.mapToScene(at)
        self._fitted = False
        self.scale(factor, factor)
        shift = self.mapToScene(at) - before
        self.translate(shift.x(), shift.y())
        self._point_by_keyboard()

    def shift(self, right: float, down: float) -> None:
        """Move the map by points."""
        self._fitted = False
        self.translate(right / self.scale_now, down / self.scale_now)
        self._point_by_keyboard()

    def _point_by_keyboard(self) -> None:
        if self.by_keyboard:
            self.session.set_hover(self.site_under(self.middle))

    # what gestures ask

    def site_under(self, position: QPointF) -> Site | None:
        """The site of the skin under a position in the viewport; None where the map is empty."""
        document = self.session.document
        texel = self.texel_at(position)
        if document is None or self.item is None or not self.bounds.contains(texel):
            return None
        try:
            u, v = texel.x() / self.bounds.width(), texel.y() / self.bounds.height()
            return document.patient.surface.site_at_uv(self.material, u, v)
        except BadInput:
            return None  # between the islands there is no skin

    def texel_at(self, position: QPointF) -> QPointF:
        """The place on the map, in texels, under a position in the viewport."""
        inverse, _ = self.viewportTransform().inverted()
        return inverse.map(position)

    def anchor_at(self, position: QPointF) -> Anchor | None:
        """The UV under a position."""
        texel = self.texel_at(position)
        return texel.x() / self.bounds.width(), texel.y() / self.bounds.height()

    def position_of(self, anchor: Anchor) -> QPointF:
        """Where a UV is seen."""
        texel = QPointF(anchor[0] * self.bounds.width(), anchor[1] * self.bounds.height())
        return self.viewportTransform().map(texel)

    def skin_inside(self, outline: Sequence[QPointF]) -> list[Piece]:
        """Skin inside a closed outline on this map."""
        grid = self.session.regions.grid
        corners = [self.anchor_at(point) for point in outline]
        known = grid is not None and self.material in grid.sizes
        return grid.outlined(self.material, np.array(corners)) if grid is not None and known else []

    def handles(self) -> dict[str, QPointF]:
        """See `AtlasMarks.handles`."""
        return self.marks.handles()

    def redraw(self) -> None:
        """Draw again."""
        self.viewport().update()

    # drawing

    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:
        """The theme's panel colour."""
        painter.fillRect(rect, QColor(theme.PANEL))

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        """The region, then the marks."""
        bits = self.session.regions.overlay.get(self.material)
        if bits is not None and self.item is not None:
            draw_overlay(painter, bits, rect.intersected(self.bounds), self.bounds, self.scale_now)
        self.marks.draw(painter, rect)

    # the session

    def _take_document(self) -> None:
        self._scene.clear()
        self.item = None
        self.gestures = Gestures(self)
        self.marks.forget()
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
        self.redraw()

    def _take_paint(self, dirty: Rects | None) -> None:
        if dirty is None or self.material in dirty:
            self.redraw()

    def _take_tool(self) -> None:
        self.gestures.give_up()
        pointing = self.session.tools.tool is Tool.POINT
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor if pointing else Qt.CursorShape.CrossCursor)
        self.redraw()

    def _follow_site(self) -> None:
        """Show the map on which the new site lies."""
        document, session = self.session.document, self.session
        layer = document.layer(session.selection) if document is not None else None
        site = session.site if layer is None else layer.spec.site
        if document is not None and site is not None:
            self.show_material(int(document.patient.surface.face_material[site.face]))
        self.redraw()

    # the user

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The beginning of a click, a drag or a gesture."""
        self.by_keyboard = False
        self._pressed, self._last, self._dragging = event.position(), event.position(), False
        left = event.button() == Qt.MouseButton.LeftButton
        self._gesture = left and self.gestures.press(event.position(), event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A second click is a click."""
        self.mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the map, go on with the gesture, or tell what is under the pointer."""
        self.by_keyboard = False
        if self._gesture or self._pressed is None:
            if not self.gestures.move(event.position()):
                self._hovered = self.site_under(event.position())
                self.session.set_hover(self._hovered)
            return
        if not self._dragging and (event.position() - self._pressed).manhattanLength() <= CLICK_PX:
            return
        moved, self._last, self._dragging = event.position() - self._last, event.position(), True
        self.shift(moved.x(), moved.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The end of a gesture; a click places or selects."""
        pressed, self._pressed = self._pressed, None
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
        """Arrows move the map; + and - zoom, 0 shows all; Enter does at the middle what a click does."""
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        if key in _ARROWS and not modifiers & Qt.KeyboardModifier.AltModifier:
            self.by_keyboard = True
            self.shift(*(_KEY_PAN_PX * step for step in _ARROWS[key]))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.by_keyboard = True
            if not self.gestures.enter(self.middle, modifiers):
                self._point_at(self.middle, modifiers)
            self.redraw()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self.by_keyboard = True
            self.zoom(_ZOOM_STEP if key == Qt.Key.Key_Plus else 1 / _ZOOM_STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key != Qt.Key.Key_Escape or not self.gestures.give_up():
            event.ignore()

    def event(self, event: QEvent) -> bool:
        """Esc belongs to the gesture under way before it belongs to the menus."""
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if event.type() == QEvent.Type.ShortcutOverride and escape and self.gestures.busy:
            event.accept()
            return True
        return bool(super().event(event))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole map in sight until the user has zoomed."""
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

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
