"""The panels about the views, one line each; the user moves, stacks and hides them."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop.gui.model.session import Session
from desktop.gui.views.lesion_list import LesionList
from desktop.gui.views.lesion_panel import LesionPanel

Side = Qt.DockWidgetArea


@dataclass(frozen=True)
class Dock:
    """A panel. name: its title. side, shown: where and whether it stands at first. behind: what it is stacked with."""

    name: str
    make: Callable[[Session], QWidget]
    side: Qt.DockWidgetArea = Side.RightDockWidgetArea
    behind: str = ""
    shown: bool = True


DOCKS: tuple[Dock, ...] = (
    Dock("New lesion", LesionPanel),
    Dock("Lesions", LesionList),
)
