"""The window as a physician uses it: real mouse and keyboard events, real OpenGL, the real engine process."""

import ast
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from shell_samples import trigger

LOADING_MS = 120_000
"""For what takes seconds on a quiet machine."""

if TYPE_CHECKING:
    from desktop.gui.window import Window

MODEL = Path(__file__).resolve().parents[2] / "desktop" / "gui" / "model"

Opener = Callable[[], "Window"]


def opened(qtbot: Any, window: "Window", path: Path) -> None:
    """Open a patient and wait for it and the engine."""
    from desktop.gui.model import verbs

    verbs.open_path(window.session, path)
    assert window.session.busy
    assert window.session.document is None  # the window answers while the patient is read
    qtbot.waitUntil(lambda: window.session.document is not None and window.session.engine.is_ready, timeout=LOADING_MS)


def ask_for(window: "Window", steps: int) -> None:
    """A quick lesion, by the panel's own controls."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    panel = window.panel
    panel.folding.unfold()
    panel.detail.setFocus()
    QTest.keyClick(panel.detail, Qt.Key.Key_Home)
    for field, text in ((panel.steps, str(steps)), (panel.diameter, "20.0")):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)
    request = window.session.request
    assert (request.detail, request.steps, request.diameter_mm) == (64, steps, 20.0)


def click_on_the_back(qtbot: Any, window: "Window") -> None:
    """Turn the body, click between the shoulder blades."""
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    body = window.body
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_B)
    spot = QPoint(body.width() // 2 + 20, int(0.30 * body.height()))
    QTest.mouseClick(body, Qt.MouseButton.LeftButton, pos=spot)
    site, document = window.session.site, window.session.document
    assert site is not None
    assert document is not None
    assert document.patient.body_part(site) == "back"


def atlas_pixels(window: "Window") -> NDArray[np.uint8]:
    """What the atlas view's image holds, level by level in one row."""
    assert window.atlas.item is not None
    levels = []
    for image in window.atlas.item.images:
        levels.append(np.frombuffer(image.constBits(), np.uint8).reshape(-1).copy())
    return np.concatenate(levels)


def card_pixels(window: "Window") -> NDArray[np.uint8]:
    """What the graphics card holds: every level of the shown material's texture, read back."""
    body = window.body
    body.grab()  # draws, so that what is pending is uploaded
    assert body.scene is not None
    assert window.session.document is not None
    assert body.offscreen is not None
    with body.offscreen:
        texture = body.scene.textures[window.atlas.material]
        levels = len(window.session.document.pyramids[window.atlas.material].levels)
        read = [np.frombuffer(texture.read(level=level, alignment=1), np.uint8) for level in range(levels)]
    return np.concatenate(read)


def told(window: "Window") -> list[str]:
    """A list that grows with every line the user is told."""
    lines: list[str] = []
    window.session.told.connect(lambda text, fault: lines.append(text))
    return lines


def test_a_lesion_from_click_to_file_and_back(
    open_window: Opener, qtbot: Any, default_patient: Path, tmp_path: Path
) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    path = Path(shutil.copy(default_patient, tmp_path / "anna.glb"))
    window = open_window()
    opened(qtbot, window, path)
    session = window.session
    ask_for(window, steps=2)
    click_on_the_back(qtbot, window)
    assert window.panel.wishes.grow.isEnabled()
    before, card_before = atlas_pixels(window), card_pixels(window)
    assert np.array_equal(before, card_before)
    QTest.mouseClick(window.panel.wishes.grow, Qt.MouseButton.LeftButton)
    wait_for_lesions(qtbot, window, 1)

    grown = atlas_pixels(window)
    changed = (grown != before).mean()
    assert 0 < changed < 0.01  # a 20 mm lesion on a whole body, nothing else
    assert np.array_equal(card_pixels(window), grown)
    assert session.selection == window.lesions.ids()[0]

    QTest.keyClick(window.body, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    wait_for_lesions(qtbot, window, 0)
    assert np.array_equal(atlas_pixels(window), before)
    assert np.array_equal(card_pixels(window), before)
    assert window.actions_by_name["Redo"].text() == "&Redo Add nevus"
    trigger(qtbot, window, "Redo")
    wait_for_lesions(qtbot, window, 1)
    assert np.array_equal(atlas_pixels(window), grown)
    assert np.array_equal(card_pixels(window), grown)
    ids = window.lesions.ids()
    window.close()

    again = open_window()
    opened(qtbot, again, tmp_path / "anna.moulage")
    assert again.lesions.ids() == ids
    assert np.array_equal(atlas_pixels(again), grown)
    assert np.array_equal(card_pixels(again), grown)
    click_on_list(again)
    QTest.keyClick(again.lesions, Qt.Key.Key_H)
    qtbot.waitUntil(lambda: again.session.saved == "saved", timeout=LOADING_MS)
    assert np.array_equal(atlas_pixels(again), before)
    QTest.keyClick(again.lesions, Qt.Key.Key_Delete)
    wait_for_lesions(qtbot, again, 0)
    assert again.actions_by_name["Undo"].text() == "&Undo Delete nevus"


def wait_for_lesions(qtbot: Any, window: "Window", count: int) -> None:
    """Until nothing is under way, the list holds so many, and all is saved."""
    session = window.session

    def done() -> bool:
        return session.job is None and window.lesions.count() == count and session.saved == "saved"

    qtbot.waitUntil(done, timeout=LOADING_MS)


def click_on_list(window: "Window") -> None:
    """Select the first lesion by the mouse."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    spot = window.lesions.visualItemRect(window.lesions.item(0)).center()
    QTest.mouseClick(window.lesions.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert window.session.selection == window.lesions.ids()[0]


def test_the_engine_cancelled_and_killed_while_it_paints(
    open_window: Opener, qtbot: Any, default_patient: Path, tmp_path: Path
) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    path = Path(shutil.copy(default_patient, tmp_path / "ben.glb"))
    window = open_window()
    opened(qtbot, window, path)
    session, lines = window.session, told(window)
    ask_for(window, steps=900)
    click_on_the_back(qtbot, window)
    before = atlas_pixels(window)

    def painting() -> bool:
        return session.job is not None and session.job.done >= 2

    QTest.keyClick(window.body, Qt.Key.Key_G)
    qtbot.waitUntil(painting, timeout=LOADING_MS)
    assert "s left" in window.panel.wishes.progress.format()
    QTest.mouseClick(window.panel.wishes.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.job is None, timeout=LOADING_MS)
    assert lines == ["Cancelled; nothing was changed."]

    QTest.keyClick(window.body, Qt.Key.Key_G)
    qtbot.waitUntil(painting, timeout=LOADING_MS)
    killed = session.engine.pid
    os.kill(killed, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    qtbot.waitUntil(lambda: session.job is None, timeout=LOADING_MS)
    assert "is being started again" in lines[-1]
    assert "all others are saved" in lines[-1]
    qtbot.waitUntil(lambda: session.engine.is_ready, timeout=LOADING_MS)
    assert session.engine.pid != killed
    assert window.panel.wishes.grow.isEnabled()  # the place is still marked
    assert np.array_equal(atlas_pixels(window), before)
    assert window.lesions.count() == 0


def test_a_file_that_is_no_patient_is_told_in_one_line(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    from desktop.gui.model import verbs

    path = tmp_path / "broken.glb"
    path.write_bytes(b"glTF but not really")
    window = open_window()
    lines = told(window)
    verbs.open_path(window.session, path)
    qtbot.waitUntil(lambda: bool(lines), timeout=LOADING_MS)
    assert "broken.glb" in lines[0]
    assert "\n" not in lines[0]
    assert window.session.document is None
    assert list(tmp_path.glob("*.moulage")) == []


def test_signals_keep_their_references(qapp: Any, qtbot: Any) -> None:
    """Some releases of PySide6 drop a reference to None with every void call; a window then dies within the hour."""
    from PySide6.QtCore import QSettings

    from desktop.gui.model.session import Session

    session = Session(QSettings())
    session.site_changed.connect(lambda: None)
    before = sys.getrefcount(None)
    for _ in range(500):
        session.site_changed.emit()
        qapp.processEvents()
    assert sys.getrefcount(None) > before - 100
    session.close()


@pytest.mark.parametrize("path", sorted(MODEL.glob("*.py")), ids=lambda path: path.stem)
def test_the_model_knows_no_widgets(path: Path) -> None:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    assert {name for name in modules if name.startswith("PySide6")} <= {"PySide6.QtCore"}
    assert not {name for name in modules if name.startswith(("desktop.gui.views", "desktop.gui.window", "moderngl"))}
