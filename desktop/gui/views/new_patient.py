"""A new patient: sex, age, build and skin; the parametric body is made in the background."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, QStandardPaths, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from desktop.gui.model import texts, verbs
from desktop.gui.model.session import Session
from desktop.gui.model.task import Task
from desktop.gui.views.controls import button, choice, label, name_all, number, row, sign, whole
from engine.atlas import encode_srgb
from engine.avatar.phenotype import AGES, SEXES, usual_height, usual_weight
from engine.avatar.tone import BASE_LAB
from engine.colour import lab_to_linear

SIZES = (1024, 2048, 4096, 8192)
_USUAL_SIZE = 4096
_SWATCH = QSize(30, 30)
_ROW_PX = 26
_MAX_SEED = 2**31 - 1


class NewPatient(QWidget):
    """Asks for a patient, has it made, and opens it. made: it is there and is being opened."""

    made = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.task = session, Task(self)
        self.sex = choice(zip((self.tr("Female"), self.tr("Male")), SEXES, strict=True))
        self.age = whole(int(AGES[0]), int(AGES[1]), 40, suffix=self.tr(" years"))
        self.height_cm = whole(40, 230, suffix=self.tr(" cm"))
        self.weight_kg = number(5, 250, suffix=self.tr(" kg"))
        self.phototypes, self._swatches = QButtonGroup(self), QHBoxLayout()
        self.texture, self.seed = choice(), whole(0, _MAX_SEED)
        self.file, self.choose = QLineEdit(), button(self.tr("Choose …"))
        self.go, self.cancel = button(self.tr("Make the patient"), "primary"), button(self.tr("Cancel"))
        self.bar, self.message = QProgressBar(), label(wrap=True)
        self._fill()
        self._name_controls()
        self._lay_out()
        self._connect()
        self.offer_file()
        self._show_usual()
        self._show_state()

    def _fill(self) -> None:
        for side in SIZES:
            self.texture.addItem(self.tr("{} px, about {:.1f} mm a texel").format(side, 2.1 * 1024 / side), side)
        self.texture.setCurrentIndex(SIZES.index(_USUAL_SIZE))
        for place, (name, lab) in enumerate(BASE_LAB.items()):
            colour = QColor(*(int(c) for c in encode_srgb(lab_to_linear(np.array(lab)))))
            picture = QPixmap(_SWATCH)
            picture.fill(colour)
            swatch = sign(name)
            swatch.setIcon(QIcon(picture))
            swatch.setIconSize(_SWATCH)
            swatch.setCheckable(True)
            swatch.setObjectName("swatch")
            swatch.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            swatch.setAccessibleName(self.tr("Phototype {}").format(name))
            swatch.setToolTip(self.tr("Fitzpatrick phototype {}").format(name))
            self.phototypes.addButton(swatch, place)
            self._swatches.addWidget(swatch)
        self._swatches.addStretch(1)
        self.phototypes.button(1).setChecked(True)

    def _name_controls(self) -> None:
        name_all(
            (
                (self.sex, self.tr("Sex"), ""),
                (self.age, self.tr("Age"), ""),
                (self.height_cm, self.tr("Height"), self.tr("At first the usual height for sex and age.")),
                (self.weight_kg, self.tr("Weight"), self.tr("At first the usual weight for age and height.")),
                (
                    *(self.texture, self.tr("Texture")),
                    self.tr("Finer textures show small lesions sharper, and take more memory and time."),
                ),
                (self.seed, self.tr("Skin pattern"), self.tr("Another number: another fine pattern of the same skin.")),
                (self.file, self.tr("File of the new patient"), self.tr("The scene is kept beside it.")),
                (self.choose, self.tr("Choose the file of the new patient"), ""),
                (self.go, self.tr("Make the patient"), ""),
                (self.cancel, self.tr("Stop making the patient"), ""),
                (self.bar, self.tr("Progress"), ""),
                (self.message, self.tr("What came of it"), ""),
            )
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow(self.tr("&Sex"), self.sex)
        form.addRow(self.tr("&Age"), self.age)
        form.addRow(self.tr("&Height"), self.height_cm)
        form.addRow(self.tr("&Weight"), self.weight_kg)
        form.addRow(self.tr("Phototype"), self._swatches)
        form.addRow(self.tr("&Texture"), self.texture)
        form.addRow(self.tr("Skin &pattern"), self.seed)
        keep = label(self.tr("&Keep as"))
        keep.setBuddy(self.file)
        form.addRow(keep, row((self.file, 1), (self.choose, 0)))
        for control in (self.age, self.height_cm, self.weight_kg, self.seed, self.file):
            control.setMinimumHeight(_ROW_PX)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addLayout(row((self.go, 1), (self.cancel, 0)))
        column.addWidget(self.bar)
        column.addWidget(self.message)

    def _connect(self) -> None:
        self.sex.currentIndexChanged.connect(self._show_usual)
        self.age.valueChanged.connect(self._show_usual)
        self.height_cm.valueChanged.connect(self._show_usual_weight)
        self.choose.clicked.connect(self._choose_file)
        self.go.clicked.connect(self.make)
        self.cancel.clicked.connect(self._give_up)
        self.task.progress.connect(self._show_progress)
        self.task.done.connect(self._done)
        self.task.failed.connect(self._failed)
        self.session.busy_changed.connect(self._show_state)

    def _show_usual(self) -> None:
        blocked = QSignalBlocker(self.height_cm)
        self.height_cm.setValue(round(100 * usual_height(self.sex.currentData(), self.age.value())))
        del blocked
        self._show_usual_weight()

    def _show_usual_weight(self) -> None:
        self.weight_kg.setValue(usual_weight(self.age.value(), self.height_cm.value() / 100))

    def offer_file(self) -> None:
        """The first free name, beside the last patient or among the user's documents."""
        recent = self.session.recent
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        folder = recent[0].parent if recent else Path(documents) / "Moulage"
        names = (f"patient-{number}" for number in range(1, 10_000))
        free = next(n for n in names if not any((folder / f"{n}{end}").exists() for end in (".glb", ".moulage")))
        self.file.setText(str(folder / f"{free}.glb"))

    def _choose_file(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            *(self, self.tr("Keep the new patient as"), self.file.text(), self.tr("Patients (*.glb)"))
        )
        if name:
            self.file.setText(str(Path(name).with_suffix(".glb")))

    def make(self) -> None:
        """Begin."""
        path = Path(self.file.text()).expanduser().with_suffix(".glb")
        if any(path.with_suffix(end).exists() for end in (".glb", ".moulage")):
            self._failed(self.tr("{} exists; choose another name").format(path))
            return
        spec = {
            "sex": self.sex.currentData(),
            "age": float(self.age.value()),
            "height_m": self.height_cm.value() / 100,
            "weight_kg": self.weight_kg.value(),
            "phototype": tuple(BASE_LAB)[self.phototypes.checkedId()],
            "texture_size": self.texture.currentData(),
            "seed": self.seed.value(),
        }
        self._say("", "")
        self.task.start("create", path=str(path), spec=spec)
        self._show_state()

    def _show_state(self) -> None:
        running = self.task.running
        fields = (self.sex, self.age, self.height_cm, self.weight_kg, self.texture, self.seed, self.file, self.choose)
        for control in (*fields, *self.phototypes.buttons()):
            control.setEnabled(not running)
        self.go.setEnabled(not running and not self.session.busy and self.session.job is None)
        self.cancel.setVisible(running)
        self.bar.setVisible(running)

    def _show_progress(self, done: int, total: int, doing: str) -> None:
        self.bar.setRange(0, 0)  # making the skin is one long step
        self._say("", self.tr("Making the {} …").format(texts.tr(doing, "Tasks")))

    def _done(self, paths: list[str]) -> None:
        self._say("", "")
        self._show_state()
        verbs.open_path(self.session, Path(paths[0]))
        self.made.emit()

    def _failed(self, why: str) -> None:
        self._say("bad", self.tr("✕ {}").format(why))
        self._show_state()

    def _give_up(self) -> None:
        self.task.give_up()
        self._say("", "")
        self._show_state()

    def _say(self, state: str, text: str) -> None:
        self.message.setProperty("state", state)
        self.message.setText(text)
        self.message.style().polish(self.message)
        self.message.setVisible(bool(text))
