"""What a line of the actions' tables says, and the conditions that many of them share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence

from desktop.gui.model import texts
from desktop.gui.model.session import Session

if TYPE_CHECKING:
    from desktop.gui.window import Window

Key = QKeySequence.StandardKey


@dataclass(frozen=True)
class Action:
    """A menu's entry. do: what it does. can: when it can be used.

    Texts are in English here, and reach Qt's translation where they are shown. named: text that depends on the state,
    translated. checked: makes it a mark that is on or off. tool: a short text or sign; the
    action then also has a button in the tool bar. icon: the button's sign instead, drawn by `views.icons`. tip: one
    sentence in a physician's words. also: a second shortcut.
    """

    menu: str
    text: str
    shortcut: str | QKeySequence.StandardKey
    do: Callable[["Window"], object]
    can: Callable[[Session], bool] = lambda session: True
    named: Callable[[Session], str] | None = None
    checked: Callable[[Session], bool] | None = None
    tool: str = ""
    icon: str = ""
    tip: str = ""
    also: str = ""

    @property
    def name(self) -> str:
        """The text without marks, as tests, the palette and the table of shortcuts know it."""
        return self.text.replace("&", "").removesuffix(" …")

    @property
    def label(self) -> str:
        """The text as menus show it."""
        return texts.tr(self.text, "Actions")

    @property
    def title(self) -> str:
        """The label without marks, for lists and buttons."""
        return self.label.replace("&", "").removesuffix(" …")

    @property
    def keys(self) -> QKeySequence:
        """The shortcut on this platform; empty where there is none."""
        return QKeySequence(self.shortcut) if self.shortcut else QKeySequence()


def is_open(session: Session) -> bool:
    """Whether a patient is open."""
    return session.document is not None


def idle(session: Session) -> bool:
    """Whether a patient is open and nothing slow is under way."""
    return session.document is not None and not session.busy and session.job is None


def selected(session: Session) -> bool:
    """Whether a lesion is selected that can be changed now."""
    return session.selection is not None and not session.busy
