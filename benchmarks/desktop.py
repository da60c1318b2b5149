"""The window: `xvfb-run -s "-screen 0 1280x800x24" python -m benchmarks.desktop [--quick] [--json FILE] [--strict]`.

Everything is driven by events on the real widgets, with OpenGL in software where there is no graphics card, the real
engine process and a scene with a texture of 4096². Times are wall-clock medians; gaps are the longest time between two
turns of the window's event loop, seen by a timer of 2 ms.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
from PySide6.QtCore import QPoint, QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from benchmarks.report import Figure, finish, options
from desktop.gui.app import application, window
from desktop.gui.model import growing, verbs
from desktop.gui.model.tools import Tool
from desktop.gui.window import Window
from desktop.memory import resident_mb
from engine.avatar.body import BodySpec, create
from engine.avatar.load import load
from engine.lesion import LesionLayer, LesionSpec
from engine.scene import Scene

SIDE = 4096
AIM_START_S, AIM_GHOST_MS, AIM_LASSO_MS, AIM_COMMIT_MS, AIM_GAP_MS, AIM_MB = 4.0, 16.0, 250.0, 50.0, 100.0, 1500.0
_LAYER_SIDE = 512
_EDITS_WHILE_PUSHING = 5


def main() -> int:
    """Measure and report."""
    chosen = options(__doc__ or "")
    repeats = 5 if chosen.quick else 20
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "patient.glb").write_bytes(create(BodySpec(texture_size=SIDE)))
        avatar = load(folder / "patient.glb")
        with Scene.create(folder / "patient.moulage", avatar):
            pass
        figures += _cold_starts(folder, 1 if chosen.quick else 3)
        app = application()
        shown = window(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat))
        shown.show()
        verbs.open_path(shown.session, folder / "patient.moulage")
        _wait(app, lambda: shown.session.document is not None and shown.session.engine.is_ready)
        _turn(app, 2.0)
        figures += [*_views(app, shown, repeats), _lasso(app, shown, repeats), *_commits(app, shown, repeats)]
        figures += _gaps(app, shown, folder)
        _turn(app, 1.0)
        figures.append(Figure("memory of the window's process, 4096²", resident_mb() or float("nan"), "MB", AIM_MB))
        shown.close()
    return finish("The window", figures, chosen)


def _cold_starts(folder: Path, repeats: int) -> list[Figure]:
    told: dict[str, list[float]] = {"window": [], "body": []}
    for _ in range(repeats):
        command = [sys.executable, "-m", "benchmarks.desktop_start", str(time.time())]
        command += [str(folder / "patient.moulage"), str(folder / "settings.ini")]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for line in said.splitlines():
            kind, seconds = line.split()
            told[kind].append(float(seconds))
    return [
        Figure("start to the window's first frame, cold", median(told["window"]), "s", AIM_START_S),
        Figure("start to the body's first frame, 4096²", median(told["body"]), "s"),
    ]


def _draw(shown: Window) -> None:
    """Both views, to the last pixel."""
    shown.body.repaint()
    assert shown.body.scene is not None
    shown.body.makeCurrent()
    shown.body.scene.context.finish()
    shown.body.doneCurrent()
    shown.atlas.viewport().repaint()


def _timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def _views(app: QApplication, shown: Window, repeats: int) -> list[Figure]:
    """Orbiting, and the ghost under the pointer."""
    body = shown.body
    assert shown.session.document is not None
    frames = 10 * repeats

    def orbit() -> None:
        assert body.camera is not None
        body.camera = body.camera.orbited(3.0, 0.0)
        body.repaint()
        body.makeCurrent()
        assert body.scene is not None
        body.scene.context.finish()
        body.doneCurrent()

    seconds = [_timed(orbit) for _ in range(frames)]
    triangles = len(shown.session.document.patient.surface.faces)
    body.look(180.0)
    _turn(app, 0.3)
    middle = QPoint(body.width() // 2, round(0.3 * body.height()))

    def ghost(step: int) -> None:
        QTest.mouseMove(body, middle + QPoint(step % 7, step % 5))
        _draw(shown)

    ghosts = [_timed(lambda step=step: ghost(step)) for step in range(1, frames)]
    return [
        Figure(f"orbit, {triangles / 1000:.0f} k triangles, {body.width()}×{body.height()}", 1 / median(seconds), "/s"),
        Figure("pointer moved → ghost drawn in both views", 1000 * median(ghosts), "ms", AIM_GHOST_MS),
    ]


def _lasso(app: QApplication, shown: Window, repeats: int) -> Figure:
    """From the button's release until the region is painted in both views."""
    session, atlas = shown.session, shown.atlas
    session.tools.choose(Tool.LASSO)
    view = atlas.viewport()
    centre, radius = np.array([view.width() / 2, view.height() / 2]), 0.3 * min(view.width(), view.height())
    seconds = []
    for _ in range(repeats):
        angles = np.linspace(0, 2 * np.pi, 60)
        track = [QPoint(*(int(c) for c in centre + radius * np.array([np.cos(a), np.sin(a)]))) for a in angles]
        QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=track[0])
        for point in track[1:]:
            QTest.mouseMove(view, point)
            app.processEvents()
        before = time.perf_counter()
        QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=track[-1])
        _draw(shown)
        seconds.append(time.perf_counter() - before)
        _wait(app, lambda: not session.pending)
        verbs.undo(session)
        _wait(app, lambda: not session.pending)
        _turn(app, 0.1)
    session.tools.choose(Tool.POINT)
    return Figure("lasso on 4096²: release → region drawn", 1000 * median(seconds), "ms", AIM_LASSO_MS)


def _layer(shown: Window, number: int) -> LesionLayer:
    """A disc of 12 mm, as the network would give it."""
    assert shown.session.document is not None
    site = shown.session.document.patient.site_facing((0.02 * number, 1.25, -2.0), (0.0, 0.0, 1.0))
    y, x = np.mgrid[0:_LAYER_SIDE, 0:_LAYER_SIDE]
    distance = np.hypot(x - _LAYER_SIDE / 2, y - _LAYER_SIDE / 2) / _LAYER_SIDE
    alpha = (np.clip((0.35 - distance) * 40, 0, 1) * 255).astype(np.uint8)
    return LesionLayer(
        id=f"disc{number}",
        spec=LesionSpec("nevus", site, 12.0, number, detail=_LAYER_SIDE),
        rgb=np.full((_LAYER_SIDE, _LAYER_SIDE, 3), (90, 60, 40), np.uint8),
        mask=alpha,
        alpha=alpha,
        width_mm=17.0,
        diameter_mm=12.0,
        model="0f" * 32,
        precision="float32",
        threads=1,
        batch_size=1,
    )


def _commits(app: QApplication, shown: Window, repeats: int) -> list[Figure]:
    """A lesion of 512² from the network's answer to the scene's file and both views."""
    session, seconds = shown.session, []
    for _ in range(repeats):
        layer = _layer(shown, 1)
        arrived: list[float] = []
        started = time.perf_counter()
        verbs.edit(session, "Add", lambda edit, layer=layer: edit.add(layer), lambda _, a=arrived: a.append(0.0))
        _wait(app, lambda a=arrived: bool(a), 0.0)
        _draw(shown)
        seconds.append(time.perf_counter() - started)
        verbs.undo(session)
        _wait(app, lambda: not session.pending)
        _draw(shown)
    return [Figure("512² lesion → saved and in all views", 1000 * median(seconds), "ms", AIM_COMMIT_MS)]


@contextmanager
def _gap(longest: list[float]) -> Iterator[None]:
    """Watch the event loop: the longest time between two turns, in seconds, is added to the list."""
    turns = [time.perf_counter()]
    timer = QTimer(interval=2, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: turns.append(time.perf_counter()))
    timer.start()
    yield
    turns.append(time.perf_counter())
    timer.stop()
    longest.append(float(np.diff(turns).max()))


def _gaps(app: QApplication, shown: Window, folder: Path) -> list[Figure]:
    session = shown.session
    assert session.document is not None
    session.set_request(replace(session.request, steps=18, diameter_mm=12.0))
    verbs.point_at(session, session.document.patient.site_facing((-0.05, 1.2, -2.0), (0.0, 0.0, 1.0)))
    growth, save, push = [], [], []
    with _gap(growth):
        growing.grow(session)
        _wait(app, lambda: session.job is None and not session.pending)
    with _gap(save):
        verbs.save_as(session, folder / "copy.moulage")
        _wait(app, lambda: not session.busy)
    session.link.set_endpoint("tcp://127.0.0.1:*", "")
    session.link.start()
    _wait(app, lambda: session.link.state == "serving")
    with _gap(push):
        for number in range(2, 2 + _EDITS_WHILE_PUSHING):
            layer = _layer(shown, number)
            verbs.edit(session, "Add", lambda edit, layer=layer: edit.add(layer))
            _wait(app, lambda: not session.pending)
            _turn(app, 0.2)
    session.link.close()
    return [
        Figure("longest gap while a lesion grows", 1000 * growth[0], "ms", AIM_GAP_MS),
        Figure("longest gap while a copy is saved", 1000 * save[0], "ms", AIM_GAP_MS),
        Figure(f"longest gap while {_EDITS_WHILE_PUSHING} changes are pushed", 1000 * push[0], "ms", AIM_GAP_MS),
    ]


def _turn(app: QApplication, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        app.processEvents()
        time.sleep(0.002)


def _wait(app: QApplication, done: Callable[[], bool], pause: float = 0.002) -> None:
    while not done():
        app.processEvents()
        if pause:
            time.sleep(pause)


if __name__ == "__main__":
    raise SystemExit(main())
