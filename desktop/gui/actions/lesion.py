"""Growing lesions, and what can be done to the selected ones."""

from desktop.gui.actions.entry import Action, selected
from desktop.gui.model import growing, lesions, scattering, stepping, verbs
from desktop.gui.model.session import Session


def _several(session: Session) -> bool:
    return selected(session) and session.document is not None and len(session.document.layers) > 1


def _paintable(session: Session) -> bool:
    return selected(session) and growing.can_paint(session)


TABLE = (
    Action(
        *("&Lesion", "&Grow lesion", "G", lambda w: growing.grow(w.session), growing.can_grow),
        tip="A lesion at the marked place.",
    ),
    Action(
        *("&Lesion", "Grow &variants", "V", lambda w: w.panel.wishes.grow_variants(), growing.can_grow),
        tip="Several for the marked place, to choose one of.",
    ),
    Action(
        *("&Lesion", "&Scatter in the region", "S", lambda w: w.panel.wishes.scatter_lesions(), scattering.can_scatter),
        tip="Lesions all over the painted or chosen region.",
    ),
    Action("&Lesion", "&Cancel", "Esc", lambda w: growing.cancel(w.session), lambda s: s.job is not None),
    Action("&Lesion", "Cancel &all that wait", "", lambda w: growing.cancel_all(w.session), lambda s: bool(s.queue)),
    Action("&Lesion", "&New seed", "N", lambda w: verbs.roll_seed(w.session)),
    Action("&Lesion", "Ne&xt seed", "Shift+N", lambda w: verbs.next_seed(w.session)),
    Action(
        *("&Lesion", "&Paint anew", "P", lambda w: growing.regenerate(w.session), _paintable),
        tip="The network paints the selected lesions again, at their size and place.",
    ),
    Action("&Lesion", "&Hide or show", "H", lambda w: lesions.toggle_visible(w.session), selected),
    Action("&Lesion", "Loc&k or unlock", "K", lambda w: lesions.toggle_locked(w.session), selected),
    Action("&Lesion", "&Raise", "Ctrl+Up", lambda w: lesions.shift_order(w.session, up=True), _several),
    Action("&Lesion", "Lo&wer", "Ctrl+Down", lambda w: lesions.shift_order(w.session, up=False), _several),
    Action("&Lesion", "Move a little le&ft", "Alt+Left", lambda w: stepping.nudge(w.session, -1, 0), selected),
    Action("&Lesion", "Move a little r&ight", "Alt+Right", lambda w: stepping.nudge(w.session, 1, 0), selected),
    Action("&Lesion", "Move a little &up", "Alt+Up", lambda w: stepping.nudge(w.session, 0, 1), selected),
    Action("&Lesion", "Move a little &down", "Alt+Down", lambda w: stepping.nudge(w.session, 0, -1), selected),
    Action("&Lesion", "Turn &left", ",", lambda w: stepping.turn_by(w.session, 1), selected),
    Action("&Lesion", "Turn ri&ght", ".", lambda w: stepping.turn_by(w.session, -1), selected),
    Action(
        *("&Lesion", "Show while &painting", "", lambda w: w.session.set_live_preview(not w.session.live_preview)),
        checked=lambda s: s.live_preview,
        tip="Whether lesions are shown on the skin while they come into being.",
    ),
    Action(
        *("&Lesion", "Res&tart engine", "", lambda w: growing.restart_engine(w.session)),
        lambda s: bool(s.engine_fault),
    ),
)
