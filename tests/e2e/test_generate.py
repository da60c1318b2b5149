"""`moulage generate` as a user runs it: real body, real network at few steps, real files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import moulage
from PIL import Image
from tube import layer

from engine import png
from engine.avatar.load import load
from engine.lesion import Site
from engine.output import verify
from engine.scene import Scene
from engine.surface import Surface

pytestmark = pytest.mark.slow
BASE = [sys.executable, "-m", "desktop"]


FEW = ("--steps", 2, "--detail", 64)
OURS = (*FEW, "--count", 2, "--region", "back", "--seed", 4)


@pytest.fixture(scope="module")
def made(default_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the program makes in a process of its own, as a user starts it. Tests may harm it if they mend it."""
    output = tmp_path_factory.mktemp("made") / "out"
    command = [*BASE, *map(str, ("generate", default_patient, "-o", output, *OURS))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    return output


def document(folder: Path) -> list[dict]:
    return [json.loads(file.read_text()) for file in sorted(folder.glob("lesions/*/spec.json"))]


def test_everything_promised_is_there_and_listed(made: Path) -> None:
    names = {file.relative_to(made).as_posix() for file in made.rglob("*") if file.is_file()}
    assert {"scene.moulage", "avatar.glb", "albedo.png", "lesion_mask.png", "manifest.jsonl", "preview.png"} <= names
    assert len(document(made)) == 2
    report = verify(made)
    assert report.complete and not report.problems
    assert set(report.unlisted) <= {"scene.moulage", "scene.moulage.lock"}


def test_sizes_are_as_asked_and_lesions_lie_on_the_back(made: Path) -> None:
    for lesion in document(made):
        assert abs(lesion["diameter_mm"] / lesion["spec"]["diameter_mm"] - 1) < 0.05
        assert lesion["body_part"] == "back"


def test_mask_and_texture_agree(made: Path, default_patient: Path) -> None:
    """Away from the lesions the skin is the patient's own, bit for bit."""
    mask = png.decode((made / "lesion_mask.png").read_bytes())
    assert mask.dtype == np.uint16
    assert set(np.unique(mask)) == {0, 1, 2}
    new = np.asarray(Image.open(made / "albedo.png"), int)[..., :3]
    with _albedo(default_patient) as image:
        old = np.asarray(image, int)[..., :3]
    surface = Surface.of(load(default_patient))
    skin = surface.owners(0, *new.shape[1::-1]) >= 0
    changed = (new != old).any(-1) & skin
    near = cv2.dilate((mask > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert changed.any()
    assert not (changed & ~near).any()


def _albedo(glb: Path) -> Image.Image:
    import io

    return Image.open(io.BytesIO(load(glb).materials[0].maps["albedo"].encoded))


def test_the_glb_carries_the_new_texture_and_the_old_skeleton(made: Path, default_patient: Path) -> None:
    old, new = load(default_patient), load(made / "avatar.glb")
    assert new.materials[0].maps["albedo"].encoded == (made / "albedo.png").read_bytes()
    assert old.skeleton is not None and new.skeleton is not None
    assert new.skeleton.names == old.skeleton.names
    assert np.array_equal(new.positions, old.positions)


def test_pictures_say_that_they_are_synthetic(made: Path) -> None:
    for name in ("albedo.png", "lesion_mask.png", "preview.png", *(p.as_posix() for p in made.glob("lesions/*/*.png"))):
        with Image.open(made / name) as image:
            assert "trainedAlgorithmicMedia" in image.info["XML:com.adobe.xmp"]


def test_the_same_command_gives_the_same_bytes(made: Path, default_patient: Path, tmp_path: Path) -> None:
    """In this process and in the other one."""
    again = tmp_path / "again"
    result = moulage("generate", default_patient, "-o", again, *OURS)
    assert result.returncode == 0, result.stderr
    assert (again / "manifest.jsonl").read_bytes() == (made / "manifest.jsonl").read_bytes()


def test_a_second_run_only_verifies_and_mends(made: Path, default_patient: Path) -> None:
    lost = next(made.glob("lesions/*/patch.png"))
    whole = lost.read_bytes()
    lost.unlink()
    result = moulage("generate", default_patient, "-o", made, *OURS)
    assert result.returncode == 0, result.stderr
    assert lost.read_bytes() == whole
    assert "made before" in result.stdout


def test_the_folder_s_own_scene_may_be_named(made: Path, default_patient: Path) -> None:
    before = (made / "manifest.jsonl").read_bytes()
    own = made / "scene.moulage"
    result = moulage("generate", default_patient, "-o", made, *OURS, "--scene", own)
    assert result.returncode == 0, result.stderr
    assert (made / "manifest.jsonl").read_bytes() == before


def test_a_scene_that_was_worked_on_is_begun_anew_by_force_only(made: Path, default_patient: Path, tmp_path) -> None:
    """By force the results are those of a fresh folder: nothing of the other work is among them."""
    out = shutil.copytree(made, tmp_path / "out")
    with Scene.open(out / "scene.moulage", write=True) as scene, scene.edit("Work of one's own") as edit:
        for entry in scene.entries():
            edit.remove(entry.id)
        edit.add(layer("mine", Site(0, (1.0, 0.0, 0.0))))
    before = (out / "scene.moulage").read_bytes()
    command = ("generate", default_patient, "-o", out, *OURS)
    refused = moulage(*command)
    assert refused.returncode == 2
    assert "scene.moulage" in refused.stderr and "--force" in refused.stderr
    assert (out / "scene.moulage").read_bytes() == before
    forced = moulage(*command, "--force")
    assert forced.returncode == 0, forced.stderr
    assert (out / "manifest.jsonl").read_bytes() == (made / "manifest.jsonl").read_bytes()


def test_scenes_grow(default_patient: Path, tmp_path: Path) -> None:
    scene = tmp_path / "ward.moulage"
    for seed, part in ((1, "chest"), (2, "left-forearm")):
        out = tmp_path / part
        result = moulage(
            "generate", default_patient, "-o", out, *FEW, "--region", part, "--seed", seed, "--scene", scene, "--json"
        )
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["lesions"][0]["body_part"] == part
    with Scene.open(scene) as opened:
        assert [entry.body_part for entry in opened.entries()] == ["chest", "left-forearm"]
        assert len(opened.history()[0]) == 2
    assert len(document(tmp_path / "left-forearm")) == 2


def test_killed_in_the_middle_nothing_is_half_written(default_patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    command = [*BASE, *map(str, ("generate", default_patient, "-o", out, "--steps", 40, "--count", 2, "--seed", 9))]
    for sign in (signal.SIGKILL, signal.SIGINT):
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=_interruptible
        ) as process:
            while not (out / "scene.moulage").exists() and process.poll() is None:
                time.sleep(0.1)
            _let_work(process, 1.5)  # until it is in the middle of painting
            process.send_signal(sign)
            _, error = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "Traceback" not in error
        left = {file.name for file in out.rglob("*") if file.is_file() and file.suffix != ".lock"}
        assert left <= {"manifest.jsonl", "scene.moulage", "run.jsonl"}
        with Scene.open(out / "scene.moulage") as scene:
            assert scene.entries() == ()


def _let_work(process: "subprocess.Popen[str]", seconds: float) -> None:
    """Wait until the process has had so much of the processor, however busy the machine is; or has ended."""
    status = Path(f"/proc/{process.pid}/stat")
    if not status.exists():
        time.sleep(seconds)
        return
    ticks = os.sysconf("SC_CLK_TCK")

    def used() -> float:
        return sum(map(int, status.read_text().rpartition(")")[2].split()[11:13])) / ticks if status.exists() else 0.0

    before = used()
    while process.poll() is None and used() < before + seconds:
        time.sleep(0.05)


def _interruptible() -> None:
    """Undo what a shell does to programs that it starts in the background: they would never see Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--diameter", 0.1), "diameter_mm"),
        (("--diameter", "nan"), "diameter_mm"),
        (("--class", "wart"), "--class"),
        (("--diameter", "110", "--region", "left-ear"), "--region"),
        (("--region", "tail"), "tail"),
        (("--region", "missing.png"), "missing.png"),
        (("--uv", "0.5"), "--uv"),
        (("--uv", "2,2"), "uv"),
        (("--uv", "0.5,0.5", "--region", "back"), "--uv"),
        (("--site", "skin:1,0.5,0.5"), "--site"),
        (("--site", "skin:99999999,1,0,0"), "--site"),
        (("--site", "bone:1,1,0,0"), "bone"),
        (("--count", 0), "--count"),
        (("--seed", -1), "--seed"),
        (("--steps", 1), "steps"),
        (("--detail", 5000), "detail"),
        (("--model", "nonesuch"), "nonesuch"),
        (("--device", "toaster"), "--device"),
        (("--scene", "{other}"), "another avatar"),
        (("--shape", "star"), "--shape"),
        (("--material", "bone", "--uv", "0.5,0.5"), "bone"),
        (("--material", "bone"), "bone"),
        (("--material", "bone", "--region", "back"), "bone"),
        (("--material", "bone", "--site", "skin:1,1,0,0"), "--material"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    arguments: tuple, field: str, default_patient: Path, tmp_path: Path
) -> None:
    out, other = tmp_path / "out", tmp_path / "other.moulage"
    Scene.create_of_glb(other, b"another body", "other", 1.0).close()
    arguments = [str(word).format(other=other) for word in arguments]
    result = moulage("generate", default_patient, "-o", out, *FEW, *arguments)
    error = result.stderr.strip()
    assert result.returncode == 2, error
    assert field in error
    assert len(error.splitlines()) == 1
    assert not out.exists()


def test_a_folder_of_something_else_is_not_touched(default_patient: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    result = moulage("generate", default_patient, "-o", tmp_path, *FEW)
    assert result.returncode == 2
    assert "--force" in result.stderr
    result = moulage("generate", default_patient, "-o", tmp_path / "thesis.txt", *FEW)
    assert result.returncode == 2
    assert "thesis.txt: is a file" in result.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]
