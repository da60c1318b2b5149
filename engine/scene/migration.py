"""The way from an older scene file to the present schema, one version at a time, each in one transaction."""

import json
import sqlite3
from collections.abc import Callable

from engine.scene import records, schema
from engine.scene.records import COLUMNS, Record


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a scene of `version` to the present one; nothing to do for a present one."""
    for step in range(version, schema.VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            _MIGRATIONS[step](connection)
            connection.execute(f"PRAGMA user_version = {step + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _from_1_to_2(connection: sqlite3.Connection) -> None:
    """Regions learn to protect; every row gets its checksum, in the history too."""
    for statement in filter(str.strip, schema.NEW_IN_2.split(";")):
        connection.execute(statement)
    connection.execute(f"ALTER TABLE region ADD COLUMN {schema.PROTECTED}")
    for table in ("avatar", *COLUMNS):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN {schema.SEAL}")
    for kind, columns in COLUMNS.items():
        rows = connection.execute(f"SELECT {', '.join(columns)} FROM {kind}").fetchall()
        for row in rows:
            record = records.sealed(dict(zip(columns, row, strict=True)))
            records.write_record(connection, kind, row[0], record)
    for number, name, scale, sha256 in connection.execute("SELECT id, name, scale, sha256 FROM avatar").fetchall():
        seal = records.avatar_seal(name, scale, sha256)
        connection.execute("UPDATE avatar SET seal = ? WHERE id = ?", (seal, number))
    for key, kind, before, after in connection.execute("SELECT rowid, kind, before, after FROM change").fetchall():
        texts = (_sealed_text(kind, before), _sealed_text(kind, after))
        connection.execute("UPDATE change SET before = ?, after = ? WHERE rowid = ?", (*texts, key))


def _sealed_text(kind: str, text: str | None) -> str | None:
    if text is None:
        return None
    row: Record = records.parse_json(text, dict, f"history of a {kind}")
    return json.dumps(records.sealed({"protected": 0, **row} if kind == "region" else row), sort_keys=True)


_MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _from_1_to_2}
