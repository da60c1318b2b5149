"""The first half of the journey, in a process of its own so that it can be killed: everything a person does until the
work is on the disk, by mouse and keyboard on the real widgets. It tells what must be there again, as one JSON line.

python journey_process.py FOLDER
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop.gui.app import application, window
from desktop.gui.window import Window

LONGEST_S = 240.0
NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


class Person:
    """Sits before the window: clicks, types, waits, looks."""

    def __init__(self, app: QApplication, shown: Window) -> None:
        self.app, self.window, self.session = app, shown, shown.session
        self.told: list[str] = []
        self.session.told.connect(lambda text, fault: self.told.append(text))

    def until(self, reached: Callable[[], Any]) -> None:
        """Wait for something that the window shows."""
        deadline = time.monotonic() + LONGEST_S
        while not reached():
            assert time.monotonic() < deadline, self.told
            self.app.processEvents()
            time.sleep(0.002)

    def settle(self) -> None:
        """Until all is painted and on the disk."""
        session = self.session
        self.until(lambda: session.saved == "saved" and session.job is None and not session.queue and not session.busy)

    def click(self, widget: QWidget) -> None:
        """On a button."""
        assert widget.isEnabled(), widget.accessibleName()
        QTest.mouseClick(widget, LEFT)

    def type_in(self, field: Any, text: str) -> None:
        """Into a field, over what is there."""
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)

    def drag(self, widget: QWidget, start: QPoint, end: QPoint) -> None:
        """With the left button."""
        QTest.mousePress(widget, LEFT, NONE, start)
        for share in np.linspace(0, 1, 9):
            QTest.mouseMove(widget, start + (end - start) * float(share))
        QTest.mouseRelease(widget, LEFT, NONE, end)

    # looking

    def atlas(self) -> NDArray[np.uint8]:
        """What the atlas view's image holds."""
        assert self.window.atlas.item is not None
        image = self.window.atlas.item.images[0]
        return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()

    def body(self) -> NDArray[np.uint8]:
        """What the body view shows, marks and all."""
        for _ in range(5):
            self.app.processEvents()
        image = self.window.body.still()
        image = image.convertToFormat(image.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def new_patient(person: Person, folder: Path) -> None:
    """The welcome page makes one."""
    new = person.window.welcome.new
    new.texture.setFocus()
    QTest.keyClick(new.texture, Qt.Key.Key_Home)  # the smallest texture
    person.type_in(new.file, str(folder / "anna.glb"))
    person.click(new.go)
    person.until(lambda: person.session.document is not None and person.session.engine.is_ready)
    assert person.session.document.path == folder / "anna.moulage"


def grow_on_the_back(person: Person) -> None:
    """Click between the shoulder blades, a large quick nevus; seen in all three views."""
    shown, session = person.window, person.session
    panel, body = shown.panel, shown.body
    panel.folding.heading.click()
    panel.detail.setFocus()
    QTest.keyClick(panel.detail, Qt.Key.Key_Home)
    person.type_in(panel.steps, "2")
    person.type_in(panel.diameter, "20.0")
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_B)
    QTest.mouseClick(body, LEFT, NONE, QPoint(body.width() // 2 + 20, round(0.30 * body.height())))
    assert session.site is not None
    assert session.document.patient.body_part(session.site) == "back"
    QTest.keyClick(body, Qt.Key.Key_C)
    atlas, looked = person.atlas(), person.body()
    person.click(panel.wishes.grow)
    person.settle()
    assert shown.lesions.count() == 1, person.told
    (layer,) = session.document.layers
    assert layer.body_part == "back"

    changed = np.abs(person.atlas().astype(int) - atlas)[..., :3].max(-1) > 6
    assert 20 < changed.sum() < 0.01 * changed.size
    darker = looked.astype(int).sum(-1) - person.body().astype(int).sum(-1) > 45
    rows, columns = np.nonzero(darker)
    middle = looked.shape[0] / 2, looked.shape[1] / 2
    assert len(rows) > 300
    assert np.hypot(np.median(rows) - middle[0], np.median(columns) - middle[1]) < 0.05 * looked.shape[0]

    shown.workspace.reveal("Dermatoscope")
    dermatoscope = shown.workspace.panel("Dermatoscope")
    person.until(lambda: dermatoscope.picture is not None)
    picture = dermatoscope.picture.astype(int)
    inside, outside = layer.mask > 200, layer.alpha == 0
    assert picture[inside].mean() < picture[outside].mean() - 15


def undo_and_redo(person: Person) -> None:
    """By keys; every view goes along, bit for bit."""
    grown = person.atlas()
    QTest.keyClick(person.window.body, Qt.Key.Key_Z, CONTROL)
    person.until(lambda: person.window.lesions.count() == 0)
    person.settle()
    assert not np.array_equal(person.atlas(), grown)
    assert person.window.actions_by_name["Redo"].text() == "&Redo Add nevus"
    QTest.keyClick(person.window.body, Qt.Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    person.until(lambda: person.window.lesions.count() == 1)
    person.settle()
    assert np.array_equal(person.atlas(), grown)


def paint_across_the_spine(person: Person) -> None:
    """A broad brush from one side of the back to the other; in the texture these are two places."""
    body, session = person.window.body, person.session
    body.setFocus()
    QTest.keyClick(body, Qt.Key.Key_B)
    QTest.keyClick(body, Qt.Key.Key_2)
    for _ in range(40):
        QTest.keyClick(body, Qt.Key.Key_BracketRight)
    row = round(0.36 * body.height())
    person.drag(body, QPoint(body.width() // 2 - 40, row), QPoint(body.width() // 2 + 40, row))
    person.settle()
    person.until(lambda: session.region is not None)
    masks = session.region.masks
    (mask,) = masks.values()
    count, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = statistics[1:count, cv2.CC_STAT_AREA] > 0.15 * mask.sum()
    assert large.sum() == 2  # both sides of the seam
    QTest.keyClick(body, Qt.Key.Key_1)


def scatter_five(person: Person) -> None:
    """Five nevi in the painted region, as one step."""
    panel, session = person.window.panel, person.session
    person.window.workspace.reveal("New lesion")
    person.type_in(panel.wishes.scatter_count, "5")
    person.type_in(panel.wishes.gap, "2")
    before = session.document.layers
    person.click(panel.wishes.scatter)
    person.until(lambda: session.job is not None or session.busy)
    person.settle()
    new = [layer for layer in session.document.layers if layer not in before]
    assert len(new) == 5, person.told
    (mask,) = session.region.masks.values()
    for layer in new:
        _, u, v = session.document.patient.surface.uv(layer.spec.site)
        assert mask[int(v * mask.shape[0]), int(u * mask.shape[1])]
    assert session.document.state.undo[-1] == "Add 5 nevus"


def main() -> None:
    """Walk, tell what is there, and wait to be killed."""
    folder = Path(sys.argv[1])
    app = application()
    shown = window(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat))
    shown.show()
    shown.activateWindow()  # keys go to the active window only
    person = Person(app, shown)
    person.until(shown.isActiveWindow)
    new_patient(person, folder)
    grow_on_the_back(person)
    undo_and_redo(person)
    paint_across_the_spine(person)
    scatter_five(person)
    document = shown.session.document
    told = {
        "engine": shown.session.engine.pid,
        "ids": shown.lesions.ids(),
        "atlas": hashlib.sha256(document.patient.canvas.pixels[0].tobytes()).hexdigest(),
        "undo": document.state.undo,
        "regions": [
            [region.name, {str(m): hashlib.sha256(mask.tobytes()).hexdigest() for m, mask in region.masks.items()}]
            for region in document.state.regions
        ],
    }
    print("THERE", json.dumps(told), flush=True)
    person.until(lambda: False)


if __name__ == "__main__":
    main()
