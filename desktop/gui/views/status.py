"""The lowest line: what is under the pointer, what is saved, and the engine."""

from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from desktop.gui.model.session import Session
from desktop.gui.views.link_panel import state_line


class StatusLine(QStatusBar):
    """Body part, millimetres per texel, skin tone; what is saved; memory; the engine; a busy bar for slow work."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.place, self.engine, self.doing, self.link = QLabel(), QLabel(), QLabel(), QLabel()
        self.saved, self.memory = QLabel(), QLabel()
        self.busy = QProgressBar()
        self.busy.setMaximum(0)
        self.busy.setTextVisible(False)
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
        self.busy.setAccessibleName(self.tr("Busy"))
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
        self.place.setText("   ·   ".join(filter(None, (part, self.tr("{:.2f} mm per texel").format(texel), tone))))

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
        told = [(self.tr("window {:.0f} MB"), usage.window_mb), (self.tr("engine {:.0f} MB"), usage.engine_mb)]
        text = ", ".join(line.format(mb) for line, mb in told if mb is not None)
        self.memory.setToolTip(self.tr("Memory taken: {}").format(text))

    def _show_engine(self) -> None:
        engine = self.session.engine
        if engine.is_ready:
            self.engine.setText(self.tr("Engine ready on {}").format(engine.device))
        elif self.session.engine_fault:
            self.engine.setText(self.tr("Engine not running"))
        else:
            self.engine.setText(self.tr("Engine starting …"))
