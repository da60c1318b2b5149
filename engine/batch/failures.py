"""Patients that could not be made: why, on the disk, so that a later run knows, and the traceback for who mends it."""

import contextlib
import json
from pathlib import Path

from engine.batch.layout import FAILURES, failure_file, failure_log
from engine.errors import OutputError
from engine.output import TEMPORARY_SUFFIX, telling, write_atomic

_MOST_BYTES = 1 << 20
_TRIES = 10


def record(out: Path, number: int, reason: str, trace: str) -> None:
    """Keep a patient's failure. reason: one line; trace: the traceback. OutputError where that can't be written."""
    _write(failure_log(out, number), trace.encode(errors="backslashreplace"))
    text = json.dumps({"patient": number, "reason": reason}, sort_keys=True, ensure_ascii=False) + "\n"
    _write(failure_file(out, number), text.encode(errors="backslashreplace"))


def reason(out: Path, number: int) -> str | None:
    """Why a patient failed in an earlier run; None where it didn't."""
    path = failure_file(out, number)
    try:
        if path.stat().st_size > _MOST_BYTES:
            return "its record is damaged"
        return str(json.loads(path.read_text(encoding="utf-8"))["reason"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return "its record is damaged"


def forget(out: Path, number: int) -> None:
    """The patient was made: drop what is recorded of its failure."""
    if not (out / FAILURES).is_dir():
        return
    with telling(out / FAILURES), contextlib.suppress(FileNotFoundError):  # another may have removed the folder
        for path in (failure_file(out, number), failure_log(out, number)):
            path.unlink(missing_ok=True)
            for leftover in path.parent.glob(f".{path.name}.*{TEMPORARY_SUFFIX}"):
                leftover.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it isn't empty, or gone already
        (out / FAILURES).rmdir()


def _write(path: Path, data: bytes) -> None:
    """As `write_atomic`, in a folder that `forget` may remove at the same moment."""
    for last in (*[False] * (_TRIES - 1), True):
        with telling(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_atomic(path, data)
        except OutputError as error:
            if last or not isinstance(error.__cause__, FileNotFoundError):
                raise
        else:
            return
