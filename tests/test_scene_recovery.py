"""Damaged scenes: opened as far as can be, into a new file, and the damaged one is never touched."""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scene_samples import GLB, content, layer, new_scene

from engine import MoulageError, SceneError
from engine.avatar.model import Avatar
from engine.scene import Region, Scene, recover

LAYERS = 12


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "a.moulage"
    with new_scene(path, LAYERS) as scene:
        with scene.edit("Region") as edit:
            edit.set_region(Region("back", {0: np.eye(40, dtype=bool)}, protected=True))
            edit.set_exam(True)
        scene.set_setting("camera", 3)
    return path.read_bytes()


def tried(folder: Path, data: bytes) -> set[str] | None:
    """Recover a damaged file; the ids of the lesions that came through, None where it was refused."""
    path, new = folder / "damaged.moulage", folder / "new.moulage"
    path.write_bytes(data)
    try:
        found = recover(path, new)
    except SceneError as error:
        assert "\n" not in str(error)
        assert not new.exists()
        return None
    finally:
        assert path.read_bytes() == data
        assert {p.name for p in folder.iterdir()} <= {"damaged.moulage", "new.moulage"}
    with Scene.open(new) as scene:
        assert scene.problems() == []
        kept = {one.id: content(one) for one in scene.layers()}
        assert len(kept) == found.layers
        if len(kept) < LAYERS or scene.region_names() != ("back",):
            assert found.lost
    new.unlink()
    assert all(pixels == content(layer(int(key.split("-")[1]))) for key, pixels in kept.items())
    return set(kept)


def opened(path: Path) -> None:
    """Whatever happens to a damaged file, it is one of our errors."""
    for write in (False, True):
        try:
            with Scene.open(path, write=write) as scene:
                scene.problems()
                scene.history()
                scene.changes_since(1)
                while write and scene.undo() is not None:
                    scene.entries()
        except MoulageError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.9999])
def test_truncated_files(tmp_path, sound, share) -> None:
    data = sound[: int(len(sound) * share)]
    kept = tried(tmp_path, data)
    assert share < 0.9 or (kept is not None and len(kept) >= LAYERS // 2)
    opened(tmp_path / "damaged.moulage")


def test_random_damage(tmp_path, sound) -> None:
    rng = random.Random(9)
    whole = 0
    for _ in range(60):
        data = bytearray(sound)
        for _ in range(rng.choice((1, 1, 3, 20))):
            start = rng.randrange(len(data))
            for offset in range(start, min(start + rng.choice((1, 1, 16, 3000)), len(data))):
                data[offset] = rng.randrange(256)
        kept = tried(tmp_path, bytes(data))
        whole += kept is not None and len(kept) >= LAYERS - 2
        opened(tmp_path / "damaged.moulage")
        for leftover in tmp_path.iterdir():
            leftover.unlink()
    assert whole >= 20


def test_a_damaged_beginning_is_mended_in_the_copy(tmp_path, sound) -> None:
    assert tried(tmp_path, bytes(24) + sound[24:]) == {f"lesion-{n}" for n in range(LAYERS)}


def test_a_damaged_picture_costs_only_its_lesion(tmp_path, sound) -> None:
    (tmp_path / "a.moulage").write_bytes(sound)
    with closing(sqlite3.connect(tmp_path / "a.moulage")) as raw:
        raw.execute("UPDATE picture SET png = zeroblob(50) WHERE id = 5")
        raw.commit()
    found = recover(tmp_path / "a.moulage", tmp_path / "b.moulage")
    assert found.layers == LAYERS - 1 and found.regions == 1
    assert len(found.lost) == 1 and "lesion-1" in found.lost[0]
    with Scene.open(tmp_path / "b.moulage", write=True) as scene:
        assert scene.exam and scene.setting("camera") == 3 and scene.region("back").protected
        assert [one.id for one in scene.layers()] == [f"lesion-{n}" for n in range(LAYERS) if n != 1]


def test_a_lost_table_comes_back_from_the_history(tmp_path, sound) -> None:
    path = tmp_path / "a.moulage"
    path.write_bytes(sound)
    with closing(sqlite3.connect(path)) as raw:
        (root,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'layer'").fetchone()
    data = bytearray(sound)
    data[(root - 1) * 4096 : root * 4096] = bytes(4096)
    (tmp_path / "x").mkdir()
    assert tried(tmp_path / "x", bytes(data)) == {f"lesion-{n}" for n in range(LAYERS)}


def test_a_damaged_avatar_can_be_given_again(tmp_path, sound) -> None:
    place = sound.index(GLB[:200])
    assert tried(tmp_path, sound[: place + 100] + b"x" + sound[place + 101 :]) == {f"lesion-{n}" for n in range(LAYERS)}
    data = sound[:place] + b"x" + sound[place + 1 :]
    assert tried(tmp_path, data) is None
    nothing = np.zeros((0, 3))
    avatar = Avatar(
        "Eve", GLB, 0.01, nothing, np.zeros((0, 3), np.int32), np.zeros((0, 2), np.float32), np.zeros(0, np.int16), ()
    )
    found = recover(tmp_path / "damaged.moulage", tmp_path / "b.moulage", avatar)
    assert found.layers == LAYERS and "avatar" in found.lost[0]
    with Scene.open(tmp_path / "b.moulage") as scene:
        assert scene.avatar_glb()[0] == GLB


def test_refusals(tmp_path, sound) -> None:
    path = tmp_path / "a.moulage"
    path.write_bytes(sound)
    with pytest.raises(SceneError, match="exists"):
        recover(path, path)
    with pytest.raises(SceneError, match="no such"):
        recover(tmp_path / "none.moulage", tmp_path / "b.moulage")
    with Scene.open(path, write=True), pytest.raises(SceneError, match="writing"):
        recover(path, tmp_path / "b.moulage")
    with pytest.raises(MoulageError, match="nowhere"):
        recover(path, tmp_path / "nowhere" / "b.moulage")
    assert [p.name for p in tmp_path.iterdir()] == ["a.moulage"] and path.read_bytes() == sound


def test_an_interrupted_commit_is_rolled_back_in_the_copy(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    new_scene(path, 2).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA cache_size = 1")
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("UPDATE picture SET png = zeroblob(length(png))")
        hot = tmp_path / "hot"
        hot.mkdir()
        for name in ("a.moulage", "a.moulage-journal"):
            (hot / name).write_bytes((tmp_path / name).read_bytes())
        raw.execute("ROLLBACK")
    before = {p.name: p.read_bytes() for p in hot.iterdir()}
    found = recover(hot / "a.moulage", tmp_path / "b.moulage")
    assert found.layers == 2 and found.lost == ()
    assert {p.name: p.read_bytes() for p in hot.iterdir()} == before
    with Scene.open(tmp_path / "b.moulage") as scene:
        assert [content(one) for one in scene.layers()] == [content(replace(layer(n))) for n in (0, 1)]
