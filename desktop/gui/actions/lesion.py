"""Growing lesions, and what can be done to the selected one."""

from desktop.gui.actions.entry import Action, selected
from desktop.gui.model import growing, verbs

TABLE = (
    Action("&Lesion", "&Grow lesion", "G", lambda w: growing.grow(w.session), growing.can_grow),
    Action("&Lesion", "&Cancel", "Esc", lambda w: growing.cancel(w.session), lambda s: s.job is not None),
    Action("&Lesion", "&Hide or show", "H", lambda w: verbs.toggle_visible(w.session), selected),
    Action("&Lesion", "&New seed", "N", lambda w: verbs.roll_seed(w.session)),
    Action(
        *("&Lesion", "&Restart engine", "", lambda w: growing.restart_engine(w.session)),
        lambda s: bool(s.engine_fault),
    ),
)
