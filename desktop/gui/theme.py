"""All colours and sizes of the window."""

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

WINDOW = "#26282b"
PANEL = "#1e2022"
RAISED = "#34373b"
TEXT = "#e6e6e4"
FAINT = "#a2a5a8"
ACCENT = "#e8a13a"
"""Amber: told from skin and from the white site mark by people with any kind of colour vision."""
SITE = "#ffffff"
OUTLINE = "#101112"
FAULT = "#7c2d24"
NOTE = "#2d4a5e"
BACKDROP = (0.137, 0.145, 0.157)
"""Behind the body, sRGB 0-1."""

RING_PX = 1.6
MARK_PX = 13.0
THUMBNAIL_PX = 56

_SHEET = f"""
QToolTip {{ color: {TEXT}; background: {PANEL}; border: 1px solid {RAISED}; padding: 3px; }}
QGroupBox {{ border: 0; margin-top: 20px; font-weight: 600; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 0; color: {FAINT}; }}
QListWidget {{ border: 1px solid {RAISED}; border-radius: 4px; }}
QListWidget::item {{ padding: 3px; }}
QListWidget::item:selected {{ background: {RAISED}; color: {TEXT}; border: 1px solid {ACCENT}; border-radius: 4px; }}
QSplitter::handle {{ background: {PANEL}; }}
QPushButton#grow {{ background: {ACCENT}; color: #1b1408; font-weight: 600; padding: 7px; border-radius: 4px; }}
QPushButton#grow:disabled {{ background: {RAISED}; color: {FAINT}; }}
QPushButton#grow:focus {{ border: 2px solid {TEXT}; }}
QFrame#note {{ background: {NOTE}; }}
QFrame#fault {{ background: {FAULT}; }}
QLabel#heading {{ font-size: 20px; font-weight: 600; }}
QLabel#faint {{ color: {FAINT}; }}
"""


def apply(application: QApplication) -> None:
    """Dark colours on every control, the same on each platform."""
    application.setStyle("Fusion")
    palette = QPalette()
    role = QPalette.ColorRole
    for which, colour in (
        (role.Window, WINDOW),
        (role.WindowText, TEXT),
        (role.Base, PANEL),
        (role.AlternateBase, WINDOW),
        (role.Text, TEXT),
        (role.Button, RAISED),
        (role.ButtonText, TEXT),
        (role.BrightText, ACCENT),
        (role.ToolTipBase, PANEL),
        (role.ToolTipText, TEXT),
        (role.PlaceholderText, FAINT),
        (role.Highlight, ACCENT),
        (role.HighlightedText, "#1b1408"),
        (role.Link, ACCENT),
    ):
        palette.setColor(which, QColor(colour))
    for which in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor("#74777a"))
    application.setPalette(palette)
    application.setStyleSheet(_SHEET)
