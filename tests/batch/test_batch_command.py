"""`moulage batch` and `moulage verify` as they are called: what they print, write and answer."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small import assert_same, write_limb

from engine.errors import BadInput
from engine.lock import WriterLock

REPOSITORY = Path(__file__).resolve().parents[2]
MOULAGE = [sys.executable, "-c", "from desktop.cli import main; main()"]
JOB = """\
moulage_job = 1
name = "limbs"
seed = 5
[[patients]]
files = "limb.glb"
each = PATIENTS
[[lesions]]
class = "nevus"
count = 2
diameter_mm = 9
[network]
steps = 2
detail = 64
batch_size = 2
precision = "fp32"
[outputs]
preview = false
"""


def _moulage(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [*MOULAGE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)


def _job(folder: Path, patients: int) -> Path:
    write_limb(folder / "limb.glb")
    path = folder / "job.toml"
    path.write_text(JOB.replace("PATIENTS", str(patients)), encoding="utf-8")
    return path


def _here(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The command in this process; its exit code."""
    from desktop.cli import main

    monkeypatch.setattr(sys, "argv", ["moulage", *map(str, arguments)])
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def test_a_dry_run_of_five_hundred_patients_answers_at_once(tmp_path: Path) -> None:
    """In under two seconds: of the processor, and on the wall where the machine has time for us."""
    example = REPOSITORY / "docs" / "jobs" / "segmentation-data.toml"
    seconds = []
    for _ in range(3):
        before, started = os.times(), time.perf_counter()
        told = _moulage("batch", example, "-o", tmp_path / "out", "--dry-run", "--log-json")
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        seconds.append(min(used, time.perf_counter() - started))
    assert min(seconds) < 2.0
    needs = json.loads(told.stdout)
    assert needs["patients"] == 500 and abs(sum(needs["lesions"].values()) - 10_000) < 400
    assert needs["evaluations"] == 18 * sum(needs["lesions"].values()) or not needs["exact"]
    assert not (tmp_path / "out").exists()


def test_the_schema_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.batch.schema import schema

    assert _here(monkeypatch, "batch", "--schema") == 0
    assert json.loads(capsys.readouterr().out) == schema()


@pytest.mark.parametrize(
    ("text", "arguments", "told"),
    [
        ("count = 1", [], "-o: name a folder for the set"),
        ("count = 1000000000", ["-o", "out"], "line 4: patients[1].count: found 1000000000"),
        ("glob = '../*.glb'", ["-o", "out"], "means no body"),
        ("count = 1", ["-o", "out", "--shard", "4/3"], "--shard: is '4/3'"),
        ("count = 1", ["-o", "out", "--memory-limit", "nan"], "--memory-limit: is nan"),
        ("count = 1", ["-o", "out", "--memory-limit", "100"], "--memory-limit: 100 MB is too little"),
        ("count = 1", ["-o", "out", "--workers", "0"], "--workers: is 0"),
        ("count = 1\n[network]\nmodel = 'absent'", ["-o", "out"], "'absent' is neither a model folder nor"),
        ("count = 1\n[network]\nmodel = 'absent'", ["--dry-run"], "'absent' is no model on this machine"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    arguments: list[str],
    told: str,
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "job.toml").write_text(f"moulage_job = 1\nname = 'x'\n[[patients]]\n{text}\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    assert _here(monkeypatch, "batch", "job.toml", *arguments) == 2
    captured = capsys.readouterr()
    assert told in captured.err and captured.err.count("\n") == 1 and captured.out == ""
    assert [path.name for path in folder.iterdir()] == ["job.toml"]


def test_a_stopped_run_goes_on_and_ends_as_if_nothing_had_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C after the first finished patient; then another process holds the last one; `verify` before, after, and
    with a damaged file."""
    job, out, other = _job(tmp_path, 3), tmp_path / "out", tmp_path / "other"
    command = [*MOULAGE, "batch", str(job), "-o", str(out), "--log-json", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY) as run:
        assert run.stdout is not None and run.stderr is not None
        lines = [json.loads(run.stdout.readline())]
        while lines[-1]["done"] == 0:
            lines.append(json.loads(run.stdout.readline()))
        run.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
        lines += [json.loads(line) for line in run.stdout]
        answer = run.wait(timeout=60)
        said = run.stderr.read()
    assert answer == 1 and said.splitlines()[-1].startswith("moulage: stopped; what is finished stays"), said
    assert all(line["event"] == "progress" and line["patients"] == 3 for line in lines)
    assert 1 <= lines[-1]["done"] < 3
    assert not list(out.rglob("*.moulage-part"))
    assert _here(monkeypatch, "verify", out) == 1
    assert "the run did not reach its end" in capsys.readouterr().out

    (out / "patients" / "00003").mkdir(exist_ok=True)
    other_process = WriterLock(out / "patients" / "00003" / "manifest.jsonl", BadInput)
    assert _here(monkeypatch, "batch", job, "-o", out, "--workers", "1") == 0
    assert "1 patient is being made by another process" in capsys.readouterr().out
    assert _here(monkeypatch, "verify", out) == 1
    capsys.readouterr()
    other_process.release()

    assert _here(monkeypatch, "batch", job, "-o", out, "--log-json", "--workers", "1") == 0
    finished = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert finished["event"] == "finished" and finished["complete"] and finished["done"] == 3
    assert (finished["kept"], finished["made"]) == (2, 1)
    assert _here(monkeypatch, "batch", job, "-o", other, "--workers", "1") == 0
    told = capsys.readouterr().out
    assert re.match(r"3 patients: 3 made with 6 lesions in .*\.\nThe set is whole: look at ", told)
    assert_same(out, other)

    assert _here(monkeypatch, "verify", out, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["whole"] and found["files"] == len([p for p in out.rglob("*") if p.is_file()]) - 1 - len(
        found["unlisted"]
    )
    damaged = out / "patients" / "00003" / "albedo.png"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    assert _here(monkeypatch, "verify", out) == 1
    assert "patients/00003/albedo.png: its content is not what the manifest says" in capsys.readouterr().out
    assert _here(monkeypatch, "batch", job, "-o", out, "--workers", "1") == 0
    assert_same(out, other)


def test_a_patient_that_fails_is_told_and_the_others_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job, out = _job(tmp_path, 1), tmp_path / "out"
    (tmp_path / "broken.glb").write_bytes(b"glTF but not really")
    job.write_text(job.read_text().replace('"limb.glb"', '["broken.glb", "limb.glb"]'))
    assert _here(monkeypatch, "batch", job, "-o", out, "--workers", "1") == 3
    captured = capsys.readouterr()
    assert "2 patients: 1 made with 2 lesions" in captured.out
    assert "patient 1 failed: " in captured.err and "broken.glb" in captured.err
    assert (out / "failures" / "00001.json").is_file() and (out / "patients" / "00002" / "albedo.png").is_file()
    card = (out / "dataset_card.md").read_text(encoding="utf-8")
    assert "## Patients that failed" in card and "| patients that failed | 1 |" in card
    assert _here(monkeypatch, "verify", out) == 1


def test_verify_knows_what_generate_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limb, out = write_limb(tmp_path / "limb.glb"), tmp_path / "out"
    options = ["--diameter", "9", "--steps", "2", "--detail", "64"]
    assert _here(monkeypatch, "generate", limb, "-o", out, *options) == 0
    assert _here(monkeypatch, "verify", out) == 0
    assert "all as they were written" in capsys.readouterr().out
    (out / "albedo.png").unlink()
    assert _here(monkeypatch, "verify", out) == 1
    assert _here(monkeypatch, "verify", tmp_path) == 2
