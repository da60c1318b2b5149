"""Chosen exports and exam sheets: headless, and by the window's dialog with a real process."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from shell_samples import LOADING_MS, add, disc, open_egg, trigger, write_egg

from engine.avatar.load import load
from engine.chosen_export import Choice, export_choice, resized, with_gutter
from engine.errors import BadInput
from engine.output import OutputFolder, verify
from engine.patient import Patient
from engine.patient_page import encode_page, patient_page, provenance_of
from engine.scene import Scene

if TYPE_CHECKING:
    from desktop.gui.window import Window

EVERYTHING = {"textures": True, "glb": True, "masks": True, "lesions": True, "page": "pdf", "size": 512}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Patient:
    """The egg with a nevus and a melanoma."""
    with Scene.open(write_egg(tmp_path_factory.mktemp("egg") / "egg.moulage")) as scene:
        made = Patient(scene.avatar())
    made.canvas.show(layers_of(made))
    return made


def layers_of(patient: Patient) -> list[Any]:
    """A nevus and a melanoma."""
    return [disc(patient, "one", 0.3, 0.5), disc(patient, "two", 0.6, 0.5, "melanoma")]


def test_everything_is_exported_and_fits_together(patient: Patient, tmp_path: Path) -> None:
    layers = layers_of(patient)
    patient.canvas.show(layers)
    choice = Choice(**EVERYTHING)
    steps: list[tuple[int, int]] = []
    with OutputFolder(tmp_path / "out", choice.job(patient, 1)) as folder:
        names = export_choice(
            patient, layers, choice, folder, "anna", lambda done, total, _: steps.append((done, total))
        )
    assert set(names) == {"albedo.png", "lesion_mask.png", "avatar.glb", "lesions.json", "lesions.csv", "sheet.pdf"}
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    told = verify(tmp_path / "out")
    assert (told.problems, told.complete) == ((), True)
    albedo = np.asarray(Image.open(tmp_path / "out" / "albedo.png"))
    assert albedo.shape == (512, 512, 3)
    shown = load(tmp_path / "out" / "avatar.glb")
    assert np.array_equal(Patient(shown).canvas.base[0][256, 100:400, :3], albedo[256, 100:400])
    mask = np.asarray(Image.open(tmp_path / "out" / "lesion_mask.png"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "lesions.csv").read_text())))
    document = json.loads((tmp_path / "out" / "lesions.json").read_text())
    assert [row["class"] for row in rows] == ["nevus", "melanoma"]
    for row, lesion in zip(rows, document["lesions"], strict=True):
        x, y = round(float(row["u"]) * 512), round(float(row["v"]) * 512)
        assert mask[y, x] == int(row["number"]) == lesion["number"]  # numbers mean the same in all files
    assert (tmp_path / "out" / "sheet.pdf").read_bytes().startswith(b"%PDF")


def test_an_exam_tells_the_class_nowhere(patient: Patient, tmp_path: Path) -> None:
    layers = layers_of(patient)
    patient.canvas.show(layers)
    choice = Choice(**{**EVERYTHING, "page": "png"}, exam=True)
    with OutputFolder(tmp_path / "out", choice.job(patient, 1)) as folder:
        export_choice(patient, layers, choice, folder, "anna")
    for path in (path for path in (tmp_path / "out").rglob("*") if path.is_file()):
        told = path.read_bytes()
        if path.suffix == ".png":
            with Image.open(path) as picture:
                told += " ".join(str(text) for text in picture.info.values()).encode()  # texts may be compressed
        assert b"melanoma" not in told, path
        assert b"nevus" not in told, path


def test_an_exam_sheet_differs_only_where_the_class_stood(patient: Patient) -> None:
    layers = layers_of(patient)
    patient.canvas.show(layers)
    sheet, exam = patient_page(patient, layers, "anna"), patient_page(patient, layers, "anna", exam=True)
    assert sheet.shape == exam.shape
    rows, _ = np.nonzero((sheet != exam).any(2))
    assert len(rows)
    pictures = exam[:, : exam.shape[1] // 2]
    assert np.array_equal(
        sheet[120:, : exam.shape[1] // 2], pictures[120:]
    )  # the bodies and their numbers are the same


def test_the_same_sheet_gives_the_same_bytes(patient: Patient) -> None:
    layers = layers_of(patient)
    page = np.full((300, 500, 3), 200, np.uint8)
    for format_ in ("png", "pdf"):
        made = [encode_page(page, provenance_of(layers, "CC0"), "anna", format_) for _ in range(2)]
        assert made[0] == made[1]
    assert b"CreationDate" not in made[0]


def test_smaller_textures_are_averaged_in_linear_light() -> None:
    checks = np.zeros((64, 64, 4), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 255
    checks[..., 3] = 255
    small = resized(checks, 32)
    assert (small[..., :3] == 188).all()  # half the light, IEC 61966-2-1
    assert resized(checks, 128) is checks


@pytest.mark.parametrize("gutter", [0, 3, 9])
def test_a_gutter_is_as_wide_as_asked(gutter: int) -> None:
    pixels = np.full((64, 64, 4), 200, np.uint8)
    owned = np.zeros((64, 64), bool)
    owned[30:34, 30:34] = True
    kept = with_gutter(pixels, owned, gutter)[..., 3] > 0
    assert kept.sum() == (4 + 2 * gutter) ** 2
    assert with_gutter(pixels, owned, None) is pixels


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"textures": False}, "nothing"), ({"size": 700}, "size"), ({"gutter": -2}, "gutter"), ({"page": "doc"}, "page")],
)
def test_what_cannot_be_chosen_is_told(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        Choice(**wrong)


def test_the_dialog_exports_in_the_background(open_window: "Callable[[], Window]", qtbot: Any, tmp_path: Path) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    window = open_window()
    open_egg(qtbot, window, tmp_path)
    document = window.session.document
    assert document is not None
    add(qtbot, window, *layers_of(document.patient))
    trigger(qtbot, window, "Exam: hide the classes")
    qtbot.waitUntil(lambda: document.state.exam, timeout=LOADING_MS)
    trigger(qtbot, window, "Export")
    dialog = window.dialog
    assert dialog.hide_class.isChecked()  # an exam stays one
    assert dialog.folder.text() == str(tmp_path / "egg-export")
    dialog.lesions.setChecked(True)
    dialog.page.setChecked(False)
    dialog.side.setCurrentIndex(dialog.side.findData(512))
    QTest.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert dialog.leave.text() == "Cancel"
    qtbot.waitUntil(lambda: not dialog.task.running, timeout=LOADING_MS)
    assert dialog.message.property("state") == "good", dialog.message.text()
    rows = json.loads((tmp_path / "egg-export" / "lesions.json").read_text())["lesions"]
    assert [row["number"] for row in rows] == [document.number_of(layer) for layer in document.layers]
    assert "melanoma" not in (tmp_path / "egg-export" / "lesions.json").read_text()

    dialog.hide_class.setChecked(False)  # another export into the same folder is refused until that is asked for
    QTest.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.task.running, timeout=LOADING_MS)
    assert dialog.message.property("state") == "bad"
    assert "egg-export" in dialog.message.text()
    dialog.force.setChecked(True)
    QTest.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dialog.task.running, timeout=LOADING_MS)
    assert "melanoma" in (tmp_path / "egg-export" / "lesions.json").read_text()
