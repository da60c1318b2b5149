"""What the next lesion shall be, and the button that grows it."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.gui.model import growing, verbs
from desktop.gui.model.request import LARGEST_SEED, SHAPES
from desktop.gui.model.session import Session
from engine.lesion import DIAMETER_MM

DETAILS = (64, 128, 256, 454, 512)


class LesionPanel(QGroupBox):
    """Controls for `Session.request`; every change goes to the session and comes back from it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("New lesion", parent)
        self.session = session
        self.lesion_class = QComboBox()
        self.diameter = QDoubleSpinBox(minimum=DIAMETER_MM[0], maximum=DIAMETER_MM[1], decimals=1, singleStep=0.5)
        self.diameter.setSuffix(" mm")
        self.shape = QComboBox()
        self.shape.addItems([name.capitalize() for name in SHAPES])
        self.irregularity, self.asymmetry = _share(), _share()
        self.seed = QSpinBox(minimum=0, maximum=LARGEST_SEED)
        self.dice = QToolButton(text="⚄")
        self.keep_seed = QCheckBox("Keep")
        self.detail = QComboBox()
        self.detail.addItems([f"{side} px" for side in DETAILS])
        for box in (self.lesion_class, self.shape, self.detail):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.steps = QSpinBox(minimum=2, maximum=1000)
        self.grow = QPushButton("Grow lesion", objectName="grow")
        self.cancel = QPushButton("Cancel")
        self.progress = QProgressBar(textVisible=True)
        self._name_controls()
        self._lay_out()
        self._connect()
        self._show_request()
        self._show_state()

    def _name_controls(self) -> None:
        for control, name, tip in (
            (self.lesion_class, "Class", "What the lesion shall look like. Synthetic, not for diagnosis."),
            (self.diameter, "Diameter", "Longest diameter on the skin, as a ruler would measure it."),
            (self.shape, "Shape", "Automatic draws an outline; round is an even disc."),
            (self.irregularity, "Irregularity", "How notched the border is."),
            (self.asymmetry, "Asymmetry", "How lopsided the outline is."),
            (self.seed, "Seed", "The same seed at the same place grows the same lesion again."),
            (self.dice, "New seed", "Another seed: another lesion of the same kind."),
            (self.keep_seed, "Keep seed", "Grow the next lesion with this seed, too."),
            (self.detail, "Detail", "Side of the lesion's own picture. More takes longer and shows more close up."),
            (self.steps, "Steps", "How often the network is asked. Fewer is quicker and rougher."),
            (self.grow, "Grow lesion", "Grow a lesion at the marked place (G)."),
            (self.cancel, "Cancel", "Stop growing; nothing is changed (Esc)."),
            (self.progress, "Progress", ""),
        ):
            control.setAccessibleName(name)
            control.setToolTip(tip)

    def _lay_out(self) -> None:
        seed = QHBoxLayout()
        seed.addWidget(self.seed, 1)
        seed.addWidget(self.dice)
        seed.addWidget(self.keep_seed)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name, field in (
            ("&Class", self.lesion_class),
            ("&Diameter", self.diameter),
            ("&Shape", self.shape),
            ("&Irregularity", self.irregularity),
            ("&Asymmetry", self.asymmetry),
        ):
            form.addRow(name, field)
        seed_label = QLabel("S&eed")
        seed_label.setBuddy(self.seed)
        form.addRow(seed_label, seed)
        form.addRow("De&tail", self.detail)
        form.addRow("Ste&ps", self.steps)
        self._form = form
        buttons = QHBoxLayout()
        buttons.addWidget(self.grow, 1)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        column.addLayout(form)
        column.addLayout(buttons)
        column.addWidget(self.progress)

    def _connect(self) -> None:
        session = self.session
        self.lesion_class.currentTextChanged.connect(lambda name: session.set_request(session.request.of_class(name)))
        self.diameter.valueChanged.connect(self._change("diameter_mm", float))
        self.shape.currentIndexChanged.connect(self._change("shape", lambda index: SHAPES[index]))
        self.irregularity.valueChanged.connect(self._change("irregularity", lambda value: value / 100))
        self.asymmetry.valueChanged.connect(self._change("asymmetry", lambda value: value / 100))
        self.seed.valueChanged.connect(self._change("seed", int))
        self.keep_seed.toggled.connect(self._change("keep_seed", bool))
        self.detail.currentIndexChanged.connect(self._change("detail", lambda index: DETAILS[index]))
        self.steps.valueChanged.connect(self._change("steps", int))
        self.dice.clicked.connect(lambda: verbs.roll_seed(session))
        self.grow.clicked.connect(lambda: growing.grow(session))
        self.cancel.clicked.connect(lambda: growing.cancel(session))
        session.request_changed.connect(self._show_request)
        signals = (session.job_changed, session.engine_changed, session.site_changed, session.busy_changed)
        for signal in (*signals, session.document_changed):
            signal.connect(self._show_state)

    def _change(self, field: str, read: Callable[..., object]) -> Callable[[object], None]:
        def changed(value: object) -> None:
            self.session.set_request(replace(self.session.request, **{field: read(value)}))

        return changed

    def _show_request(self) -> None:
        request = self.session.request
        fields = (self.lesion_class, self.diameter, self.shape, self.irregularity, self.asymmetry)
        blocked = [QSignalBlocker(f) for f in (*fields, self.seed, self.keep_seed, self.detail, self.steps)]
        self.lesion_class.setCurrentText(request.lesion_class)
        self.diameter.setValue(request.diameter_mm)
        self.shape.setCurrentIndex(SHAPES.index(request.shape))
        self.irregularity.setValue(round(100 * request.irregularity))
        self.asymmetry.setValue(round(100 * request.asymmetry))
        for row in (self.irregularity, self.asymmetry):
            self._form.setRowVisible(row, request.shape == "automatic")
        self.seed.setValue(request.seed)
        self.keep_seed.setChecked(request.keep_seed)
        self.detail.setCurrentIndex(DETAILS.index(request.detail))
        self.steps.setValue(request.steps)
        del blocked

    def _show_state(self) -> None:
        session, job = self.session, self.session.job
        classes = list(session.engine.classes)
        if classes != [self.lesion_class.itemText(i) for i in range(self.lesion_class.count())]:
            blocked = QSignalBlocker(self.lesion_class)
            self.lesion_class.clear()
            self.lesion_class.addItems(classes)
            self.lesion_class.setCurrentText(session.request.lesion_class)
            del blocked
        self.lesion_class.setEnabled(bool(classes))
        self.grow.setEnabled(growing.can_grow(session))
        self.cancel.setVisible(job is not None)
        self.cancel.setEnabled(job is not None and not job.cancelled)
        self.progress.setVisible(job is not None or bool(self._hint()))
        if job is None:
            self.progress.setRange(0, 1)
            self.progress.setValue(0)
            self.progress.setFormat(self._hint())
            return
        self.progress.setRange(0, max(job.total, 1))
        self.progress.setValue(job.done)
        left = job.seconds_left
        if job.cancelled:
            self.progress.setFormat("Stopping …")
        elif job.total == 0:
            self.progress.setFormat("Preparing the skin …")
        else:
            self.progress.setFormat("%p %" if left is None else f"%p %, {left:.0f} s left")

    def _hint(self) -> str:
        """What is still missing before a lesion can be grown."""
        session = self.session
        if session.document is None:
            return ""
        if session.engine_fault:
            return "The engine isn't running"
        if not session.engine.is_ready:
            return "The engine is starting …"
        return "Click on the skin to mark a place" if session.site is None else ""


def _share() -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setPageStep(10)
    return slider
