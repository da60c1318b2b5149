"""Whose folder a set's folder is: one job, one model, one precision, whoever comes first, on however many machines.

`job.json` says it. Every process of a run compares it before it writes anything else.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.batch.job import AvatarFile, Job
from engine.batch.layout import JOB, PATIENTS
from engine.errors import BadInput, MoulageError, OutputError
from engine.lock import WriterLock
from engine.output import TEMPORARY_SUFFIX, telling, write_atomic
from engine.output.folder import MANIFEST, read_manifest

LAYOUT = 1
"""Grows when files of a set get other names or another meaning."""
_WAIT_S = 30.0
_MOST_BYTES = 64 << 20


class _Held(MoulageError):
    """Another process is claiming the folder at this moment."""


@dataclass(frozen=True)
class Claim:
    """identity: SHA-256 of all that decides the results. precision: of the network, the same for all processes."""

    identity: str
    precision: str


def claim(out: Path, job: Job, model: str, precision: Callable[[], str]) -> Claim:
    """Make the folder this job's, or find that it is.

    model: fingerprint of the weights. precision: asked where the job says `auto` and nobody has decided yet.
    BadInput where the folder holds something else or another job's set; nothing is touched then. OutputError where it
    can't be written.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file; name a folder for the results")
    _require_readable(job)
    known = _read(out)
    if known is not None and (out / f"{JOB}.lock").exists():
        _lock(out).release()  # a claim that was killed, or one that is just ending
    if known is None:
        strange = _strange(out)
        if strange is not None and not _is_ours(out, job, model):
            raise BadInput(f"{out}: holds {strange} and no set of a batch; choose another folder")
        with telling(out):
            out.mkdir(parents=True, exist_ok=True)
        lock = _lock(out)
        try:
            known = _read(out)
            if known is None:
                known = _written(out, job, model, precision)
        finally:
            lock.release()
    ours = identity(job, model, str(known.get("precision")))
    if known.get("set") != ours:
        raise BadInput(f"{out}: {_difference(known, job, model)}; choose another folder, or go on with that job")
    return Claim(ours, str(known["precision"]))


def identity(job: Job, model: str, precision: str) -> str:
    """What a set is recognised by."""
    text = json.dumps({"layout": LAYOUT, "job": job.fingerprint, "model": model, "precision": precision})
    return hashlib.sha256(text.encode()).hexdigest()


def _require_readable(job: Job) -> None:
    """BadInput where an avatar file can't be read."""
    try:
        _ = job.fingerprint
    except OSError as error:
        raise BadInput(f"patients: {error.filename} can't be read ({error.strerror})") from error


def _written(out: Path, job: Job, model: str, precision: Callable[[], str]) -> dict[str, Any]:
    decided = job.network.precision if job.network.precision != "auto" else precision()
    document = {
        "moulage_set": LAYOUT,
        "set": identity(job, model, decided),
        "job_fingerprint": job.fingerprint,
        "model": model,
        "precision": decided,
        "job": _portable(job),
    }
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomic(out / JOB, text.encode())
    return document


def _portable(job: Job) -> dict[str, Any]:
    """The job as a document without the folders of this machine."""
    document = asdict(job)
    for entry, source in zip(document["sources"], job.sources, strict=True):
        if isinstance(source, AvatarFile):
            entry["path"] = source.path.name
    return document


def _read(out: Path) -> dict[str, Any] | None:
    path = out / JOB
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{path}: is too large to be ours; choose another folder")
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"{path}: can't be read ({error.strerror}); choose another folder") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: is damaged ({error}); begin in another folder") from error
    if not isinstance(document, dict) or document.get("moulage_set") != LAYOUT:
        raise BadInput(f"{path}: is no set of this version of the program; choose another folder")
    return document


def _strange(out: Path) -> str | None:
    """Something that lies there already. Leftovers of a claim that was killed don't count."""
    if not out.exists():
        return None
    with telling(out):
        for entry in out.iterdir():
            leftover = entry.name.startswith(f".{JOB}.") and entry.name.endswith(TEMPORARY_SUFFIX)
            if entry.name not in (JOB, f"{JOB}.lock") and not leftover:
                return entry.name
    return None


def _is_ours(out: Path, job: Job, model: str) -> bool:
    """Whether this is this job's set without its `job.json`: its first patient says whose it is."""
    manifest = next((out / PATIENTS).glob(f"*/{MANIFEST}"), None)
    if manifest is None:
        return False
    try:
        found, _, _ = read_manifest(manifest)
    except MoulageError:
        return False
    wanted = job.network.precision
    return found.partition(" ")[0] in {identity(job, model, one) for one in ("fp32", "bf16") if wanted in ("auto", one)}


def _lock(out: Path) -> WriterLock:
    """The claim's lock; others hold it for a moment only."""
    end = time.monotonic() + _WAIT_S
    while True:
        try:
            return WriterLock(out / JOB, _Held, OutputError)
        except _Held as error:
            if time.monotonic() > end:
                raise OutputError(str(error)) from error
            time.sleep(0.05)


def _difference(known: dict[str, Any], job: Job, model: str) -> str:
    if known.get("job_fingerprint") != job.fingerprint:
        return "holds the set of another job (or this job was changed since)"
    if known.get("model") != model:
        return "holds this job's set with another model"
    return "holds this job's set at another precision"
