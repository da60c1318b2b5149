"""Results on the disk: whole or absent, saying what they are, and taken up again after any interruption."""

import errno
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scene_samples import layer

from engine import BadInput, MoulageError, OutputError, png
from engine.output import (
    TEMPORARY_SUFFIX,
    OutputFolder,
    Provenance,
    encode_png,
    temporary_beside,
    verify,
    write_atomic,
    xmp_packet,
)

SPEC = layer(3).spec
ORIGIN = Provenance(SPEC.to_json(), "ab" * 32, "CC BY-NC 4.0 <Größe & Co>")
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and limits")


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def file_bytes(number: int) -> bytes:
    return np.random.default_rng(number).bytes(20_000 + number)


# pictures


@pytest.mark.parametrize(
    "pixels",
    [
        np.random.default_rng(1).integers(0, 256, (40, 30, 3), np.uint8),
        np.random.default_rng(1).integers(0, 256, (40, 30, 4), np.uint8),
        np.random.default_rng(1).integers(0, 65536, (40, 30), np.uint16),
    ],
    ids=["rgb", "rgba", "grey16"],
)
def test_a_picture_says_what_it_is_and_stays_a_plain_png(tmp_path, pixels) -> None:
    data = encode_png(pixels, ORIGIN)
    assert data == encode_png(pixels.copy(), ORIGIN)
    assert np.array_equal(png.decode(data), pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image).astype(pixels.dtype), pixels)
        assert SOURCE_TYPE in image.text["XML:com.adobe.xmp"]
        assert SPEC.from_json(image.text["moulage:spec"]) == SPEC
        assert image.text["moulage:model"] == ORIGIN.model and image.text["Copyright"] == ORIGIN.licence
        assert image.text["Disclaimer"] == "Synthetic. Not for diagnosis."


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_the_origin(tmp_path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(np.zeros((9, 7, 3), np.uint8), ORIGIN))
    command = ["exiftool", "-json", "-G", "-n", "-validate", "-warning", "-a", str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    (found,) = json.loads(done.stdout)
    assert not [key for key in found if key.endswith(("Warning", "Error"))], found
    done = subprocess.run(["exiftool", "-json", "-G", "-n", str(path)], capture_output=True, check=True)
    (found,) = json.loads(done.stdout)
    assert found["XMP:DigitalSourceType"] == SOURCE_TYPE
    assert found["XMP:Description"] == "Synthetic. Not for diagnosis." and found["XMP:Rights"] == ORIGIN.licence
    assert found["PNG:ImageWidth"] == 7 and found["PNG:BitDepth"] == 8 and found["File:MIMEType"] == "image/png"


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=30))
def test_the_packet_is_well_formed_xml_whatever_the_licence_says(text) -> None:
    from xml.etree import ElementTree

    packet = xmp_packet(Provenance("{}", text, text.encode("utf-8", "replace").decode()))
    packet.encode("utf-8")
    assert SOURCE_TYPE in {node.text for node in ElementTree.fromstring(packet).iter()}


def test_a_provenance_without_a_readable_spec_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        Provenance("not json", "", "")


# single files


def test_a_file_is_replaced_whole(tmp_path) -> None:
    path = tmp_path / "a.bin"
    write_atomic(path, b"old")
    write_atomic(path, b"new" * 1000)
    assert path.read_bytes() == b"new" * 1000 and names(tmp_path) == ["a.bin"]
    with pytest.raises(KeyboardInterrupt), temporary_beside(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"new" * 1000 and names(tmp_path) == ["a.bin"]
    with pytest.raises(OutputError, match="nowhere"):
        write_atomic(tmp_path / "nowhere" / "a.bin", b"")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_every_failing_call_leaves_the_old_file_alone(tmp_path, monkeypatch, call, number) -> None:
    path = tmp_path / "a.bin"
    write_atomic(path, b"old")

    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    owner, name = {"write": (Path, "write_bytes"), "fsync": (os, "fsync"), "replace": (Path, "replace")}[call]
    monkeypatch.setattr(owner, name, fails)
    with pytest.raises(OutputError, match=r"a\.bin") as caught:
        write_atomic(path, b"new")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["a.bin"]


def test_a_disk_without_room_for_the_lock_is_full_and_not_another_process(tmp_path, monkeypatch) -> None:
    class Busy(MoulageError):
        """Another process writes."""

    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="disk is full"):
        patch.setattr(os, "write", fails)
        OutputFolder(tmp_path, "job", busy=Busy)
    assert names(tmp_path) == []
    with OutputFolder(tmp_path, "job"), pytest.raises(Busy, match="is writing it"):
        OutputFolder(tmp_path, "job", busy=Busy)


def test_a_full_disk_leaves_nothing(small_disk) -> None:
    write_atomic(small_disk / "a.bin", b"old")
    with pytest.raises(OutputError, match="disk is full"):
        write_atomic(small_disk / "a.bin", bytes(3_000_000))
    assert (small_disk / "a.bin").read_bytes() == b"old" and names(small_disk) == ["a.bin"]
    with OutputFolder(small_disk / "out", "job") as folder:
        with folder.stage() as stage:
            stage.write("one", bytes(100_000))
        with pytest.raises(OutputError, match="disk is full"), folder.stage() as stage:
            stage.write("two", bytes(100_000))
            stage.write("three", bytes(3_000_000))
        assert folder.has("one") and not folder.has("two")
    assert names(small_disk / "out") == ["manifest.jsonl", "one"]


# folders


def test_a_stage_appears_together_and_is_recorded(tmp_path) -> None:
    out = tmp_path / "out"
    with OutputFolder(out, "job") as folder:
        with folder.stage() as stage:
            stage.write("p1/albedo.png", file_bytes(1), ORIGIN)
            stage.write("p1/patient.json", file_bytes(2))
            assert not (out / "p1" / "albedo.png").exists()
        with pytest.raises(KeyboardInterrupt), folder.stage() as stage:
            stage.write("p2/albedo.png", file_bytes(3), ORIGIN)
            raise KeyboardInterrupt
        folder.note(patient="p1", seconds=1.5)
        assert not verify(out).complete
        folder.finish()
    found = verify(out)
    assert found.complete and found.files == 2 and found.problems == () and found.unlisted == ()
    assert names(out) == ["manifest.jsonl", "p1/albedo.png", "p1/patient.json", "run.jsonl"]
    head, first, second = map(json.loads, (out / "manifest.jsonl").read_text().splitlines())
    assert head == {"moulage_manifest": 1, "job": "job", "complete": True}
    assert first["spec"] == json.loads(SPEC.to_json()) and first["model"] == ORIGIN.model
    assert first["licence"] == ORIGIN.licence and first["size"] == 20_001
    assert second == {"path": "p1/patient.json", "sha256": second["sha256"], "size": 20_002}


def test_verify_finds_a_flipped_byte_a_missing_and_a_strange_file(tmp_path) -> None:
    out = tmp_path / "out"
    with OutputFolder(out, "job") as folder:
        with folder.stage() as stage:
            for number in range(4):
                stage.write(f"{number}.bin", file_bytes(number))
        folder.finish()
    data = bytearray((out / "1.bin").read_bytes())
    data[777] ^= 1
    (out / "1.bin").write_bytes(data)
    (out / "2.bin").unlink()
    (out / "3.bin").write_bytes(b"short")
    (out / "strange.txt").write_text("hello")
    found = verify(out)
    assert [problem.split(":")[0] for problem in found.problems] == ["1.bin", "2.bin", "3.bin"]
    assert found.unlisted == ("strange.txt",)
    with OutputFolder(out, "job") as folder:
        assert [folder.has(f"{number}.bin") for number in range(4)] == [True, False, False, False]
        with folder.stage() as stage:
            for number in (1, 2, 3):
                stage.write(f"{number}.bin", file_bytes(number))
        folder.finish()
    assert verify(out).problems == ()


def test_a_folder_of_something_else_is_not_touched(tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.doc").write_text("mine")
    with pytest.raises(BadInput, match="--force"):
        OutputFolder(out, "job")
    assert names(out) == ["thesis.doc"]
    with OutputFolder(out, "job", force=True) as folder, folder.stage() as stage:
        stage.write("a", b"a")
        stage.write("b", b"b")
    with pytest.raises(BadInput, match="another job"):
        OutputFolder(out, "other")
    (out / "b").write_bytes(b"changed by hand")
    with OutputFolder(out, "other", force=True) as folder:
        assert not folder.has("a")
    assert names(out) == ["b", "manifest.jsonl", "thesis.doc"]
    with pytest.raises(BadInput, match="manifest"):
        verify(tmp_path)


def test_one_process_writes_a_folder(tmp_path) -> None:
    with (
        OutputFolder(tmp_path / "out", "job"),
        pytest.raises(OutputError, match=f"process {os.getpid()} "),
    ):
        OutputFolder(tmp_path / "out", "job")
    OutputFolder(tmp_path / "out", "job").close()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../a",
        "a/../b",
        "a//b",
        "a\\b",
        "C:a",
        "con.png",
        "a.",
        "a\x00b",
        "manifest.jsonl",
        "ü" * 150,
    ],
)
def test_names_that_leave_the_folder_are_refused(tmp_path, name) -> None:
    with (
        OutputFolder(tmp_path / "out", "job") as folder,
        pytest.raises(BadInput, match="file name"),
        folder.stage() as stage,
    ):
        stage.write(name, b"x")
    assert names(tmp_path) == ["out/manifest.jsonl"]


@pytest.mark.parametrize("line", ["{}", "[]", '{"path": "../x", "sha256": "", "size": 1}', "nonsense", "[" * 100_000])
def test_a_damaged_manifest_is_told_and_a_torn_one_taken_up(tmp_path, line) -> None:
    out = tmp_path / "out"
    with OutputFolder(out, "job") as folder, folder.stage() as stage:
        stage.write("a", b"a")
    manifest = out / "manifest.jsonl"
    sound = manifest.read_bytes()
    manifest.write_bytes(sound + line.encode() + b"\n")
    for use in (verify, lambda path: OutputFolder(path, "job")):
        with pytest.raises(BadInput, match="line 3"):
            use(out)
    manifest.write_bytes(sound + b'{"path": "b", "sha')
    with OutputFolder(out, "job") as folder:
        assert folder.has("a") and not folder.has("b")
    assert manifest.read_bytes() == sound


RUN = """
import sys, pathlib
from random import Random
from engine.output import OutputFolder, Provenance
ORIGIN = Provenance("[1, 2]", "ab", "CC0")
print("go", flush=True)
with OutputFolder(pathlib.Path(sys.argv[1]), "job") as folder:
    for patient in range(25):
        wanted = [f"p{{patient}}/{{part}}.bin" for part in range(3)]
        if all([folder.has(name) for name in wanted]):
            continue
        with folder.stage() as stage:
            for part, name in enumerate(wanted):
                stage.write(name, Random(patient * 3 + part).randbytes(20_000), ORIGIN)
        folder.note(patient=patient)
    folder.finish()
print("end", flush=True)
"""


@posix
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(tmp_path, blow) -> None:
    script = RUN.format()

    def run(out: Path, seconds: float | None) -> str:
        with subprocess.Popen(
            [sys.executable, "-c", script, str(out)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            if seconds is not None:
                time.sleep(seconds)
                process.send_signal(blow)
            return process.stdout.read()

    moments = random.Random(6)
    assert run(tmp_path / "calm", None) == "end\n"
    out = tmp_path / "out"
    for _ in range(5):
        run(out, moments.uniform(0.0, 0.15))
        if (out / "manifest.jsonl").exists():
            assert verify(out).problems == ()
        for number in range(75):
            path = out / f"p{number // 3}" / f"{number % 3}.bin"
            assert not path.exists() or path.read_bytes() == random.Random(number).randbytes(20_000)
        if blow == signal.SIGINT:
            assert not list(out.rglob(f"*{TEMPORARY_SUFFIX}"))
    assert run(out, None) == "end\n"
    ours = {name: (out / name).read_bytes() for name in names(out) if name != "run.jsonl"}
    calm = {name: (tmp_path / "calm" / name).read_bytes() for name in names(tmp_path / "calm") if name != "run.jsonl"}
    assert ours == calm and len(ours) == 76
