"""Choosing regions of skin: the tools, and what can be done with a region."""

from typing import TYPE_CHECKING

from desktop.gui.actions.entry import Action, is_open
from desktop.gui.model import region_verbs, stepping
from desktop.gui.model.session import Session
from desktop.gui.model.tools import Tool
from desktop.gui.views.region_panel import RegionPanel

if TYPE_CHECKING:
    from desktop.gui.window import Window


def _tool(text: str, key: str, tool: Tool, tip: str) -> Action:
    return Action(
        *("&Region", text, key, lambda w: w.session.tools.choose(tool), is_open),
        checked=lambda s: s.tools.tool is tool,
        icon=tool.value,
        tip=tip,
    )


def _has_region(session: Session) -> bool:
    return session.document is not None and bool(session.regions.active)


def _protect(session: Session) -> None:
    regions = session.regions
    regions.protect(regions.active, not regions.is_protected(regions.active))


def _rim(window: "Window", sign: int) -> None:
    window.workspace.panel_of(RegionPanel).grow(sign)


TABLE = (
    _tool("&Point", "1", Tool.POINT, "Click to choose a lesion or mark the next one's place; drag a chosen lesion."),
    _tool("&Brush", "2", Tool.BRUSH, "Paint skin into the region; with Ctrl, take it out."),
    _tool("&Eraser", "3", Tool.ERASER, "Take skin out of the region; with Ctrl, paint it in."),
    _tool("&Lasso", "4", Tool.LASSO, "Draw around skin to add it to the region; with Ctrl, take it out."),
    _tool("Pol&ygon", "5", Tool.POLYGON, "Click corner after corner; a double click closes. With Ctrl, take skin out."),
    _tool("&Rectangle", "6", Tool.RECTANGLE, "Drag a box, or click two corners. With Ctrl, take skin out."),
    Action(
        *("&Region", "S&maller", "[", lambda w: stepping.size_step(w.session, larger=False), is_open),
        tip="A smaller brush; with the pointing tool, a smaller chosen or next lesion.",
    ),
    Action(
        *("&Region", "Lar&ger", "]", lambda w: stepping.size_step(w.session, larger=True), is_open),
        tip="A larger brush; with the pointing tool, a larger chosen or next lesion.",
    ),
    Action(
        *("&Region", "&New region", "Ctrl+Shift+N", lambda w: w.session.regions.begin_new(), _has_region),
        tip="What is painted next becomes a region of its own.",
    ),
    Action(
        *("&Region", "&Invert", "Ctrl+I", lambda w: region_verbs.invert(w.session), region_verbs.can_change),
        tip="All skin that is not in the region.",
    ),
    Action(
        *("&Region", "&Widen", "Ctrl+]", lambda w: _rim(w, 1), region_verbs.can_change),
        tip="Move the region's rim outwards by the millimetres in the Region panel.",
    ),
    Action(
        *("&Region", "N&arrow", "Ctrl+[", lambda w: _rim(w, -1), region_verbs.can_change),
        tip="Move the region's rim inwards by the millimetres in the Region panel.",
    ),
    Action(
        *("&Region", "&Clear", "", lambda w: region_verbs.clear(w.session), region_verbs.can_change),
        tip="Take all skin out of the region.",
    ),
    Action(
        *("&Region", "Keep lesions &out", "Ctrl+Shift+K", lambda w: _protect(w.session), _has_region),
        checked=lambda s: s.regions.is_protected(s.regions.active),
        tip="A protected area: no lesion may enter it.",
    ),
    Action(
        *("&Region", "&Use as the lesion's outline", "Ctrl+Shift+O", lambda w: region_verbs.use_as_shape(w.session)),
        region_verbs.can_change,
        tip="The next lesion gets the region's outline, size and place.",
    ),
)
