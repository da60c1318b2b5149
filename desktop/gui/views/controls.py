"""Labels, boxes, sliders and buttons as the panels use them."""

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)


def label(text: str = "", style: str = "", wrap: bool = False) -> QLabel:
    """A line of text, shown as it is: names may hold anything. style: `heading` or `faint`, see `theme`."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setObjectName(style)
    made.setWordWrap(wrap)
    return made


def check(text: str, on: bool = False) -> QCheckBox:
    """A box to tick."""
    made = QCheckBox(text)
    made.setChecked(on)
    return made


def button(text: str, style: str = "", checkable: bool = False) -> QPushButton:
    """A button. style: `grow` or `primary` for the one that is pressed most, see `theme`."""
    made = QPushButton(text)
    made.setObjectName(style)
    made.setCheckable(checkable)
    return made


def sign(text: str) -> QToolButton:
    """A small button with a sign on it."""
    made = QToolButton()
    made.setText(text)
    return made


def slider(least: int, most: int, page: int) -> QSlider:
    """A slider from left to right."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setRange(least, most)
    made.setPageStep(page)
    return made


def whole(least: int, most: int, value: int | None = None, prefix: str = "", suffix: str = "") -> QSpinBox:
    """A field for a whole number."""
    made = QSpinBox()
    made.setRange(least, most)
    made.setValue(least if value is None else value)
    made.setPrefix(prefix)
    made.setSuffix(suffix)
    return made


def number(
    least: float, most: float, value: float | None = None, step: float = 1.0, suffix: str = ""
) -> QDoubleSpinBox:
    """A field for a number with one decimal."""
    made = QDoubleSpinBox()
    made.setDecimals(1)
    made.setRange(least, most)
    made.setSingleStep(step)
    made.setValue(least if value is None else value)
    made.setSuffix(suffix)
    return made


def choice(entries: Iterable[tuple[str, object]] = ()) -> QComboBox:
    """A list to choose from: texts, and what they stand for."""
    made = QComboBox()
    for text, meant in entries:
        made.addItem(text, meant)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContentsOnFirstShow)
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return made


def row(*widgets: tuple[QWidget, int]) -> QHBoxLayout:
    """Widgets beside each other, with their stretch."""
    made = QHBoxLayout()
    made.setSpacing(4)
    for widget, stretch in widgets:
        made.addWidget(widget, stretch)
    return made


def name_all(controls: Iterable[tuple[QWidget, str, str]]) -> None:
    """Give each control its name for screen readers, and its tip."""
    for control, name, tip in controls:
        control.setAccessibleName(name)
        control.setToolTip(tip)
