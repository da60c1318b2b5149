"""A long task in a process of its own, as the window sees it: starts it, hears of its progress, can give it up."""

from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.gui.model.child import Child


class Task(QObject):
    """One `desktop.task_process` at a time.

    progress: steps done, their number (0 while unknown), what is being done. done: list of paths. failed: one line.
    """

    progress = Signal(int, int, str)
    done = Signal(list)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._child = Child("desktop.task_process", self)
        self._child.heard.connect(self._heard)
        self._child.ended.connect(self.failed)

    @property
    def running(self) -> bool:
        """Whether a task is under way."""
        return self._child.running

    def start(self, task: str, **options: Any) -> None:
        """Begin; `done` or `failed` follows, unless it is given up."""
        assert not self.running, "one task at a time"
        self._child.start({"task": task, **options})

    def give_up(self) -> None:
        """End the task; nothing follows."""
        self._child.close()

    def _heard(self, message: dict[str, Any], _: object) -> None:
        match message["kind"]:
            case "progress":
                self.progress.emit(message["done"], message["total"], message["doing"])
            case "done":
                self._child.leave()
                self.done.emit(message["paths"])
            case "failed":
                self._child.leave()
                self.failed.emit(message["message"])
