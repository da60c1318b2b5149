"""The scene file: what goes in comes out bit for bit, for one writer and any reader, on any disk."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_samples import GLB, content, layer, new_scene

from engine import MoulageError, OutputError, SceneError
from engine.avatar.load import load
from engine.scene import Region, Scene

TESTS = Path(__file__).parent


@settings(max_examples=25, deadline=None)
@given(side=st.integers(1, 70), seed=st.integers(0, 2**32), flat=st.booleans(), text=st.text(max_size=20))
def test_layers_come_back_bit_for_bit(tmp_path_factory, side, seed, flat, text) -> None:
    path = tmp_path_factory.mktemp("scene") / "a.moulage"
    changes = {"mask": np.full((side, side), seed % 256, np.uint8)} if flat else {}
    text = text.encode("utf-8", "replace").decode()
    one = layer(seed, side, body_part=text, visible=flat, locked=not flat, **changes)
    with new_scene(path) as scene, scene.edit("Add") as edit:
        edit.add(one)
    with Scene.open(path) as scene:
        assert content(scene.layer(one.id)) == content(one)
        assert [content(stored) for stored in scene.layers()] == [content(one)]
        assert scene.entries()[0].spec == one.spec
        assert scene.avatar_glb() == (GLB, "Eve", 0.01)
        assert scene.problems() == []


def test_regions_properties_settings_and_variants_survive(tmp_path) -> None:
    mask = np.random.default_rng(1).random((37, 61)) < 0.5
    waiting = [layer(7), layer(8, 48)]
    with new_scene(tmp_path / "a.moulage", 1) as scene:
        with scene.edit("Protect") as edit:
            edit.set_region(Region("eyes", {0: mask, 2: ~mask[:5]}, protected=True))
            edit.set_exam(True)
        revision = scene.revision
        scene.set_setting("camera", {"turn": 1.5})
        scene.keep_variants(waiting)
        assert scene.revision == revision
    with Scene.open(tmp_path / "a.moulage", write=True) as scene:
        region = scene.region("eyes")
        assert region.protected and set(region.masks) == {0, 2}
        assert np.array_equal(region.masks[0], mask) and np.array_equal(region.masks[2], ~mask[:5])
        assert scene.exam and scene.setting("camera") == {"turn": 1.5} and scene.setting("none", 3) == 3
        assert [content(v) for v in scene.variants()] == [content(v) for v in waiting]
        scene.undo()
        assert not scene.exam and scene.region_names() == ()
        scene.keep_variants([])
        scene.redo()
        assert np.array_equal(scene.region("eyes").masks[0], mask)
        with pytest.raises(SceneError, match="eyes"):
            scene.region("nose")


def test_a_real_avatar_comes_back_as_it_went_in(tmp_path) -> None:
    (tmp_path / "body.obj").write_text(
        "v -0.3 0 0\nv 0.3 0 0\nv 0.3 1.7 0\nv -0.3 1.7 0.1\n"
        "vt 0.1 0.1\nvt 0.9 0.1\nvt 0.9 0.9\nvt 0.1 0.9\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n"
    )
    avatar = load(tmp_path / "body.obj", unit="m")
    with Scene.create(tmp_path / "a.moulage", avatar) as scene:
        again = scene.avatar()
    assert again.glb == avatar.glb and again.name == avatar.name and again.scale == avatar.scale
    for field in ("positions", "faces", "uvs", "face_material"):
        assert np.array_equal(getattr(again, field), getattr(avatar, field))


def test_an_edit_is_all_or_nothing(tmp_path) -> None:
    with new_scene(tmp_path / "a.moulage", 2) as scene:
        revision = scene.revision
        with pytest.raises(ZeroDivisionError), scene.edit("Fails") as edit:
            edit.add(layer(5))
            edit.remove("lesion-0")
            1 / 0  # noqa: B018
        with pytest.raises(SceneError, match="lesion-0"), scene.edit("Twice") as edit:
            edit.remove("lesion-1")
            edit.add(layer(0))
        with scene.edit("Nothing") as edit:
            edit.replace(layer(0))
        assert edit.step is None
        assert scene.revision == revision and [e.id for e in scene.entries()] == ["lesion-0", "lesion-1"]
        with pytest.raises(SceneError, match="changed while"), scene.edit("Outer") as outer:
            outer.remove("lesion-0")
            with scene.edit("Inner") as inner:
                inner.remove("lesion-1")
        assert [e.id for e in scene.entries()] == ["lesion-0"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rgb": np.zeros((8, 9, 3), np.uint8)}, "rgb"),
        ({"rgb": np.zeros((8, 8, 3), np.float32)}, "rgb"),
        ({"mask": np.zeros((8, 8), np.uint8)}, "mask"),
        ({"alpha": np.zeros((32, 32), bool)}, "alpha"),
        ({"width_mm": float("nan")}, "width_mm"),
        ({"id": ""}, "id"),
    ],
)
def test_impossible_layers_are_named(tmp_path, change, named) -> None:
    with new_scene(tmp_path / "a.moulage") as scene:
        with pytest.raises(SceneError, match=named), scene.edit("Add") as edit:
            edit.add(layer(1, **change))
        assert scene.entries() == ()


def test_moving_a_lesion_writes_no_pixels_again(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    with new_scene(path, 1, side=512) as scene:
        size = path.stat().st_size
        for turn in range(20):
            with scene.edit("Turn") as edit:
                edit.replace(layer(0, 512, spec=layer(0).spec.with_(turn_deg=float(turn + 1))))
        assert path.stat().st_size - size < 100_000
        assert content(scene.layer("lesion-0"))[2:5] == content(layer(0, 512))[2:5]


def test_undone_pictures_give_their_space_back(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    with new_scene(path, 3, side=256) as scene:
        size = path.stat().st_size
        for number in range(10, 20):
            scene.undo()
            with scene.edit("Another") as edit:
                edit.add(layer(number, 256))
        assert path.stat().st_size < size * 1.4
        revision = scene.revision
        scene.forget_history()
        assert scene.history() == ((), ()) and scene.undo() is None and scene.revision == revision
        assert [content(one) for one in scene.layers()] == [content(layer(n, 256)) for n in (0, 1, 19)]
        with scene.edit("After") as edit:
            edit.remove("lesion-0")
        scene.undo()
        assert content(scene.layer("lesion-0")) == content(layer(0, 256)) and scene.problems() == []


def test_a_step_names_what_it_touched_and_shows_both_sides(tmp_path) -> None:
    moved = layer(1, width_mm=5.0)
    with new_scene(tmp_path / "a.moulage", 3) as scene:
        with scene.edit("Two at once") as edit:
            edit.replace(moved)
            edit.remove("lesion-2")
        step = scene.undo()
        assert step is not None and step == edit.step and step.name == "Two at once"
        assert set(step.layers) == {"lesion-1", "lesion-2"}
        sides = scene.layers_around(step)
        before, after = sides["lesion-1"]
        assert before is not None and after is not None
        assert content(before) == content(layer(1)) and content(after) == content(moved)
        assert sides["lesion-2"][1] is None
        assert scene.changes_since(scene.revision - 1).layers == {"lesion-1", "lesion-2"}
        assert scene.changes_since(0).everything and scene.changes_since(scene.revision + 1).everything


def test_readers_follow_a_writer_and_only_it_writes(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    with new_scene(path, 1) as writer, Scene.open(path) as reader:
        known, revision = reader.data_version, reader.revision
        assert not reader.changed_since(known)
        with writer.edit("Add") as edit:
            edit.add(layer(1))
        assert reader.changed_since(known)
        assert reader.changes_since(revision).layers == {"lesion-1"}
        assert content(reader.layer("lesion-1")) == content(layer(1))
        with pytest.raises(SceneError, match="reading only"):
            reader.edit("Add")
        with pytest.raises(SceneError, match="reading only"):
            reader.set_setting("a", 1)
        with reader.reading():
            before = reader.revision
            thread = threading.Thread(target=writer.undo)
            thread.start()
            assert reader.revision == before and len(reader.layers()) == 2
        thread.join()
        assert reader.revision == before + 1 and len(reader.layers()) == 1
    with new_scene(tmp_path / "b.moulage") as other:
        reader = Scene.open(path)
        other.save_as(path)
    with closing(reader), pytest.raises(SceneError, match="replaced"):
        reader.changed_since(reader.data_version)


def test_threads_may_share_a_scene(tmp_path) -> None:
    with new_scene(tmp_path / "a.moulage") as scene:
        failures: list[MoulageError] = []

        def work(first: int) -> None:
            number = first
            while number < first + 5:
                try:
                    with scene.edit("Add") as edit:
                        edit.add(layer(number))
                    number += 1
                except SceneError as error:
                    if "changed while" not in str(error):
                        failures.append(error)
                        return

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 100, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures and len(scene.layers()) == 15 and scene.revision == 16


def test_the_second_writing_process_is_told_who_writes(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    new_scene(path).close()
    with subprocess.Popen(
        [sys.executable, str(TESTS / "scene_writer.py"), str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(SceneError, match=f"process {other.pid} of .* on .*writing"):
            Scene.open(path, write=True)
        with Scene.open(path) as reader:
            assert reader.revision >= 1
        other.kill()
    with Scene.open(path, write=True) as scene:
        assert scene.writable
    assert [p.name for p in tmp_path.iterdir()] == ["a.moulage"]


def test_save_as_and_plain_copies_carry_everything(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    with new_scene(path, 3) as scene:
        scene.undo()
        shutil.copyfile(path, tmp_path / "copied.moulage")  # a backup tool, between two edits
        scene.save_as(tmp_path / "saved.moulage")
        wanted = [content(one) for one in scene.layers()]
        for name in ("copied", "saved"):
            with Scene.open(tmp_path / f"{name}.moulage", write=True) as copy:
                assert [content(one) for one in copy.layers()] == wanted
                assert copy.problems() == [] and copy.history() == scene.history() and copy.revision == scene.revision
                step = copy.redo()
                assert step is not None and step.name == "Add 2" and len(copy.layers()) == 3
        assert len(scene.layers()) == 2
        with pytest.raises(SceneError, match="itself"):
            scene.save_as(path)
        with Scene.open(tmp_path / "saved.moulage", write=True), pytest.raises(SceneError, match="writing"):
            scene.save_as(tmp_path / "saved.moulage")
        with pytest.raises(MoulageError, match="nowhere"):
            scene.save_as(tmp_path / "nowhere" / "b.moulage")
    with pytest.raises(SceneError, match="exists"):
        new_scene(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.moulage", "copied.moulage", "saved.moulage"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_read_only_places(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    new_scene(path, 1).close()
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with Scene.open(path) as scene:
            assert len(scene.layers()) == 1
        with pytest.raises(SceneError, match="can't be written"):
            Scene.open(path, write=True)
        with pytest.raises(MoulageError, match="can't be written"):
            new_scene(tmp_path / "b.moulage")
    finally:
        tmp_path.chmod(0o755)


FULL_DISK = """
import sys, pathlib, resource
sys.path.insert(0, {tests!r})
from scene_samples import layer, content
from engine import OutputError
from engine.scene import Scene
path = pathlib.Path({path!r})
with Scene.open(path, write=True) as scene:
    if {limit}:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50_000, resource.RLIM_INFINITY))
    try:
        for number in range(1, 60):
            with scene.edit("Add") as edit:
                edit.add(layer(number, 96))
    except OutputError as error:
        assert str(path) in str(error) and "\\n" not in str(error), error
    else:
        sys.exit("the disk was never full")
    kept = [content(one) for one in scene.layers()]
    assert kept == [content(layer(n, 96)) for n in range(len(kept))] and 1 <= len(kept) <= number
    assert len(kept) == number, (len(kept), number)
    try:
        scene.save_as(path.with_name("copy.moulage"))
    except OutputError as error:
        assert "copy.moulage" in str(error)
    else:
        assert {limit}
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def check_full_disk(folder: Path, limit: bool) -> None:
    path = folder / "a.moulage"
    new_scene(path, 1, 96).close()
    script = FULL_DISK.format(tests=str(TESTS), path=str(path), limit=limit)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in folder.iterdir()} <= {"a.moulage", "copy.moulage"}
    with Scene.open(path) as scene:
        assert scene.problems() == [] and len(scene.layers()) >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_loses_only_the_step_under_way(tmp_path) -> None:
    check_full_disk(tmp_path, limit=True)


def test_a_really_full_disk(small_disk) -> None:
    check_full_disk(small_disk, limit=False)


def test_opening_on_a_failing_disk_is_no_loss(tmp_path, monkeypatch) -> None:
    def fails(self: Path, target: Path) -> Path:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OutputError, match="Input/output error"):
        new_scene(tmp_path / "a.moulage")
    assert list(tmp_path.iterdir()) == []


def test_the_same_edit_twice_in_one_gesture(tmp_path) -> None:
    with new_scene(tmp_path / "a.moulage") as scene:
        with scene.edit("Stroke") as edit:
            edit.add(layer(0))
            edit.replace(replace(layer(0), body_part="back"))
            edit.set_visible("lesion-0", False)
            edit.add(layer(1))
            edit.remove("lesion-1")
            edit.set_region(Region("r", {0: np.ones((3, 3), bool)}))
            edit.set_region(Region("r", {1: np.ones((3, 3), bool)}))
        (one,) = scene.layers()
        assert content(one) == content(layer(0, body_part="back", visible=False))
        assert set(scene.region("r").masks) == {1} and scene.revision == 2
        assert edit.step is not None and edit.step.layers == ("lesion-0",)
