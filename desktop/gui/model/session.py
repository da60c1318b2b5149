"""The observable state of the program. Views listen to its signals; `verbs` change it."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal

from desktop.gui.model.background import Background
from desktop.gui.model.document import Changes, Document
from desktop.gui.model.engine_process import EngineProcess
from desktop.gui.model.request import Request
from engine.lesion import LesionSpec, Site
from engine.place import Placement

RECENT = 8
_RECENT_KEY = "recent"


@dataclass
class Job:
    """A lesion on its way. placement is None while the skin is being cut out."""

    id: str
    spec: LesionSpec
    placement: Placement | None = None
    done: int = 0
    total: int = 0
    cancelled: bool = False
    painting_since: float | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float | None:
        """From the pace so far; None before there is one."""
        if self.painting_since is None or self.done < 1:
            return None
        return (time.monotonic() - self.painting_since) / self.done * (self.total - self.done)


class Session(QObject):
    """What is open, selected, pointed at, asked for and under way.

    told: a line for the user, and whether it tells of a fault.
    """

    document_changed = Signal()
    lesions_changed = Signal(object)
    selection_changed = Signal()
    site_changed = Signal()
    hover_changed = Signal()
    request_changed = Signal()
    engine_changed = Signal()
    job_changed = Signal()
    busy_changed = Signal()
    told = Signal(str, bool)
    place_wanted = Signal(object, str)

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.background = Background(self)
        self.engine = EngineProcess(self)
        self.document: Document | None = None
        self.selection: str | None = None
        self.site: Site | None = None
        self.hover: Site | None = None
        self.request = Request()
        self.job: Job | None = None
        self.busy = ""
        self.engine_fault = ""
        self.starts_failed = 0

    def set_document(self, document: Document | None) -> None:
        """Show another document; the former is closed."""
        former, self.document = self.document, document
        self.site = self.hover = self.selection = None
        self.document_changed.emit()
        if former is not None and former is not document:
            former.close()

    def follow_scene(self) -> None:
        """Bring memory and views to what the scene file says now."""
        if self.document is not None:
            changes = self.document.refresh()
            if self.selection is not None and self.document.layer(self.selection) is None:
                self.set_selection(None)
            self.lesions_changed.emit(changes)

    def set_selection(self, layer_id: str | None) -> None:
        """Select a lesion, or none."""
        if layer_id != self.selection:
            self.selection = layer_id
            self.selection_changed.emit()

    def set_site(self, site: Site | None) -> None:
        """Mark the place of the next lesion."""
        self.site = site
        self.site_changed.emit()

    def set_hover(self, site: Site | None) -> None:
        """What the pointer is over, in whichever view."""
        if site != self.hover:
            self.hover = site
            self.hover_changed.emit()

    def set_request(self, request: Request) -> None:
        """What the next lesion shall be."""
        if request != self.request:
            self.request = request
            self.request_changed.emit()

    def set_job(self, job: Job | None) -> None:
        """What is being grown."""
        self.job = job
        self.job_changed.emit()

    def set_busy(self, doing: str) -> None:
        """What slow work the window waits for; empty for none."""
        self.busy = doing
        self.busy_changed.emit()

    @property
    def recent(self) -> list[Path]:
        """Scenes that were open, the latest first, as far as they are still there."""
        kept = self.settings.value(_RECENT_KEY) or []
        names = [kept] if isinstance(kept, str) else [str(name) for name in kept]  # Qt gives a list of one as a string
        return [Path(name) for name in names if Path(name).is_file()]

    def remember(self, path: Path) -> None:
        """Put a scene at the top of the recent ones."""
        others = [str(known) for known in self.recent if known != path]
        self.settings.setValue(_RECENT_KEY, [str(path), *others][:RECENT])

    def close(self) -> None:
        """Stop the engine, wait for the background and let go of the file."""
        self.engine.close()
        self.background.close()
        if self.document is not None:
            self.document.close()
            self.document = None


__all__ = ["Changes", "Job", "Session"]
