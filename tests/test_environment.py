"""The doctor's report: every line says what was found and, where something is wrong, what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine import environment
from engine.environment import Check, check_disk, check_extras, check_model, guarded, memory_bytes, unused_card

RUN = "from desktop.cli import main; main()"


def _doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", RUN, "doctor", *arguments], capture_output=True, text=True)


def test_the_report_as_json_covers_what_moulage_needs() -> None:
    answer = _doctor("--json")
    report = json.loads(answer.stdout)
    names = [check["name"] for check in report["checks"]]
    for name in ("Python", "packages", "device", "processor", "memory", "disk", "model", "OpenGL", "ZeroMQ", "Mono"):
        assert names.count(name) == 1
    fatal = any(check["necessary"] and not check["ok"] for check in report["checks"])
    assert report["healthy"] == (not fatal)
    assert answer.returncode == int(fatal)
    for check in report["checks"]:
        assert check["found"]
        assert bool(check["remedy"]) <= (not check["ok"])
        assert "could not be examined" not in check["found"]


def test_the_report_in_words_has_one_line_per_check_and_a_verdict() -> None:
    answer = _doctor()
    lines = answer.stdout.strip().splitlines()
    assert sum(line.startswith(("ok  ", "note", "FAIL")) for line in lines) >= 12
    assert lines[-1].startswith("Moulage")


def test_a_missing_necessary_package_is_fatal_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "CORE_PACKAGES", ("numpy", "no-such-package-of-moulage"))
    (check,) = environment.check_packages()
    assert check.fatal
    assert "no-such-package-of-moulage" in check.found
    assert "no-such-package-of-moulage" in check.remedy


def test_a_missing_extra_is_no_fault_but_gets_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "EXTRAS", {"cluster": ("batches", ("ray-of-hope",)), "core": ("sums", ("numpy",))})
    missing, present = check_extras()
    assert not missing.ok and not missing.fatal and 'pip install "ray-of-hope"' in missing.remedy
    assert present.ok


def test_versions_in_a_remedy_are_those_that_moulage_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_version", lambda package: None)
    (check,) = environment.check_packages()
    assert '"numpy>=' in check.remedy


def test_an_nvidia_card_with_a_torch_for_the_cpu_gets_the_line_that_mends_it() -> None:
    check = unused_card("NVIDIA RTX 4090 (driver 560.1)", "2.13.0+cpu", None)
    assert not check.ok and not check.fatal
    assert "RTX 4090" in check.found
    assert (
        "torch==2.13.0 " in check.remedy and "--torch-backend=auto" in check.remedy and sys.executable in check.remedy
    )


def test_an_nvidia_card_that_cuda_can_not_reach_points_at_the_driver() -> None:
    check = unused_card("NVIDIA T4", "2.13.0+cu130", "13.0")
    assert "driver" in check.remedy and "13.0" in check.remedy


def test_a_missing_model_is_fatal_and_says_what_to_do(tmp_path: Path) -> None:
    (check,) = check_model(tmp_path / "nowhere")
    assert check.fatal and "nowhere" in check.found and check.remedy


def test_a_check_that_breaks_does_not_take_the_report_along() -> None:
    def broken() -> list[Check]:
        raise OSError("the disk is on fire")

    (check,) = guarded("disk", broken)
    assert not check.ok and "the disk is on fire" in check.found


def test_free_space_is_that_of_the_folder_asked_about(tmp_path: Path) -> None:
    assert str(tmp_path) in check_disk(tmp_path).found


def test_memory_is_what_the_system_says() -> None:
    total = memory_bytes()
    assert total is None or total > 2**28
