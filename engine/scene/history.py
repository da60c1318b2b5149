"""Edits and the way back: one gesture is one transaction, one step, one undo.

A step keeps, for every row that it changed, the row before and after (a memento; pictures by number, since a picture is
never changed once it is written). Undo writes the rows before, redo the rows after. Steps stay in the file, so undo
works over sessions. A new edit drops the steps that were undone, and with them the pictures that only they brought.
"""

import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np

from engine.errors import SceneError
from engine.lesion import LesionLayer
from engine.scene import records
from engine.scene.records import COLUMNS, Picture, Record, Region

Key = tuple[str, str]
"""Kind (`layer`, `region`, `property`) and the item's id or name."""


@dataclass(frozen=True)
class Step:
    """One entry of the history: what it was called, when it was made (UTC), and what it touched."""

    number: int
    name: str
    made: str
    layers: tuple[str, ...]
    regions: tuple[str, ...]
    properties: tuple[str, ...]


@dataclass(frozen=True)
class Changed:
    """What happened between two revisions. everything: the record doesn't reach back that far."""

    revision: int
    layers: frozenset[str]
    everything: bool = False


class Edit:
    """A gesture in the making. Nothing reaches the file before the `with` block ends; an exception discards it all.

    `step` is the committed step, or None while the block runs and for an edit that changed nothing.
    """

    def __init__(
        self,
        name: str,
        using: Callable[[], AbstractContextManager[sqlite3.Connection]],
        commit: Callable[["Edit"], Step | None],
    ) -> None:
        """Made by `Scene.edit`."""
        if not name.strip() or len(name) > 200:
            raise SceneError("a step's name must have 1 to 200 characters")
        self.name = name
        self.step: Step | None = None
        self.rows: dict[Key, Record | None] = {}
        self._using, self._commit = using, commit

    def add(self, layer: LesionLayer) -> None:
        """Lay a new layer on top of the others."""
        if self._row("layer", layer.id) is not None:
            raise SceneError(f"layer {layer.id!r} exists already; use replace")
        positions = [row["position"] for row in self._layers()]
        self._put_layer(layer, math.floor(max(positions, default=0.0)) + 1.0, {})

    def replace(self, layer: LesionLayer) -> None:
        """Change a layer in its place in the stack. Pixels that stay the same are not written again."""
        row = self._existing("layer", layer.id)
        self._put_layer(layer, row["position"], row)

    def remove(self, layer_id: str) -> None:
        """Take a layer away."""
        self._existing("layer", layer_id)
        self.rows["layer", layer_id] = None

    def set_visible(self, layer_id: str, visible: bool) -> None:
        """Show or hide a layer."""
        self.rows["layer", layer_id] = {**self._existing("layer", layer_id), "visible": int(visible)}

    def set_locked(self, layer_id: str, locked: bool) -> None:
        """Mark a layer as locked. The mark is kept here; tools that change layers respect it."""
        self.rows["layer", layer_id] = {**self._existing("layer", layer_id), "locked": int(locked)}

    def reorder(self, layer_ids: Sequence[str]) -> None:
        """Stack the layers in this order, from the bottom up; every layer must be named once."""
        rows = {row["id"]: row for row in self._layers()}
        if sorted(layer_ids) != sorted(rows):
            raise SceneError("reorder: the order must name every layer of the scene exactly once")
        for place, layer_id in enumerate(layer_ids, 1):
            if rows[layer_id]["position"] != place:
                self.rows["layer", layer_id] = {**rows[layer_id], "position": float(place)}

    def set_region(self, region: Region) -> None:
        """Add or change a named region or protected area."""
        if not region.name.strip() or len(region.name) > 200:
            raise SceneError("a region's name must have 1 to 200 characters")
        former = self._row("region", region.name)
        known = json.loads(former["masks"]) if former is not None and isinstance(former["masks"], str) else {}
        masks: dict[str, int | Picture] = {}
        for material, mask in sorted(region.masks.items()):
            pixels = np.asarray(mask)
            if pixels.dtype != np.bool_ or pixels.ndim != 2 or pixels.size == 0 or material < 0:
                raise SceneError(f"region {region.name!r}: the mask of material {material} must be bool [H, W]")
            masks[str(material)] = self._picture(pixels, known.get(str(material)))
        self.rows["region", region.name] = {"name": region.name, "masks": masks, "protected": int(region.protected)}

    def remove_region(self, name: str) -> None:
        """Forget a region."""
        self._existing("region", name)
        self.rows["region", name] = None

    def set_property(self, name: str, value: Any) -> None:
        """Set one of the scene's own properties (any JSON value; None removes it). Undo covers it, unlike a setting."""
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
        if len(text) > records.MAX_JSON:
            raise SceneError(f"property {name!r} is too long")
        self.rows["property", name] = None if value is None else {"name": name, "value": text}

    def set_exam(self, exam: bool) -> None:
        """Mark the scene as an exam: classes are hidden from sheets and from the VR scene's data."""
        self.set_property("exam", True if exam else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.step = self._commit(self)

    def _put_layer(self, layer: LesionLayer, position: float, former: Record) -> None:
        records.check_layer(layer)
        pictures = {k: self._picture(getattr(layer, k), former.get(k)) for k in ("rgb", "mask", "alpha")}
        self.rows["layer", layer.id] = records.record_of(layer, position) | pictures

    def _picture(self, pixels: Any, former: int | Picture | None) -> int | Picture:
        known = former.sha256 if isinstance(former, Picture) else None
        if isinstance(former, int):
            with self._using() as connection:
                known = records.digest_of(connection, former)
        picture = records.picture_of(pixels, known)
        return former if former is not None and picture.sha256 == known else picture

    def _row(self, kind: str, key: str) -> Record | None:
        if (kind, key) in self.rows:
            return self.rows[kind, key]
        with self._using() as connection:
            return records.read_record(connection, kind, key)

    def _existing(self, kind: str, key: str) -> Record:
        row = self._row(kind, key)
        if row is None:
            raise SceneError(f"the scene has no {kind} {key!r}")
        return row

    def _layers(self) -> list[Record]:
        with self._using() as connection:
            stored = records.read_records(connection, "layer")
        rows: dict[Key, Record | None] = {("layer", row["id"]): row for row in stored}
        rows |= {key: row for key, row in self.rows.items() if key[0] == "layer"}
        return [row for row in rows.values() if row is not None]


def write(connection: sqlite3.Connection, edit: Edit) -> Step | None:
    """Write an edit inside the caller's transaction; None where it changes nothing, then the caller rolls back."""
    (current,) = connection.execute("SELECT current_step FROM document").fetchone()
    _drop_undone(connection, current)
    changes: list[tuple[Key, str | None, str | None]] = []
    for (kind, key), row in edit.rows.items():
        before = records.read_record(connection, kind, key)
        after = None if row is None else _with_pictures(connection, row, current + 1)
        if before != after:
            changes.append(((kind, key), _text(before), _text(after)))
            records.write_record(connection, kind, key, after)
    if not changes:
        return None
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    connection.execute("INSERT INTO step VALUES (?, ?, ?)", (current + 1, edit.name, made))
    rows = [(current + 1, i, kind, key, before, after) for i, ((kind, key), before, after) in enumerate(changes)]
    connection.executemany("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?)", rows)
    step = _step(current + 1, edit.name, made, [key for key, _, _ in changes])
    advance(connection, step.number, step.name, step.layers)
    return step


def move(connection: sqlite3.Connection, forward: bool) -> Step | None:
    """Undo the current step or redo the next, inside the caller's transaction; None where there is none."""
    (current,) = connection.execute("SELECT current_step FROM document").fetchone()
    step = find(connection, current + 1 if forward else current)
    if step is None:
        return None
    column, order = ("after", "number") if forward else ("before", "number DESC")
    query = f"SELECT kind, item, {column} FROM change WHERE step = ? ORDER BY {order}"
    for kind, key, text in connection.execute(query, (step.number,)).fetchall():
        records.write_record(connection, kind, key, row_of(kind, key, text))
    name = f"Redo {step.name}" if forward else f"Undo {step.name}"
    advance(connection, current + (1 if forward else -1), name, step.layers)
    return step


def advance(connection: sqlite3.Connection, current: int, name: str, layers: Sequence[str]) -> None:
    """The next revision: it grows with every commit, with undo too, and says which layers changed."""
    connection.execute("UPDATE document SET current_step = ?, revision = revision + 1", (current,))
    connection.execute(
        "INSERT INTO revision SELECT revision, ?, ? FROM document", (name, json.dumps(layers, ensure_ascii=False))
    )


def changes_since(connection: sqlite3.Connection, revision: int) -> Changed:
    """Which layers the revisions after this one changed."""
    query = "SELECT d.revision, number, layers FROM document d LEFT JOIN revision ON number > ? ORDER BY number"
    rows = connection.execute(query, (revision,)).fetchall()
    present, known = int(rows[0][0]), [row for row in rows if row[1] is not None]
    if len(known) != present - revision:
        return Changed(present, frozenset(), everything=True)
    touched = (records.parse_json(row[2], list, f"revision {row[1]}") for row in known)
    return Changed(present, frozenset(str(layer_id) for ids in touched for layer_id in ids))


def find(connection: sqlite3.Connection, number: int) -> Step | None:
    """One step of the history."""
    row = connection.execute("SELECT name, made FROM step WHERE id = ?", (number,)).fetchone()
    if row is None:
        return None
    keys = connection.execute("SELECT kind, item FROM change WHERE step = ? ORDER BY number", (number,)).fetchall()
    return _step(number, row[0], row[1], keys)


def sides(connection: sqlite3.Connection, number: int) -> Iterator[tuple[str, Record | None, Record | None]]:
    """The layers that a step touched: id, row before, row after."""
    query = "SELECT item, before, after FROM change WHERE step = ? AND kind = 'layer' ORDER BY number"
    for key, before, after in connection.execute(query, (number,)).fetchall():
        yield key, row_of("layer", key, before), row_of("layer", key, after)


def forget(connection: sqlite3.Connection, kept: set[int]) -> None:
    """Drop all steps, and the pictures that neither the present state nor `kept` uses, inside the caller's transaction.

    The number of the current step stays: it tells pictures of undone steps from those in use.
    """
    used = set(kept)
    for row in records.read_records(connection, "layer"):
        used |= {row["rgb"], row["mask"], row["alpha"]}
    for row in records.read_records(connection, "region"):
        used |= set(records.parse_json(row["masks"], dict, "a region").values())
    for table in ("step", "change", "revision"):
        connection.execute(f"DELETE FROM {table}")
    numbers = [number for (number,) in connection.execute("SELECT id FROM picture").fetchall()]
    connection.executemany("DELETE FROM picture WHERE id = ?", [(n,) for n in numbers if n not in used])


def _with_pictures(connection: sqlite3.Connection, row: Record, step: int) -> Record:
    """The row with its new pictures written and numbered."""

    def number(value: int | Picture) -> int:
        return records.write_picture(connection, value, step) if isinstance(value, Picture) else value

    if "masks" in row and not isinstance(row["masks"], str):
        row = {**row, "masks": json.dumps({material: number(mask) for material, mask in row["masks"].items()})}
    return records.sealed({k: number(v) if isinstance(v, Picture) else v for k, v in row.items()})


def _drop_undone(connection: sqlite3.Connection, current: int) -> None:
    """Forget the steps after `current`, and the pictures that they brought: only they and later steps can use them."""
    connection.execute("DELETE FROM step WHERE id > ?", (current,))
    connection.execute("DELETE FROM change WHERE step > ?", (current,))
    connection.execute("DELETE FROM picture WHERE step > ?", (current,))


def _step(number: int, name: str, made: str, keys: Sequence[Key]) -> Step:
    return Step(number, name, made, *(tuple(key for kind, key in keys if kind == k) for k in COLUMNS))


def _text(row: Record | None) -> str | None:
    return None if row is None else json.dumps(row, sort_keys=True, ensure_ascii=False)


def row_of(kind: str, key: str, text: str | None) -> Record | None:
    """A row out of the history, checked against its table's columns."""
    if kind not in COLUMNS:
        raise SceneError(f"the history speaks of a {kind!r}; the file is damaged")
    if text is None:
        return None
    row: Record = records.parse_json(text, dict, f"history of {kind} {key!r}")
    if row.get(next(iter(COLUMNS[kind]))) != key:
        raise SceneError(f"history of {kind} {key!r}: speaks of another; the file is damaged")
    return records.checked(kind, row)
