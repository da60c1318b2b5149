"""The link to the VR scenes."""

from desktop.gui.actions.entry import Action, is_open
from desktop.gui.model.session import Session
from desktop.gui.model.texts import tr


def _start_name(session: Session) -> str:
    return tr("Stop the &link", "Actions") if session.link.running else tr("Start the &link", "Actions")


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
)
