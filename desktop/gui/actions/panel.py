"""Going to a panel: it comes to the front, and the keyboard with it."""

from desktop.gui.actions.entry import Action, is_open


def _panel(number: int, text: str, name: str) -> Action:
    return Action("&Panels", text, f"Ctrl+{number}", lambda w: w.workspace.reveal(name), is_open)


TABLE = (
    _panel(1, "Go to &new lesion", "New lesion"),
    _panel(2, "Go to &selected lesion", "Selected lesion"),
    _panel(3, "Go to &lesions", "Lesions"),
    _panel(4, "Go to &region", "Region"),
    _panel(5, "Go to lin&k", "Link"),
    _panel(6, "Go to &dermatoscope", "Dermatoscope"),
    _panel(7, "Go to &variants", "Variants"),
)
