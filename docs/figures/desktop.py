"""The picture of the window: a patient with four lesions on the back, grown through the window itself.

xvfb-run -s "-screen 0 1280x800x24" .venv/bin/python -m docs.figures.desktop [-o docs/images/desktop.png]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QPointF, QSettings
from PySide6.QtWidgets import QApplication

from desktop.gui.app import application, window
from desktop.gui.model import growing, verbs
from desktop.gui.model.camera import Camera
from desktop.gui.window import Window
from engine.avatar.body import BodySpec, create

LESIONS = (
    ("nevus", 6.0, 41, (-0.09, 1.27)),
    ("melanoma", 14.0, 5, (0.06, 1.33)),
    ("nevus", 9.0, 12, (0.10, 1.20)),
    ("melanoma", 18.0, 8, (-0.04, 1.16)),
)
"""Class, mm, seed, and where on the back: metres to the picture's left and above the sole."""


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images/desktop.png"))
    parser.add_argument("--size", type=int, default=2048, help="side of the patient's texture")
    options = parser.parse_args()
    app = application()
    with tempfile.TemporaryDirectory() as folder:
        patient = Path(folder) / "patient.glb"
        patient.write_bytes(create(BodySpec(texture_size=options.size)))
        shown = window(QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat))
        shown.show()
        verbs.open_path(shown.session, patient)
        _wait(app, lambda: shown.session.document is not None and shown.session.engine.is_ready)
        for lesion in LESIONS:
            _grow(app, shown, *lesion)
        _compose(app, shown)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        shown.grab().save(str(Path(folder) / "window.png"))
        with Image.open(Path(folder) / "window.png") as picture:
            picture.convert("RGB").quantize(192).save(options.output, optimize=True)  # a third of the bytes
        shown.close()
    print(f"{options.output}: {options.output.stat().st_size / 1000:.0f} kB")


def _grow(app: QApplication, shown: Window, name: str, diameter: float, seed: int, at: tuple[float, float]) -> None:
    session = shown.session
    assert session.document is not None
    session.set_request(replace(session.request.of_class(name), diameter_mm=diameter, seed=seed))
    site = session.document.patient.site_facing((at[0], at[1], -2.0), (0.0, 0.0, 1.0))
    verbs.point_at(session, site)
    before = len(session.document.layers)
    growing.grow(session)
    _wait(app, lambda: session.document is not None and len(session.document.layers) > before)


def _compose(app: QApplication, shown: Window) -> None:
    session = shown.session
    assert session.document is not None
    patient = session.document.patient
    middle = patient.site_facing((0.0, 1.26, -2.0), (0.0, 0.0, 1.0))
    shown.body.camera = Camera.facing(patient.surface.point(middle), (0.0, 0.0, -1.0), 0.42)
    verbs.point_at(session, patient.site_facing((0.0, 1.30, -2.0), (0.0, 0.0, 1.0)))
    verbs.select(session, session.document.layers[1].id)
    for _ in range(5):
        app.processEvents()
    material, u, v = patient.surface.uv(middle)
    texture = session.document.pyramids[material].levels[0]
    spot = shown.atlas.mapFromScene(QPointF(u * texture.shape[1], v * texture.shape[0]))
    shown.atlas.zoom(3.0, QPointF(spot))
    for _ in range(20):
        app.processEvents()


def _wait(app: QApplication, done: Callable[[], bool]) -> None:
    while not done():
        app.processEvents()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
