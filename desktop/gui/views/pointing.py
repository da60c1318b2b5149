"""Mouse, wheel and keyboard, alike in both views: what is a click, a drag, a gesture, or a look around."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent

from desktop.gui.model import verbs
from desktop.gui.model.session import Session
from desktop.gui.model.tools import Tool
from desktop.gui.views.gestures import CLICK_PX, Gestures, View
from engine.lesion import Site

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    Base = QWidget
else:
    Base = object

ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}
STEP = 1.2
"""How much nearer a notch of the wheel, or a key, comes."""
_DRAG_PX = 90.0
"""Points of a drag upwards that come twice as near."""
_BY_KEY = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)


class Pointing(Base):
    """Stands before the widget's own class among a view's bases. The view calls `begin_pointing` first.

    by_keyboard: the view's middle is what is pointed at, because the keyboard was used last.
    """

    session: Session
    gestures: Gestures

    def begin_pointing(self, session: Session) -> None:
        """Everything as before the first event."""
        self.session = session
        self.gestures = Gestures(cast(View, self))  # which says the rest of what a gesture asks
        self.by_keyboard = False
        self._hovered: Site | None = None
        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._dragging = self._gesture = False

    # what a view says

    @property
    def middle(self) -> QPointF:
        """The view's middle, where the keyboard points."""
        raise NotImplementedError

    def site_under(self, position: QPointF) -> Site | None:
        """The site of the skin under a position."""
        raise NotImplementedError

    def zoom(self, factor: float, position: QPointF | None = None) -> None:
        """Nearer (factor > 1) or farther; what lies under the position stays there."""
        raise NotImplementedError

    def look_around(self, moved: QPointF, event: QMouseEvent) -> None:
        """The pointer was dragged by so many points, and no gesture takes it."""
        raise NotImplementedError

    def step_around(self, right: int, up: int, modifiers: Qt.KeyboardModifier) -> None:
        """An arrow key was pressed."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw the marks anew."""
        raise NotImplementedError

    def come_to_rest(self) -> None:
        """The pointer was let go."""

    # the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The beginning of a click, a drag or a gesture; another button doesn't end the gesture under way."""
        self.by_keyboard = False
        if self._gesture and event.button() != Qt.MouseButton.LeftButton:
            return
        self._pressed, self._last, self._dragging = event.position(), event.position(), False
        left = event.button() == Qt.MouseButton.LeftButton
        self._gesture = left and self.gestures.press(event.position(), event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A second click is a click."""
        self.mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Look around, go on with the gesture, or tell what is under the pointer."""
        self.by_keyboard = False
        if self._gesture or self._pressed is None:
            if not self.gestures.move(event.position()):
                self._hovered = self.site_under(event.position())
                self.session.set_hover(self._hovered)
            return
        if not self._dragging and (event.position() - self._pressed).manhattanLength() <= CLICK_PX:
            return
        moved, self._last, self._dragging = event.position() - self._last, event.position(), True
        if event.buttons() & Qt.MouseButton.RightButton and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(2 ** (-moved.y() / _DRAG_PX), self._pressed)
        else:
            self.look_around(moved, event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The end of a gesture; a click places or selects."""
        if self._gesture and event.button() != Qt.MouseButton.LeftButton:
            return
        pressed, self._pressed = self._pressed, None
        self.come_to_rest()
        if self._gesture:
            self._gesture = False
            if self.gestures.release(event.position()):
                return
        if pressed is None or self._dragging or event.button() != Qt.MouseButton.LeftButton:
            return
        if self.session.tools.tool is Tool.POINT:
            self._point_at(event.position(), event.modifiers())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        self.zoom(STEP ** (event.angleDelta().y() / 120), event.position())

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the pointer any more."""
        self.gestures.pointer = None
        if self.session.hover is self._hovered:  # the other view may have been entered already
            self.session.set_hover(None)

    def _point_at(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        site = self.site_under(position)
        if site is not None:
            verbs.point_at(self.session, site, bool(modifiers & Qt.KeyboardModifier.ControlModifier))

    # the keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows look around; + and - zoom; Enter does at the middle what a click does; Esc gives a gesture up."""
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        if key in ARROWS and not modifiers & Qt.KeyboardModifier.AltModifier:
            self._by_key(lambda: self.step_around(*ARROWS[key], modifiers))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self._by_key(lambda: self.zoom(STEP if key == Qt.Key.Key_Plus else 1 / STEP))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._by_key(lambda: self._enter(modifiers))
        elif key != Qt.Key.Key_Escape or not self.gestures.give_up():
            event.ignore()

    def _by_key(self, do: Callable[[], Any]) -> None:
        self.by_keyboard = True
        do()
        self.redraw()

    def _enter(self, modifiers: Qt.KeyboardModifier) -> None:
        if not self.gestures.enter(self.middle, modifiers):
            self._point_at(self.middle, modifiers)

    def point_by_keyboard(self) -> None:
        """The view looks from elsewhere: its middle is another place."""
        if self.by_keyboard:
            self.session.set_hover(self.site_under(self.middle))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Reached by the keyboard, the view points at its middle."""
        if event.reason() in _BY_KEY:
            self.by_keyboard = True
            self.point_by_keyboard()
            self.redraw()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The keyboard points elsewhere."""
        if self.by_keyboard:
            self.by_keyboard = False
            self.session.set_hover(None)
        super().focusOutEvent(event)

    def event(self, event: QEvent) -> bool:
        """Esc belongs to the gesture under way before it belongs to the menus; two fingers zoom."""
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if event.type() == QEvent.Type.ShortcutOverride and escape and self.gestures.busy:
            event.accept()
            return True
        if isinstance(event, QNativeGestureEvent):
            return self.pinched(event)
        return bool(super().event(event))

    def pinched(self, event: QNativeGestureEvent) -> bool:
        """A trackpad's two fingers; whether they zoom."""
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        self.zoom(max(1 + event.value(), 0.1), event.position())
        return True
