"""The lowest line: what is under the pointer, and the engine; above the views, what the user is told."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from desktop.gui.model.session import Session
from desktop.gui.views.link_panel import state_line


class StatusLine(QStatusBar):
    """Body part, millimetres per texel, skin tone; what is saved; memory; the engine; a busy bar for slow work."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.place, self.engine, self.doing, self.link = QLabel(), QLabel(), QLabel(), QLabel()
        self.saved, self.memory = QLabel(), QLabel()
        self.busy = QProgressBar(maximum=0, textVisible=False)
        self.busy.setFixedWidth(120)
        for label, name in (
            (self.place, self.tr("Under the pointer")),
            (self.engine, self.tr("Engine")),
            (self.doing, self.tr("Work under way")),
            (self.link, self.tr("Link to VR scenes")),
            (self.saved, self.tr("Saved")),
            (self.memory, self.tr("Memory")),
        ):
            label.setAccessibleName(name)
        self.busy.setAccessibleName("Busy")
        self.addWidget(self.place, 1)
        for widget in (self.doing, self.busy, self.saved, self.link, self.memory, self.engine):
            self.addPermanentWidget(widget)
        session.hover_changed.connect(self._show_place)
        session.site_changed.connect(self._show_place)
        session.busy_changed.connect(self._show_busy)
        session.engine_changed.connect(self._show_engine)
        session.link.changed.connect(self._show_link)
        session.usage_changed.connect(self._show_memory)
        for signal in (session.saved_changed, session.document_changed):
            signal.connect(self._show_saved)
        self._show_busy()
        self._show_saved()
        self._show_engine()
        self._show_link()

    def _show_place(self) -> None:
        document, session = self.session.document, self.session
        site = session.hover or session.site
        if document is None or site is None:
            self.place.clear()
            return
        part, texel, tone = document.described(site)
        self.place.setText("   ·   ".join(filter(None, (part, f"{texel:.2f} mm per texel", tone))))

    def _show_busy(self) -> None:
        self.doing.setText(self.session.busy)
        self.doing.setVisible(bool(self.session.busy))
        self.busy.setVisible(bool(self.session.busy))

    def _show_link(self) -> None:
        state, text = state_line(self.session.link)
        self.link.setText(text)
        self.link.setProperty("state", state)
        self.link.style().polish(self.link)

    def _show_saved(self) -> None:
        session = self.session
        texts = {
            "saved": self.tr("All changes saved"),
            "saving": self.tr("Saving …"),
            "not saved": self.tr("✕ Last change not saved"),
        }
        self.saved.setText(texts[session.saved] if session.document is not None else "")
        self.saved.setToolTip(session.failed_save or self.tr("Each step is on the disk as soon as you see it."))

    def _show_memory(self) -> None:
        """Window and engine together; the graphics card where there is one."""
        usage = self.session.usage
        taken = (usage.window_mb or 0) + (usage.engine_mb or 0)
        parts = [self.tr("{:.1f} GB").format(taken / 1000)] if taken else []
        if usage.gpu_mb is not None and usage.gpu_total_mb is not None:
            parts.append(self.tr("GPU {:.1f} of {:.0f} GB").format(usage.gpu_mb / 1000, usage.gpu_total_mb / 1000))
        self.memory.setText(" · ".join(parts))
        told = [("window", usage.window_mb), ("engine", usage.engine_mb)]
        text = ", ".join(f"{name} {mb:.0f} MB" for name, mb in told if mb is not None)
        self.memory.setToolTip(self.tr("Memory taken: {}").format(text))

    def _show_engine(self) -> None:
        engine = self.session.engine
        if engine.is_ready:
            self.engine.setText(f"Engine ready on {engine.device}")
        else:
            self.engine.setText("Engine not running" if self.session.engine_fault else "Engine starting …")


class NoteBar(QFrame):
    """The last line that the user was told, until it is put away. Faults stay; notes are replaced by the next."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel(wordWrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setAccessibleName("Message")
        self.close_button = QToolButton(text="✕", autoRaise=True)
        self.close_button.setAccessibleName("Put the message away")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 4, 4)
        row.addWidget(self.text, 1)
        row.addWidget(self.close_button)
        self.close_button.clicked.connect(self.hide)
        session.told.connect(self.tell)
        self.hide()

    def tell(self, text: str, fault: bool) -> None:
        """Show a line."""
        if self.isVisible() and self.objectName() == "fault" and not fault:
            text = f"{self.text.text()}\n{text}"
            fault = True
        self.setObjectName("fault" if fault else "note")
        self.style().unpolish(self)
        self.style().polish(self)
        self.text.setText(text)
        self.show()
