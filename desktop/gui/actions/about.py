"""Finding one's way."""

from desktop.gui.actions.entry import Action

TABLE: tuple[Action, ...] = ()
