"""All colours and sizes of the window, dark and light.

`theme.TEXT` and its like are the colours of the theme that is in use now; ask for them when painting, not at import.
Contrasts keep to WCAG 2.1 AA: 4.5:1 for text, 3:1 for borders and signs (tested).
"""

from dataclasses import dataclass, fields
from typing import Any

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication


@dataclass(frozen=True)
class Theme:
    """Colours. backdrop: behind the body, sRGB 0-1. good, warning, bad: text of a state, always beside a sign."""

    name: str
    window: str
    panel: str
    raised: str
    border: str
    text: str
    faint: str
    disabled: str
    highlight: str
    on_highlight: str
    fault: str
    note: str
    on_message: str
    good: str
    warning: str
    bad: str
    backdrop: tuple[float, float, float]
    accent: str = "#e8a13a"
    """Amber: told from skin and from the white site mark by people with any kind of colour vision."""
    site: str = "#ffffff"
    outline: str = "#101112"


DARK = Theme(
    name="dark",
    window="#26282b",
    panel="#1e2022",
    raised="#34373b",
    border="#7f848a",
    text="#e6e6e4",
    faint="#a9acaf",
    disabled="#74777a",
    highlight="#e8a13a",
    on_highlight="#1b1408",
    fault="#7c2d24",
    note="#2d4a5e",
    on_message="#ffffff",
    good="#7fc8a9",
    warning="#e8a13a",
    bad="#f2978a",
    backdrop=(0.137, 0.145, 0.157),
)
LIGHT = Theme(
    name="light",
    window="#eeeeec",
    panel="#fafaf9",
    raised="#dfe0de",
    border="#75797e",
    text="#1d1f21",
    faint="#54585c",
    disabled="#8b8f93",
    highlight="#85500a",
    on_highlight="#ffffff",
    fault="#8c2f25",
    note="#25516e",
    on_message="#ffffff",
    good="#14614a",
    warning="#7a4a00",
    bad="#9c2a1d",
    backdrop=(0.62, 0.63, 0.645),
)
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}

REGION = "#56b4e9"
"""Sky blue of Okabe & Ito's palette for every kind of colour vision: what is painted."""
RING_PX = 1.6
MARK_PX = 13.0
THUMBNAIL_PX = 56

_current = DARK
_NAMES = frozenset(field.name for field in fields(Theme))


def __getattr__(name: str) -> Any:
    """A colour of the theme in use, by its name in capitals."""
    if name.isupper() and name.lower() in _NAMES:
        return getattr(_current, name.lower())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def apply(application: QApplication, name: str = "dark") -> None:
    """Use a theme on every control, the same on each platform."""
    global _current
    _current = THEMES[name]
    application.setStyle("Fusion")
    application.setPalette(_palette(_current))
    application.setStyleSheet(_sheet(_current))


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, colour in (
        (role.Window, theme.window),
        (role.WindowText, theme.text),
        (role.Base, theme.panel),
        (role.AlternateBase, theme.window),
        (role.Text, theme.text),
        (role.Button, theme.raised),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.highlight),
        (role.ToolTipBase, theme.panel),
        (role.ToolTipText, theme.text),
        (role.PlaceholderText, theme.faint),
        (role.Highlight, theme.highlight),
        (role.HighlightedText, theme.on_highlight),
        (role.Accent, theme.highlight),
        (role.Link, theme.highlight),
    ):
        palette.setColor(which, QColor(colour))
    for which in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.disabled))
    return palette


def _sheet(theme: Theme) -> str:
    t = theme
    selected = f"background: {t.raised}; color: {t.text}; border: 1px solid {t.highlight}; border-radius: 4px;"
    return f"""
QToolTip {{ color: {t.text}; background: {t.panel}; border: 1px solid {t.border}; padding: 3px; }}
QGroupBox {{ border: 0; margin-top: 20px; font-weight: 600; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 0; color: {t.faint}; }}
QListWidget {{ border: 1px solid {t.raised}; border-radius: 4px; }}
QListWidget::item {{ padding: 3px; }}
QListWidget::item:selected {{ {selected} }}
QSplitter::handle, QMainWindow::separator {{ background: {t.panel}; width: 4px; height: 4px; }}
QToolBar {{ border: 0; border-bottom: 1px solid {t.raised}; spacing: 2px; padding: 2px 4px; }}
QToolBar QToolButton {{ padding: 4px 7px; border: 1px solid transparent; border-radius: 4px; }}
QToolBar QToolButton:hover {{ background: {t.raised}; }}
QToolBar QToolButton:checked {{ background: {t.raised}; border-color: {t.highlight}; }}
QToolBar QToolButton:focus {{ border-color: {t.text}; }}
QToolButton#swatch {{ padding: 3px; border: 2px solid transparent; border-radius: 4px; }}
QToolButton#swatch:checked {{ border-color: {t.highlight}; }}
QToolButton#swatch:focus {{ background: {t.raised}; }}
QDockWidget::title {{ background: {t.window}; padding: 5px 8px; font-weight: 600; }}
QPushButton#grow, QPushButton#primary {{
    background: {t.highlight}; color: {t.on_highlight}; font-weight: 600; padding: 7px; border-radius: 4px;
}}
QPushButton#grow:disabled, QPushButton#primary:disabled {{ background: {t.raised}; color: {t.faint}; }}
QPushButton#grow:focus, QPushButton#primary:focus {{ border: 2px solid {t.text}; }}
QFrame#note {{ background: {t.note}; border: 1px solid {t.outline}; border-radius: 6px; }}
QFrame#fault {{ background: {t.fault}; border: 1px solid {t.outline}; border-radius: 6px; }}
QFrame#note QLabel, QFrame#fault QLabel, QFrame#note QToolButton, QFrame#fault QToolButton {{ color: {t.on_message}; }}
QLabel#heading {{ font-size: 20px; font-weight: 600; }}
QLabel#faint {{ color: {t.faint}; }}
QLabel[state="good"] {{ color: {t.good}; font-weight: 600; }}
QLabel[state="warning"] {{ color: {t.warning}; font-weight: 600; }}
QLabel[state="bad"] {{ color: {t.bad}; font-weight: 600; }}
"""
