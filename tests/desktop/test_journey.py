"""The whole path, as a person would go it: a new patient, a lesion, undo, a region, five more, kill -9, and all of it
again after reopening, in the window and in a VR scene."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shell_samples import trigger

from bridge.client import AtlasMirror, Patience

if TYPE_CHECKING:
    from desktop.gui.window import Window

WALK = Path(__file__).with_name("journey_process.py")
LONGEST_S = 240
LONGEST_MS = 1000 * LONGEST_S


@pytest.mark.timeout(900)  # a minute on a quiet machine, several on one that is shared
@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_the_whole_path(open_window: "Callable[[], Window]", qtbot: Any, tmp_path: Path) -> None:
    there = walk_and_kill(tmp_path)
    scene = tmp_path / "anna.moulage"

    window = open_window()
    choose_recent(qtbot, window, scene)
    document = window.session.document
    assert document is not None
    canvas = document.patient.canvas
    assert window.lesions.ids() == there["ids"]
    assert len(there["ids"]) == 6
    assert hashlib.sha256(canvas.pixels[0].tobytes()).hexdigest() == there["atlas"]
    assert list(document.state.undo) == there["undo"]
    assert [
        [region.name, {str(m): hashlib.sha256(mask.tobytes()).hexdigest() for m, mask in region.masks.items()}]
        for region in document.state.regions
    ] == there["regions"]

    endpoint = serve(qtbot, window)
    with AtlasMirror(endpoint, name="headset", patience=Patience(first=0.02, longest=0.2)) as mirror:
        qtbot.waitUntil(lambda: bool(mirror.shown.document), timeout=LONGEST_MS)
        assert np.array_equal(albedo_of(mirror), canvas.pixels[0])
        state = albedo_hash(mirror)
        lesions = json.loads(mirror.shown.document)["lesions"]
        assert sorted(lesion["id"] for lesion in lesions) == sorted(there["ids"])
        trigger(qtbot, window, "Undo")
        qtbot.waitUntil(lambda: albedo_hash(mirror) != state, timeout=LONGEST_MS)
        trigger(qtbot, window, "Redo")
        qtbot.waitUntil(lambda: albedo_hash(mirror) == state, timeout=LONGEST_MS)
        assert hashlib.sha256(albedo_of(mirror).tobytes()).hexdigest() == there["atlas"]


def walk_and_kill(folder: Path) -> dict[str, Any]:
    """Let a process do all of it, kill it, and tell what it said was there."""
    with subprocess.Popen([sys.executable, str(WALK), str(folder)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        line = next((line for line in child.stdout if line.startswith("THERE ")), "")
        child.send_signal(signal.SIGKILL)
    assert line, "the walk failed; its own words stand above"
    told: dict[str, Any] = json.loads(line.removeprefix("THERE "))
    deadline = time.monotonic() + LONGEST_S
    while Path(f"/proc/{told['engine']}").exists():  # the engine goes with its window
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return told


def choose_recent(qtbot: Any, window: "Window", scene: Path) -> None:
    """Click on the patient on the welcome page."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    shown = window.welcome.recent
    qtbot.waitUntil(lambda: shown.count() > 0, timeout=LONGEST_MS)
    spot = shown.visualItemRect(shown.item(0)).center()
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    qtbot.waitUntil(lambda: window.session.document is not None, timeout=LONGEST_MS)
    assert window.session.document is not None
    assert window.session.document.path == scene


def serve(qtbot: Any, window: "Window") -> str:
    """Start the link by its button; its address."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    window.workspace.reveal("Link")
    panel = window.workspace.panel("Link")
    panel.endpoint.setFocus()  # type: ignore[attr-defined]
    panel.endpoint.selectAll()  # type: ignore[attr-defined]
    QTest.keyClicks(panel.endpoint, "tcp://127.0.0.1:*")  # type: ignore[attr-defined]
    QTest.mouseClick(panel.start, Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
    link = window.session.link
    qtbot.waitUntil(lambda: link.state == "serving", timeout=LONGEST_MS)
    return link.endpoint


def albedo_of(mirror: AtlasMirror) -> Any:
    """The albedo map that a VR scene shows."""
    (albedo,) = [one for key, one in mirror.shown.by_key.items() if key[2] == "albedo"]
    return albedo.pixels()


def albedo_hash(mirror: AtlasMirror) -> int:
    """The wire protocol's hash of that map."""
    (albedo,) = [one for key, one in mirror.shown.by_key.items() if key[2] == "albedo"]
    return int(albedo.hash)
