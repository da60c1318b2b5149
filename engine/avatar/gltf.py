"""The binary glTF 2.0 container and strict reading of its JSON: every field is checked before it is believed.

Format: Khronos glTF 2.0 specification, section 4 (GLB) and section 5 (properties).
"""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import AvatarError

Json = dict[str, Any]

MAGIC = b"glTF"
JSON_CHUNK = 0x4E4F534A
BINARY_CHUNK = 0x004E4942
MAX_FILE_BYTES = 2 << 30
MAX_JSON_BYTES = 64 << 20

READ_EXTENSIONS = frozenset(
    {
        "KHR_mesh_quantization",
        "KHR_texture_transform",
        "KHR_lights_punctual",
        "KHR_animation_pointer",
        "KHR_node_visibility",
        "EXT_texture_webp",
        "VRM",
    }
)
"""Extensions that a file may require: they are read, or change nothing that is read here."""
READ_EXTENSION_FAMILIES = ("KHR_materials_", "VRMC_")

ADVICE = {
    "KHR_draco_mesh_compression": "export it without Draco mesh compression",
    "EXT_meshopt_compression": "export it without meshopt compression",
    "KHR_meshopt_compression": "export it without meshopt compression",
    "KHR_texture_basisu": "export it with PNG or JPEG textures instead of KTX2",
    "MSFT_texture_dds": "export it with PNG or JPEG textures instead of DDS",
    "EXT_texture_avif": "export it with PNG or JPEG textures instead of AVIF",
    "EXT_mesh_gpu_instancing": "export it without GPU instancing",
}


@dataclass(frozen=True)
class Container:
    """A parsed GLB: `binary` is the BIN chunk (empty where absent), `other` are chunks that glTF doesn't name."""

    document: Json
    binary: memoryview
    other: tuple[tuple[int, bytes], ...] = ()


def parse(data: bytes) -> Container:
    """Take a GLB apart. AvatarError where it is truncated, of another version or not JSON."""
    if len(data) > MAX_FILE_BYTES:
        raise AvatarError(f"the file has {len(data) >> 20} MiB; at most {MAX_FILE_BYTES >> 20} MiB can be read")
    if data[:4] != MAGIC:
        raise AvatarError("this is not a binary glTF (it does not begin with 'glTF'); export the body as GLB")
    if len(data) < 20:
        raise AvatarError(f"the file is truncated: a GLB has at least 20 bytes, this one has {len(data)}")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise AvatarError(f"the file is glTF version {version}; only version 2 is read: export it again as glTF 2.0")
    if length > len(data):
        raise AvatarError(
            f"the file is truncated: its header promises {length} bytes, {len(data)} are there; copy it again"
        )
    chunks = list(_chunks(data, length))
    if not chunks or chunks[0][0] != JSON_CHUNK:
        raise AvatarError("the file's first chunk is not JSON: it is damaged; export it again")
    document = parse_json(bytes(chunks[0][1]))
    binary = memoryview(b"")
    rest = chunks[1:]
    if rest and rest[0][0] == BINARY_CHUNK:
        binary, rest = rest[0][1], rest[1:]
    return Container(document, binary, tuple((kind, bytes(body)) for kind, body in rest))


def _chunks(data: bytes, length: int) -> "list[tuple[int, memoryview]]":
    view = memoryview(data)[:length]
    chunks: list[tuple[int, memoryview]] = []
    offset = 12
    while offset + 8 <= length:
        size, kind = struct.unpack_from("<II", view, offset)
        if size > length - offset - 8:
            raise AvatarError(
                f"chunk {len(chunks)} promises {size} bytes, {length - offset - 8} are there; copy the file again"
            )
        chunks.append((kind, view[offset + 8 : offset + 8 + size]))
        offset += 8 + size
    return chunks


def parse_json(text: bytes) -> Json:
    """The glTF document. AvatarError where it is too long, no JSON, or not glTF 2."""
    if len(text) > MAX_JSON_BYTES:
        raise AvatarError(f"the glTF JSON has {len(text) >> 20} MiB; at most {MAX_JSON_BYTES >> 20} MiB can be read")
    try:
        document = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise AvatarError(f"the glTF JSON can't be read ({error}): the file is damaged; export it again") from error
    if not isinstance(document, dict):
        raise AvatarError("the glTF JSON is not an object: the file is damaged; export it again")
    version = obj(document, "asset", "the document").get("version")
    if not isinstance(version, str) or not version.startswith("2."):
        raise AvatarError(f"asset.version is {version!r}; only glTF 2 is read: export it again as glTF 2.0")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def build(document: Json, binary: bytes, other: Sequence[tuple[int, bytes]] = ()) -> bytes:
    """A GLB of a document, its BIN chunk and further chunks."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")
    parts = [_chunk(JSON_CHUNK, text, b" ")]
    if binary:
        parts.append(_chunk(BINARY_CHUNK, binary, b"\0"))
    parts += [_chunk(kind, body, b"\0") for kind, body in other]
    length = 12 + sum(len(part) for part in parts)
    if length > MAX_FILE_BYTES:
        raise AvatarError(f"the GLB would have {length >> 20} MiB; at most {MAX_FILE_BYTES >> 20} MiB can be written")
    return b"".join([MAGIC, struct.pack("<II", 2, length), *parts])


def _chunk(kind: int, body: bytes, filler: bytes) -> bytes:
    padding = -len(body) % 4
    return struct.pack("<II", len(body) + padding, kind) + body + filler * padding


def refuse_required_extensions(document: Json) -> None:
    """AvatarError, by the extension's name, where the file can't be understood without one that isn't read here."""
    for name in array(document, "extensionsRequired", "the document"):
        known = isinstance(name, str) and (name in READ_EXTENSIONS or name.startswith(READ_EXTENSION_FAMILIES))
        if not known:
            raise AvatarError(f"the file requires the extension {name}, which is not read: {advice(str(name))}")


def advice(extension: str) -> str:
    """What a user can do about an extension that isn't read."""
    return ADVICE.get(extension, f"export it without {extension}")


def refuse_extension(owner: Json, names: Sequence[str], where: str) -> None:
    """AvatarError where `owner` carries one of the named extensions."""
    for name in names:
        if name in obj(owner, "extensions", where):
            raise AvatarError(f"{where} uses the extension {name}, which is not read: {advice(name)}")


def obj(owner: Json, key: str, where: str) -> Json:
    """A JSON object; empty where the key is absent."""
    value = owner.get(key, {})
    if not isinstance(value, dict):
        raise AvatarError(f"{where}: {key} must be an object, not {_shown(value)}")
    return value


def array(owner: Json, key: str, where: str) -> list[Any]:
    """A JSON array; empty where the key is absent."""
    value = owner.get(key, [])
    if not isinstance(value, list):
        raise AvatarError(f"{where}: {key} must be a list, not {_shown(value)}")
    return value


def entry(document: Json, table: str, index: int, where: str) -> Json:
    """`document[table][index]`, where `where` refers to it."""
    rows = array(document, table, "the document")
    if index >= len(rows):
        raise AvatarError(f"{where} refers to {table}[{index}], but there are {len(rows)}")
    row = rows[index]
    if not isinstance(row, dict):
        raise AvatarError(f"{table}[{index}] must be an object, not {_shown(row)}")
    return row


def rows(owner: Json, key: str, where: str = "the document") -> list[Json]:
    """A list of JSON objects; empty where the key is absent."""
    found = array(owner, key, where)
    for index, row in enumerate(found):
        if not isinstance(row, dict):
            raise AvatarError(f"{where}: {key}[{index}] must be an object, not {_shown(row)}")
    return found


def integer(owner: Json, key: str, where: str, default: int | None = None) -> int:
    """A whole number from 0; `default` where absent, an error where absent without one."""
    value = owner.get(key, default)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        raise AvatarError(f"{where}: {key} must be a whole number from 0, not {_shown(value)}")
    return value


def reference(owner: Json, key: str, where: str) -> int | None:
    """An index into another table, None where absent."""
    return integer(owner, key, where) if key in owner else None


def numbers(owner: Json, key: str, where: str, default: Sequence[float]) -> tuple[float, ...]:
    """A list of finite numbers, as many as `default` has."""
    value = owner.get(key, default)
    fits = isinstance(value, (list, tuple)) and len(value) == len(default)
    if not fits or not all(type(number) in (int, float) and math.isfinite(_as_float(number)) for number in value):
        raise AvatarError(f"{where}: {key} must be {len(default)} finite numbers, not {_shown(value)}")
    return tuple(float(number) for number in value)


def number(owner: Json, key: str, where: str, default: float) -> float:
    """One finite number."""
    return numbers({key: [owner.get(key, default)]}, key, where, [default])[0]


def text(owner: Json, key: str, default: str) -> str:
    """A name; `default` where it is absent, empty or no text."""
    value = owner.get(key)
    return value if isinstance(value, str) and value.strip() else default


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: Any) -> str:
    shown = "missing" if value is None else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
