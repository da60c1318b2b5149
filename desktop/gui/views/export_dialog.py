"""What shall be exported, and where to."""

from pathlib import Path

from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from desktop.gui.model import texts
from desktop.gui.model.session import Session
from desktop.gui.model.task import Task
from desktop.gui.views.controls import button, check, choice, label, name_all, row, whole
from engine.chosen_export import LARGEST_GUTTER, SIZES, usual_gutter


class ExportDialog(QDialog):
    """Makes an `engine.chosen_export.Choice`, and has it written in the background."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        assert session.document is not None
        self.session, self.task, self.document = session, Task(self), session.document
        self.setWindowTitle(self.tr("Export"))
        self.textures = check(self.tr("&Textures (PNG)"), on=True)
        self.glb = check(self.tr("&Body with these textures (GLB)"))
        self.masks = check(self.tr("Lesion &masks (PNG, a number per lesion)"))
        self.lesions = check(self.tr("&List of lesions (JSON and CSV)"))
        self.page = check(self.tr("One-page &sheet: front, back, numbered lesions"), on=True)
        self.page_format = choice((("PDF", "pdf"), ("PNG", "png")))
        self.hide_class = check(self.tr("&Hide the classes (exam)"), on=self.document.state.exam)
        self.side, self.gutter = choice(), whole(-1, LARGEST_GUTTER)
        self.folder, self.choose = QLineEdit(str(self._suggested())), button(self.tr("Choose …"))
        self.force = check(self.tr("&Replace what an earlier export left there"))
        self.bar, self.message = QProgressBar(), label(wrap=True)
        self.go, self.leave = button(self.tr("&Export")), button(self.tr("Close"))
        self.go.setDefault(True)
        self._offer_sizes()
        self._name_controls()
        self._lay_out()
        for box in (self.textures, self.glb, self.masks, self.lesions, self.page):
            box.toggled.connect(self._show)
        self.choose.clicked.connect(self._choose_folder)
        self.go.clicked.connect(self.export)
        self.leave.clicked.connect(self.reject)
        self.task.progress.connect(self._show_progress)
        self.task.done.connect(self._done)
        self.task.failed.connect(self._failed)
        self._show()

    def _suggested(self) -> Path:
        path = self.document.path
        return path.with_name(f"{path.stem}-export")

    def _offer_sizes(self) -> None:
        largest = max(max(pixels.shape[:2]) for pixels in self.document.patient.canvas.pixels.values())
        self.side.addItem(self.tr("As in the patient ({} px)").format(largest), None)
        for side in SIZES:
            if side < largest:
                self.side.addItem(self.tr("{} px").format(side), side)

    def _name_controls(self) -> None:
        self.gutter.setSpecialValueText(self.tr("all empty space"))
        self.gutter.setSuffix(self.tr(" px"))
        usual = usual_gutter(max(max(p.shape[:2]) for p in self.document.patient.canvas.pixels.values()))
        name_all(
            (
                (self.page_format, self.tr("Format of the sheet"), ""),
                (
                    *(self.hide_class, self.tr("Hide the classes")),
                    self.tr("No class is told on the sheet, in the lists or in the files' own descriptions."),
                ),
                (
                    self.side,
                    self.tr("Size of textures and masks"),
                    self.tr("Smaller ones are averaged; none is enlarged."),
                ),
                (
                    *(self.gutter, self.tr("Gutter")),
                    self.tr(
                        "How far skin goes on around the pieces of the texture, so that no seams show. Usual: {} px."
                    ).format(usual),
                ),
                (self.folder, self.tr("Folder"), ""),
                (self.choose, self.tr("Choose the folder"), ""),
                (self.bar, self.tr("Progress"), ""),
                (self.message, self.tr("What came of it"), ""),
            )
        )

    def _lay_out(self) -> None:
        what, form, buttons = QVBoxLayout(), QFormLayout(), QHBoxLayout()
        for box in (self.textures, self.glb, self.masks, self.lesions):
            what.addWidget(box)
        what.addLayout(row((self.page, 1), (self.page_format, 0)))
        what.addWidget(self.hide_class)
        group = QGroupBox(self.tr("Files"))
        group.setLayout(what)
        form.addRow(self.tr("S&ize"), self.side)
        form.addRow(self.tr("&Gutter"), self.gutter)
        folder = label(self.tr("&Folder"))
        folder.setBuddy(self.folder)
        form.addRow(folder, row((self.folder, 1), (self.choose, 0)))
        form.addRow("", self.force)
        buttons.addStretch(1)
        buttons.addWidget(self.go)
        buttons.addWidget(self.leave)
        column = QVBoxLayout(self)
        column.addWidget(group)
        column.addLayout(form)
        column.addWidget(self.bar)
        column.addWidget(self.message)
        column.addLayout(buttons)
        self.setMinimumWidth(520)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Where the files shall lie"), self.folder.text())
        if folder:
            self.folder.setText(folder)

    def export(self) -> None:
        """Begin."""
        document = self.document
        choice = {
            "textures": self.textures.isChecked(),
            "glb": self.glb.isChecked(),
            "masks": self.masks.isChecked(),
            "lesions": self.lesions.isChecked(),
            "page": self.page_format.currentData() if self.page.isChecked() else "",
            "size": self.side.currentData(),
            "gutter": None if self.gutter.value() < 0 else self.gutter.value(),
            "exam": self.hide_class.isChecked(),
        }
        self._say("", "")
        self.task.start(
            *("export",),
            scene=str(document.path),
            folder=self.folder.text(),
            title=document.path.stem,
            force=self.force.isChecked(),
            choice=choice,
            numbers={layer.id: document.number_of(layer) for layer in document.layers if document.number_of(layer)},
        )
        self._show()

    def _show(self) -> None:
        running = self.task.running
        boxes = (self.textures, self.glb, self.masks, self.lesions, self.page)
        images = any(box.isChecked() for box in (self.textures, self.glb, self.masks))
        for control in (*boxes, self.hide_class, self.folder, self.choose, self.force):
            control.setEnabled(not running)
        self.page_format.setEnabled(self.page.isChecked() and not running)
        self.side.setEnabled(images and not running)
        self.gutter.setEnabled((self.textures.isChecked() or self.glb.isChecked()) and not running)
        self.go.setEnabled(any(box.isChecked() for box in boxes) and not running)
        self.leave.setText(self.tr("Cancel") if running else self.tr("Close"))
        self.bar.setVisible(running)

    def _show_progress(self, done: int, total: int, doing: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        told = texts.tr(doing, "Tasks")
        self.bar.setFormat(told)
        self._say("", self.tr("Writing: {} …").format(told) if told else "")

    def _done(self, paths: list[str]) -> None:
        names = ", ".join(sorted(Path(path).name for path in paths))
        self._say("good", self.tr("✓ Written to {}: {}").format(self.folder.text(), names))
        self._show()

    def _failed(self, why: str) -> None:
        self._say("bad", self.tr("✕ Nothing was written: {}").format(why))
        self._show()

    def _say(self, state: str, text: str) -> None:
        self.message.setProperty("state", state)
        self.message.setText(text)
        self.message.style().polish(self.message)

    def done(self, result: int) -> None:
        """Close; a running export is given up."""
        self.task.give_up()
        super().done(result)
