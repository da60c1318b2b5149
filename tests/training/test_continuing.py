"""What a continued training must share with the one it continues, and who may continue it."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import trees
from safetensors import safe_open
from safetensors.numpy import load_file, save
from small_training import CLASSES

from engine.errors import BadInput, DataError
from engine.training import pack
from engine.training.devices import Devices
from engine.training.gathering import make_pack
from engine.training.packing import Filters
from engine.training.run import INNER, PACK, Run, Wishes
from engine.training.settings import Stage, TrainSettings


def run_of(wishes: Wishes) -> Run:
    return Run(wishes, Devices("cpu", "fp32"), lambda _: None)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Wishes:
    """A training from a folder that was stopped after a step."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("begun")
    data = trees.simple(place / "discs", trees.drawn(16))
    settings = TrainSettings(steps=4, batch=2, stages=(Stage(32, 1.0),))
    wishes = Wishes((data,), place / "wax", settings, size="tiny", pack_mib=4)
    run_of(wishes).train(stop=lambda: True)
    return wishes


def test_other_options_for_the_images_are_refused_by_name(begun: Wishes, tmp_path: Path) -> None:
    assert run_of(begun).training.progress.step == 1
    other = trees.simple(tmp_path / "others", trees.drawn(8))
    for option, change in (
        ("--data", {"data": (other,)}),
        ("--classes", {"classes": ("nevus", "melanoma", "vascular lesion")}),
        ("--hair", {"filters": Filters(hair=0.5)}),
        ("--dark-corners", {"filters": Filters(dark_corners=4)}),
        ("--keep-rulers", {"filters": Filters(ruler=False)}),
        ("--mib", {"pack_mib": 5.0}),
        ("--limit", {"limit": 5}),
    ):
        with pytest.raises(BadInput, match=f"^{option}: is .* but .* packed with .* another -o$") as told:
            run_of(replace(begun, **change))
        assert "\n" not in str(told.value)


def test_a_training_from_before_these_were_kept_continues(begun: Wishes, tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / INNER).mkdir(parents=True)
    (old / INNER / "checkpoint.safetensors").write_bytes(_without(begun, "checkpoint.safetensors", "progress"))
    (old / INNER / PACK).write_bytes(_without(begun, PACK, "about"))
    run = run_of(replace(begun, output=old, filters=Filters(hair=0.5), limit=5))
    assert run.training.progress.step == 1
    said: list[str] = []
    wishes = replace(begun, data=(old / INNER / PACK,), output=old, filters=Filters(hair=0.5))
    assert Run(wishes, Devices("cpu", "fp32"), said.append).training.progress.step == 1
    assert said[0].startswith("--hair: can't change a pack that is made")


def _without(begun: Wishes, name: str, part: str) -> bytes:
    """One of the training's files as it was written before ancestors and options were kept."""
    path = begun.output / INNER / name
    with safe_open(path, framework="numpy") as stream:
        heading = dict(stream.metadata())
    told = json.loads(heading[part])
    for place, key in (("settings", "from"), ("settings", "teacher"), (None, "options"), (None, "phototypes")):
        (told.get(place, {}) if place else told).pop(key, None)
    heading[part] = json.dumps(told)
    return save(load_file(path), heading)


def test_a_teacher_can_not_be_dropped_or_taken_up_on_the_way(begun: Wishes) -> None:
    with pytest.raises(DataError, match="made with another --teacher; keep it"):
        run_of(replace(begun, teacher=str(begun.output)))
    with pytest.raises(DataError, match="made with another --from; keep it"):
        run_of(replace(begun, start=str(begun.output)))


def test_two_trainings_into_one_folder_are_refused(begun: Wishes, tmp_path: Path) -> None:
    wishes = replace(begun, data=(begun.output / INNER / PACK,), output=tmp_path / "wax")
    first, late = run_of(wishes), run_of(wishes)
    assert not wishes.output.exists()  # nothing was written yet
    messages = []

    def meanwhile() -> bool:
        for other in (lambda: run_of(wishes), late.train):
            with pytest.raises(
                BadInput, match=f"^-o: {re.escape(str(wishes.output))} is being trained already: process "
            ) as told:
                other()
            messages.append(str(told.value))
        return True

    first.train(stop=meanwhile)
    assert len(messages) >= 2 and not any("\n" in message for message in messages)
    assert not list(wishes.output.rglob("*.lock"))
    assert run_of(wishes).training.progress.step == 1


def packed(folder: Path, name: str, images: list[trees.Drawn], **how: object) -> Path:
    """A pack of drawn images."""
    data = trees.simple(folder / name, images)
    path = folder / f"{name}.pack"
    make_pack([data], path, 4, CLASSES, Filters(), lambda _: None, **how)  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("two")
    images = trees.drawn(20)
    return packed(folder, "low", images[:8]), packed(folder, "high", images[8:])


def test_packs_train_together(two: tuple[Path, Path], begun: Wishes, tmp_path: Path) -> None:
    parts = [pack.read(path) for path in two]
    whole, turned = pack.joined(parts), pack.joined(parts[::-1])
    assert len(whole) == sum(map(len, parts)) and whole.digest == turned.digest
    assert whole.digest not in [part.digest for part in parts]
    for name in ("counts", "phototypes"):
        assert whole.about[name] == {k: sum(p.about[name][k] for p in parts) for k in whole.about[name]}
    assert sorted(whole.about["data"]) == ["high", "low"]
    (shelf,) = whole.shelves()
    expected = torch.cat([part.shelves()[0].pixels for part in parts])
    assert torch.equal(shelf.pixels.sum((1, 2, 3)).sort()[0], expected.sum((1, 2, 3)).sort()[0])
    for part in parts:
        (own,) = part.shelves()
        places = [whole.image_id.index(name) for name in part.image_id]
        assert torch.equal(shelf.pixels[places], own.pixels) and torch.equal(shelf.label[places], own.label)
    wishes = replace(begun, data=two, output=tmp_path / "wax", pack_mib=48.0)
    run_of(wishes).train(stop=lambda: True)
    assert run_of(replace(wishes, data=two[::-1])).training.progress.step == 1
    with pytest.raises(DataError, match="another --data"):
        run_of(replace(wishes, data=two[:1]))


def test_packs_that_do_not_go_together_are_one_clear_line(
    two: tuple[Path, Path], begun: Wishes, tmp_path: Path
) -> None:
    single = packed(tmp_path, "single", trees.drawn(6, ("nv",)))
    wishes = replace(begun, output=tmp_path / "wax", pack_mib=48.0)
    for data, change, message in (
        ((two[0], single), {}, "^--data: packs of other classes don't go together"),
        ((two[0], two[0]), {}, "^--data: .* are the same pack; give it once"),
        ((two[0], begun.data[0]), {}, "^--data: .*low.pack is a pack and .*discs is none"),
        (two, {"filters": Filters(hair=0.5)}, "^--hair: can't change a pack that is made; leave it out"),
        (two, {"limit": 3}, "^--limit: can't change a pack"),
        (two, {"classes": ("nevus", "vascular lesion")}, "^--classes: the pack's are nevus, melanoma"),
    ):
        with pytest.raises(BadInput, match=message) as told:
            run_of(replace(wishes, data=data, **change))
        assert "\n" not in str(told.value) and not wishes.output.exists()
    assert len(run_of(replace(wishes, data=two, pack_mib=4)).pack) > 10  # as they were made: no change, no refusal


_SHORT = """
import resource
from pathlib import Path
from small_training import shelf, training
run = training(2, batch=4096, stages=(__import__("engine.training.settings").training.settings.Stage(128, 1.0),))
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
try:
    run.run()
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
def test_short_memory_is_told_with_the_option_that_helps() -> None:
    here = Path(__file__)
    environment = {"PYTHONPATH": f"{here.parents[2]}:{here.parent}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", _SHORT], capture_output=True, text=True, timeout=120, env=environment)
    assert done.stdout == ("BadInput --batch: memory is short for 4096 images of 128 pixels at once; lower it\n"), (
        done.stderr
    )
