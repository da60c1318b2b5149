"""Rows of the scene file and the values they stand for: layers, regions, pictures. Everything read is checked."""

import hashlib
import json
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import png
from engine.errors import SceneError, SpecError
from engine.lesion import LesionLayer, LesionSpec

MAX_LAYER_SIDE = 4096
MAX_JSON = 4_000_000
_MAX_PICTURE_BYTES = 256 << 20

Record = dict[str, Any]
"""One row as JSON can carry it; pictures by their number."""

COLUMNS: dict[str, dict[str, type]] = {
    "layer": {
        "id": str,
        "position": float,
        "spec": str,
        "rgb": int,
        "mask": int,
        "alpha": int,
        "width_mm": float,
        "diameter_mm": float,
        "model": str,
        "precision": str,
        "threads": int,
        "batch_size": int,
        "body_part": str,
        "visible": int,
        "locked": int,
        "seal": str,
    },
    "region": {"name": str, "masks": str, "protected": int, "seal": str},
    "property": {"name": str, "value": str, "seal": str},
}
"""What undo covers: table → columns and their types, the key first."""


@dataclass(frozen=True)
class Picture:
    """Pixels on their way into the file: the digest of the raw pixels, and the PNG that was made of them."""

    sha256: bytes
    png: bytes


@dataclass(frozen=True)
class LayerEntry:
    """A layer without its pixels: what a list, a status line or the data for the VR scene needs."""

    id: str
    spec: LesionSpec
    width_mm: float
    diameter_mm: float
    model: str
    body_part: str
    visible: bool
    locked: bool


@dataclass(frozen=True)
class Region:
    """A named part of the skin. masks: material → bool [H, W], row 0 at the top. A protected one is left alone."""

    name: str
    masks: Mapping[int, NDArray[np.bool_]]
    protected: bool = False


def digest(pixels: NDArray[Any]) -> bytes:
    """SHA-256 of an array's kind, shape and bytes: what a stored picture must decode to."""
    head = f"{pixels.dtype} {pixels.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(pixels).tobytes()).digest()


def picture_of(pixels: NDArray[Any], known: bytes | None = None) -> Picture:
    """`pixels` packed; the PNG stays empty where the digest equals `known`, which is then in the file already."""
    sha256 = digest(pixels)
    return Picture(sha256, b"" if sha256 == known else png.encode(pixels))


def read_picture(connection: sqlite3.Connection, number: int, max_side: int) -> NDArray[Any]:
    """The pixels of one picture, compared with their digest. SceneError where they are missing or damaged."""
    row = connection.execute("SELECT length(png), sha256 FROM picture WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise SceneError(f"picture {number} is missing; the file is damaged")
    if row[0] > _MAX_PICTURE_BYTES:
        raise SceneError(f"picture {number} has {row[0]} bytes; the file is damaged")
    (data,) = connection.execute("SELECT png FROM picture WHERE id = ?", (number,)).fetchone()
    try:
        pixels = png.decode(data, max_side)
    except ValueError as error:
        raise SceneError(f"picture {number}: {error}; the file is damaged") from error
    if digest(pixels) != row[1]:
        raise SceneError(f"picture {number} is not what was saved; the file is damaged")
    return pixels


def digest_of(connection: sqlite3.Connection, number: int) -> bytes | None:
    """The digest of a stored picture."""
    row = connection.execute("SELECT sha256 FROM picture WHERE id = ?", (number,)).fetchone()
    return None if row is None else row[0]


def write_picture(connection: sqlite3.Connection, picture: Picture, step: int) -> int:
    """The number under which a picture now stands in the file, as brought by `step`."""
    query = "INSERT INTO picture (step, sha256, png) VALUES (?, ?, ?)"
    return int(connection.execute(query, (step, picture.sha256, picture.png)).lastrowid or 0)


def check_layer(layer: LesionLayer) -> None:
    """SceneError, naming the field, for a layer that the scene could not give back as it is."""
    name = f"layer {layer.id!r}"
    side = layer.rgb.shape[0] if layer.rgb.ndim == 3 else 0
    _require(isinstance(layer.id, str) and 0 < len(layer.id) <= 200, f"{name}: id must have 1 to 200 characters")
    _require(0 < side <= MAX_LAYER_SIDE, f"{name}: rgb must be [P, P, 3] with P from 1 to {MAX_LAYER_SIDE}")
    for field, shape in (("rgb", (side, side, 3)), ("mask", (side, side)), ("alpha", (side, side))):
        pixels = getattr(layer, field)
        _require(
            pixels.dtype == np.uint8 and pixels.shape == shape,
            f"{name}: {field} is {pixels.dtype} {list(pixels.shape)}; it must be uint8 {list(shape)}",
        )
    for field in ("width_mm", "diameter_mm"):
        value = getattr(layer, field)
        _require(math.isfinite(value) and value >= 0, f"{name}: {field} is {value}; it must be a length in mm")


def record_of(layer: LesionLayer, position: float) -> Record:
    """A layer's row, its pictures left out."""
    return {
        "id": layer.id,
        "position": position,
        "spec": layer.spec.to_json(),
        "width_mm": float(layer.width_mm),
        "diameter_mm": float(layer.diameter_mm),
        "model": layer.model,
        "precision": layer.precision,
        "threads": int(layer.threads),
        "batch_size": int(layer.batch_size),
        "body_part": layer.body_part,
        "visible": int(layer.visible),
        "locked": int(layer.locked),
    }


def entry_of(record: Record) -> LayerEntry:
    """The layer without its pixels."""
    try:
        return LayerEntry(
            *(record["id"], LesionSpec.from_json(record["spec"]), record["width_mm"], record["diameter_mm"]),
            *(record["model"], record["body_part"], bool(record["visible"]), bool(record["locked"])),
        )
    except (SpecError, OverflowError) as error:
        raise SceneError(f"layer {record['id']!r}: {error}; the file is damaged") from error


def layer_of(connection: sqlite3.Connection, record: Record) -> LesionLayer:
    """The whole layer, bit-exact. SceneError, naming it, where anything of it is damaged."""
    entry = entry_of(record)
    try:
        rgb, mask, alpha = (read_picture(connection, record[k], MAX_LAYER_SIDE) for k in ("rgb", "mask", "alpha"))
        layer = LesionLayer(
            *(entry.id, entry.spec, rgb, mask, alpha, entry.width_mm, entry.diameter_mm, entry.model),
            *(record["precision"], record["threads"], record["batch_size"], entry.body_part),
            *(entry.visible, entry.locked),
        )
        check_layer(layer)
    except SceneError as error:
        raise SceneError(f"layer {entry.id!r}: {error}") from error
    return layer


def region_of(connection: sqlite3.Connection, record: Record) -> Region:
    """The region with its masks decoded."""
    masks: dict[int, NDArray[np.bool_]] = {}
    for material, number in parse_json(record["masks"], dict, f"region {record['name']!r}").items():
        mask = read_picture(connection, number, png.MAX_SIDE) if type(number) is int else None
        if mask is None or mask.dtype != np.bool_ or not material.isdecimal():
            raise SceneError(f"region {record['name']!r}: its masks are damaged")
        masks[int(material)] = mask
    return Region(record["name"], masks, bool(record["protected"]))


def checked(kind: str, row: Record) -> Record:
    """`row` where it has its table's columns and types; SceneError for a damaged one."""
    columns = COLUMNS[kind]
    if set(row) != set(columns) or any(type(row[name]) is not of for name, of in columns.items()):
        raise SceneError(f"a row of {kind} has impossible values; the file is damaged")
    if sealed(row)["seal"] != row["seal"]:
        raise SceneError(f"a row of {kind} is not what was saved; the file is damaged")
    return row


def sealed(row: Record) -> Record:
    """The row with its checksum, so that damage to a number or a name is noticed as it is in a picture."""
    plain = {name: value for name, value in row.items() if name != "seal"}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return {**plain, "seal": hashlib.sha256(text.encode()).hexdigest()[:16]}


def avatar_seal(name: str, scale: float, sha256: bytes) -> str:
    """The checksum of what belongs to the avatar beside its bytes."""
    seal: str = sealed({"name": name, "scale": scale, "sha256": sha256.hex()})["seal"]
    return seal


def read_record(connection: sqlite3.Connection, kind: str, key: str) -> Record | None:
    """One row of what undo covers, or None."""
    columns = tuple(COLUMNS[kind])
    row = connection.execute(f"SELECT {', '.join(columns)} FROM {kind} WHERE {columns[0]} = ?", (key,)).fetchone()
    return None if row is None else checked(kind, dict(zip(columns, row, strict=True)))


def read_records(connection: sqlite3.Connection, kind: str) -> list[Record]:
    """All rows of a kind: layers from the bottom up, the rest by name."""
    columns = tuple(COLUMNS[kind])
    order = "position, id" if kind == "layer" else columns[0]
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {kind} ORDER BY {order}")
    return [checked(kind, dict(zip(columns, row, strict=True))) for row in rows.fetchall()]


def write_record(connection: sqlite3.Connection, kind: str, key: str, record: Record | None) -> None:
    """Make the row of `key` this one; None removes it."""
    columns = tuple(COLUMNS[kind])
    if record is None:
        connection.execute(f"DELETE FROM {kind} WHERE {columns[0]} = ?", (key,))
        return
    places = ", ".join("?" * len(columns))
    values = [record[column] for column in columns]
    connection.execute(f"INSERT OR REPLACE INTO {kind} ({', '.join(columns)}) VALUES ({places})", values)


def parse_json(text: str, kind: type, name: str) -> Any:
    """A JSON value of the given type. SceneError, naming it, for anything else."""
    try:
        if len(text) > MAX_JSON:
            raise ValueError(f"{len(text)} characters")
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SceneError(f"{name}: unreadable ({error}); the file is damaged") from error
    if not isinstance(value, kind):
        raise SceneError(f"{name}: not a {kind.__name__}; the file is damaged")
    return value


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise SceneError(problem)
