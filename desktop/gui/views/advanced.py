"""Settings of the next lesion that are rarely needed: what is held while painting, how fine, which model."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QFileDialog, QFormLayout, QSizePolicy, QVBoxLayout, QWidget

import engine
from desktop.gui.model import growing
from desktop.gui.model.session import Session
from desktop.gui.views.controls import check, choice, name_all, whole
from engine.lesion import GUIDINGS

DETAILS = (64, 128, 256, 454, 512)
_MODELS = Path(engine.__file__).resolve().parent / "models"


class Advanced(QWidget):
    """Guidance, detail, steps, model, live preview."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        told = {
            "border": (
                self.tr("Keep the skin around"),
                self.tr("Colour changes only within the lesion; all skin around stays as it is."),
            ),
            "segmentation": (self.tr("Fill the outline"), self.tr("The lesion fills exactly the outline above.")),
            "class_border": (
                self.tr("End inside the frame"),
                self.tr("The lesion may take any form that ends before the picture does."),
            ),
        }
        self.guiding = {name: check(told[name][0]) for name in GUIDINGS}
        name_all((box, *told[name]) for name, box in self.guiding.items())
        self.detail = choice((self.tr("{} px").format(side), side) for side in DETAILS)
        self.model, self.steps = choice(), whole(2, 1000)
        self.live = check(self.tr("Show lesions while they are painted"), session.live_preview)
        controls = (
            (
                self.detail,
                self.tr("Detail"),
                self.tr("Side of the lesion's own picture. More takes longer and shows more close up."),
            ),
            (self.steps, self.tr("Steps"), self.tr("How often the network is asked. Fewer is quicker and rougher.")),
            (
                self.model,
                self.tr("Model"),
                self.tr(
                    "The network that paints. The small one is quicker, but its lesions are redder and speckled. "
                    "Choosing another restarts the engine."
                ),
            ),
            (self.live, self.tr("Live preview"), self.tr("Off saves a little time.")),
        )
        name_all(controls)
        for control, _, _ in controls:
            control.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._list_models()
        form = QFormLayout()
        form.setVerticalSpacing(4)
        form.addRow(self.tr("De&tail"), self.detail)
        form.addRow(self.tr("Ste&ps"), self.steps)
        form.addRow(self.tr("&Model"), self.model)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 0, 0, 0)
        column.setSpacing(3)
        for box in self.guiding.values():
            column.addWidget(box)
            box.clicked.connect(self._guide)
        column.addLayout(form)
        column.addWidget(self.live)
        self.detail.currentIndexChanged.connect(
            lambda index: session.set_request(replace(session.request, detail=DETAILS[index]))
        )
        self.steps.valueChanged.connect(lambda value: session.set_request(replace(session.request, steps=value)))
        self.model.activated.connect(self._choose_model)
        self.live.toggled.connect(session.set_live_preview)
        session.request_changed.connect(self._show)
        session.engine_changed.connect(self._list_models)
        self._show()

    def _show(self) -> None:
        request = self.session.request
        blocked = [QSignalBlocker(control) for control in (self.detail, self.steps)]
        self.detail.setCurrentIndex(DETAILS.index(request.detail))
        self.steps.setValue(request.steps)
        for name, box in self.guiding.items():
            box.setChecked(name in request.guiding)
        self.guiding["segmentation"].setEnabled(request.shape != "free")
        del blocked

    def _guide(self) -> None:
        chosen = tuple(name for name, box in self.guiding.items() if box.isChecked())
        self.session.set_request(replace(self.session.request, guiding=chosen))

    def _list_models(self) -> None:
        shipped = sorted(path.parent.name for path in _MODELS.glob("*/config.json"))
        present = self.session.engine.options.model
        words = {"default": self.tr("default (finest)"), "small": self.tr("small (quicker)")}
        self.model.clear()
        for name in [*shipped, *([] if present in shipped else [present])]:
            self.model.addItem(words.get(name, name), name)
        self.model.addItem(self.tr("Another folder …"))
        self.model.setCurrentIndex(self.model.findData(present))

    def _choose_model(self, index: int) -> None:
        name = self.model.itemData(index) or QFileDialog.getExistingDirectory(self, self.tr("A model's folder"))
        options = self.session.engine.options
        if name and name != options.model:
            growing.restart_engine(self.session, replace(options, model=name))
        self._list_models()
