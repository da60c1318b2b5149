"""The menu bar and the tool bar, made from the actions' table."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QToolButton

from desktop.gui.actions import ACTIONS, Action
from desktop.gui.model import texts
from desktop.gui.views.icons import icon

if TYPE_CHECKING:
    from desktop.gui.window import Window


def build(window: "Window") -> tuple[dict[str, QMenu], dict[str, QAction]]:
    """Fill the window's menus and tool bar; the menus by their titles and the actions by their names, as the table
    has them."""
    made: dict[str, QAction] = {}
    menus: dict[str, QMenu] = {}
    for entry in ACTIONS:
        if entry.menu not in menus:
            menus[entry.menu] = window.menuBar().addMenu(texts.tr(entry.menu, "Actions"))
        made[entry.name] = action = _action(window, entry)
        menus[entry.menu].addAction(action)
        if entry.tool or entry.icon:
            _add_tool(window, entry, action)
    _follow(window, made)
    return menus, made


def _action(window: "Window", entry: Action) -> QAction:
    action = QAction(entry.label, window)
    action.setShortcuts([keys for keys in (entry.keys, QKeySequence(entry.also)) if not keys.isEmpty()])
    action.setCheckable(entry.checked is not None)
    action.triggered.connect(lambda checked=False: entry.do(window))
    keys = action.shortcut().toString(action.shortcut().SequenceFormat.NativeText)
    tip = texts.tr(entry.tip, "Actions") or entry.title
    action.setToolTip(f"{tip} ({keys})" if keys else tip)
    return action


def _add_tool(window: "Window", entry: Action, action: QAction) -> None:
    bar = window.workspace.tools
    action.setIconText(texts.tr(entry.tool, "Actions") or entry.title)
    bar.addAction(action)
    button = bar.widgetForAction(action)
    if entry.icon and isinstance(button, QToolButton):
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setAccessibleName(entry.title)
    button.setAccessibleDescription(texts.tr(entry.tip, "Actions"))


def _follow(window: "Window", made: dict[str, QAction]) -> None:
    """Keep texts, marks, signs and what can be used in step with the session and the theme."""
    session = window.session

    def follow() -> None:
        for entry, action in zip(ACTIONS, made.values(), strict=True):
            action.setEnabled(entry.can(session))
            if entry.named is not None:
                action.setText(entry.named(session))
            if entry.checked is not None:
                action.setChecked(entry.checked(session))

    def draw() -> None:
        for entry, action in zip(ACTIONS, made.values(), strict=True):
            if entry.icon:
                action.setIcon(icon(entry.icon))

    for signal in session.state_signals():
        signal.connect(follow)
    window.theme_changed.connect(draw)
    follow()
    draw()
