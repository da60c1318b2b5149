"""All actions and their shortcuts in one table; menus, tool bar, palette and the list of shortcuts are made from it.

One module holds the lines of one area; a new action is one line there. Menus stand in the order of first mention.
"""

from desktop.gui.actions import about, edit, file, lesion, link, panel, region, view
from desktop.gui.actions.entry import Action

ACTIONS: tuple[Action, ...] = (
    *file.TABLE,
    *edit.TABLE,
    *region.TABLE,
    *lesion.TABLE,
    *view.TABLE,
    *panel.TABLE,
    *link.TABLE,
    *about.TABLE,
)

__all__ = ["ACTIONS", "Action"]
