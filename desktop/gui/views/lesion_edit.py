"""The selected lesions: their size, angle and colour, shown while they are changed; and what else can be done."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QSignalBlocker, QTimer
from PySide6.QtWidgets import QFormLayout, QGridLayout, QVBoxLayout, QWidget

from desktop.gui.model import growing, lesions, texts
from desktop.gui.model.session import Session
from desktop.gui.views.controls import button, label, name_all, number, slider
from engine import retouch
from engine.lesion import DIAMETER_MM, LesionLayer

_SETTLED_MS = 600
"""After so long without a further change by keys or wheel, the gesture is over."""

Apply = Callable[[bool, tuple[str, ...]], None]


class Gesture(QObject):
    """Changes of one control that belong together: shown at once, one step of the history when they end."""

    def __init__(self, session: Session, apply: Apply, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._apply = session, apply
        self._ids: tuple[str, ...] = ()
        self._timer = QTimer(self, singleShot=True, interval=_SETTLED_MS)
        self._timer.timeout.connect(self.end)
        session.closing.connect(self.end)

    @property
    def under_way(self) -> bool:
        """Whether something was changed that is no step yet."""
        return bool(self._ids)

    def changed(self, held: bool = False) -> None:
        """Show the change. held: the mouse holds the control, so the gesture goes on until it is let go."""
        self._ids = self._ids or self._session.selected
        if self._ids:
            self._apply(False, self._ids)
            if held:
                self._timer.stop()
            else:
                self._timer.start()

    def end(self) -> None:
        """Make it a step."""
        self._timer.stop()
        ids, self._ids = self._ids, ()
        if ids:
            self._apply(True, ids)


class LesionEdit(QWidget):
    """Everything here works on all selected lesions; the controls show the primary one's values."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.title = label(style="faint", wrap=True)
        self.diameter = number(*DIAMETER_MM, step=0.5, suffix=self.tr(" mm"))
        self.diameter.setKeyboardTracking(False)
        self.turn = slider(-180, 180, 15)
        most = round(retouch.MOST_COLOUR)
        self.lightness, self.redness, self.warmth = (slider(-most, most, 5) for _ in range(3))
        self.paint_anew = button(self.tr("Paint anew"))
        self.duplicate, self.delete = button(self.tr("Duplicate")), button(self.tr("Delete"))
        self.raise_lesion, self.lower_lesion = button(self.tr("Raise")), button(self.tr("Lower"))
        self.lock = button(self.tr("Lock"), checkable=True)
        self._gestures: dict[QWidget, Gesture] = {
            self.diameter: self._gesture(
                lambda commit, ids: lesions.resize(session, self.diameter.value(), commit, ids)
            ),
            self.turn: self._gesture(lambda commit, ids: lesions.turn(session, float(self.turn.value()), commit, ids)),
        }
        for colour in (self.lightness, self.redness, self.warmth):
            self._gestures[colour] = self._gesture(
                lambda commit, ids: lesions.recolour(session, self._shift(), commit, ids)
            )
        self._name_controls()
        self._lay_out()
        self._connect()
        self._show()

    def _gesture(self, apply: Apply) -> Gesture:
        return Gesture(self.session, apply, self)

    def _name_controls(self) -> None:
        name_all(
            (
                (
                    self.diameter,
                    self.tr("Diameter"),
                    self.tr("Scales the lesion. Paint it anew if it shall look as grown at this size."),
                ),
                (self.turn, self.tr("Angle"), self.tr("Turns the lesion on the skin, in degrees.")),
                (self.lightness, self.tr("Lightness"), self.tr("Left: darker. Right: lighter.")),
                (self.redness, self.tr("Redness"), self.tr("Left: greener, less inflamed. Right: redder.")),
                (self.warmth, self.tr("Brownness"), self.tr("Left: bluer, as pigment that lies deep. Right: browner.")),
                (
                    self.paint_anew,
                    self.tr("Paint anew"),
                    self.tr("Have the network paint the lesion again at its present size and place."),
                ),
                (self.duplicate, self.tr("Duplicate"), self.tr("A copy beside it (Ctrl+D).")),
                (self.delete, self.tr("Delete"), self.tr("Take the lesion away (Delete).")),
                (self.raise_lesion, self.tr("Raise"), self.tr("Lay it above the next lesion (Ctrl+Up).")),
                (self.lower_lesion, self.tr("Lower"), self.tr("Lay it below the next lesion (Ctrl+Down).")),
                (self.lock, self.tr("Lock"), self.tr("A locked lesion can't be changed or moved by accident (K).")),
            )
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setVerticalSpacing(4)
        for name, field in (
            (self.tr("&Diameter"), self.diameter),
            (self.tr("An&gle"), self.turn),
            (self.tr("&Lightness"), self.lightness),
            (self.tr("&Redness"), self.redness),
            (self.tr("&Brownness"), self.warmth),
        ):
            form.addRow(name, field)
        buttons = QGridLayout()
        buttons.setSpacing(4)
        rows = (
            (self.paint_anew, self.duplicate, self.delete),
            (self.raise_lesion, self.lower_lesion, self.lock),
        )
        for row, widgets in enumerate(rows):
            for place, widget in enumerate(widgets):
                buttons.addWidget(widget, row, place)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addLayout(form)
        column.addLayout(buttons)
        column.addStretch(1)

    def _connect(self) -> None:
        session = self.session
        self.diameter.valueChanged.connect(lambda: self._gestures[self.diameter].changed())
        self.diameter.editingFinished.connect(self._gestures[self.diameter].end)
        for moved in (self.turn, self.lightness, self.redness, self.warmth):
            gesture = self._gestures[moved]
            moved.valueChanged.connect(lambda _, g=gesture, s=moved: g.changed(s.isSliderDown()))
            moved.sliderReleased.connect(gesture.end)
        self.paint_anew.clicked.connect(lambda: growing.regenerate(session))
        self.duplicate.clicked.connect(lambda: lesions.duplicate(session))
        self.delete.clicked.connect(lambda: lesions.delete(session))
        self.raise_lesion.clicked.connect(lambda: lesions.shift_order(session, up=True))
        self.lower_lesion.clicked.connect(lambda: lesions.shift_order(session, up=False))
        self.lock.clicked.connect(lambda: lesions.toggle_locked(session))
        session.selection_changed.connect(self._end_all)
        for signal in (session.selection_changed, session.lesions_changed, session.document_changed):
            signal.connect(self._show)
        for signal in (session.engine_changed, session.busy_changed):
            signal.connect(self._show)

    def _shift(self) -> retouch.ColourShift:
        return retouch.ColourShift(*(float(s.value()) for s in (self.lightness, self.redness, self.warmth)))

    def _end_all(self) -> None:
        for gesture in self._gestures.values():
            gesture.end()

    def _show(self) -> None:
        document, session = self.session.document, self.session
        layer = document.layer(session.selection) if document is not None else None
        changeable = layer is not None and not layer.locked and not session.busy
        for control in (*self._gestures, self.delete, self.raise_lesion, self.lower_lesion):
            control.setEnabled(changeable)
        self.paint_anew.setEnabled(changeable and growing.can_paint(session))
        self.duplicate.setEnabled(layer is not None)
        self.lock.setEnabled(layer is not None)
        self.title.setText(self._title(layer))
        if layer is None:
            return
        self.lock.setChecked(layer.locked)
        blocked = [QSignalBlocker(control) for control in self._gestures]
        if not self._gestures[self.diameter].under_way:
            self.diameter.setValue(layer.spec.diameter_mm)
        shift = retouch.colour_shift_of(layer)
        for moved, value in (
            (self.turn, layer.spec.turn_deg),
            (self.lightness, shift.lightness),
            (self.redness, shift.redness),
            (self.warmth, shift.warmth),
        ):
            if not self._gestures[moved].under_way:
                moved.setValue(round(value))
        del blocked

    def _title(self, layer: LesionLayer | None) -> str:
        document = self.session.document
        if layer is None or document is None:
            return self.tr("Select a lesion in the list or on the skin.")
        told = f"{document.number_of(layer) or ''} {texts.described(layer)}".strip()
        if len(self.session.selected) > 1:
            told = self.tr("{} and {} more").format(told, len(self.session.selected) - 1)
        return self.tr("{}. Locked.").format(told) if layer.locked else told
