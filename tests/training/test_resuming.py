"""A training that was stopped, or killed, goes on as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from small_training import training, weights

from engine.errors import DataError
from engine.output.atomic import TEMPORARY_SUFFIX
from engine.training.state import NAME


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def stop_after(steps: int) -> Callable[[], bool]:
    asked = iter(range(1, 10_000))
    return lambda: next(asked) >= steps


def test_a_stopped_training_ends_bit_for_bit_as_an_unbroken_one(tmp_path: Path) -> None:
    whole = training(8, batch=4)
    whole.run()
    path = tmp_path / NAME
    for stop in (3, 2):
        part = training(8, batch=4)
        if path.is_file():
            part.resume(path)
        part.run(stop=stop_after(stop), checkpoint=path)
        assert part.done < 1
    last = training(8, batch=4)
    last.resume(path)
    assert last.progress.step == 5
    last.run(checkpoint=path)
    assert last.progress.step == whole.progress.step == 8
    expected, found = weights(whole), weights(last)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert any(bool((tensor != 0).any()) for tensor in expected.values())


def test_another_seed_is_another_training() -> None:
    one, two = training(3), training(3, seed=1)
    one.run()
    two.run()
    expected, found = weights(one), weights(two)
    assert not all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_killing_it_while_it_writes_a_checkpoint_leaves_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / NAME
    last = 0
    for _ in range(2):
        program = [sys.executable, str(Path(__file__).with_name("small_training.py")), str(path)]
        child = subprocess.Popen(
            program, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        )
        assert child.stdout is not None and child.stdout.readline().strip() == b"ready"
        old = {p.name for p in tmp_path.iterdir()}
        before = path.stat().st_mtime_ns if path.is_file() else 0
        while not path.is_file() or path.stat().st_mtime_ns == before:  # at least one more checkpoint
            time.sleep(0.002)
        while not any(p.name not in old and p.name.endswith(TEMPORARY_SUFFIX) for p in tmp_path.iterdir()):
            time.sleep(0.0005)  # until it is in the middle of the next
        child.kill()
        child.wait()
        child.stdout.close()
        run = training(1_000_000)
        run.resume(path)
        assert run.progress.step > last
        last = run.progress.step
    assert all(p.name.endswith(TEMPORARY_SUFFIX) for p in tmp_path.iterdir() if p != path)
    unbroken = training(1_000_000)
    unbroken.run(stop=stop_after(last))
    expected, found = weights(unbroken), weights(run)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    run = training(4)
    run.run(stop=stop_after(2), checkpoint=tmp_path / NAME)
    return tmp_path / NAME


def test_a_checkpoint_is_numbers_and_json_only(checkpoint: Path) -> None:
    with safe_open(checkpoint, framework="pt") as stream:
        heading = stream.metadata()
        names = list(stream.keys())
    assert set(heading) == {"format", "progress", "unet"}
    assert {name.partition(".")[0] for name in names} == {"net", "ema", "opt"}
    assert not checkpoint.read_bytes().startswith((b"PK", b"\x80"))  # neither torch.save nor pickle


@pytest.mark.parametrize(
    ("option", "settings"),
    [("--batch", {"batch": 4}), ("--learning-rate", {"learning_rate": 1e-4}), ("--seed", {"seed": 7})],
)
def test_other_settings_are_no_continuation(checkpoint: Path, option: str, settings: dict) -> None:
    with pytest.raises(DataError, match=f"another {option};"):
        training(4, **settings).resume(checkpoint)


def test_a_setting_that_an_older_checkpoint_does_not_know_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / NAME
    older = training(4)
    del older.progress.settings["only_class"]
    older.run(stop=stop_after(2), checkpoint=path)
    run = training(4, only_class="melanoma")
    run.resume(path)
    run.save(path)
    with pytest.raises(DataError, match="another --per-class;"):
        training(4).resume(path)


def test_other_data_are_no_continuation(checkpoint: Path) -> None:
    run = training(4)
    run.progress.data = "other discs"
    with pytest.raises(DataError, match="another --data;"):
        run.resume(checkpoint)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1000]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 a zip file, as torch.save writes it"),
        lambda path: path.write_bytes((2**62).to_bytes(8, "little") + b"{}"),
    ],
    ids=["cut", "empty", "pickle", "endless heading"],
)
def test_a_damaged_checkpoint_is_named(checkpoint: Path, spoil: Callable[[Path], object]) -> None:
    spoil(checkpoint)
    with pytest.raises(DataError, match=r"checkpoint\.safetensors: is damaged") as told:
        training(4).resume(checkpoint)
    assert "\n" not in str(told.value)
