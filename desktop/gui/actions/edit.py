"""Back and forth in the history, and choosing lesions."""

from desktop.gui.actions.entry import Action, Key, is_open, selected
from desktop.gui.model import lesions, verbs
from desktop.gui.model.session import Session
from desktop.gui.model.texts import tr


def _can_undo(session: Session) -> bool:
    """While a step is being written, too: then it is that step which is meant."""
    return not session.busy and (bool(verbs.step_names(session)[0]) or session.pending > 0)


def _can_redo(session: Session) -> bool:
    """While a step is being written, too: it may be an undo."""
    return not session.busy and (bool(verbs.step_names(session)[1]) or session.pending > 0)


def _undo_name(session: Session) -> str:
    name = "" if session.pending else _without_marks(verbs.step_names(session)[0])
    return tr("&Undo {}", "Actions").format(name) if name else tr("&Undo", "Actions")


def _redo_name(session: Session) -> str:
    name = "" if session.pending else _without_marks(verbs.step_names(session)[1])
    return tr("&Redo {}", "Actions").format(name) if name else tr("&Redo", "Actions")


def _without_marks(step: str) -> str:
    """A region's name may hold the sign that marks a menu's letters."""
    return step.replace("&", "&&")


def _changed(session: Session) -> bool:
    return session.document is not None and session.document.changed_since_opening and not session.busy


TABLE = (
    Action(
        *("&Edit", "&Undo", Key.Undo, lambda w: verbs.undo(w.session)),
        _can_undo,
        _undo_name,
    ),
    Action(
        *("&Edit", "&Redo", Key.Redo, lambda w: verbs.redo(w.session)),
        _can_redo,
        _redo_name,
    ),
    Action(
        *("&Edit", "Re&vert to how it was opened", "", lambda w: verbs.revert(w.session), _changed),
        tip="All as it was when the file was opened. Undo takes this back, too.",
    ),
    Action("&Edit", "Du&plicate", "Ctrl+D", lambda w: lesions.duplicate(w.session), selected),
    Action("&Edit", "&Delete lesion", Key.Delete, lambda w: lesions.delete(w.session), selected),
    Action("&Edit", "Select &all lesions", Key.SelectAll, lambda w: verbs.select_all(w.session), is_open),
)
