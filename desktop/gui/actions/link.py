"""The link to the VR scenes."""

from desktop.gui.actions.entry import Action, is_open
from desktop.gui.model.session import Session


def _start_name(session: Session) -> str:
    return "Stop the &link" if session.link.running else "Start the &link"


TABLE = (
    Action(
        *("&Link", "Start the &link", "Ctrl+L", lambda w: w.session.link.toggle(), is_open, _start_name),
        tip="Let VR scenes show this patient.",
    ),
    Action(
        *("&Link", "&Push now", "Ctrl+P", lambda w: w.session.link.push(), lambda s: s.link.state == "serving"),
        tip="Send what you see now to all scenes.",
    ),
    Action(
        *("&Link", "Push every change at &once", "", lambda w: w.session.link.toggle_automatic()),
        checked=lambda s: s.link.automatic,
    ),
    Action("&Link", "&Connected scenes", "", lambda w: w.workspace.reveal("Link"), is_open),
)
