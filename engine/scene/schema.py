"""The tables of a scene file, and how a file is known to be one.

SQLite as an application file format (https://sqlite.org/appfileformat.html): `application_id` says whose file it is,
`user_version` which tables it has. No WAL: one file that may be copied, mailed, and lie on a network drive.
"""

import sqlite3
from contextlib import closing

from engine.errors import SceneError

APPLICATION_ID = 0x4D6F756C  # "Moul"
VERSION = 2
PAGE_SIZE = 4096

_TABLES = """
CREATE TABLE document (
    id INTEGER PRIMARY KEY CHECK (id = 1), created TEXT NOT NULL, program TEXT NOT NULL,
    revision INTEGER NOT NULL, current_step INTEGER NOT NULL) STRICT;
CREATE TABLE avatar (
    id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, scale REAL NOT NULL, sha256 BLOB NOT NULL,
    glb BLOB NOT NULL{seal}) STRICT;
CREATE TABLE picture (id INTEGER PRIMARY KEY, step INTEGER NOT NULL, sha256 BLOB NOT NULL, png BLOB NOT NULL) STRICT;
CREATE INDEX picture_step ON picture (step);
CREATE TABLE layer (
    id TEXT PRIMARY KEY, position REAL NOT NULL, spec TEXT NOT NULL,
    rgb INTEGER NOT NULL, mask INTEGER NOT NULL, alpha INTEGER NOT NULL,
    width_mm REAL NOT NULL, diameter_mm REAL NOT NULL, model TEXT NOT NULL, precision TEXT NOT NULL,
    threads INTEGER NOT NULL, batch_size INTEGER NOT NULL, body_part TEXT NOT NULL,
    visible INTEGER NOT NULL, locked INTEGER NOT NULL{seal}) STRICT;
CREATE TABLE region (name TEXT PRIMARY KEY, masks TEXT NOT NULL{protected}{seal}) STRICT;
CREATE TABLE property (name TEXT PRIMARY KEY, value TEXT NOT NULL{seal}) STRICT;
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE step (id INTEGER PRIMARY KEY, name TEXT NOT NULL, made TEXT NOT NULL) STRICT;
CREATE TABLE change (
    step INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL,
    before TEXT, after TEXT, PRIMARY KEY (step, number)) STRICT;
"""
NEW_IN_2 = """
CREATE TABLE revision (number INTEGER PRIMARY KEY, name TEXT NOT NULL, layers TEXT NOT NULL) STRICT;
CREATE TABLE variant (position INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
"""
SEAL = "seal TEXT NOT NULL DEFAULT ''"
PROTECTED = "protected INTEGER NOT NULL DEFAULT 0"

SCRIPTS = {
    1: _TABLES.format(seal="", protected=""),
    2: _TABLES.format(seal=", " + SEAL, protected=", " + PROTECTED) + NEW_IN_2,
}
"""1: rows without a checksum, regions that protect nothing, no record of what each revision changed."""


def create(connection: sqlite3.Connection, version: int = VERSION) -> None:
    """Lay out an empty scene. `version` other than the present one is for the tests of migration."""
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"
    connection.executescript(f"BEGIN; {SCRIPTS[version]} {marks} COMMIT;")


def version_of(connection: sqlite3.Connection, name: str) -> int:
    """The schema version of a file that is certainly a scene; SceneError for every other file.

    A file may come from anybody: tables are compared with ours, and triggers or views, which would run when we
    write, are refused.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise SceneError(f"{name}: an SQLite file, but not a Moulage scene; open a *.moulage file")
    if version > VERSION:
        raise SceneError(
            f"{name}: written by a newer Moulage (file version {version}; this reads up to {VERSION}); update Moulage"
        )
    if version not in SCRIPTS:
        raise SceneError(f"{name}: file version {version} has never existed; the file is damaged")
    if _tables(connection) != _expected(version):
        raise SceneError(f"{name}: its tables are not those of a scene of version {version}; the file is damaged")
    return int(version)


def _tables(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    found.update(
        (table, f"strict {strict}")
        for table, strict in connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
        if not table.startswith("sqlite_")
    )
    for kind, table in connection.execute("SELECT type, name FROM sqlite_schema LIMIT 100").fetchall():
        found.add((kind, table))
        if kind == "table":
            columns = connection.execute("SELECT name, type, pk FROM pragma_table_xinfo(?)", (table,))
            found.update((table, column, declared, str(key)) for column, declared, key in columns.fetchall())
    return found


def _expected(version: int) -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as reference:
        create(reference, version)
        return _tables(reference)
