"""Opening, copying, leaving."""

from desktop.gui.actions.entry import Action, Key, idle

TABLE = (
    Action("&File", "&Open …", Key.Open, lambda w: w.choose_file(), lambda s: not s.busy and s.job is None),
    Action("&File", "Save &as …", Key.SaveAs, lambda w: w.choose_copy(), idle),
    Action("&File", "&Quit", Key.Quit, lambda w: w.close_window()),
)
