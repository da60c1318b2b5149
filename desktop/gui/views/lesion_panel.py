"""What the next lesion shall be, and the buttons that grow it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.gui.model import growing, scattering, verbs
from desktop.gui.model.outlines import read_outline
from desktop.gui.model.request import LARGEST_SEED, SHAPES
from desktop.gui.model.session import Session
from desktop.gui.views.advanced import Advanced
from desktop.gui.views.folding import Folding
from engine.errors import BadInput
from engine.lesion import DIAMETER_MM

SHAPE_NAMES = {
    "automatic": "Automatic",
    "round": "Round",
    "painted": "As painted",
    "image": "From an image …",
    "free": "Left to the network",
}
_IMAGES = "Images (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.webp)"


class LesionPanel(QScrollArea):
    """Controls for `Session.request`; every change goes to the session and comes back from it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.lesion_class = _choice()
        self.diameter = QDoubleSpinBox(minimum=DIAMETER_MM[0], maximum=DIAMETER_MM[1], decimals=1, singleStep=0.5)
        self.diameter.setSuffix(" mm")
        self.shape = _choice([SHAPE_NAMES[kind] for kind in SHAPES])
        self.irregularity, self.asymmetry = _share(), _share()
        self.seed = QSpinBox(minimum=0, maximum=LARGEST_SEED)
        self.dice, self.next_seed = QToolButton(text="⚄"), QToolButton(text="+1")
        self.keep_seed = QCheckBox(self.tr("Keep"))
        self.advanced = Advanced(session)
        self.detail, self.steps = self.advanced.detail, self.advanced.steps
        self.folding = Folding("Advanced", self.advanced)
        self.grow = QPushButton(self.tr("Grow lesion"), objectName="grow")
        self.variants, self.variant_count = QPushButton(self.tr("Variants")), QSpinBox(minimum=2, maximum=6, value=3)
        self.scatter, self.scatter_count = QPushButton(self.tr("Scatter")), QSpinBox(minimum=1, maximum=200, value=5)
        self.gap = QSpinBox(minimum=0, maximum=200, value=5)
        self.gap.setPrefix("≥ ")
        self.gap.setSuffix(" mm")
        self.as_they_occur = QCheckBox(self.tr("Sizes as they occur"), checked=True)
        self.cancel, self.progress = QPushButton(self.tr("Cancel")), QProgressBar(textVisible=True)
        self._name_controls()
        self._lay_out()
        self._connect()
        self._show_request()
        self._show_state()

    def _name_controls(self) -> None:
        for control, name, tip in (
            (
                self.lesion_class,
                self.tr("Class"),
                self.tr("What the lesion shall look like. Synthetic, not for diagnosis."),
            ),
            (self.diameter, self.tr("Diameter"), self.tr("Longest diameter on the skin, as a ruler would measure it.")),
            (
                self.shape,
                self.tr("Shape"),
                self.tr("Its outline: drawn by itself, an even disc, the region you painted, or an image."),
            ),
            (
                self.irregularity,
                self.tr("Irregularity"),
                self.tr("Left: an even border. Right: notched, with bays, as of a melanoma."),
            ),
            (self.asymmetry, self.tr("Asymmetry"), self.tr("Left: both halves alike. Right: lopsided, drawn out.")),
            (self.seed, self.tr("Seed"), self.tr("The same seed at the same place grows the same lesion again.")),
            (self.dice, self.tr("New seed"), self.tr("Throw the dice: another lesion of the same kind (N).")),
            (self.next_seed, self.tr("Next seed"), self.tr("The seed after this one.")),
            (
                self.keep_seed,
                self.tr("Keep seed"),
                self.tr("Grow the next lesions with this seed, too, instead of a new one each."),
            ),
            (
                self.grow,
                self.tr("Grow lesion"),
                self.tr("Grow a lesion at the marked place (G). You can mark the next place meanwhile."),
            ),
            (
                self.variants,
                self.tr("Grow variants"),
                self.tr("Grow several for the marked place, and choose one of them (V)."),
            ),
            (self.variant_count, self.tr("Number of variants"), self.tr("How many to choose among.")),
            (
                self.scatter,
                self.tr("Scatter in the region"),
                self.tr("Grow lesions all over the painted or chosen region, apart."),
            ),
            (
                self.scatter_count,
                self.tr("Number of lesions to scatter"),
                self.tr("How many lesions the region shall get."),
            ),
            (
                self.gap,
                self.tr("Least distance between scattered lesions"),
                self.tr("How much skin is left free between two lesions."),
            ),
            (
                self.as_they_occur,
                self.tr("Sizes as they occur"),
                self.tr("Each its own usual size; otherwise all of this diameter."),
            ),
            (self.cancel, self.tr("Cancel"), self.tr("Stop growing; nothing is changed (Esc).")),
            (self.progress, self.tr("Progress"), ""),
        ):
            control.setAccessibleName(name)
            control.setToolTip(tip)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.setVerticalSpacing(3)
        for name, field in (
            (self.tr("&Class"), self.lesion_class),
            (self.tr("&Diameter"), self.diameter),
            (self.tr("&Shape"), self.shape),
            (self.tr("&Irregularity"), self.irregularity),
            (self.tr("&Asymmetry"), self.asymmetry),
        ):
            form.addRow(name, field)
        label = QLabel(self.tr("S&eed"))
        label.setBuddy(self.seed)
        form.addRow(label, _row((self.seed, 1), (self.dice, 0), (self.next_seed, 0), (self.keep_seed, 0)))
        self._form = form
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(3)
        column.addLayout(form)
        column.addWidget(self.folding)
        column.addLayout(_row((self.grow, 1), (self.variants, 0), (self.variant_count, 0)))
        column.addLayout(_row((self.scatter, 1), (self.scatter_count, 0), (self.gap, 0)))
        column.addWidget(self.as_they_occur)
        column.addLayout(_row((self.progress, 1), (self.cancel, 0)))
        column.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(content.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width())

    def _connect(self) -> None:
        session = self.session
        self.lesion_class.currentTextChanged.connect(lambda name: session.set_request(session.request.of_class(name)))
        self.diameter.valueChanged.connect(self._change("diameter_mm", float))
        self.shape.activated.connect(lambda index: self._choose_shape(SHAPES[index]))
        self.irregularity.valueChanged.connect(self._change("irregularity", lambda value: value / 100))
        self.asymmetry.valueChanged.connect(self._change("asymmetry", lambda value: value / 100))
        self.seed.valueChanged.connect(self._change("seed", int))
        self.keep_seed.toggled.connect(self._change("keep_seed", bool))
        self.dice.clicked.connect(lambda: verbs.roll_seed(session))
        self.next_seed.clicked.connect(lambda: verbs.next_seed(session))
        self.grow.clicked.connect(lambda: growing.grow(session))
        self.variants.clicked.connect(self.grow_variants)
        self.scatter.clicked.connect(self.scatter_lesions)
        self.cancel.clicked.connect(lambda: growing.cancel(session))
        session.request_changed.connect(self._show_request)
        signals = (session.job_changed, session.engine_changed, session.site_changed, session.busy_changed)
        for signal in (*signals, session.document_changed, session.region_changed):
            signal.connect(self._show_state)

    def grow_variants(self) -> None:
        """As many variants as the panel says."""
        growing.variants(self.session, self.variant_count.value())

    def scatter_lesions(self) -> None:
        """As many lesions, as far apart, as the panel says."""
        scattering.scatter(self.session, self.scatter_count.value(), self.gap.value(), self.as_they_occur.isChecked())

    def load_outline(self, path: Path) -> None:
        """Take the shape from an image."""
        session = self.session
        try:
            session.set_request(session.request.with_outline(read_outline(path), "image", path.name))
        except BadInput as error:
            verbs.tell(session, error)
            self._show_request()

    def _choose_shape(self, kind: str) -> None:
        session = self.session
        if kind == "image":
            name, _ = QFileDialog.getOpenFileName(self, "The lesion's shape", "", _IMAGES)
            if name:
                self.load_outline(Path(name))
            else:
                self._show_request()
        elif kind == "painted" and (session.request.outline is None or session.request.shape == "image"):
            session.told.emit(
                self.tr("Paint a region with the brush or the lasso, then say Region, Use as the lesion's outline."),
                False,
            )
            self._show_request()
        else:
            session.set_request(replace(session.request, shape=kind))

    def _change(self, field: str, read: Callable[..., object]) -> Callable[[object], None]:
        def changed(value: object) -> None:
            self.session.set_request(replace(self.session.request, **{field: read(value)}))

        return changed

    def _show_request(self) -> None:
        request = self.session.request
        fields = (self.lesion_class, self.diameter, self.shape, self.irregularity, self.asymmetry)
        blocked = [QSignalBlocker(field) for field in (*fields, self.seed, self.keep_seed)]
        self.lesion_class.setCurrentText(request.lesion_class)
        self.diameter.setValue(request.diameter_mm)
        self.shape.setCurrentIndex(SHAPES.index(request.shape))
        self.shape.setItemText(
            SHAPES.index("image"), request.outline_from if request.shape == "image" else "From an image …"
        )
        self.irregularity.setValue(round(100 * request.irregularity))
        self.asymmetry.setValue(round(100 * request.asymmetry))
        for row in (self.irregularity, self.asymmetry):
            self._form.setRowVisible(row, request.shape == "automatic")
        self.seed.setValue(request.seed)
        self.keep_seed.setChecked(request.keep_seed)
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
        self.variants.setEnabled(growing.can_grow(session))
        self.scatter.setEnabled(scattering.can_scatter(session))
        self.scatter.setText(f"Scatter in {session.region_name}" if session.region_name else "Scatter in region")
        self.cancel.setVisible(job is not None)
        self.cancel.setEnabled(job is not None and not job.cancelled)
        self.progress.setVisible(job is not None or bool(self._hint()))
        self.progress.setRange(0, 1000)
        self.progress.setValue(0 if job is None else round(1000 * job.share))
        self.progress.setFormat(self._hint() if job is None else self._doing())

    def _doing(self) -> str:
        """How far the wish under way is: which of how many lesions, time left, how many wishes wait."""
        job, waiting = self.session.job, len(self.session.queue)
        assert job is not None
        if job.cancelled:
            return self.tr("Stopping …")
        left = job.seconds_left
        parts = [f"{min(len(job.layers) + 1, job.count)} of {job.count}"] if job.count > 1 else []
        if job.painting_since is None:
            parts.append("Preparing the skin …")
        else:
            parts.append("%p %" if left is None else f"%p %, {left:.0f} s left")
        if waiting:
            parts.append(f"{waiting} waiting")
        return " · ".join(parts)

    def _hint(self) -> str:
        """What is still missing before a lesion can be grown."""
        session = self.session
        if session.document is None:
            return ""
        if session.engine_fault:
            return self.tr("The engine isn't running")
        if not session.engine.is_ready:
            return self.tr("The engine is starting …")
        return self.tr("Click on the skin to mark a place") if session.site is None else ""


def _share() -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, 100)
    slider.setPageStep(10)
    return slider


def _choice(names: list[str] | None = None) -> QComboBox:
    box = QComboBox()
    box.addItems(names or [])
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContentsOnFirstShow)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def _row(*widgets: tuple[QWidget, int]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget, stretch in widgets:
        row.addWidget(widget, stretch)
    return row
