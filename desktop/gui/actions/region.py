"""Choosing regions of skin: the tools, and what can be done with a region."""

from desktop.gui.actions.entry import Action

TABLE: tuple[Action, ...] = ()
