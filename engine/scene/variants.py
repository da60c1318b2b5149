"""Lesions that wait to be chosen. They lie beside the layers, outside the history: their pictures belong to step 0."""

import json
import sqlite3
from collections.abc import Sequence

from engine.lesion import LesionLayer
from engine.scene import records
from engine.scene.records import Record

_STEP = 0


def read(connection: sqlite3.Connection) -> tuple[LesionLayer, ...]:
    """The kept variants in their order."""
    return tuple(records.layer_of(connection, row) for row in _rows(connection))


def write(connection: sqlite3.Connection, layers: Sequence[LesionLayer]) -> None:
    """Replace the kept variants inside the caller's transaction."""
    connection.execute("DELETE FROM variant")
    connection.execute("DELETE FROM picture WHERE step = ?", (_STEP,))
    for position, layer in enumerate(layers):
        records.check_layer(layer)
        row = records.record_of(layer, float(position))
        for field in ("rgb", "mask", "alpha"):
            row[field] = records.write_picture(connection, records.picture_of(getattr(layer, field)), _STEP)
        connection.execute(
            "INSERT INTO variant VALUES (?, ?)", (position, json.dumps(records.sealed(row), sort_keys=True))
        )


def pictures(connection: sqlite3.Connection) -> set[int]:
    """Numbers of the pictures that variants use."""
    return {row[field] for row in _rows(connection) for field in ("rgb", "mask", "alpha")}


def _rows(connection: sqlite3.Connection) -> list[Record]:
    texts = connection.execute("SELECT record FROM variant ORDER BY position").fetchall()
    return [records.checked("layer", records.parse_json(text, dict, "a variant")) for (text,) in texts]
