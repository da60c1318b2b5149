"""What the next lesion shall be, and the buttons that grow it."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QFileDialog, QFormLayout, QFrame, QScrollArea, QVBoxLayout, QWidget

from desktop.gui.model import texts, verbs
from desktop.gui.model.outlines import read_outline
from desktop.gui.model.request import LARGEST_SEED, SHAPES
from desktop.gui.model.session import Session
from desktop.gui.views.advanced import Advanced
from desktop.gui.views.controls import check, choice, label, name_all, number, row, sign, slider, whole
from desktop.gui.views.folding import Folding
from desktop.gui.views.grow_controls import GrowControls
from engine.errors import BadInput
from engine.lesion import DIAMETER_MM


class LesionPanel(QScrollArea):
    """Controls for `Session.request`; every change goes to the session and comes back from it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.lesion_class = choice()
        self.diameter = number(*DIAMETER_MM, step=0.5, suffix=self.tr(" mm"))
        self._shape_names = {
            "automatic": self.tr("Automatic"),
            "round": self.tr("Round"),
            "painted": self.tr("As painted"),
            "image": self.tr("From an image …"),
            "free": self.tr("Left to the network"),
        }
        self.shape = choice((self._shape_names[kind], kind) for kind in SHAPES)
        self.irregularity, self.asymmetry = slider(0, 100, 10), slider(0, 100, 10)
        self.seed = whole(0, LARGEST_SEED)
        self.dice, self.next_seed = sign("⚄"), sign("+1")
        self.keep_seed = check(self.tr("Keep"))
        self.advanced = Advanced(session)
        self.detail, self.steps = self.advanced.detail, self.advanced.steps
        self.folding = Folding(self.tr("Advanced"), self.advanced)
        self.wishes = GrowControls(session)
        self._name_controls()
        self._lay_out()
        self._connect()
        self._show_request()
        self._list_classes()

    def _name_controls(self) -> None:
        name_all(
            (
                (
                    self.lesion_class,
                    self.tr("Class"),
                    self.tr("What the lesion shall look like. Synthetic, not for diagnosis."),
                ),
                (
                    self.diameter,
                    self.tr("Diameter"),
                    self.tr("Longest diameter on the skin, as a ruler would measure it."),
                ),
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
                (
                    self.dice,
                    self.tr("New seed"),
                    self.tr("Throw the dice: another lesion of the same kind (N)."),
                ),
                (self.next_seed, self.tr("Next seed"), self.tr("The seed after this one (Shift+N).")),
                (
                    self.keep_seed,
                    self.tr("Keep seed"),
                    self.tr("Grow the next lesions with this seed, too, instead of a new one each."),
                ),
            )
        )

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
        seed = label(self.tr("S&eed"))
        seed.setBuddy(self.seed)
        form.addRow(seed, row((self.seed, 1), (self.dice, 0), (self.next_seed, 0), (self.keep_seed, 0)))
        self._form = form
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(3)
        column.addLayout(form)
        column.addWidget(self.folding)
        column.addWidget(self.wishes)
        column.addStretch(1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(content.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width())

    def _connect(self) -> None:
        session = self.session
        self.lesion_class.currentIndexChanged.connect(self._choose_class)
        self.diameter.valueChanged.connect(lambda mm: session.set_request(replace(session.request, diameter_mm=mm)))
        self.shape.activated.connect(lambda index: self._choose_shape(SHAPES[index]))
        self.irregularity.valueChanged.connect(
            lambda value: session.set_request(replace(session.request, irregularity=value / 100))
        )
        self.asymmetry.valueChanged.connect(
            lambda value: session.set_request(replace(session.request, asymmetry=value / 100))
        )
        self.seed.valueChanged.connect(lambda value: session.set_request(replace(session.request, seed=value)))
        self.keep_seed.toggled.connect(lambda on: session.set_request(replace(session.request, keep_seed=on)))
        self.dice.clicked.connect(lambda: verbs.roll_seed(session))
        self.next_seed.clicked.connect(lambda: verbs.next_seed(session))
        session.request_changed.connect(self._show_request)
        session.engine_changed.connect(self._list_classes)

    def load_outline(self, path: Path) -> None:
        """Take the shape from an image."""
        session = self.session
        try:
            session.set_request(session.request.with_outline(read_outline(path), "image", path.name))
        except BadInput as error:
            verbs.tell(session, error)
            self._show_request()

    def _choose_class(self, index: int) -> None:
        self.session.set_request(self.session.request.of_class(self.lesion_class.itemData(index)))

    def _choose_shape(self, kind: str) -> None:
        session = self.session
        if kind == "image":
            images = self.tr("Images (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.webp)")
            name, _ = QFileDialog.getOpenFileName(self, self.tr("The lesion's shape"), "", images)
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

    def _show_request(self) -> None:
        request = self.session.request
        fields = (self.lesion_class, self.diameter, self.shape, self.irregularity, self.asymmetry)
        blocked = [QSignalBlocker(field) for field in (*fields, self.seed, self.keep_seed)]
        self.lesion_class.setCurrentIndex(self.lesion_class.findData(request.lesion_class))
        self.diameter.setValue(request.diameter_mm)
        self.shape.setCurrentIndex(SHAPES.index(request.shape))
        from_image = request.outline_from if request.shape == "image" else self._shape_names["image"]
        self.shape.setItemText(SHAPES.index("image"), from_image)
        self.irregularity.setValue(round(100 * request.irregularity))
        self.asymmetry.setValue(round(100 * request.asymmetry))
        for field in (self.irregularity, self.asymmetry):
            self._form.setRowVisible(field, request.shape == "automatic")
        self.seed.setValue(request.seed)
        self.keep_seed.setChecked(request.keep_seed)
        del blocked

    def _list_classes(self) -> None:
        """The classes that the network knows."""
        classes, shown = self.session.engine.classes, self.lesion_class
        if classes != tuple(shown.itemData(index) for index in range(shown.count())):
            blocked = QSignalBlocker(shown)
            shown.clear()
            for name in classes:
                shown.addItem(texts.lesion_class(name), name)
            shown.setCurrentIndex(shown.findData(self.session.request.lesion_class))
            del blocked
        shown.setEnabled(bool(classes))
