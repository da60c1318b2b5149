"""The list, the panel of the selected lesion, the variants and the dermatoscope, by mouse and keyboard."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from shell_samples import add, disc, open_egg

from desktop.gui.views.dermatoscope import scale_of

if TYPE_CHECKING:
    from desktop.gui.window import Window

WAITING_MS = 120_000
Opener = Callable[[], "Window"]


@pytest.fixture
def egg(open_window: Opener, qtbot: Any, tmp_path: Path) -> "Window":
    """An egg with three lesions of which none is selected."""
    window = open_window()
    open_egg(qtbot, window, tmp_path)
    assert window.session.document is not None
    patient = window.session.document.patient
    add(qtbot, window, *(disc(patient, f"lesion-{n}", 0.2 + 0.2 * n, 0.5) for n in range(3)))
    return window


def settled(qtbot: Any, window: "Window") -> None:
    qtbot.waitUntil(lambda: window.session.saved == "saved", timeout=WAITING_MS)


def undo_names(window: "Window") -> tuple[str, ...]:
    assert window.session.document is not None
    return window.session.document.state.undo


def test_list_and_panel(egg: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    session, shown = egg.session, egg.lesions
    left, control = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
    rows = [shown.visualItemRect(shown.item(row)) for row in range(3)]
    assert shown.ids() == ["lesion-2", "lesion-1", "lesion-0"]
    QTest.mouseClick(shown.viewport(), left, pos=rows[2].center())
    assert session.selected == ("lesion-0",)
    QTest.mouseClick(shown.viewport(), left, control, rows[0].center())
    assert set(session.selected) == {"lesion-0", "lesion-2"}

    edit = egg.workspace.panel("Selected lesion")
    egg.workspace.reveal("Selected lesion")
    before = undo_names(egg)
    edit.turn.setFocus()
    for _ in range(3):
        QTest.keyClick(edit.turn, Qt.Key.Key_PageUp)
    assert undo_names(egg) == before  # still the same gesture
    qtbot.waitUntil(lambda: undo_names(egg) != before, timeout=WAITING_MS)
    settled(qtbot, egg)
    assert undo_names(egg) == (*before, "Turn 2 nevus")
    assert session.document is not None
    assert [layer.spec.turn_deg for layer in session.document.layers] == [45.0, 0.0, 45.0]

    padlock = QPoint(rows[0].right() - 10, rows[0].center().y())
    QTest.mouseClick(shown.viewport(), left, pos=padlock)
    qtbot.waitUntil(lambda: session.document.layers[2].locked, timeout=WAITING_MS)
    session.set_selection("lesion-2")
    assert not edit.diameter.isEnabled()
    assert not edit.delete.isEnabled()
    assert edit.lock.isEnabled()
    told: list[str] = []
    session.told.connect(lambda text, fault: told.append(text))
    QTest.keyClick(shown, Qt.Key.Key_Delete)
    assert told == ["Locked and left as it is: 3 nevus. Unlock it to change it."]

    session.set_selection("lesion-0")
    QTest.mouseClick(edit.raise_lesion, left)
    qtbot.waitUntil(lambda: shown.ids() == ["lesion-2", "lesion-0", "lesion-1"], timeout=WAITING_MS)
    settled(qtbot, egg)


def test_undo_and_redo_pressed_at_once(egg: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    egg.session.set_selection("lesion-0")
    egg.lesions.setFocus()
    before = undo_names(egg)
    for key, modifiers in (
        *((Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier), (Qt.Key.Key_Z, control)),
        *((Qt.Key.Key_Z, control | shift), (Qt.Key.Key_Z, control), (Qt.Key.Key_Z, control | shift)),
    ):
        QTest.keyClick(egg.lesions, key, modifiers)
    assert egg.session.pending  # all of it was pressed before the first step was written
    settled(qtbot, egg)
    assert undo_names(egg) == (*before, "Delete nevus")
    assert egg.lesions.ids() == ["lesion-2", "lesion-1"]
    assert not egg.actions_by_name["Redo"].isEnabled()
    assert egg.actions_by_name["Undo"].text() == "&Undo Delete nevus"


def test_messages_move_nothing_and_notes_go_by_themselves(egg: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import QPoint, QRect

    def places() -> list[QRect]:
        return [QRect(view.mapTo(egg, QPoint()), view.size()) for view in (egg.body, egg.atlas, egg.lesions)]

    egg.notes.hide()
    before, tell = places(), egg.session.told.emit
    tell("A note that is long enough to need more than one line. " * 4, False)
    qtbot.wait(1)
    assert egg.notes.isVisible()
    assert places() == before
    assert egg.workspace.views.rect().contains(
        QRect(egg.notes.mapTo(egg.workspace, QPoint()) - egg.workspace.views.pos(), egg.notes.size())
    )
    egg.notes.staying.timeout.emit()
    assert not egg.notes.isVisible()
    tell("A fault", True)
    tell("and a note after it", False)
    assert egg.notes.text.text() == "A fault\nand a note after it"
    tell("and another", False)
    assert egg.notes.text.text() == "A fault\nand another"  # a fault that stays doesn't gather notes
    assert not egg.notes.staying.isActive()
    assert places() == before


def test_the_dermatoscope_shows_the_selected_lesion_at_its_own_resolution(egg: "Window", qtbot: Any) -> None:
    session, dermatoscope = egg.session, egg.workspace.panel("Dermatoscope")
    egg.workspace.reveal("Dermatoscope")
    assert dermatoscope.picture is None
    session.set_selection("lesion-1")
    qtbot.waitUntil(lambda: dermatoscope.picture is not None, timeout=WAITING_MS)
    assert session.document is not None
    layer = session.document.layers[1]
    assert dermatoscope.picture.shape == layer.rgb.shape
    assert np.array_equal(dermatoscope.picture, session.document.patient.canvas.close_up(layer))
    assert dermatoscope.accessibleDescription() == "nevus, 20.1 mm"
    drawn = dermatoscope.grab().toImage()
    assert drawn.pixelColor(drawn.width() // 2, drawn.height() // 2).red() < 150  # the lesion's brown, not a backdrop
    session.set_selection(None)
    assert dermatoscope.picture is None


@pytest.mark.parametrize(("width", "length"), [(13.2, 5), (6.6, 2), (44.0, 10), (1.1, 0.2), (264.0, 100)])
def test_the_scale_is_a_round_number_of_millimetres(width: float, length: float) -> None:
    found, parts = scale_of(width)
    assert found == pytest.approx(length)
    assert found <= 0.4 * width
    assert parts in (4, 5, 10)


def test_variants_are_looked_at_and_one_is_kept_by_enter(egg: "Window", qtbot: Any) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    session, strip = egg.session, egg.workspace.panel("Variants")
    assert not strip.isVisible()
    qtbot.waitUntil(lambda: session.engine.is_ready, timeout=WAITING_MS)
    session.set_request(replace(session.request, detail=64, steps=2, diameter_mm=30.0, seed=9))
    assert session.document is not None
    document = session.document
    session.set_site(document.patient.surface.site_at_uv(0, 0.5, 0.35))
    plain = document.patient.canvas.pixels[0].copy()
    QTest.mouseClick(egg.panel.wishes.variants, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(strip.ids()) == 3 and session.job is None, timeout=WAITING_MS)
    assert strip.isVisible()
    assert strip.list.currentRow() == 0  # the first is looked at
    qtbot.waitUntil(lambda: not np.array_equal(document.patient.canvas.pixels[0], plain), timeout=WAITING_MS)
    first = document.patient.canvas.pixels[0].copy()
    spot = strip.list.visualItemRect(strip.list.item(1)).center()
    QTest.mouseClick(strip.list.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    qtbot.waitUntil(lambda: not np.array_equal(document.patient.canvas.pixels[0], first), timeout=WAITING_MS)
    assert len(document.layers) == 3
    QTest.keyClick(strip.list, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(document.layers) == 4 and not strip.ids(), timeout=WAITING_MS)
    settled(qtbot, egg)
    assert document.layers[-1].spec.seed == 10
    assert not strip.isVisible()


def test_an_outline_comes_from_an_image(egg: "Window", tmp_path: Path) -> None:
    picture = np.full((60, 90, 3), 255, np.uint8)
    picture[20:40, 10:80] = 30
    Image.fromarray(picture).save(tmp_path / "bar.png")
    egg.panel.load_outline(tmp_path / "bar.png")
    drawn = egg.session.request.drawn
    assert drawn is not None
    rows, columns = np.nonzero(drawn)
    assert np.ptp(columns) / np.ptp(rows) == pytest.approx(70 / 20, rel=0.1)
    assert egg.panel.shape.currentText() == "bar.png"
    told: list[str] = []
    egg.session.told.connect(lambda text, fault: told.append(text))
    Image.fromarray(np.full((60, 90, 3), 255, np.uint8)).save(tmp_path / "empty.png")
    egg.panel.load_outline(tmp_path / "empty.png")
    assert "empty.png: shows no shape" in told[0]
    assert egg.session.request.outline_from == "bar.png"
