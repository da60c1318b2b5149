"""The panels about the views, one line each; the user moves, stacks and hides them."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from desktop.gui.model import texts
from desktop.gui.model.session import Session
from desktop.gui.views.dermatoscope import Dermatoscope
from desktop.gui.views.lesion_edit import LesionEdit
from desktop.gui.views.lesion_list import LesionList
from desktop.gui.views.lesion_panel import LesionPanel
from desktop.gui.views.link_panel import LinkPanel
from desktop.gui.views.region_panel import RegionPanel
from desktop.gui.views.variants import VariantStrip

Side = Qt.DockWidgetArea


@dataclass(frozen=True)
class Dock:
    """A panel. name: its title in English. side, shown: where and whether it stands at first. behind: what it is
    stacked with."""

    name: str
    make: Callable[[Session], QWidget]
    side: Qt.DockWidgetArea = Side.RightDockWidgetArea
    behind: str = ""
    shown: bool = True

    @property
    def title(self) -> str:
        """What the panel is called in the window."""
        return texts.tr(self.name, "Panels")


DOCKS: tuple[Dock, ...] = (
    Dock("New lesion", LesionPanel),
    Dock("Selected lesion", LesionEdit, behind="New lesion"),
    Dock("Lesions", LesionList),
    Dock("Region", RegionPanel, behind="Lesions"),
    Dock("Link", LinkPanel, behind="Lesions"),
    Dock("Dermatoscope", Dermatoscope, behind="Lesions"),
    Dock("Variants", VariantStrip, Side.BottomDockWidgetArea, shown=False),
)
