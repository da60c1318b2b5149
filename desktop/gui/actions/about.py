"""Finding one's way."""

from desktop.gui.actions.entry import Action

TABLE = (
    Action(
        *("&Help", "&Commands …", "Ctrl+K", lambda w: w.show_palette()),
        tip="Every command by a few letters.",
        also="Ctrl+Shift+P",
    ),
    Action("&Help", "&Shortcuts …", "F1", lambda w: w.show_shortcuts()),
    Action("&Help", "&About Moulage …", "", lambda w: w.show_about()),
)
