"""Where everything lies in a set's folder. Patients count from 1."""

from pathlib import Path

PATIENTS = "patients"
FAILURES = "failures"
JOB = "job.json"
ANNOTATIONS = "annotations.json"
CARD = "dataset_card.md"
CONTACT_SHEET = "contact_sheet.png"


def patient_name(number: int) -> str:
    """A patient's folder, as a path inside the set."""
    return f"{PATIENTS}/{number:05d}"


def patient_folder(out: Path, number: int) -> Path:
    """A patient's folder."""
    return out / PATIENTS / f"{number:05d}"


def failure_file(out: Path, number: int) -> Path:
    """Where it stands why a patient could not be made, as JSON."""
    return out / FAILURES / f"{number:05d}.json"


def failure_log(out: Path, number: int) -> Path:
    """The traceback of that."""
    return out / FAILURES / f"{number:05d}.log"
