"""Opening the SQLite file behind a scene, telling its errors in our words, and copying it as a whole."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from engine.errors import MoulageError, OutputError, SceneError
from engine.output import temporary_beside

_BUSY_SECONDS = 20.0


def connect(path: Path, write: bool) -> sqlite3.Connection:
    """A connection to an existing scene file; SceneError where there is none.

    A reader of a writable file opens it for writing too, but with `query_only`: after a crash SQLite must be able to
    roll the interrupted transaction back.
    """
    if not path.is_file():
        raise SceneError(f"{path}: there is no such scene file" if not path.exists() else f"{path}: not a file")
    if write and not os.access(path, os.W_OK):
        raise SceneError(f"{path}: can't be written to; open it read-only, or save a copy elsewhere")
    connection = _connect(path, "rw" if os.access(path, os.W_OK) else "ro")
    try:
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        if write:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the platter
        else:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of the whole file in memory."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.backup(copy)
    return copy


@contextmanager
def built(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a new file that takes the place of `path`, complete and on the disk, when the block ends well.

    Fast because it needs no journal: before the end nobody sees the file, and a failure removes it.
    """
    with temporary_beside(path) as temporary, translated(path), closing(_connect(temporary, "rw")) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one line that names the file and the way out, and put the file before our own."""
    try:
        yield
    except sqlite3.Error as error:
        raise _told(path, error) from error
    except UnicodeEncodeError as error:
        raise SceneError(f"{path}: a name holds a character that no file can keep ({error.reason})") from error
    except UnicodeDecodeError as error:  # from within sqlite3, where a damaged name stands in a message
        raise SceneError(f"{path}: damaged; what can be read of it can be recovered into a new file") from error
    except SceneError as error:
        if str(error).startswith(str(path)):
            raise
        raise SceneError(f"{path}: {error}") from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    place = quote(path.resolve().as_posix())
    uri = f"file://{place if place.startswith('/') else '/' + place}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False)


def _told(path: Path, error: sqlite3.Error) -> MoulageError:
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_READONLY_ROLLBACK:
        return SceneError(
            f"{path}: was left by an interrupted program and can't be repaired in a read-only place; "
            f"copy it together with {path.name}-journal to a folder of your own"
        )
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return OutputError(f"{path}: the disk is full; the last step was not saved; make room and repeat it")
        case sqlite3.SQLITE_IOERR:
            return OutputError(f"{path}: the disk failed ({error}); the last step was not saved")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return SceneError(f"{path}: can't be opened or written here ({error}); save a copy in a folder of your own")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return SceneError(f"{path}: another program holds it (for over {_BUSY_SECONDS:.0f} s); close it there")
        case sqlite3.SQLITE_NOTADB:
            return SceneError(f"{path}: not a Moulage scene, or damaged from its first bytes on")
    return SceneError(f"{path}: damaged ({error}); what can be read of it can be recovered into a new file")
