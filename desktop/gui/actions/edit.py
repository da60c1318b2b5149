"""Back and forth in the history."""

from desktop.gui.actions.entry import Action, Key, selected
from desktop.gui.model import verbs
from desktop.gui.model.session import Session


def _undo_name(session: Session) -> str:
    return f"Undo {verbs.step_names(session)[0]}".strip()


def _redo_name(session: Session) -> str:
    return f"Redo {verbs.step_names(session)[1]}".strip()


TABLE = (
    Action(
        *("&Edit", "&Undo", Key.Undo, lambda w: verbs.undo(w.session)),
        lambda s: bool(verbs.step_names(s)[0]) and not s.busy,
        _undo_name,
    ),
    Action(
        *("&Edit", "&Redo", Key.Redo, lambda w: verbs.redo(w.session)),
        lambda s: bool(verbs.step_names(s)[1]) and not s.busy,
        _redo_name,
    ),
    Action("&Edit", "&Delete lesion", Key.Delete, lambda w: verbs.delete(w.session), selected),
)
