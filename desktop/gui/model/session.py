"""The observable state of the program. Views listen to its signals; `verbs` change it."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QSettings, QTimer, Signal, SignalInstance

from desktop.gui.model.background import Background
from desktop.gui.model.document import Changes, Document, Update
from desktop.gui.model.engine_process import EngineProcess, Usage
from desktop.gui.model.job import Job
from desktop.gui.model.link import Link
from desktop.gui.model.regions import Regions
from desktop.gui.model.request import Request
from desktop.gui.model.tools import Tools
from desktop.memory import resident_mb
from engine.lesion import LesionLayer, Site
from engine.scatter import SkinRegion

RECENT = 8
_RECENT_KEY = "recent"
_LIVE_KEY = "live preview"
_USAGE_MS = 2000

Masks = Mapping[int, NDArray[np.bool_]]


class Session(QObject):
    """What is open, selected, pointed at, asked for and under way.

    selected: ids of lesions, the primary one last. region: what was painted or chosen, to scatter in. protected: bool
    [H, W] by material, where nothing is painted. live: what is being painted just now, or a variant, to look at.
    pending: edits on their way to the disk. failed_save: why the last one did not get there. told: a line for the
    user, and whether it tells of a fault.
    """

    document_changed = Signal()
    lesions_changed = Signal(object)
    selection_changed = Signal()
    site_changed = Signal()
    hover_changed = Signal()
    request_changed = Signal()
    region_changed = Signal()
    engine_changed = Signal()
    job_changed = Signal()
    live_changed = Signal()
    busy_changed = Signal()
    saved_changed = Signal()
    usage_changed = Signal()
    closing = Signal()
    told = Signal(str, bool)
    place_wanted = Signal(object, str)

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.background = Background(self)
        self.engine = EngineProcess(self)
        self.tools = Tools(self)
        self.document: Document | None = None
        self.selected: tuple[str, ...] = ()
        self.site: Site | None = None
        self.hover: Site | None = None
        self.request = Request()
        self.region: SkinRegion | None = None
        self.region_name = ""
        self.protected: Masks = {}
        self.job: Job | None = None
        self.queue: list[Job] = []
        self.live: tuple[LesionLayer, ...] = ()
        self.live_thumbnails: tuple[NDArray[np.uint8], ...] = ()
        self.live_preview = settings.value(_LIVE_KEY, True, bool) is True
        self.engine.watch(self.live_preview)
        self.busy = ""
        self.pending = 0
        self._next: deque[Callable[[], object]] = deque()
        self.failed_save = ""
        self.engine_fault = ""
        self.starts_failed = 0
        self.usage = Usage()
        self.regions = Regions(self)
        self.link = Link(self)
        self._ticking = QTimer(self, interval=_USAGE_MS)
        self._ticking.timeout.connect(self._measure)
        self.engine.used.connect(self._take_usage)
        self._ticking.start()

    def state_signals(self) -> tuple[SignalInstance, ...]:
        """All signals after which something else may be possible than before."""
        return (
            *(self.document_changed, self.lesions_changed, self.selection_changed, self.site_changed),
            *(self.job_changed, self.engine_changed, self.busy_changed, self.request_changed, self.region_changed),
            *(self.regions.listed, self.tools.tool_changed, self.tools.looks_changed),
            *(self.saved_changed, self.link.changed),
        )

    def set_document(self, document: Document | None) -> None:
        """Show another document; the former is closed."""
        former, self.document = self.document, document
        self.queue.clear()  # its places are another body's
        self._next.clear()
        self.site = self.hover = self.region = None
        self.selected, self.live, self.protected, self.region_name, self.failed_save = (), (), {}, "", ""
        self.document_changed.emit()
        self.region_changed.emit()
        self.saved_changed.emit()
        if former is not None and former is not document:
            former.close()

    def take(self, document: Document, update: Update) -> None:
        """Bring memory and views to what the background made of a document; nothing where another is open now."""
        if document is not self.document:
            return
        document.take(update)
        kept = tuple(key for key in self.selected if document.layer(key) is not None)
        if kept != self.selected:
            self.set_selected(kept)
        self.lesions_changed.emit(update.changes)

    @property
    def selection(self) -> str | None:
        """The primary one of the selected lesions."""
        return self.selected[-1] if self.selected else None

    def set_selection(self, layer_id: str | None) -> None:
        """Select one lesion, or none."""
        self.set_selected(() if layer_id is None else (layer_id,))

    def set_selected(self, layer_ids: Sequence[str]) -> None:
        """Select these lesions, the primary one last."""
        wanted = tuple(dict.fromkeys(layer_ids))
        if wanted != self.selected:
            self.selected = wanted
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

    def set_region(self, region: SkinRegion | None, name: str = "") -> None:
        """Where lesions are scattered; name: what the user calls it."""
        self.region, self.region_name = region, name
        self.region_changed.emit()

    def set_protected(self, masks: Masks) -> None:
        """Where nothing may be painted."""
        self.protected = masks
        self.region_changed.emit()

    def set_job(self, job: Job | None) -> None:
        """What is being grown."""
        self.job = job
        if job is None and self.live:
            self.set_live(())
        self.job_changed.emit()

    def set_live(self, layers: Sequence[LesionLayer], thumbnails: Sequence[NDArray[np.uint8]] = ()) -> None:
        """How the lesions under way, or a variant that is looked at, look so far."""
        self.live, self.live_thumbnails = tuple(layers), tuple(thumbnails)
        self.live_changed.emit()

    def set_live_preview(self, on: bool) -> None:
        """Whether lesions are shown while they are painted."""
        self.live_preview = on
        self.settings.setValue(_LIVE_KEY, on)
        self.engine.watch(on)
        self.live_changed.emit()

    @property
    def saved(self) -> str:
        """`saved`, `saving`, or `not saved`."""
        if self.pending:
            return "saving"
        return "not saved" if self.failed_save else "saved"

    def set_pending(self, change: int, failed: str | None = None) -> None:
        """Count edits on their way; failed: why the last one did not arrive, empty where it did."""
        self.pending += change
        if failed is not None:
            self.failed_save = failed
        if failed:
            self._next.clear()  # what was asked after it built on it
        while self._next and not self.pending:
            self._next.popleft()()
        self.saved_changed.emit()

    def in_turn(self, do: Callable[[], object]) -> None:
        """Do what builds on the scene as it stands: now, or as soon as the steps asked for before are written.

        Where one of those fails, it is not done.
        """
        if self.pending:
            self._next.append(do)
        else:
            do()

    def in_order(self, do: Callable[[], object]) -> None:
        """Do what builds on no step: now, or after the verbs that wait their turn, which are for what is selected."""
        if self._next:
            self._next.append(do)
        else:
            do()

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
        """Stop the engine, let the background finish what must be saved, and let go of the file."""
        self.closing.emit()
        self._ticking.stop()
        self.link.close()
        self.engine.close()
        while self._next and self.pending:
            self.background.settle()
        self.background.close()
        if self.document is not None:
            self.document.close()
            self.document = None

    def _measure(self) -> None:
        self.usage = replace(self.usage, window_mb=resident_mb())
        if not self.engine.is_ready:
            self.usage = replace(self.usage, engine_mb=None, gpu_mb=None)
        self.usage_changed.emit()

    def _take_usage(self, usage: Usage) -> None:
        self.usage = replace(usage, window_mb=self.usage.window_mb)
        self.usage_changed.emit()


__all__ = ["Changes", "Job", "Session"]
