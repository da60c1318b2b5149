"""Pictures of the window, made by using it: a patient with lesions on the back, variants, regions, link, exam sheet.

xvfb-run -s "-screen 0 3840x2160x24" .venv/bin/python -m docs.figures.desktop [-o docs/images] [--scene KEPT.moulage]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QProcess, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from bridge.client import AtlasMirror
from desktop.gui import theme
from desktop.gui.app import application, window
from desktop.gui.model import choosing, growing, verbs
from desktop.gui.model.camera import Camera
from desktop.gui.model.tools import Tool
from desktop.gui.window import Window
from engine.avatar.body import BodySpec, create
from engine.patient import Patient
from engine.patient_page import patient_page
from engine.scene import Scene

LESIONS = (
    ("nevus", 6.0, 41, (-0.09, 1.27)),
    ("melanoma", 14.0, 5, (0.06, 1.33)),
    ("nevus", 9.0, 12, (0.10, 1.20)),
    ("melanoma", 18.0, 8, (-0.04, 1.16)),
)
"""Class, mm, seed, and where on the back: metres to the picture's left and above the sole."""
_SETTLE_S = 1.2
_ATLAS_ZOOM = 7.0
_SHEET_WIDTH = 1400


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images"))
    parser.add_argument("--size", type=int, default=2048, help="side of the patient's texture")
    parser.add_argument("--scene", type=Path, help="keep the scene here, and take it up the next time")
    parser.add_argument("--large", action="store_true", help="only the picture for 3840×2160 at scale 2")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        scene = options.scene or Path(folder) / "anna.moulage"
        app = application()
        if not scene.exists():
            _grow_all(app, scene, options.size, Path(folder))
        if options.large:
            _large(app, scene, options.output, Path(folder))
            return
        _all(app, scene, options.output, Path(folder))
        environment = {**os.environ, "QT_SCALE_FACTOR": "2"}
        command = [sys.executable, "-m", "docs.figures.desktop", "--large", "--scene", str(scene)]
        subprocess.run([*command, "-o", str(options.output)], env=environment, check=True)
    for path in sorted(options.output.glob("desktop*.*")):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def _all(app: QApplication, scene: Path, output: Path, folder: Path) -> None:
    shown = _opened(app, _copy(scene, folder), folder)
    _frame_back(app, shown)
    _save(shown, output / "desktop.jpg")
    theme.apply(app, "light")
    _settle(app)
    _save(shown, output / "desktop-light.jpg")
    theme.apply(app, "dark")
    _regions(app, shown)
    _save(shown, output / "desktop-regions.jpg")
    shown.actions_by_name["Point"].trigger()
    shown.actions_by_name["Undo"].trigger()
    _link(app, shown, output)
    _variants(app, shown)
    _save(shown, output / "desktop-variants.jpg")
    choosing.discard(shown.session)
    shown.close()
    _welcome(app, scene, folder, output)
    _exam_sheet(scene, output)


def _large(app: QApplication, scene: Path, output: Path, folder: Path) -> None:
    shown = _opened(app, _copy(scene, folder), folder)
    shown.resize(1920, 1080)
    _settle(app)
    _frame_back(app, shown)
    _save(shown, output / "desktop-4k.jpg", 60)
    shown.close()


def _settings(folder: Path) -> QSettings:
    return QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)


def _copy(scene: Path, folder: Path) -> Path:
    place = folder / "anna.moulage"
    if scene != place:
        shutil.copy(scene, place)
    return place


def _opened(app: QApplication, path: Path, folder: Path) -> Window:
    shown = window(_settings(folder))
    shown.show()
    verbs.open_path(shown.session, path)
    _wait(app, lambda: shown.session.document is not None and shown.session.engine.is_ready)
    shown.notes.hide()
    _settle(app)
    return shown


def _grow_all(app: QApplication, scene: Path, size: int, folder: Path) -> None:
    patient = folder / "anna.glb"
    patient.write_bytes(create(BodySpec(sex="female", age=46, texture_size=size)))
    shown = window(_settings(folder))
    shown.show()
    verbs.open_path(shown.session, patient, scene)
    _wait(app, lambda: shown.session.document is not None and shown.session.engine.is_ready)
    for lesion in LESIONS:
        _grow(app, shown, *lesion)
    shown.close()


def _grow(app: QApplication, shown: Window, name: str, diameter: float, seed: int, at: tuple[float, float]) -> None:
    session = shown.session
    assert session.document is not None
    session.set_request(replace(session.request.of_class(name), diameter_mm=diameter, seed=seed))
    verbs.point_at(session, session.document.patient.site_facing((at[0], at[1], -2.0), (0.0, 0.0, 1.0)))
    before = len(session.document.layers)
    growing.grow(session)
    _wait(app, lambda: session.document is not None and len(session.document.layers) > before)


def _frame_back(app: QApplication, shown: Window) -> None:
    """The back with its lesions in both views; one selected, a place marked."""
    session = shown.session
    assert session.document is not None
    patient = session.document.patient
    middle = patient.site_facing((0.0, 1.24, -2.0), (0.0, 0.0, 1.0))
    shown.body.camera = Camera.facing(patient.surface.point(middle), (0.0, 0.0, -1.0), 0.42)
    verbs.point_at(session, patient.site_facing((0.0, 1.28, -2.0), (0.0, 0.0, 1.0)))
    chosen = session.document.layers[1]
    verbs.select(session, chosen.id)
    material, u, v = patient.surface.uv(chosen.spec.site)
    texture = session.document.pyramids[material].levels[0]
    shown.atlas.fit()
    shown.atlas.zoom(_ATLAS_ZOOM)
    shown.atlas.centerOn(QPointF(u * texture.shape[1], v * texture.shape[0]))
    shown.workspace.reveal("Lesions")
    shown.body.setFocus()
    _settle(app)


def _regions(app: QApplication, shown: Window) -> None:
    """A region painted across the spine with the lasso."""
    shown.workspace.reveal("Region")
    shown.session.tools.choose(Tool.LASSO)
    centre, radius = QPointF(shown.body.width() / 2, 0.46 * shown.body.height()), 0.24 * shown.body.width()
    angles = np.linspace(0, 2 * np.pi, 50)
    track = [centre + radius * QPointF(1.15 * np.cos(a), (0.8 + 0.1 * np.sin(3 * a)) * np.sin(a)) for a in angles]
    _drag(shown.body, [point.toPoint() for point in track])
    _wait(app, lambda: not shown.session.pending and not shown.session.regions.is_empty)
    _settle(app)


def _drag(widget: QWidget, track: list[QPoint]) -> None:
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=track[0])
    for point in track[1:]:
        QTest.mouseMove(widget, point)
        QApplication.processEvents()
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=track[-1])


def _variants(app: QApplication, shown: Window) -> None:
    """Three melanomas to choose from."""
    session = shown.session
    assert session.document is not None
    shown.workspace.reveal("Lesions")
    session.set_request(replace(session.request.of_class("melanoma"), diameter_mm=16.0, seed=20))
    verbs.point_at(session, session.document.patient.site_facing((0.03, 1.25, -2.0), (0.0, 0.0, 1.0)))
    shown.panel.wishes.grow_variants()
    _wait(app, lambda: bool(choosing.waiting(session)) and session.job is None)
    choosing.show(session, choosing.waiting(session)[0].id)
    shown.notes.hide()
    for _ in range(3):  # the preview is painted in the background
        _settle(app)


def _link(app: QApplication, shown: Window, output: Path) -> None:
    """Two scenes connected."""
    shown.notes.hide()
    link = shown.session.link
    link.set_endpoint("tcp://127.0.0.1:*", "")
    link.start()
    _wait(app, lambda: link.state == "serving")
    with AtlasMirror(link.endpoint, name="Headset 1"), AtlasMirror(link.endpoint, name="Lecture hall"):
        _wait(app, lambda: len(link.clients) == 2 and all(c.revision for c in link.clients))
        link.set_endpoint("tcp://127.0.0.1:5581", "")
        shown.workspace.reveal("Link")
        _settle(app)
        _save(shown, output / "desktop-link.jpg")
    link.stop()
    _wait(app, lambda: not link.findChildren(QProcess))


def _welcome(app: QApplication, scene: Path, folder: Path, output: Path) -> None:
    settings = _settings(folder)
    settings.setValue("recent", [str(_copy(scene, folder))])
    shown = window(settings)
    shown.show()
    _wait(app, lambda: shown.session.engine.is_ready)
    shown.welcome.new.file.setText(str(Path("~/Documents/Moulage/patient-1.glb")))
    shown.welcome.recent.item(0).setText("anna\n~/Documents/Moulage")
    _settle(app)
    _save(shown, output / "desktop-welcome.jpg")
    shown.close()


def _exam_sheet(path: Path, output: Path) -> None:
    with Scene.open(path) as scene:
        patient, layers = Patient(scene.avatar()), scene.layers()
    patient.canvas.show(layers)
    page = Image.fromarray(patient_page(patient, layers, "Anna", exam=True))
    small = page.resize((_SHEET_WIDTH, round(page.height * _SHEET_WIDTH / page.width)), Image.Resampling.LANCZOS)
    small.save(output / "desktop-exam-sheet.jpg", quality=86, subsampling=0, optimize=True)


def _save(shown: Window, path: Path, quality: int = 86) -> None:
    """As JPEG without colour subsampling: a palette would change the skin, whole colours take a megabyte."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "window.png"
        shown.body.grab()  # smoothly drawn, however busy the machine is
        shown.grab().save(str(picture))
        with Image.open(picture) as full:
            full.convert("RGB").save(path, quality=quality, subsampling=0, optimize=True)


def _settle(app: QApplication) -> None:
    until = time.monotonic() + _SETTLE_S
    while time.monotonic() < until:
        app.processEvents()
        time.sleep(0.005)


def _wait(app: QApplication, done: Callable[[], bool]) -> None:
    while not done():
        app.processEvents()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
