"""The window's frame: welcome page, new patients, commands, shortcuts, preferences, themes, names for every control."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from shell_samples import LOADING_MS, add, disc, open_egg, trigger, write_egg

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop.gui.theme import Theme
    from desktop.gui.window import Window

Opener = Callable[[], "Window"]


def click(widget: "QWidget") -> None:
    """With the left button, in its middle."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def press(widget: "QWidget", keys: str) -> None:
    """A shortcut."""
    from PySide6.QtGui import QKeySequence
    from PySide6.QtTest import QTest

    QTest.keySequence(widget, QKeySequence(keys))


def test_a_new_patient_is_made_and_opened(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    window = open_window()
    new = window.welcome.new
    new.sex.setCurrentIndex(0)
    new.age.setValue(8)
    assert 120 < new.height_cm.value() < 134  # a girl of eight: WHO growth reference, third to 97th percentile
    assert 19 < new.weight_kg.value() < 36
    tall = new.height_cm.value() / 100
    click(new.phototypes.button(4))
    new.texture.setCurrentIndex(0)
    path = tmp_path / "patients" / "eva.glb"
    new.file.setText(str(path))
    click(new.go)
    assert not new.go.isEnabled()
    assert new.cancel.isVisible()
    qtbot.waitUntil(lambda: window.session.document is not None, timeout=LOADING_MS)
    document = window.session.document
    assert document is not None
    assert path.is_file()
    assert document.path == path.with_suffix(".moulage")
    assert document.patient.height_m == pytest.approx(tall, abs=0.005)
    assert document.patient.canvas.base[0].shape[:2] == (1024, 1024)
    back = document.patient.site_facing((0.0, 0.75, -2.0), (0.0, 0.0, 1.0))
    assert "phototype V" in document.described(back)[2]

    press(window, "Ctrl+N")  # the next one may not take its place
    from desktop.gui.views.new_patient import NewPatient

    (again,) = window.dialog.findChildren(NewPatient)
    assert Path(again.file.text()) == path.with_name("patient-1.glb")
    again.file.setText(str(path))
    again.make()
    assert "choose another name" in again.message.text()
    assert not again.task.running


def test_recent_patients_with_their_pictures(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    first = open_window()
    open_egg(qtbot, first, tmp_path, "anna")
    qtbot.waitUntil(lambda: first.body.scene is not None, timeout=LOADING_MS)
    first.close()
    again = open_window()
    listed = again.welcome.recent
    assert [listed.item(row).text().split("\n")[0] for row in range(listed.count())] == ["anna"]
    qtbot.waitUntil(lambda: not listed.item(0).icon().isNull(), timeout=LOADING_MS)
    spot = listed.visualItemRect(listed.item(0)).center()
    QTest.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    qtbot.waitUntil(lambda: again.session.document is not None, timeout=LOADING_MS)


def test_files_are_dropped_on_the_window(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
    from PySide6.QtGui import QDragEnterEvent, QDropEvent
    from PySide6.QtWidgets import QApplication

    window = open_window()
    scene = write_egg(tmp_path / "egg.moulage")
    (tmp_path / "notes.txt").write_text("no patient")
    for name, taken in (("notes.txt", False), (scene.name, True)):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
        about = (data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        entering = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, *about)
        entering.ignore()
        QApplication.sendEvent(window, entering)
        assert entering.isAccepted() is taken
        if taken:
            QApplication.sendEvent(window, QDropEvent(QPoint(50, 50), Qt.DropAction.CopyAction, *about))
    qtbot.waitUntil(lambda: window.session.document is not None, timeout=LOADING_MS)


def test_no_shortcut_means_two_things(qapp: Any) -> None:
    from PySide6.QtGui import QKeySequence

    from desktop.gui.actions import ACTIONS

    keys = [QKeySequence(k).toString() for a in ACTIONS for k in (a.keys, a.also) if QKeySequence(k).toString()]
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert [name for name, count in Counter(action.name for action in ACTIONS).items() if count > 1] == []


def test_commands_by_a_few_letters(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from desktop.gui.views.palette import Palette

    window = open_window()
    open_egg(qtbot, window, tmp_path)
    for keys in ("Ctrl+K", "Ctrl+Shift+P"):
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=LOADING_MS)
        press(window, keys)
        palette = window.dialog
        assert isinstance(palette, Palette)
        qtbot.waitUntil(palette.field.hasFocus, timeout=LOADING_MS)
        assert palette.found.count() == len(window.actions_by_name)
        QTest.keyClicks(palette.field, "exhi")
        assert palette.found.currentItem().text().startswith("Exam: hide the classes")
        QTest.keyClick(palette.field, Qt.Key.Key_Down)
        QTest.keyClick(palette.field, Qt.Key.Key_Up)
        marked = window.session.document.state.exam
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda was=marked: window.session.document.state.exam is not was, timeout=LOADING_MS)


@pytest.mark.parametrize(
    ("better", "worse", "wanted"),
    [("Save as", "Show while painting", "sa"), ("Undo", "Hide or show", "do"), ("Export", "New patient", "ep")],
)
def test_letters_that_begin_or_follow_count_more(better: str, worse: str, wanted: str) -> None:
    from desktop.gui.views.palette import score

    first, second = score(wanted, better), score(wanted, worse)
    assert first is not None
    assert second is None or first > second
    assert score("xyz", better) is None


def test_every_shortcut_is_in_the_list(open_window: Opener, qtbot: Any) -> None:
    from desktop.gui.views.shortcuts import Shortcuts

    window = open_window()
    press(window, "F1")
    shown = window.dialog
    assert isinstance(shown, Shortcuts)
    branches = [shown.list.topLevelItem(i) for i in range(shown.list.topLevelItemCount())]
    listed = {branch.child(i).text(0) for branch in branches for i in range(branch.childCount())}
    assert {name for name, a in window.actions_by_name.items() if not a.shortcut().isEmpty()} <= listed


def test_preferences_are_kept_and_applied(open_window: Opener, qtbot: Any) -> None:
    from PySide6.QtWidgets import QApplication

    from desktop.gui import theme
    from desktop.gui.model import preferences

    window = open_window()
    session = window.session
    qtbot.waitUntil(lambda: session.engine.is_ready, timeout=LOADING_MS)
    pid = session.engine.pid
    press(window, "Ctrl+,")
    dialog = window.dialog
    dialog.theme.setCurrentIndex(1)
    dialog.scale.setCurrentIndex(dialog.scale.findData(1.5))
    dialog.accept()
    try:
        assert QApplication.palette().window().color().name() == theme.LIGHT.window
        assert session.engine.pid == pid  # looks don't stop what grows
        window.show_preferences()
        dialog = window.dialog
        assert dialog.theme.currentData() == "light"
        dialog.threads.setValue(1)
        dialog.precision.setCurrentIndex(1)
        dialog.memory.setValue(2000)
        dialog.accept()
        qtbot.waitUntil(lambda: session.engine.is_ready and session.engine.pid != pid, timeout=LOADING_MS)
        assert preferences.load(session.settings) == preferences.Preferences(
            "light", 1.5, "", threads=1, precision="fp32", memory_mb=2000
        )
        assert (session.engine.options.threads, session.engine.options.arithmetic) == (1, "fp32")
    finally:
        theme.apply(QApplication.instance())


def test_damaged_preferences_are_usual_ones(tmp_path: Path) -> None:
    from PySide6.QtCore import QSettings

    from desktop.gui.model import preferences

    file = tmp_path / "s.ini"
    file.write_text("[preferences]\ntheme=pink\nscale=much\ndevice=abacus\nthreads=-4\nprecision=1\nmemory_mb=nan\n")
    assert preferences.load(QSettings(str(file), QSettings.Format.IniFormat)) == preferences.Preferences()


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """1 to 21, WCAG 2.1."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=["dark", "light"])
def colours(request: pytest.FixtureRequest) -> "Iterator[Theme]":
    """Each theme."""
    from desktop.gui import theme

    yield theme.THEMES[request.param]


def test_letters_and_signs_stand_out(colours: "Theme") -> None:
    t = colours
    for background in (t.window, t.panel, t.raised):
        for text in (t.text, t.faint, t.good, t.warning, t.bad):
            assert contrast(text, background) >= 4.5, (text, background)
        assert contrast(t.border, background) >= 3.0 or background == t.raised
        assert contrast(t.highlight, background) >= 3.0
    for text, background in ((t.on_highlight, t.highlight), (t.on_message, t.fault), (t.on_message, t.note)):
        assert contrast(text, background) >= 4.5, (text, background)
    assert contrast(t.accent, t.outline) >= 3.0  # the mark on the skin and its dark border
    assert contrast(t.site, t.outline) >= 3.0


def controls_without_a_name(parent: "QWidget") -> list[str]:
    """What takes the keyboard and has no name for a screen reader."""
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QAbstractButton, QLabel, QMenu, QMenuBar, QTabBar, QWidget

    without = []
    for widget in parent.findChildren(QWidget):
        if widget.window() is not parent or widget.objectName().startswith("qt_") or widget.accessibleName():
            continue
        named = isinstance(widget, QAbstractButton | QLabel) and widget.text()
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or named or isinstance(widget, QMenu | QMenuBar | QTabBar):
            continue
        if widget.focusProxy() is None and not type(widget).__name__.startswith(("QScrollArea", "QDockWidget")):
            without.append(f"{type(widget).__name__} in {type(widget.parent()).__name__}")
    return without


def test_every_control_has_a_name_for_screen_readers(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    window = open_window()
    open_egg(qtbot, window, tmp_path)
    add(qtbot, window, disc(window.session.document.patient, "one", 0.3, 0.5))
    for dock in window.workspace.docks.values():
        dock.show()
    assert controls_without_a_name(window) == []
    for show in (
        *(window.show_new, window.show_export, window.show_preferences),
        *(window.show_palette, window.show_shortcuts, window.show_about),
    ):
        show()
        assert controls_without_a_name(window.dialog) == []
        window.dialog.close()


def test_about_says_what_it_is_not_for(open_window: Opener, qtbot: Any) -> None:
    window = open_window()
    trigger(qtbot, window, "About Moulage")
    assert "Not for diagnosis" in window.dialog.purpose.text()
    assert "CC0" in window.dialog.licences.text()
