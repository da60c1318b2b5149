"""A display, a Qt application and windows for the tests of the desktop; nothing that they start may outlive a test."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "avatar"))
from sample_bodies import plain_body, png
from tube import layer
from view_samples import LOADING_MS, opened, settled

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from sessions import Listener

    from desktop.gui.window import Window


@pytest.fixture(scope="session")
def display() -> Iterator[None]:
    """An X server of this process's own, on a number that the server chooses."""
    if os.name != "posix" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no display, and no Xvfb to make one (apt-get install xvfb)")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as told:
        os.environ["DISPLAY"] = f":{told.readline().strip()}"
    yield
    del os.environ["DISPLAY"]
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def qapp(display: None) -> "Iterator[QApplication]":
    """The application as `moulage gui` makes it (pytest-qt's own would lack the OpenGL format)."""
    pytest.importorskip("moderngl", reason="the desktop extra is not installed: pip install 'moulage[desktop]'")
    from desktop.gui.app import application

    app = application()
    yield app
    app.shutdown()  # before its X server goes


@pytest.fixture
def open_window(qtbot: object, tmp_path: Path) -> "Iterator[Callable[[], Window]]":
    """Makes windows; afterwards no thread, process, socket or timer of theirs may be left."""
    from PySide6.QtCore import QSettings, QTimer
    from PySide6.QtWidgets import QApplication

    from desktop.gui.app import window

    threads, processes, sockets = set(threading.enumerate()), child_processes(), open_sockets()
    opened: list[Window] = []

    def make() -> "Window":
        shown = window(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
        opened.append(shown)
        shown.show()
        shown.activateWindow()
        with qtbot.waitActive(shown, timeout=30_000):  # type: ignore[attr-defined]
            pass
        return shown

    yield make
    for shown in opened:
        shown.close()
    QApplication.processEvents()
    left = [thread.name for thread in set(threading.enumerate()) - threads]
    running = child_processes() - processes
    ticking = [timer for shown in opened for timer in shown.findChildren(QTimer) if timer.isActive()]
    for shown in opened:
        shown.deleteLater()
    QApplication.processEvents()
    assert not left
    assert not running
    assert not ticking
    assert open_sockets() <= sockets


@pytest.fixture(scope="module")
def listen(qapp: object, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Callable[[], Listener]]":
    """Makes sessions without a window; afterwards no thread, process, socket or timer of theirs may be left."""
    from sessions import Listener

    sockets = open_sockets()
    opened: list[Listener] = []

    def make() -> "Listener":
        opened.append(Listener(tmp_path_factory.mktemp("settings") / "settings.ini"))
        return opened[-1]

    yield make
    assert [left for heard in opened for left in heard.close()] == []
    assert open_sockets() <= sockets


def child_processes() -> set[str]:
    """What this process started and has not ended, by number and name; empty where the system doesn't tell."""
    found = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        for number in listed.read_text().split():
            name = Path(f"/proc/{number}/cmdline")
            if name.exists():
                found.add(f"{number} {name.read_bytes().replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def open_sockets() -> set[str]:
    """This process' sockets by their inodes; empty where the system doesn't tell."""
    folder = Path("/proc/self/fd")
    found = set()
    for entry in folder.iterdir() if folder.is_dir() else ():
        try:
            target = str(entry.readlink())
        except OSError:
            continue  # the descriptor that lists the folder
        if target.startswith("socket:"):
            found.add(target)
    return found


@pytest.fixture(scope="module")
def window(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Window"]:
    """One window for all tests of a file, without an engine; afterwards no thread or timer of it may be left."""
    from PySide6.QtCore import QSettings, QTimer

    from desktop.gui.model import painting
    from desktop.gui.model.session import Session
    from desktop.gui.window import Window

    threads = set(threading.enumerate())
    session = Session(QSettings(str(tmp_path_factory.mktemp("settings") / "settings.ini"), QSettings.Format.IniFormat))
    painting.connect(session)
    shown = Window(session)
    session.setParent(shown)
    shown.show()
    shown.activateWindow()
    yield shown
    shown.close()
    qapp.processEvents()
    left = [thread.name for thread in set(threading.enumerate()) - threads]
    ticking = [timer for timer in shown.findChildren(QTimer) if timer.isActive()]
    shown.deleteLater()
    qapp.processEvents()
    assert not left
    assert not ticking


@pytest.fixture
def limb(window: "Window", qtbot: Any, tmp_path: Path) -> "Window":
    """A limb seen straight on, 40 cm of it, with a lesion of 20 mm in the middle of the picture."""
    from desktop.gui.model import verbs
    from desktop.gui.model.camera import Camera
    from desktop.gui.model.tools import Looks, Tool

    (tmp_path / "limb.glb").write_bytes(plain_body(encoded=png(512, 512)).glb())
    with qtbot.waitActive(window, timeout=LOADING_MS):
        pass
    opened(qtbot, window, tmp_path / "limb.glb")
    session, document = window.session, window.session.document
    assert document is not None
    session.tools.choose(Tool.POINT)
    session.tools.show(**vars(Looks()))
    site = document.patient.site_facing((0.0, 0.9, 2.0), (0.0, 0.0, -1.0))
    verbs.edit(session, "Add nevus", lambda step: step.add(layer("one", site)))
    settled(qtbot, window)
    window.body.camera = Camera.facing(document.patient.surface.point(site), (0.0, 0.0, 1.0), 0.40)
    window.atlas.fit()
    window.body.grab()
    return window
