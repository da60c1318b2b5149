"""The link as a person uses it in the window: a real server process, real sockets, real mirrors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shell_samples import LOADING_MS, add, disc, open_egg, trigger

from bridge.client import AtlasMirror, Patience
from bridge.security import load_client_keys

if TYPE_CHECKING:
    from desktop.gui.views.link_panel import LinkPanel
    from desktop.gui.window import Window

QUICK = Patience(first=0.02, longest=0.2)
Opener = Callable[[], "Window"]


def panel_of(window: "Window") -> "LinkPanel":
    """The link's panel, in front."""
    window.workspace.reveal("Link")
    return window.workspace.panel("Link")  # type: ignore[return-value]


def start(qtbot: Any, window: "Window", address: str = "tcp://127.0.0.1:*") -> str:
    """Start the link by its button; the address that it serves."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    panel = panel_of(window)
    panel.endpoint.setText(address)
    QTest.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.link.state == "serving", timeout=LOADING_MS)
    return panel.link.endpoint


def waits(qtbot: Any, mirror: AtlasMirror, said: Callable[[dict[str, Any]], bool]) -> None:
    """Until a mirror shows data of which `said` is true."""
    qtbot.waitUntil(lambda: bool(mirror.shown.document) and said(json.loads(mirror.shown.document)), timeout=LOADING_MS)


def count(number: int) -> Callable[[dict[str, Any]], bool]:
    """Whether data tell of so many lesions."""
    return lambda told: len(told["lesions"]) == number


def test_scenes_follow_the_window(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    window = open_window()
    open_egg(qtbot, window, tmp_path)
    document = window.session.document
    assert document is not None
    patient = document.patient
    endpoint = start(qtbot, window)
    panel, link = panel_of(window), window.session.link
    assert not panel.endpoint.isEnabled()
    with AtlasMirror(endpoint, name="headset", patience=QUICK) as mirror:
        add(qtbot, window, disc(patient, "one", 0.3, 0.5), disc(patient, "two", 0.6, 0.5, "melanoma"))
        waits(qtbot, mirror, count(2))
        (albedo,) = [one for key, one in mirror.shown.by_key.items() if key[2] == "albedo"]
        assert np.array_equal(albedo.pixels(), patient.canvas.pixels[0])  # the headset shows what the window shows
        qtbot.waitUntil(
            lambda: bool(link.clients) and link.clients[0].revision == link.revision == 2, timeout=LOADING_MS
        )
        assert panel.scenes.item(0, 0).text() == "headset"
        assert panel.scenes.item(0, 1).text() == str(link.revision)
        assert panel.state.text() == window.statusBar().link.text() == "● Link on, 1 scene"

        panel.automatic.click()
        trigger(qtbot, window, "Undo")
        qtbot.waitUntil(lambda: link.behind, timeout=LOADING_MS)
        assert panel.state.property("state") == "warning"
        assert count(2)(json.loads(mirror.shown.document))  # nothing goes out by itself
        assert panel.push.isEnabled()
        panel.push.click()
        waits(qtbot, mirror, count(0))
        qtbot.waitUntil(lambda: not link.behind, timeout=LOADING_MS)

        pid = link.pid
        panel.start.click()
        assert link.state == "off"
        qtbot.waitUntil(lambda: mirror.status().phase == "waiting", timeout=LOADING_MS)
        qtbot.waitUntil(lambda: not Path(f"/proc/{pid}").exists(), timeout=LOADING_MS)
    assert panel.scenes.rowCount() == 0
    assert panel.endpoint.isEnabled()


def test_an_exam_sends_no_class(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    window = open_window()
    open_egg(qtbot, window, tmp_path)
    document = window.session.document
    assert document is not None
    add(qtbot, window, disc(document.patient, "one", 0.3, 0.5, "melanoma"))
    with AtlasMirror(start(qtbot, window), patience=QUICK) as mirror:
        waits(qtbot, mirror, lambda told: told["lesions"][0]["class"] == "melanoma")
        trigger(qtbot, window, "Exam: hide the classes")
        waits(qtbot, mirror, lambda told: told["exam"] is True)
        assert "melanoma" not in mirror.shown.document.decode()
        qtbot.waitUntil(window.actions_by_name["Exam: hide the classes"].isChecked, timeout=LOADING_MS)
        trigger(qtbot, window, "Undo")
        waits(qtbot, mirror, lambda told: told["exam"] is False)


def test_keys_for_other_computers(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    window = open_window()
    lines: list[str] = []
    window.session.told.connect(lambda text, fault: lines.append(text))
    open_egg(qtbot, window, tmp_path)
    panel, link = panel_of(window), window.session.link
    panel.endpoint.setText("tcp://0.0.0.0:*")
    panel.start.click()
    assert link.state == "failed"  # nobody is let in from outside without keys
    assert not link.running
    assert "keys" in lines[-1]
    keys = tmp_path / "keys"
    panel.add_keys(keys, "headset")
    assert str(keys / "clients" / "headset") in lines[-1]
    endpoint = start(qtbot, window, "tcp://0.0.0.0:*").replace("0.0.0.0", "127.0.0.1")
    with AtlasMirror(endpoint, keys=load_client_keys(keys), patience=QUICK) as mirror:
        waits(qtbot, mirror, count(0))


def test_a_wrong_address_is_told(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    window = open_window()
    lines: list[str] = []
    window.session.told.connect(lambda text, fault: lines.append(text))
    open_egg(qtbot, window, tmp_path)
    panel = panel_of(window)
    for address in ("nonsense", "tcp://127.0.0.1", "tcp://127.0.0.1:99999"):
        panel.endpoint.setText(address)
        panel.start.click()
        assert not window.session.link.running
        assert address in lines[-1]
        assert "\n" not in lines[-1]
        assert panel.state.property("state") == "bad"


def test_a_taken_address_is_told(open_window: Opener, qtbot: Any, tmp_path: Path) -> None:
    from bridge.server import AtlasServer

    window = open_window()
    open_egg(qtbot, window, tmp_path)
    panel = panel_of(window)
    with AtlasServer("tcp://127.0.0.1:*") as other:
        panel.endpoint.setText(other.endpoint)
        panel.start.click()
        qtbot.waitUntil(lambda: panel.link.state == "failed" and not panel.link.running, timeout=LOADING_MS)
    assert other.endpoint in panel.link.fault
