"""Scene files of older versions, of other programs, and damaged ones: brought up to date, or refused in one line."""

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from scene_samples import GLB, content, layer, new_scene

from engine import SceneError
from engine.scene import Scene, records, schema

TESTS = Path(__file__).parent


@pytest.mark.parametrize("write", [True, False])
def test_version_1_is_brought_up_to_date(tmp_path, write) -> None:
    golden = TESTS / "golden" / "scene-v1.moulage"
    path = tmp_path / "old.moulage"
    shutil.copyfile(golden, path)
    with Scene.open(path, write=write) as scene:
        assert [content(one) for one in scene.layers()] == [content(layer(0)), content(layer(1))]
        assert scene.avatar_glb() == (GLB, "Eve", 0.01) and scene.revision == 4
        region = scene.region("back")
        assert not region.protected and np.array_equal(region.masks[0], np.eye(9, dtype=bool))
        assert scene.problems() == [] and scene.changes_since(1).everything
        scene.save_as(tmp_path / "new.moulage")
        if write:
            step = scene.undo()
            assert step is not None and step.regions == ("back",) and scene.region_names() == ()
            scene.redo()
            assert np.array_equal(scene.region("back").masks[0], np.eye(9, dtype=bool))
        else:
            known = scene.data_version
            with Scene.open(path, write=True) as other:
                other.undo()
            assert scene.changed_since(known) and scene.region_names() == () and scene.revision == 5
    for name, version in (("old", 2), ("new", 2)):
        with closing(sqlite3.connect(tmp_path / f"{name}.moulage")) as raw:
            assert raw.execute("PRAGMA user_version").fetchone() == (version,)


def test_a_reader_leaves_an_old_file_as_it_is(tmp_path) -> None:
    path = tmp_path / "old.moulage"
    shutil.copyfile(TESTS / "golden" / "scene-v1.moulage", path)
    with Scene.open(path) as scene:
        assert len(scene.layers()) == 2
    assert (
        hashlib.sha256(path.read_bytes()).digest()
        == hashlib.sha256((TESTS / "golden" / "scene-v1.moulage").read_bytes()).digest()
    )


def foreign(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(script)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("PRAGMA user_version = 99", "newer Moulage.*update"),
        ("PRAGMA application_id = 5", "not a Moulage scene"),
        ("PRAGMA user_version = 0", "damaged"),
        ("DROP TABLE layer", "damaged"),
        ("CREATE TRIGGER t AFTER INSERT ON setting BEGIN DELETE FROM layer; END", "damaged"),
        ("CREATE VIEW v AS SELECT 1", "damaged"),
        ("DELETE FROM document", "no document"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, script, told) -> None:
    path = tmp_path / "a.moulage"
    new_scene(path, 1).close()
    foreign(path, script)
    before = path.read_bytes()
    for write in (False, True):
        with pytest.raises(SceneError, match=told) as caught:
            Scene.open(path, write=write)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.moulage"]


def test_what_is_no_file_is_told(tmp_path) -> None:
    (tmp_path / "text.moulage").write_text("hello, this is certainly not a database" * 50)
    (tmp_path / "empty.moulage").touch()
    for name, told in (("text", "not a Moulage scene"), ("empty", "not a Moulage scene"), ("none", "no such")):
        for write in (False, True):
            with pytest.raises(SceneError, match=told):
                Scene.open(tmp_path / f"{name}.moulage", write=write)
    with pytest.raises(SceneError):
        Scene.open(tmp_path)


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE picture SET png = zeroblob(40) WHERE id = 1",
        "UPDATE picture SET png = (SELECT png FROM picture WHERE id = 4) WHERE id = 1",
        "UPDATE layer SET width_mm = -1.0",
        "UPDATE avatar SET glb = zeroblob(10)",
        "UPDATE layer SET body_part = 'head'",
        "UPDATE avatar SET scale = 2.0",
        "INSERT INTO region VALUES ('r', '{}', 0, 'unsealed')",
        "INSERT INTO variant VALUES (1, '{}')",
    ],
)
def test_damaged_rows_are_found(tmp_path, script) -> None:
    path = tmp_path / "a.moulage"
    new_scene(path, 2).close()
    foreign(path, script)
    with Scene.open(path) as scene:
        assert len(scene.problems()) == 1


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("region", {"name": "r", "masks": "[1]", "protected": 0}),
        ("region", {"name": "r", "masks": '{"0": 1}', "protected": 0}),
        ("region", {"name": "r", "masks": '{"0": "1"}', "protected": 0}),
        ("layer", {"rgb": 999}),
        ("layer", {"rgb": 2}),
        ("layer", {"spec": '{"site": 1e999}'}),
        ("layer", {"width_mm": -1.0}),
        ("layer", {"rgb": "1"}),
    ],
)
def test_rows_that_were_made_to_lie_are_found(tmp_path, kind, row) -> None:
    path = tmp_path / "a.moulage"
    new_scene(path, 1).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        former = records.read_record(raw, kind, "lesion-0") or {}
        key = next(iter(records.COLUMNS[kind]))
        false = records.sealed({**former, **row})
        try:
            records.write_record(raw, kind, false[key], false)
        except sqlite3.IntegrityError:
            return  # a STRICT table keeps text out of numbers by itself
    with Scene.open(path) as scene:
        assert len(scene.problems()) == 1


def test_a_picture_that_lies_about_its_size_is_refused_before_it_is_decoded(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    new_scene(path, 1).close()
    with closing(sqlite3.connect(path)) as raw:
        (png,) = raw.execute("SELECT png FROM picture WHERE id = 1").fetchone()
        huge = png[:16] + (60000).to_bytes(4, "big") * 2 + png[24:]
        raw.execute("UPDATE picture SET png = ? WHERE id = 1", (huge,))
        raw.commit()
    with Scene.open(path) as scene, pytest.raises(SceneError, match="60000×60000"):
        scene.layers()


def test_the_golden_file_has_the_schema_of_version_1(tmp_path) -> None:
    with closing(sqlite3.connect(TESTS / "golden" / "scene-v1.moulage")) as raw:
        assert schema.version_of(raw, "golden") == 1
