"""Opening, copying, leaving."""

from desktop.gui.actions.entry import Action, Key, idle
from desktop.gui.model import shell

TABLE = (
    Action("&File", "&New patient …", Key.New, lambda w: w.show_new(), lambda s: not s.busy and s.job is None),
    Action("&File", "&Open …", Key.Open, lambda w: w.choose_file(), lambda s: not s.busy and s.job is None),
    Action("&File", "Save &as …", Key.SaveAs, lambda w: w.choose_copy(), idle),
    Action(
        *("&File", "&Export …", "Ctrl+E", lambda w: w.show_export(), idle),
        tip="Textures, body, masks, a list of the lesions, a sheet to print.",
    ),
    Action(
        *("&File", "E&xam: hide the classes", "", lambda w: shell.set_exam(w.session), idle),
        checked=lambda s: s.document is not None and s.document.state.exam,
        tip="Classes stay out of sheets and of what VR scenes are told, until you take this back.",
    ),
    Action("&File", "&Preferences …", "Ctrl+,", lambda w: w.show_preferences()),
    Action("&File", "&Quit", Key.Quit, lambda w: w.close_window()),
)
