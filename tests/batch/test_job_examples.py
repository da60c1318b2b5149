"""The documented jobs run as they are; here one of them does, with fewer patients, nevi and evaluations."""

import json
import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.batch import load, run
from engine.batch.draw import draw_patient, draw_slots
from engine.batch.estimate import estimate
from engine.batch.executors import Local
from engine.batch.verification import verify
from engine.clinic import CLINIC

JOBS = Path(__file__).resolve().parents[2] / "docs" / "jobs"
EXAMPLES = sorted(JOBS.glob("*.toml"))
SHRUNK = {
    r"count = 20\b": "count = 1\ntexture_size = 1024",
    r"min = 14, max = 22": "min = 3, max = 3",
    r"\[outputs\]": "[network]\nsteps = 2\nprecision = 'fp32'\n[outputs]",
    r"share = 0.5": "share = 1",
    r"controls = 0.5": "controls = 0",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_can_be_planned_whole(path: Path) -> None:
    job = load(path)
    needs = estimate(job)
    slots = sum(draw_slots(job, number) for number in range(1, job.patients + 1))
    assert needs.patients == job.patients and abs(sum(needs.lesions.values()) - slots) <= 0.02 * slots + 2
    for number in (1, job.patients):
        assert draw_patient(job, number).slots == draw_slots(job, number)


def test_the_ugly_duckling_is_made_and_stands_out(tmp_path: Path, local: Local) -> None:
    pytest.importorskip("anny", reason="the avatar extra is not installed: pip install 'moulage[avatar]'")
    text = (JOBS / "ugly-duckling.toml").read_text(encoding="utf-8")
    for old, new in SHRUNK.items():
        assert len(re.findall(old, text)) == 1
        text = re.sub(old, new, text)
    (tmp_path / "job.toml").write_text(text, encoding="utf-8")
    out = tmp_path / "set"
    outcome = run(load(tmp_path / "job.toml"), out, local)
    assert outcome.complete and not outcome.failed
    found = verify(out)
    assert found.complete and not found.problems
    record = json.loads((out / "patients" / "00001" / "patient.json").read_text(encoding="utf-8"))
    lesions = record["lesions"]
    (odd,) = (lesion for lesion in lesions if lesion["odd"])
    nevi = [lesion for lesion in lesions if not lesion["odd"]]
    assert odd["class"] == "melanoma" and len(nevi) == 3 and {lesion["body_part"] for lesion in lesions} == {"back"}
    assert odd["diameter_mm"] > max(lesion["diameter_mm"] for lesion in nevi)

    def picture(lesion: dict[str, str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        with Image.open(out / "patients" / "00001" / lesion["close_up"]) as opened:
            return np.asarray(opened.convert("RGB"), float)[40:88, 40:88]

    apart = [float(np.abs(picture(a) - picture(b)).mean()) for a, b in pairwise(nevi)]
    assert max(apart) < 0.7 * min(float(np.abs(picture(odd) - picture(one)).mean()) for one in nevi)
    card = (out / "dataset_card.md").read_text(encoding="utf-8")
    assert "| patients with an ugly duckling | 1 |" in card
    with Image.open(out / "contact_sheet.png") as page:
        assert page.width > 500


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_slurm_script_is_one() -> None:
    script = JOBS / "slurm.sh"
    assert os.access(script, os.X_OK) and subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_the_guides_clinical_ranges_are_the_programs() -> None:
    guide = (JOBS.parent / "batch.md").read_text(encoding="utf-8")
    for name, clinic in CLINIC.items():
        (low, high), irregularity, asymmetry = clinic.range_mm, clinic.irregularity, clinic.asymmetry
        row = f"| {name} | {clinic.median_mm:g} | {low:g}-{high:g} | {clinic.log_sigma:g} |"
        row += f" {irregularity[0]:.2f}-{irregularity[1]:.2f} | {asymmetry[0]:.2f}-{asymmetry[1]:.2f} |"
        assert row in guide
