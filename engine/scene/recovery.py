"""Reading a damaged scene as far as it can be read, into a new file. The damaged one is never opened for writing.

SQLite's rollback, and our repairs of a damaged header, happen in a copy.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.avatar.model import Avatar
from engine.errors import SceneError
from engine.lock import WriterLock
from engine.scene import history, migration, records, schema
from engine.scene.document import Scene
from engine.scene.records import Record

_UNREADABLE = (sqlite3.Error, SceneError, ValueError, TypeError, KeyError, OverflowError, MemoryError)
_HEADER = {
    0: b"SQLite format 3\x00" + schema.PAGE_SIZE.to_bytes(2, "big") + b"\x01\x01\x00\x40\x20\x20",
    44: (4).to_bytes(4, "big"),
    56: (1).to_bytes(4, "big"),
    68: schema.APPLICATION_ID.to_bytes(4, "big"),
}
"""What is the same in every scene's first 100 bytes: https://sqlite.org/fileformat2.html#the_database_header"""


@dataclass(frozen=True)
class Recovery:
    """What came through. lost: a line for each thing that could not be read. The undo history never comes along."""

    path: Path
    layers: int
    regions: int
    lost: tuple[str, ...]


def recover(path: Path, new_path: Path, avatar: Avatar | None = None) -> Recovery:
    """Make a sound scene `new_path` of what can be read in `path`, which stays untouched.

    avatar: taken where the embedded one is damaged. SceneError where there is nothing to build on: the file is no
    scene, its first page is gone, or its avatar can't be read and none is given; or `new_path` exists.
    """
    if not path.is_file():
        raise SceneError(f"{path}: there is no such scene file")
    if new_path.exists():
        raise SceneError(f"{new_path}: exists already; choose another name for the recovered scene")
    lock = _quiet_lock(path)
    try:
        with tempfile.TemporaryDirectory(prefix="moulage-") as folder:
            copy = _copy(path, Path(folder))
            try:
                with closing(_connect(copy)) as connection:
                    return _rebuild(connection, path, new_path, avatar)
            except _UNREADABLE as error:
                raise SceneError(_line(path, error)) from error
    except OSError as error:
        raise SceneError(f"{path}: can't be copied for recovery ({error.strerror or error})") from error
    finally:
        if lock is not None:
            lock.release()


def _rebuild(connection: sqlite3.Connection, path: Path, new_path: Path, avatar: Avatar | None) -> Recovery:
    """Carry everything readable over, one thing at a time."""
    lost: list[str] = []
    glb, name, scale = _avatar(connection, path, avatar, lost)
    with Scene.create_of_glb(new_path, glb, name, scale) as scene:
        try:
            with scene.edit("Recover") as edit:
                layers = _carry(connection, "layer", lost, lambda row: edit.add(records.layer_of(connection, row)))
                regions = _carry(
                    connection, "region", lost, lambda row: edit.set_region(records.region_of(connection, row))
                )
                _carry(
                    connection, "property", lost, lambda row: edit.set_property(row["name"], json.loads(row["value"]))
                )
            with suppress(*_UNREADABLE):
                for setting, value in connection.execute("SELECT name, value FROM setting LIMIT 1000"):
                    scene.set_setting(str(setting), records.parse_json(value, object, f"setting {setting!r}"))
        except BaseException:
            new_path.unlink(missing_ok=True)
            raise
    return Recovery(new_path, layers, regions, tuple(lost))


def _carry(connection: sqlite3.Connection, kind: str, lost: list[str], take: Callable[[Record], None]) -> int:
    """Hand every readable row of a kind to `take`; the number of those that it took."""
    taken = 0
    for row in _rows(connection, kind, lost):
        try:
            take(row)
            taken += 1
        except _UNREADABLE as error:
            lost.append(_line(f"{kind} {row[next(iter(records.COLUMNS[kind]))]!r}", error))
    return taken


def _rows(connection: sqlite3.Connection, kind: str, lost: list[str]) -> list[Record]:
    """The rows of a table from both ends up to the damage, and what the history knows of those between."""
    columns = tuple(records.COLUMNS[kind])
    found: dict[str, Record] = {}
    problems: dict[str, None] = {}
    for order in ("ASC", "DESC"):
        try:
            for row in connection.execute(f"SELECT {', '.join(columns)} FROM {kind} ORDER BY rowid {order}"):
                try:
                    record = records.checked(kind, dict(zip(columns, row, strict=True)))
                    found.setdefault(record[columns[0]], record)
                except SceneError as error:
                    problems[_line(f"{kind} {row[0]!r}", error)] = None
        except _UNREADABLE as error:
            problems[_line(f"part of the table of {kind} rows", error)] = None
        if not problems:
            break
    else:
        found = _from_history(connection, kind) | found
        lost.extend(problems)
    return sorted(found.values(), key=lambda row: (row.get("position", 0.0), row[columns[0]]))


def _from_history(connection: sqlite3.Connection, kind: str) -> dict[str, Record]:
    """The rows as the steps in force left them."""
    found: dict[str, Record] = {}
    query = (
        "SELECT item, after FROM change WHERE kind = ? AND step <= (SELECT current_step FROM document) "
        "ORDER BY step, number"
    )
    with suppress(*_UNREADABLE):
        for key, after in connection.execute(query, (kind,)):
            with suppress(SceneError, TypeError):
                row = history.row_of(kind, key, after)
                found.pop(key, None)
                if row is not None:
                    found[key] = row
    return found


def _avatar(
    connection: sqlite3.Connection, path: Path, avatar: Avatar | None, lost: list[str]
) -> tuple[bytes, str, float]:
    """The embedded avatar if it is sound, else the given one, else the embedded one as it is: better than no scene."""
    try:
        row = connection.execute("SELECT glb, name, scale, sha256, seal FROM avatar").fetchone()
        glb, name, scale, sha256, seal = row
        intact = records.avatar_seal(name, scale, sha256) == seal
        sound = intact and hashlib.sha256(glb).digest() == sha256
        readable = intact and glb[:4] == b"glTF"
        problem = "its bytes are not what was saved"
    except _UNREADABLE as error:
        sound = readable = False
        problem = " ".join(str(error).split())
    if sound:
        return glb, name, scale
    if avatar is not None:
        lost.append(f"the embedded avatar ({problem}); the given one took its place")
        return avatar.glb, avatar.name, avatar.scale
    if not readable:
        raise SceneError(f"{path}: its avatar is damaged ({problem}); recover it again, giving the avatar's own file")
    lost.append(f"parts of the avatar ({problem}); look at it closely, or recover again, giving the avatar's own file")
    return glb, name, scale


def _copy(path: Path, folder: Path) -> Path:
    """The file, and the journal of an interrupted transaction, in a folder of their own; the header mended."""
    copy = folder / "damaged.moulage"
    shutil.copyfile(path, copy)
    journal = path.with_name(path.name + "-journal")
    if journal.is_file():
        shutil.copyfile(journal, copy.with_name(copy.name + "-journal"))
    with copy.open("rb+") as stream:
        for offset, value in _HEADER.items():
            stream.seek(offset)
            stream.write(value)
    return copy


def _connect(copy: Path) -> sqlite3.Connection:
    """A connection that goes on reading where SQLite would give up at the first sign of damage."""
    connection = sqlite3.connect(copy, isolation_level=None)
    try:
        for pragma in ("trusted_schema = OFF", "writable_schema = ON", "cell_size_check = ON", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        if schema.version_of(connection, "the file") < schema.VERSION:
            with suppress(*_UNREADABLE):
                migration.migrate(connection, schema.version_of(connection, "the file"))
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _quiet_lock(path: Path) -> WriterLock | None:
    """Keep writers out while we copy; in a read-only folder nobody writes."""
    return WriterLock(path) if os.access(path.parent, os.W_OK) else None


def _line(what: object, error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.startswith(str(what)) else f"{what}: {text}"
