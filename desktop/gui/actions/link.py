"""The link to the VR scenes."""

from desktop.gui.actions.entry import Action

TABLE: tuple[Action, ...] = ()
