"""Preferences: looks at once, the engine after a restart of it, the size of letters from the next start on."""

import os

from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QFormLayout, QWidget

from desktop.gui import theme
from desktop.gui.model import growing, preferences
from desktop.gui.model.preferences import DEVICES, PRECISIONS, SCALES, Preferences
from desktop.gui.model.session import Session
from desktop.gui.views.controls import choice, label, whole


class PreferencesDialog(QDialog):
    """OK keeps and applies; Cancel leaves everything as it was."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.before = session, preferences.load(session.settings)
        self.setWindowTitle(self.tr("Preferences"))
        self.theme = choice(((self.tr("Dark"), "dark"), (self.tr("Light"), "light")))
        self.scale = choice((f"{scale:.0%}", scale) for scale in SCALES)
        devices = (
            *(self.tr("The best there is"), self.tr("Processor")),
            *(self.tr("NVIDIA (CUDA)"), self.tr("Apple (MPS)")),
        )
        self.device = choice(zip(devices, DEVICES, strict=True))
        kinds = (self.tr("What is faster here"), self.tr("Exact (fp32)"), self.tr("Fast (bf16)"))
        self.precision = choice(zip(kinds, PRECISIONS, strict=True))
        self.threads, self.memory = whole(0, os.cpu_count() or 1), whole(0, 1_000_000, suffix=self.tr(" MB"))
        self.memory.setSingleStep(500)
        self.threads.setSpecialValueText(self.tr("all but one"))
        self.memory.setSpecialValueText(self.tr("what there is"))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()
        self._show(self.before)

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        for name, control, tip in (
            (self.tr("&Theme"), self.theme, self.tr("Colours of the window; the skin always looks the same.")),
            (self.tr("&Size of letters"), self.scale, self.tr("From the next start on.")),
            (
                *(self.tr("&Device"), self.device),
                self.tr("What paints the lesions. A graphics card is some fifty times as fast as a processor."),
            ),
            (
                *(self.tr("T&hreads"), self.threads),
                self.tr("Of the processor. One is left to the window, so that it answers while lesions grow."),
            ),
            (self.tr("&Precision"), self.precision, self.tr("Both look the same; only the last digits differ.")),
            (
                *(self.tr("&Memory limit"), self.memory),
                self.tr("What painting several lesions at once may take. Less memory only takes longer."),
            ),
        ):
            control.setAccessibleName(name.replace("&", ""))
            control.setToolTip(tip)
            form.addRow(name, control)
        form.addRow(label(self.tr("Device, threads, precision and memory restart the engine."), "faint"))
        form.addRow(self.buttons)

    def _show(self, wanted: Preferences) -> None:
        for box, value in (
            (self.theme, wanted.theme),
            (self.scale, wanted.scale),
            (self.device, wanted.device),
            (self.precision, wanted.precision),
        ):
            box.setCurrentIndex(max(box.findData(value), 0))
        self.threads.setValue(wanted.threads)
        self.memory.setValue(wanted.memory_mb)

    def chosen(self) -> Preferences:
        """What the controls say."""
        return Preferences(
            theme=self.theme.currentData(),
            scale=self.scale.currentData(),
            device=self.device.currentData(),
            threads=self.threads.value(),
            precision=self.precision.currentData(),
            memory_mb=self.memory.value(),
        )

    def accept(self) -> None:
        """Keep and apply."""
        chosen = self.chosen()
        preferences.keep(self.session.settings, chosen)
        application = QApplication.instance()
        if chosen.theme != self.before.theme and isinstance(application, QApplication):
            theme.apply(application, chosen.theme)
        options = chosen.engine(self.session.engine.options)
        if options != self.session.engine.options:
            growing.restart_engine(self.session, options)
        super().accept()
