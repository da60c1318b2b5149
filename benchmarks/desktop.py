"""The window: `xvfb-run -s "-screen 0 1280x800x24" python -m benchmarks.desktop [--quick] [--json FILE] [--strict]`.

Everything is driven by events on the real widgets, with OpenGL in software where there is no graphics card, the real
engine process and a scene of 40,000 triangles with a texture of 4096². Times are wall-clock medians, the processor's
own time beside those that have an aim; gaps are the longest time between two turns of the window's event loop, seen by
a timer of 2 ms.
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
from PySide6.QtCore import QEvent, QEventLoop, QPoint, QPointF, QSettings, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from benchmarks.desktop_patient import refined_patient
from benchmarks.report import Figure, finish, options
from desktop.gui.app import application, window
from desktop.gui.model import growing, verbs
from desktop.gui.model.tools import Tool
from desktop.gui.window import Window
from desktop.memory import resident_mb
from engine.avatar.body import BodySpec
from engine.avatar.load import load
from engine.lesion import LesionLayer, LesionSpec
from engine.scene import Scene

SIDE, TRIANGLES = 4096, 40_000
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
        (folder / "patient.glb").write_bytes(refined_patient(BodySpec(texture_size=SIDE), TRIANGLES))
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
        figures += [*_views(app, shown, repeats), *_lasso(app, shown, repeats), *_commits(app, shown, repeats)]
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
    shown.atlas.viewport().repaint()


class Stopwatch:
    """Seconds of the wall's clock, and of this process' threads, of several goes."""

    def __init__(self) -> None:
        self._wall: list[float] = []
        self._processor: list[float] = []

    @contextmanager
    def go(self) -> Iterator[None]:
        """Time what is done within."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self._wall.append(time.perf_counter() - wall)
        self._processor.append(time.process_time() - processor)

    @property
    def wall(self) -> float:
        """The median."""
        return median(self._wall)

    def figures(self, name: str, aim_ms: float) -> list[Figure]:
        """The medians in milliseconds."""
        own = Figure(f"{name}: processor time", 1000 * median(self._processor), "ms")
        return [Figure(name, 1000 * self.wall, "ms", aim_ms), own]


def _move_to(view: QWidget, place: QPoint) -> None:
    """Move the pointer, past the X server, which delivers when it likes."""
    none, local, everywhere = Qt.MouseButton.NoButton, QPointF(place), QPointF(view.mapToGlobal(place))
    event = QMouseEvent(QEvent.Type.MouseMove, local, everywhere, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view, event)


def _views(app: QApplication, shown: Window, repeats: int) -> list[Figure]:
    """Orbiting, and the ghost under the pointer."""
    body = shown.body
    assert shown.session.document is not None
    frames, turning, smooth, ghost = 10 * repeats, Stopwatch(), Stopwatch(), Stopwatch()
    for number in range(frames):
        assert body.camera is not None
        body.camera = body.camera.orbited(3.0, 0.0)
        with turning.go():
            body.repaint()
        if number % 10 == 0:
            with smooth.go():
                body.still()
    triangles = len(shown.session.document.patient.surface.faces)
    body.look(180.0)
    _turn(app, 1.0)
    middle = QPoint(body.width() // 2, round(0.3 * body.height()))
    for step in range(1, frames):
        before = shown.session.hover
        with ghost.go():
            _move_to(body, middle + QPoint(step % 7, step % 5))
            app.processEvents()
        assert shown.session.hover != before
    return [
        Figure(f"orbit, {triangles / 1000:.0f} k triangles, {body.width()}×{body.height()}", 1 / turning.wall, "/s"),
        Figure("the smooth frame at rest", 1000 * smooth.wall, "ms"),
        *ghost.figures("pointer moved → ghost drawn in both views", AIM_GHOST_MS),
    ]


def _lasso(app: QApplication, shown: Window, repeats: int) -> list[Figure]:
    """From the button's release until the region is painted in both views."""
    session, atlas = shown.session, shown.atlas
    session.tools.choose(Tool.LASSO)
    view = atlas.viewport()
    centre, radius = np.array([view.width() / 2, view.height() / 2]), 0.3 * min(view.width(), view.height())
    watch = Stopwatch()
    for _ in range(repeats):
        angles = np.linspace(0, 2 * np.pi, 60)
        track = [QPoint(*(int(c) for c in centre + radius * np.array([np.cos(a), np.sin(a)]))) for a in angles]
        QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=track[0])
        for point in track[1:]:
            QTest.mouseMove(view, point)
            app.processEvents()
        with watch.go():
            QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=track[-1])
            _draw(shown)
        _wait(app, lambda: not session.pending)
        verbs.undo(session)
        _wait(app, lambda: not session.pending)
        _turn(app, 0.1)
    session.tools.choose(Tool.POINT)
    return watch.figures("lasso on 4096²: release → region drawn", AIM_LASSO_MS)


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
    session, watch = shown.session, Stopwatch()
    for _ in range(repeats):
        layer = _layer(shown, 1)
        arrived: list[float] = []
        with watch.go():
            verbs.edit(session, "Add", lambda edit, layer=layer: edit.add(layer), lambda _, a=arrived: a.append(0.0))
            while not arrived:  # asleep between events, as the window's own loop is
                app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            _draw(shown)
        verbs.undo(session)
        _wait(app, lambda: not session.pending)
        _draw(shown)
    return watch.figures("512² lesion → saved and in all views", AIM_COMMIT_MS)


@contextmanager
def _gap(figures: list[Figure], name: str) -> Iterator[None]:
    """Watch the event loop: the longest time between two turns, and the most processor time of its thread in one."""
    turns: list[tuple[float, float]] = []
    note = lambda: turns.append((time.perf_counter(), time.thread_time()))  # noqa: E731
    timer = QTimer(interval=2, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(note)
    note()
    timer.start()
    yield
    note()
    timer.stop()
    wall, processor = 1000 * np.diff(turns, axis=0).max(0)
    figures.append(Figure(name, float(wall), "ms", AIM_GAP_MS))
    figures.append(Figure(f"{name}: processor time", float(processor), "ms"))


def _gaps(app: QApplication, shown: Window, folder: Path) -> list[Figure]:
    session = shown.session
    assert session.document is not None
    session.set_request(replace(session.request, steps=18, diameter_mm=12.0))
    verbs.point_at(session, session.document.patient.site_facing((-0.05, 1.2, -2.0), (0.0, 0.0, 1.0)))
    figures: list[Figure] = []
    with _gap(figures, "longest gap while a lesion grows"):
        growing.grow(session)
        _wait(app, lambda: session.job is None and not session.pending)
    with _gap(figures, "longest gap while a copy is saved"):
        verbs.save_as(session, folder / "copy.moulage")
        _wait(app, lambda: not session.busy)
    session.link.set_endpoint("tcp://127.0.0.1:*", "")
    session.link.start()
    _wait(app, lambda: session.link.state == "serving")
    with _gap(figures, f"longest gap while {_EDITS_WHILE_PUSHING} changes are pushed"):
        for number in range(2, 2 + _EDITS_WHILE_PUSHING):
            layer = _layer(shown, number)
            verbs.edit(session, "Add", lambda edit, layer=layer: edit.add(layer))
            _wait(app, lambda: not session.pending)
            _turn(app, 0.2)
    session.link.close()
    return figures


def _turn(app: QApplication, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        app.processEvents()
        time.sleep(0.002)


def _wait(app: QApplication, done: Callable[[], bool]) -> None:
    while not done():
        app.processEvents()
        time.sleep(0.002)


if __name__ == "__main__":
    raise SystemExit(main())
