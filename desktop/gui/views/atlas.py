"""The texture, flat: one material at a time, down to single texels."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QNativeGestureEvent, QPainter, QRegion, QResizeEvent
from PySide6.QtWidgets import QGraphicsScene, QGraphicsView, QWidget

from desktop.gui import theme
from desktop.gui.model.document import Changes
from desktop.gui.model.regions import Rects
from desktop.gui.model.session import Session
from desktop.gui.model.tools import Tool
from desktop.gui.views.atlas_item import AtlasItem, draw_overlay
from desktop.gui.views.atlas_marks import AtlasMarks
from desktop.gui.views.gestures import Anchor, Gestures
from desktop.gui.views.look_buttons import LookButtons
from desktop.gui.views.pointing import Pointing
from engine.atlas import Rect
from engine.errors import BadInput
from engine.lesion import Site
from engine.surface.painting import Piece

_CLOSEST = 40.0
"""Screen points per texel."""
_KEY_PAN_PX = 40
_MARGIN_PX = 4


class AtlasView(Pointing, QGraphicsView):
    """Left button: what the tool does; with the pointing tool it moves the map. Right or middle: move. Wheel, or the
    right button with Ctrl: zoom.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.begin_pointing(session)
        self.material = 0
        self.item: AtlasItem | None = None
        self.marks = AtlasMarks(self)
        self._scene = QGraphicsScene(self)
        self.setScene(self._scene)
        self._fitted = True
        self.setAccessibleName(self.tr("Texture"))
        self.setAccessibleDescription(
            self.tr(
                "The skin's texture map. Click to place a lesion, or paint with the chosen tool; drag to move; wheel, "
                "right drag with control, or plus and minus to zoom; arrow keys move; Enter does at the middle what a "
                "click does"
            )
        )
        self.buttons = LookButtons(self, self.fit)
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
        session.hover_changed.connect(self._follow_pointer)
        for signal in (session.request_changed, session.job_changed):
            signal.connect(self.redraw)
        session.tools.looks_changed.connect(self.viewport().update)

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
            self._moved()

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
        self._moved()

    def shift(self, right: float, down: float) -> None:
        """Move the map by points."""
        self._fitted = False
        self.translate(right / self.scale_now, down / self.scale_now)
        self._moved()

    def look_around(self, moved: QPointF, event: QMouseEvent) -> None:
        """Move the map."""
        self.shift(moved.x(), moved.y())

    def step_around(self, right: int, up: int, modifiers: Qt.KeyboardModifier) -> None:
        """Move the map the other way, as if the view moved."""
        self.shift(-_KEY_PAN_PX * right, _KEY_PAN_PX * up)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """As in the body; 0 shows the whole map."""
        if event.key() == Qt.Key.Key_0:
            self.fit()
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Two fingers on the map zoom."""
        if isinstance(event, QNativeGestureEvent):
            return self.pinched(event)
        return super().viewportEvent(event)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """The map lies elsewhere, and so do its marks."""
        super().scrollContentsBy(dx, dy)
        self.redraw()

    def _moved(self) -> None:
        self.redraw()
        self.point_by_keyboard()

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
        """See `Marks.handles`."""
        return self.marks.handles()

    def redraw(self) -> None:
        """Draw the marks anew."""
        self.marks.spoil()
        self.viewport().update()

    def _follow_pointer(self) -> None:
        self.viewport().update(self.marks.renew_pointer())

    # drawing

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """The theme's panel colour."""
        painter.fillRect(rect, QColor(theme.PANEL))

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """The region, then lines and marks; these in points of the view."""
        rect = QRectF(rect)
        bits = self.session.regions.overlay.get(self.material)
        if bits is not None and self.item is not None:
            draw_overlay(painter, bits, rect.intersected(self.bounds), self.bounds, self.scale_now)
        self.marks.draw_ground(painter, rect)
        painter.resetTransform()
        self.marks.paint(painter, QRegion(self.viewportTransform().mapRect(rect).toAlignedRect()))

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
        self.marks.follow(changes)
        shown = document.pyramids[self.material]
        for material, levels in changes.rects.items():
            if document.pyramids[material] is shown:
                for rect in levels[0]:
                    self._spoiled(rect)
        self.redraw()

    def _take_paint(self, dirty: Rects | None) -> None:
        if dirty is None:
            self.viewport().update()
            return
        bits = self.session.regions.overlay.get(self.material)
        if bits is not None:
            scale = self.bounds.width() / bits.shape[1]
            for rect in dirty.get(self.material, ()):
                self._spoiled(rect, scale)

    def _spoiled(self, rect: Rect, scale: float = 1.0) -> None:
        """Draw what texels show anew, with what filtering makes of them. scale: texels of the map for one of these."""
        texels = QRectF(rect.x * scale, rect.y * scale, rect.width * scale, rect.height * scale)
        seen = self.viewportTransform().mapRect(texels).adjusted(-_MARGIN_PX, -_MARGIN_PX, _MARGIN_PX, _MARGIN_PX)
        self.viewport().update(seen.toAlignedRect())

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole map in sight until the user has zoomed."""
        super().resizeEvent(event)
        self.buttons.settle()
        if self._fitted:
            self.fit()
