"""Every text of the window reaches Qt's translation: a translator puts brackets around all that it is asked for, and no
letter outside brackets is left on any widget, but for data."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from shell_samples import add, disc, open_egg

if TYPE_CHECKING:
    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QApplication, QWidget

    from desktop.gui.window import Window

GUI = Path(__file__).resolve().parents[2] / "desktop" / "gui"
DATA = re.compile(
    r"\b(egg\S*|Region 1|default|PDF|PNG|cpu|tcp://\S+|VI|IV|V|I{1,3}|p)\b|/\S+"
    r"|\b((Ctrl|Shift|Alt|Meta)\+)*(Del|Esc|F1|Left|Right|Up|Down|[A-Z]|\S)(?=\)?$)"
)
"""Names and paths of the test's patient, the model, formats, Fitzpatrick's numerals, Qt's %p, keys at a text's end."""
SETTERS = frozenset(
    (
        *("setText", "setToolTip", "setAccessibleName", "setAccessibleDescription", "setWindowTitle", "setTitle"),
        *("setPlaceholderText", "setSuffix", "setPrefix", "setSpecialValueText", "setStatusTip", "setFormat"),
        *("addAction", "addMenu", "addRow", "addItem", "addItems", "drawText", "set_busy", "label", "check", "button"),
        *("QLabel", "QPushButton", "QCheckBox", "QToolButton", "QGroupBox", "QDockWidget", "QMenu", "Folding"),
        *("BadInput", "SpecError", "PlaceWanted"),
        *("getOpenFileName", "getSaveFileName", "getExistingDirectory", "getText"),
    )
)
STYLED = frozenset({"label", "button"})
"""Whose second argument is a style."""
TOLD = frozenset({"told", "failed", "died", "place_wanted"})


@pytest.fixture
def brackets(qapp: "QApplication") -> Iterator[None]:
    """All texts that are translated stand in brackets."""
    from PySide6.QtCore import QTranslator

    class Brackets(QTranslator):
        def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str:
            return f"⟦{text}⟧" if text.strip() else text

        def isEmpty(self) -> bool:  # noqa: N802  (Qt's name)
            return False

    translator = Brackets(qapp)
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)
    translator.deleteLater()


def outside(text: str) -> str:
    """What stands outside brackets and is no data."""
    depth, left = 0, []
    for letter in text:
        depth += letter == "⟦"
        if not depth:
            left.append(letter)
        depth -= letter == "⟧"
    return "".join(c for c in DATA.sub("", "".join(left).replace("&", "").strip()) if c.isalpha())


def action_texts(action: "QAction") -> Iterator[str]:
    yield from (action.text(), action.toolTip(), action.iconText())


def texts_of(widget: "QWidget") -> Iterator[str]:
    """All that a widget shows or says, its entries included; not what the user wrote into it."""
    from PySide6 import QtWidgets as W

    yield from (widget.windowTitle(), widget.toolTip(), widget.accessibleName(), widget.accessibleDescription())
    match widget:
        case W.QLabel() | W.QAbstractButton():
            yield widget.text()
        case W.QLineEdit():
            yield widget.placeholderText()
        case W.QComboBox():
            yield from (widget.itemText(index) for index in range(widget.count()))
        case W.QSpinBox() | W.QDoubleSpinBox():
            yield from (widget.prefix(), widget.suffix(), widget.specialValueText())
        case W.QGroupBox():
            yield widget.title()
        case W.QProgressBar():
            yield widget.format()
        case W.QTabBar():
            yield from (widget.tabText(index) for index in range(widget.count()))
        case W.QListWidget():
            items = [widget.item(row) for row in range(widget.count())]
            yield from (text for item in items for text in (item.text(), item.toolTip()))
        case W.QTableWidget():
            headings = [widget.horizontalHeaderItem(column) for column in range(widget.columnCount())]
            yield from (text for item in headings if item for text in (item.text(), item.toolTip()))
        case W.QTreeWidget():
            yield from (widget.headerItem().text(column) for column in range(widget.columnCount()))
            for branch in (widget.topLevelItem(index) for index in range(widget.topLevelItemCount())):
                yield branch.text(0)
                yield from (branch.child(index).text(0) for index in range(branch.childCount()))
        case W.QMenu():
            yield widget.title()
    for action in widget.actions():
        yield from action_texts(action)


def untranslated(parent: "QWidget") -> list[str]:
    """What a window or dialog shows past the translator."""
    from PySide6.QtWidgets import QWidget

    shown = [parent, *parent.findChildren(QWidget)]
    return sorted({f"{type(w).__name__}: {t}" for w in shown for t in texts_of(w) if t and outside(t)})


def test_no_text_of_the_window_bypasses_the_translation(
    brackets: None, open_window: "Callable[[], Window]", qtbot: Any, tmp_path: Path
) -> None:
    window = open_window()
    assert untranslated(window) == []  # the welcome page, and everything that waits behind it
    open_egg(qtbot, window, tmp_path)
    session = window.session
    add(qtbot, window, disc(session.document.patient, "one", 0.3, 0.5))
    session.set_selection("one")
    session.regions.paint(session.regions.grid.of_faces(session.document.patient.surface.face_material == 0))
    session.regions.finish("Paint")
    qtbot.waitUntil(lambda: session.engine.is_ready and not session.pending, timeout=90_000)
    session.set_hover(session.document.layers[0].spec.site)
    session.told.emit("⟦a note⟧", False)
    assert untranslated(window) == []
    for show in (
        *(window.show_new, window.show_export, window.show_preferences),
        *(window.show_palette, window.show_shortcuts, window.show_about),
    ):
        show()
        assert untranslated(window.dialog) == [], show.__name__
        window.dialog.close()


def plain_words(node: ast.expr) -> bool:
    """Whether an expression holds letters that no translation sees."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and len(re.findall(r"[A-Za-z]", node.value)) > 1
    if isinstance(node, ast.JoinedStr):
        return any(plain_words(value) for value in node.values if isinstance(value, ast.Constant))
    if isinstance(node, ast.IfExp):
        return plain_words(node.body) or plain_words(node.orelse)
    if isinstance(node, ast.BinOp):
        return plain_words(node.left) or plain_words(node.right)
    if isinstance(node, ast.List | ast.Tuple):
        return any(plain_words(element) for element in node.elts)
    return False


def faults_of(path: Path) -> list[str]:
    """Texts given to widgets or users as they are, and texts put together before they are translated."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("tr", "translate") and node.args and isinstance(node.args[0], ast.JoinedStr):
            found.append(f"{path.name}:{node.lineno}: an f-string is translated before Qt can know it")
        signal = node.func.value if called == "emit" and isinstance(node.func, ast.Attribute) else None
        tells = isinstance(signal, ast.Attribute) and signal.attr in TOLD
        texts = node.args[:1] if called in STYLED else node.args[:3]
        if (called in SETTERS or tells) and any(plain_words(argument) for argument in texts):
            found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)[:80]}")
    return found


def test_no_text_in_the_source_bypasses_the_translation() -> None:
    assert [fault for path in sorted(GUI.rglob("*.py")) for fault in faults_of(path)] == []


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(
        "a.setText('Some words')\na.setToolTip(f'{n} words')\ns.told.emit('Words' if x else tr('Other'), True)\n"
        "tr(f'{n} words')\na.setText(tr('{} words').format(n))\nlabel(tr('Words'), 'faint')\na.setText(f'{n} / {m}')\n"
    )
    assert [int(fault.split(":")[1]) for fault in faults_of(path)] == [1, 2, 3, 4]
    assert outside("⟦Scatter in {⟦Region⟧}⟧") == ""
    assert outside("⟦Undo⟧ more") == "more"
