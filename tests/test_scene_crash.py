"""A writer that is killed at any moment loses at most the gesture under way."""

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from scene_samples import content, layer, new_scene
from scene_writer import after

from engine.scene import Scene

WRITER = Path(__file__).with_name("scene_writer.py")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")


def killed_writer(path: Path, seconds: float) -> int:
    """Let a process edit for a while, kill it, and tell how many commits it had reported."""
    with subprocess.Popen([sys.executable, str(WRITER), str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        reported = writer.stdout.read().split("\n")
    return max([int(line) for line in reported[:-1]], default=0)


def test_kill_9_at_twenty_moments(tmp_path) -> None:
    path = tmp_path / "a.moulage"
    new_scene(path).close()
    moments = random.Random(4)
    commits = 0
    for _ in range(20):
        reported = killed_writer(path, moments.uniform(0.0, 0.12))
        with Scene.open(path) as scene:  # a reader is the first to come, and must be able to roll back
            reached = scene.revision - 1
            assert max(reported, commits) <= reached <= max(reported, commits) + 1
            commits = reached
            kept = {one.id: content(one) for one in scene.layers()}
            assert kept == {f"lesion-{n}": content(layer(n, 96)) for n in after(commits)}
            assert scene.problems() == []
    assert commits > 20
    with Scene.open(path, write=True) as scene:
        scene.undo()
    assert path.exists() and not path.with_name("a.moulage-journal").exists()


def test_every_state_of_the_disk_during_a_commit_opens_as_before_or_after(tmp_path) -> None:
    """SQLite is stopped between any two of its steps by copying file and journal while a transaction is open."""
    path = tmp_path / "a.moulage"
    with new_scene(path, 3, 64) as scene:
        before = [content(one) for one in scene.layers()]
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA cache_size = 1")  # spill every page at once: journal and file are half-way all the time
        raw.execute("BEGIN IMMEDIATE")
        for number in range(6):
            raw.execute("UPDATE picture SET png = zeroblob(length(png)) WHERE id = ?", (number + 1,))
            raw.execute("UPDATE document SET revision = revision + 1")
            state = tmp_path / f"state{number}" / "b.moulage"
            state.parent.mkdir()
            shutil.copyfile(path, state)
            shutil.copyfile(f"{path}-journal", f"{state}-journal")
        raw.execute("ROLLBACK")
    for number in range(6):
        with Scene.open(tmp_path / f"state{number}" / "b.moulage", write=number % 2 == 0) as scene:
            assert [content(one) for one in scene.layers()] == before and scene.problems() == []
            assert scene.revision == 4


def test_a_killed_create_or_save_leaves_no_scene_behind_that_is_half_there(tmp_path) -> None:
    script = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[2])\n"
        "from scene_samples import new_scene\n"
        "from engine.scene import Scene\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "print('open', flush=True)\n"
        "n = 0\n"
        "while True:\n"
        "    with new_scene(folder / f'{n}.moulage', 2) as scene:\n"
        "        scene.save_as(folder / f'{n}-saved.moulage')\n"
        "    n += 1\n"
    )
    moments = random.Random(5)
    for round_ in range(6):
        folder = tmp_path / str(round_)
        folder.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", script, str(folder), str(WRITER.parent)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "open\n"
            time.sleep(moments.uniform(0.0, 0.2))
            writer.kill()
        for path in folder.glob("[0-9]*.moulage"):
            with Scene.open(path) as scene:
                assert scene.problems() == []
                kept = [content(one) for one in scene.layers()]
                assert kept == [content(layer(n)) for n in range(len(kept))]
                assert len(kept) == 2 or "saved" not in path.name
