"""No work is lost: kill -9, a full disk, a disk that can't be written, a damaged file; revert and save as."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sessions import LOADING_S, Listener
from shell_samples import disc, write_egg

from desktop.gui.model import choosing, lesions, verbs
from engine.scene import Scene

CHILD = Path(__file__).with_name("window_process.py")


@pytest.fixture(scope="module")
def listener(listen: Callable[[], Listener]) -> Listener:
    """One session for all tests of this file; no engine."""
    return listen()


@pytest.fixture
def nobody(listener: Listener) -> Iterator[Listener]:
    """The session with nothing open and nothing told."""
    listener.session.set_document(None)
    listener.lines.clear()
    listener.faults.clear()
    yield listener
    listener.session.set_document(None)


def with_lesions(heard: Listener, path: Path) -> Listener:
    """Open a new egg there, with two lesions."""
    heard.open(write_egg(path))
    document = heard.session.document
    assert document is not None
    layers = [disc(document.patient, "one", 0.3, 0.5), disc(document.patient, "two", 0.6, 0.5)]
    verbs.edit(heard.session, "Add", lambda step: [step.add(layer) for layer in layers])
    heard.settle()
    return heard


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_a_window_that_is_killed_leaves_everything_behind(nobody: Listener, tmp_path: Path) -> None:
    path = write_egg(tmp_path / "egg.moulage")
    command = [sys.executable, str(CHILD), str(path), str(tmp_path / "settings.ini")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        engine = int(child.stdout.readline().removeprefix("ENGINE"))
        assert child.stdout.readline() == "SAVED\n"
        assert child.stdout.readline() == "PAINTING\n"
        child.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + LOADING_S
    while Path(f"/proc/{engine}").exists():  # the engine goes with its window
        assert time.monotonic() < deadline
        time.sleep(0.02)
    nobody.open(path)
    session, document = nobody.session, nobody.session.document
    assert document is not None
    assert nobody.faults == []
    assert document.state.undo == ("Add nevus", "Add nevus", "Turn nevus")
    assert [layer.spec.turn_deg for layer in document.layers] == [0.0, 45.0]
    assert document.layers[0].spec.seed == 7
    assert len(choosing.waiting(session)) == 2
    assert len({int(n) for n in np.unique(document.patient.canvas.index[0])}) == 3  # skin and two lesions
    verbs.undo(session)
    nobody.settle()
    assert [layer.spec.turn_deg for layer in document.layers] == [0.0, 0.0]


def test_revert_is_a_step_and_brings_the_opened_state_back(nobody: Listener, tmp_path: Path) -> None:
    with_lesions(nobody, tmp_path / "egg.moulage")
    session = nobody.session
    session.set_document(None)
    nobody.open(tmp_path / "egg.moulage")
    document = session.document
    assert document is not None
    opened = document.patient.canvas.pixels[0].copy()
    assert not document.changed_since_opening
    session.set_selection("one")
    lesions.delete(session)
    session.set_selection("two")
    lesions.duplicate(session)
    lesions.toggle_visible(session)
    nobody.settle()
    changed = document.patient.canvas.pixels[0].copy()
    assert not np.array_equal(changed, opened)
    verbs.revert(session)
    nobody.settle()
    assert nobody.ids == ["one", "two"]
    assert np.array_equal(document.patient.canvas.pixels[0], opened)
    assert verbs.step_names(session) == ("Revert", "")
    verbs.undo(session)
    nobody.settle()
    assert np.array_equal(document.patient.canvas.pixels[0], changed)


def test_save_as_goes_on_in_the_copy(nobody: Listener, tmp_path: Path) -> None:
    with_lesions(nobody, tmp_path / "egg.moulage")
    session = nobody.session
    verbs.save_as(session, tmp_path / "copy.moulage")
    nobody.settle()
    assert session.document is not None
    assert session.document.path == tmp_path / "copy.moulage"
    session.set_selection("one")
    lesions.delete(session)
    nobody.settle()
    with Scene.open(tmp_path / "egg.moulage") as former, Scene.open(tmp_path / "copy.moulage") as present:
        assert [entry.id for entry in former.entries()] == ["one", "two"]
        assert [entry.id for entry in present.entries()] == ["two"]
    assert session.saved == "saved"


def test_a_full_disk_is_told_and_the_work_can_be_saved_elsewhere(
    nobody: Listener, small_disk: Path, tmp_path: Path
) -> None:
    scene = write_egg(tmp_path / "egg.moulage")
    path = Path(shutil.copy(scene, small_disk / "egg.moulage"))
    nobody.open(path)
    session, document = nobody.session, nobody.session.document
    assert document is not None
    rng = np.random.default_rng(0)
    for number in range(20):
        layer = disc(document.patient, f"lesion-{number}", 0.1 + 0.04 * number, 0.5)
        noise = rng.integers(0, 255, (256, 256, 3), np.uint8)
        grey = np.kron(layer.alpha[::3, ::3], np.ones((16, 16), np.uint8))
        large = type(layer)(**{**layer.__dict__, "rgb": noise, "alpha": grey, "mask": grey})
        verbs.edit(session, "Add", lambda step, layer=large: step.add(layer))
        nobody.settle()
        if nobody.faults:
            break
    assert "the disk is full" in nobody.faults[0]
    assert session.saved == "not saved"
    assert nobody.ids == [f"lesion-{n}" for n in range(number)]  # what is shown is what is on the disk
    elsewhere = tmp_path / "elsewhere.moulage"
    verbs.save_as(session, elsewhere)
    nobody.settle()
    assert session.saved == "saved"
    with Scene.open(elsewhere) as copy:
        assert [entry.id for entry in copy.entries()] == nobody.ids
        assert copy.problems() == []
    session.set_document(None)


@pytest.fixture
def sealed_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that can be read but not written, even by the superuser, with an egg of two lesions in it."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only the superuser can mount a disk")
    source = tmp_path / "source"
    source.mkdir()
    with Scene.open(write_egg(source / "egg.moulage"), write=True):
        pass
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("a disk can't be mounted here")
    try:
        shutil.copy(source / "egg.moulage", folder)
        shutil.copy(source / "egg.obj", folder)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True, capture_output=True)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["egg.moulage", "egg.obj"])
def test_a_patient_on_a_read_only_disk_opens_as_a_copy(
    nobody: Listener, sealed_disk: Path, tmp_path: Path, name: str
) -> None:
    session, asked = nobody.session, []
    session.place_wanted.connect(lambda path, why: asked.append((path, why)))
    nobody.open(sealed_disk / name)
    assert session.document is None
    assert len(asked) == 1
    assert "choose" in asked[0][1]
    nobody.open(asked[0][0], tmp_path / "mine.moulage")
    document = session.document
    assert document is not None
    verbs.edit(session, "Add", lambda step: step.add(disc(document.patient, "one", 0.3, 0.5)))
    nobody.settle()
    assert nobody.faults == []
    assert nobody.ids == ["one"]
    assert sorted(path.name for path in sealed_disk.iterdir()) == ["egg.moulage", "egg.obj"]


def test_a_damaged_scene_opens_as_far_as_it_can_and_is_not_touched(nobody: Listener, tmp_path: Path) -> None:
    path = tmp_path / "egg.moulage"
    with_lesions(nobody, path)
    nobody.session.set_document(None)
    data = bytearray(path.read_bytes())
    place = data.rfind(b"IDAT")
    assert place > 0
    data[place + 8 : place + 24] = bytes(16)
    path.write_bytes(data)
    nobody.lines.clear()
    nobody.open(path)
    document = nobody.session.document
    assert document is not None
    assert document.path == tmp_path / "egg-recovered.moulage"
    assert len(document.layers) == 1
    assert path.read_bytes() == data
    assert "is damaged and stays as it is" in nobody.lines[0]
    assert any(line.startswith("Lost: layer") for line in nobody.lines)
    nobody.session.set_document(None)
    nobody.open(path)
    again = nobody.session.document
    assert again is not None
    assert again.path == tmp_path / "egg-recovered2.moulage"
