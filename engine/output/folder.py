"""A folder of results that a run can be interrupted in and taken up again.

`manifest.jsonl`: first a line that says whose folder this is, then one per finished file, written after the file itself
is safely in place. What is recorded is therefore complete; what is not recorded is made again. `run.jsonl` takes
timings and other things that differ from run to run; it is not part of the result.
"""

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.errors import BadInput, MoulageError, OutputError
from engine.lock import WriterLock
from engine.output.atomic import TEMPORARY_SUFFIX, telling, temporary_beside, write_atomic
from engine.output.provenance import Provenance

MANIFEST = "manifest.jsonl"
RUN = "run.jsonl"
FORMAT = 1
_OURS = {MANIFEST, RUN, f"{MANIFEST}.lock"}
_MAX_LINE = 20_000_000
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

Record = dict[str, Any]


@dataclass(frozen=True)
class Verification:
    """files: how many stand in the manifest. complete: the run reached its end. problems: a line each, naming the file.

    unlisted: files in the folder that the manifest doesn't know.
    """

    files: int
    complete: bool
    problems: tuple[str, ...]
    unlisted: tuple[str, ...]


class Stage:
    """A set of files that belong together. They get their names when the `with` block ends well, else they vanish."""

    def __init__(self, folder: Path) -> None:
        """Made by `OutputFolder.stage`."""
        self._folder = folder
        self._stack = ExitStack()
        self.records: list[Record] = []

    def write(self, name: str, data: bytes, provenance: Provenance | None = None) -> None:
        """Stage a file. name: its path inside the folder, with `/`. BadInput for a name that leaves the folder."""
        path = self._folder / _checked(name)
        if any(record["path"] == name for record in self.records):
            raise BadInput(f"{name}: is written twice")
        with telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._stack.enter_context(temporary_beside(path))
        with telling(path):
            temporary.write_bytes(data)
        record: Record = {"path": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        if provenance is not None:
            record |= {"spec": json.loads(provenance.spec), "model": provenance.model, "licence": provenance.licence}
        self.records.append(record)


class OutputFolder:
    """A results folder open for writing by this process alone.

    Take it up with `has` (what is there already, whole), write with `stage`, and call `finish` at the end.
    """

    def __init__(self, path: Path, job: str, force: bool = False, busy: type[MoulageError] = OutputError) -> None:
        """Open or make the folder. job: what identifies this work (a hash of the job file, a command).

        BadInput where the folder holds something else, or another job's results, unless `force`: then the other job's
        files go, as far as they are still as recorded, and everything else stays. OutputError where it can't be
        written or locked; `busy` where another process writes it.
        """
        self.path, self.job = path, job
        if path.exists() and not path.is_dir():
            raise BadInput(f"{path}: is a file; name a folder for the results")
        with telling(path):
            path.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(path / MANIFEST, busy, OutputError)
        try:
            self._checked: set[str] = set()
            self._records = self._taken_up(force)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others write here. Harmless when called again."""
        self._lock.release()

    def has(self, name: str) -> bool:
        """Whether the file was finished and is still, byte for byte, what the manifest says; if not, make it again."""
        record = self._records.get(name)
        if record is None:
            return False
        if name not in self._checked:
            if _problem(self.path, record) is not None:
                del self._records[name]
                return False
            self._checked.add(name)
        return True

    @property
    def whole(self) -> bool:
        """Whether files are recorded and every one of them is still what the manifest says."""
        return bool(self._records) and all(self.has(name) for name in list(self._records))

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """Files that appear together at the end of the block: each whole, and recorded only when all are in place.

        An exception or Ctrl-C in the block leaves nothing; after a kill, unfinished files carry `TEMPORARY_SUFFIX`
        and go when the folder is opened again.
        """
        stage = Stage(self.path)
        with stage._stack:
            yield stage
        self._append(stage.records)

    def note(self, **what: Any) -> None:
        """Add a line of timings to `run.jsonl`, which no hash covers."""
        with telling(self.path / RUN), (self.path / RUN).open("ab") as stream:
            stream.write(_line(what))

    def finish(self) -> None:
        """Mark the results as complete. The manifest is sorted, so its bytes tell nothing of interruptions."""
        self._rewrite(complete=True)

    def _taken_up(self, force: bool) -> dict[str, Record]:
        """Clear an interrupted run's leftovers and read what it finished."""
        with telling(self.path):
            for leftover in self.path.rglob(f".*{TEMPORARY_SUFFIX}"):
                leftover.unlink(missing_ok=True)
            others = any(entry.name not in _OURS for entry in self.path.iterdir())
        manifest = self.path / MANIFEST
        if not manifest.exists():
            if others and not force:
                raise BadInput(f"{self.path}: is not empty and holds no results; choose another folder, or --force")
            self._records = {}
        else:
            job, _, self._records = read_manifest(manifest)
            if job != self.job:
                if not force:
                    raise BadInput(f"{self.path}: holds the results of another job; choose another folder, or --force")
                self._remove_recorded()
        self._rewrite(complete=False)
        return self._records

    def _remove_recorded(self) -> None:
        for record in self._records.values():
            if _problem(self.path, record) is None:
                with telling(self.path / record["path"]):
                    (self.path / record["path"]).unlink()
        self._records = {}

    def _append(self, records: list[Record]) -> None:
        manifest = self.path / MANIFEST
        lines = b"".join(map(_line, records))
        with telling(manifest), manifest.open("ab", buffering=0) as stream:
            before = stream.seek(0, os.SEEK_END)
            try:
                if stream.write(lines) != len(lines):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(before)
                raise
        for record in records:
            self._records[record["path"]] = record
            self._checked.add(record["path"])

    def _rewrite(self, complete: bool) -> None:
        rows = [self._records[name] for name in sorted(self._records)]
        write_atomic(self.path / MANIFEST, b"".join(manifest_lines(self.job, complete, rows)))


def manifest_lines(job: str, complete: bool, rows: Iterable[Record]) -> Iterator[bytes]:
    """A manifest line by line. rows: sorted by path; each has `path`, `sha256` and `size`."""
    yield _line({"moulage_manifest": FORMAT, "job": job, "complete": complete})
    yield from map(_line, rows)


def verify(path: Path) -> Verification:
    """Compare every file with the manifest. BadInput where there is none, or it is not one of ours."""
    if not (path / MANIFEST).is_file():
        raise BadInput(f"{path}: holds no {MANIFEST}; it is no folder of results")
    _, complete, records = read_manifest(path / MANIFEST)
    problems = [problem for record in records.values() if (problem := _problem(path, record)) is not None]
    names = (file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    unlisted = sorted(name for name in names if name not in records and name not in _OURS)
    return Verification(len(records), complete, tuple(problems), tuple(unlisted))


def read_manifest(manifest: Path) -> tuple[str, bool, dict[str, Record]]:
    """The job, whether it is complete, and the records by path. A last line that was torn by a crash doesn't count.

    BadInput where it is damaged or none of ours, OutputError where it can't be read.
    """
    records: dict[str, Record] = {}
    head: Record | None = None
    with telling(manifest), manifest.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE), b""), 1):
            if not line.endswith(b"\n"):
                break
            try:
                record = json.loads(line)
                if head is None:
                    head = {"job": str(record["job"]), "complete": record["complete"] is True}
                    good = record["moulage_manifest"] == FORMAT
                else:
                    good = len(record["sha256"]) == 64 and type(record["size"]) is int
                    records[_checked(record["path"])] = record
            except (ValueError, KeyError, TypeError, RecursionError, BadInput) as error:
                raise BadInput(f"{manifest}: line {number} is damaged ({error}); begin in another folder") from error
            if not good:
                raise BadInput(f"{manifest}: line {number} is none of this program's; begin in another folder")
    if head is None:
        raise BadInput(f"{manifest}: is empty or cut off; remove it, or begin in another folder")
    return head["job"], head["complete"], records


def _problem(folder: Path, record: Record) -> str | None:
    """What is wrong with a recorded file, in a line; None where it is as recorded."""
    path = folder / record["path"]
    try:
        size = path.stat().st_size
        if size != record["size"]:
            return f"{record['path']}: has {size} bytes; the manifest says {record['size']}"
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return f"{record['path']}: is missing"
    except OSError as error:
        return f"{record['path']}: can't be read ({error.strerror})"
    return None if found == record["sha256"] else f"{record['path']}: its content is not what the manifest says"


def _checked(name: str) -> str:
    """A path that stays inside the folder and that every system can write."""
    parts = name.split("/") if isinstance(name, str) else []
    bad = not parts or any(
        part in ("", ".", "..") or part[-1] in " ." or _RESERVED.fullmatch(part) or len(part.encode()) > 200
        for part in parts
    )
    if bad or re.search(r'[\x00-\x1f\\:*?"<>|]', name) or name in _OURS or name.endswith(TEMPORARY_SUFFIX):
        raise BadInput(f"{name!r}: is no file name for the output folder; use plain relative names with /")
    return name


def _line(record: Record) -> bytes:
    return json.dumps(record, sort_keys=True, ensure_ascii=False).encode() + b"\n"
