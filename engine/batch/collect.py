"""The files of the whole set, made when all its patients are there: annotations, card, contact sheet, manifest.

They are read together from the patients' own files, so any process may make them, and one that meets a finished set
finds nothing to do. The manifest holds every patient's records, streamed, in the order of their paths.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.batch import failures
from engine.batch.job import Job
from engine.batch.layout import (
    ANNOTATIONS,
    CARD,
    CONTACT_SHEET,
    JOB,
    PATIENTS,
    failure_file,
    patient_folder,
    patient_name,
)
from engine.batch.outputs import ANNOTATIONS as OWN_ANNOTATIONS
from engine.batch.outputs import RECORD, Origin
from engine.errors import MoulageError, OutputError
from engine.lock import WriterLock
from engine.output import TEMPORARY_SUFFIX, Provenance, encode_png, telling, temporary_beside, write_atomic
from engine.output.folder import MANIFEST, Record, manifest_lines, read_manifest

ON_CONTACT_SHEET = 24
_POLL_S = 0.5


class _Held(MoulageError):
    """Another process makes the set's files at this moment."""


def collect(out: Path, job: Job, origin: Origin) -> bool:
    """Make the set's files where every patient is finished or has failed; whether the set is complete.

    A set with failed patients gets its files too, and is not complete. Where another process makes them, waits for it
    and looks again: it may have begun before this process' last patient was there. OutputError where the disk is full
    or can't be written.
    """
    numbers = sorted(range(1, job.patients + 1), key=patient_name)
    while True:
        finished = [number for number in numbers if _finished(out, number, origin)]
        missing = set(numbers) - set(finished)
        if any(not failure_file(out, number).exists() for number in missing):
            return False
        if not _untidy(out) and _is_done(out, finished, origin, not missing):
            return not missing
        try:
            lock = WriterLock(out / MANIFEST, _Held, OutputError)
        except _Held:
            time.sleep(_POLL_S)
            continue
        try:
            with telling(out):
                for leftover in out.glob(f".*{TEMPORARY_SUFFIX}"):
                    leftover.unlink(missing_ok=True)
            if not _is_done(out, finished, origin, not missing):
                _make(out, job, origin, finished, sorted(missing))
        finally:
            lock.release()
        return not missing


def _untidy(out: Path) -> bool:
    """Whether a process that made the set's files is at it, or left something behind."""
    return (out / f"{MANIFEST}.lock").exists() or any(out.glob(f".*{TEMPORARY_SUFFIX}"))


def _make(out: Path, job: Job, origin: Origin, finished: list[int], failed: list[int]) -> None:
    from engine.batch import annotations, card, contact

    if job.outputs.annotations:
        fragments = ((f"{patient_name(n)}/", (patient_folder(out, n) / OWN_ANNOTATIONS).read_bytes()) for n in finished)
        path = out / ANNOTATIONS
        with temporary_beside(path) as temporary, telling(path), temporary.open("wb") as stream:
            for piece in annotations.merge(fragments):
                stream.write(piece)
    reasons = [(n, failures.reason(out, n) or "") for n in failed]
    text = card.write(job, (_record(out, n) for n in finished), reasons, origin.licence, origin.model)
    write_atomic(out / CARD, text.encode())
    if job.outputs.contact_sheet and finished:
        chosen = [(_record(out, n), patient_folder(out, n)) for n in sorted(finished)[:ON_CONTACT_SHEET]]
        own = Provenance(json.dumps({"job": origin.job}), origin.model, origin.licence)
        write_atomic(out / CONTACT_SHEET, encode_png(contact.sheet(job, chosen), own))
    with temporary_beside(out / MANIFEST) as temporary, telling(out / MANIFEST), temporary.open("wb") as stream:
        for line in manifest_lines(origin.job, not failed, _rows(out, finished, origin)):
            stream.write(line)


def _finished(out: Path, number: int, origin: Origin) -> bool:
    """Whether a patient's manifest says that it is complete; its files are not read here."""
    manifest = patient_folder(out, number) / MANIFEST
    try:
        with manifest.open("rb") as stream:
            head = json.loads(stream.readline(1 << 16))
        return bool(head["job"] == f"{origin.job} {number}" and head["complete"] is True)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_done(out: Path, finished: list[int], origin: Origin, complete: bool) -> bool:
    """Whether the set's manifest is there, lists just these patients' files, and its own files are as it says."""
    try:
        with (out / MANIFEST).open("rb") as stream:
            lines = manifest_lines(origin.job, complete, _rows(out, finished, origin))
            return all(line == stream.readline() for line in lines) and not stream.readline()
    except (MoulageError, OSError):
        return False


def _rows(out: Path, finished: list[int], origin: Origin) -> Iterator[Record]:
    """All records of the set, by path: its own files, then patient by patient."""
    for name in sorted((ANNOTATIONS, CARD, CONTACT_SHEET, JOB)):
        if (out / name).is_file():
            by_network = {} if name == JOB else {"model": origin.model, "licence": origin.licence}
            yield _row_of(out, name) | by_network
    for number in finished:
        prefix = patient_name(number)
        _, _, records = read_manifest(out / prefix / MANIFEST)
        rows = [record | {"path": f"{prefix}/{record['path']}"} for record in records.values()]
        yield from sorted([*rows, _row_of(out, f"{prefix}/{MANIFEST}")], key=lambda row: str(row["path"]))


def _row_of(out: Path, name: str) -> Record:
    with (out / name).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"path": name, "sha256": digest, "size": (out / name).stat().st_size}


def _record(out: Path, number: int) -> dict[str, Any]:
    path = patient_folder(out, number) / RECORD
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: is missing or damaged; run the same command again, without --shard") from error
    return document


assert PATIENTS > JOB, "the set's own files sort before its patients"
