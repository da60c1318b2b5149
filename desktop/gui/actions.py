"""All actions and their shortcuts in one table; the menus are made from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

from desktop.gui.model import growing, verbs
from desktop.gui.model.session import Session

if TYPE_CHECKING:
    from desktop.gui.window import Window

Key = QKeySequence.StandardKey


@dataclass(frozen=True)
class Action:
    """A menu's entry. do: what it does. can: when it can be used. named: text that depends on the state."""

    menu: str
    text: str
    shortcut: str | QKeySequence.StandardKey
    do: Callable[["Window"], None]
    can: Callable[[Session], bool] = lambda session: True
    named: Callable[[Session], str] | None = None


def _open(session: Session) -> bool:
    return session.document is not None


def _idle(session: Session) -> bool:
    return session.document is not None and not session.busy and session.job is None


def _selected(session: Session) -> bool:
    return session.selection is not None and not session.busy


def _undo_name(session: Session) -> str:
    return f"Undo {verbs.step_names(session)[0]}".strip()


def _redo_name(session: Session) -> str:
    return f"Redo {verbs.step_names(session)[1]}".strip()


ACTIONS: tuple[Action, ...] = (
    Action("&File", "&Open …", Key.Open, lambda w: w.choose_file(), lambda s: not s.busy and s.job is None),
    Action("&File", "Save &as …", Key.SaveAs, lambda w: w.choose_copy(), _idle),
    Action("&File", "&Quit", Key.Quit, lambda w: w.close_window()),
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
    Action("&Edit", "&Delete lesion", Key.Delete, lambda w: verbs.delete(w.session), _selected),
    Action("&Lesion", "&Grow lesion", "G", lambda w: growing.grow(w.session), growing.can_grow),
    Action("&Lesion", "&Cancel", "Esc", lambda w: growing.cancel(w.session), lambda s: s.job is not None),
    Action("&Lesion", "&Hide or show", "H", lambda w: verbs.toggle_visible(w.session), _selected),
    Action("&Lesion", "&New seed", "N", lambda w: verbs.roll_seed(w.session)),
    Action(
        *("&Lesion", "&Restart engine", "", lambda w: growing.restart_engine(w.session)),
        lambda s: bool(s.engine_fault),
    ),
    Action("&View", "&Front", "F", lambda w: w.body.look(0.0), _open),
    Action("&View", "&Back", "B", lambda w: w.body.look(180.0), _open),
    Action("&View", "Patient's &left", "L", lambda w: w.body.look(90.0), _open),
    Action("&View", "Patient's &right", "R", lambda w: w.body.look(-90.0), _open),
    Action(
        *("&View", "&Close up", "C", lambda w: w.body.look_closely()),
        lambda s: s.document is not None and (s.site is not None or s.selection is not None),
    ),
    Action("&View", "Zoom &in", "+", lambda w: w.zoom(closer=True), _open),
    Action("&View", "Zoom &out", "-", lambda w: w.zoom(closer=False), _open),
    Action("&View", "Whole &texture", "0", lambda w: w.atlas.fit(), _open),
)


def build(window: "Window") -> dict[str, QAction]:
    """Fill the window's menu bar; the actions by their text without marks."""
    session, made, menus = window.session, {}, {}
    for entry in ACTIONS:
        if entry.menu not in menus:
            menus[entry.menu] = window.menuBar().addMenu(entry.menu)
        action = QAction(entry.text, window)
        if entry.shortcut:
            action.setShortcut(QKeySequence(entry.shortcut))
        action.triggered.connect(lambda checked=False, do=entry.do: do(window))
        menus[entry.menu].addAction(action)
        made[entry.text.replace("&", "").removesuffix(" …")] = action

    def follow() -> None:
        for entry, action in zip(ACTIONS, made.values(), strict=True):
            action.setEnabled(entry.can(session))
            if entry.named is not None:
                action.setText(entry.named(session))

    signals = (session.document_changed, session.lesions_changed, session.selection_changed, session.site_changed)
    for signal in (*signals, session.job_changed, session.engine_changed, session.busy_changed):
        signal.connect(follow)
    follow()
    return made
