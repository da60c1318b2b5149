"""Make a glTF self-contained: buffers and images beside it, or in data URIs, go into one binary chunk."""

import base64
import binascii
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from engine.avatar import gltf, texture
from engine.avatar.gltf import Json
from engine.errors import AvatarError


def self_contained(data: bytes, folder: Path) -> bytes:
    """A GLB with everything inside; `data` itself where it is one already.

    folder: where the file lies; what it refers to must lie in it or below.
    """
    if data.startswith(gltf.MAGIC):
        container = gltf.parse(data)
        document, binary, other = container.document, bytes(container.binary), container.other
        if not _refers_outside(document):
            return data
    else:
        document, binary, other = gltf.parse_json(data), b"", ()
    packed = _Packed(folder, binary)
    packed.take_buffers(document)
    packed.take_images(document)
    return gltf.build(document, bytes(packed.binary), other)


def _refers_outside(document: Json) -> bool:
    rows = [*gltf.array(document, "buffers", "the document"), *gltf.array(document, "images", "the document")]
    return any(isinstance(row, dict) and "uri" in row for row in rows)


class _Packed:
    """The one binary chunk while it grows."""

    def __init__(self, folder: Path, binary: bytes) -> None:
        self._folder = folder
        self._own = binary
        self.binary = bytearray()

    def take_buffers(self, document: Json) -> None:
        starts = []
        for index, _ in enumerate(gltf.array(document, "buffers", "the document")):
            row = gltf.entry(document, "buffers", index, "the document")
            body = self._resource(row["uri"], f"buffers[{index}]") if "uri" in row else self._own if index == 0 else b""
            length = gltf.integer(row, "byteLength", f"buffers[{index}]")
            if length > len(body):
                raise AvatarError(
                    f"buffers[{index}] claims {length} bytes, {len(body)} are there: copy the files again"
                )
            starts.append(self._append(body[:length]))
        for index, _ in enumerate(gltf.array(document, "bufferViews", "the document")):
            view = gltf.entry(document, "bufferViews", index, "the document")
            buffer = gltf.integer(view, "buffer", f"bufferViews[{index}]")
            if buffer >= len(starts):
                raise AvatarError(f"bufferViews[{index}] refers to buffers[{buffer}], but there are {len(starts)}")
            view["byteOffset"] = gltf.integer(view, "byteOffset", f"bufferViews[{index}]", 0) + starts[buffer]
            view["buffer"] = 0

    def take_images(self, document: Json) -> None:
        views = gltf.array(document, "bufferViews", "the document")
        for index, _ in enumerate(gltf.array(document, "images", "the document")):
            row = gltf.entry(document, "images", index, "the document")
            if "uri" in row and "bufferView" not in row:
                uri = row.pop("uri")
                body = self._resource(uri, f"images[{index}]")
                try:
                    row["mimeType"] = texture.describe(_shown(uri), body).mime
                except AvatarError as error:
                    raise AvatarError(f"images[{index}]: {error}") from error
                row.setdefault("name", PurePosixPath(_shown(uri)).stem)
                row["bufferView"] = len(views)
                views.append({"buffer": 0, "byteOffset": self._append(body), "byteLength": len(body)})
        document["bufferViews"] = views
        document["buffers"] = [{"byteLength": len(self.binary)}]

    def _append(self, body: bytes) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        start = len(self.binary)
        if start + len(body) > gltf.MAX_FILE_BYTES:
            raise AvatarError(f"the files together exceed {gltf.MAX_FILE_BYTES >> 20} MiB, which is the limit")
        self.binary += body
        return start

    def _resource(self, uri: Any, where: str) -> bytes:
        if not isinstance(uri, str):
            raise AvatarError(f"{where}: uri must be text: the file is damaged")
        if not uri.startswith("data:"):
            return read_beside(self._folder, unquote(uri), where)
        head, comma, body = uri.partition(",")
        if not comma or not head.endswith(";base64"):
            raise AvatarError(f"{where}: its data URI is not base64: export it again")
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise AvatarError(f"{where}: its data URI is broken ({error}): export it again") from error


def _shown(uri: str) -> str:
    return "embedded" if uri.startswith("data:") else unquote(uri)


def read_beside(folder: Path, name: str, where: str) -> bytes:
    """A file that another refers to; AvatarError where it is missing, or not in the same folder or below."""
    if "\0" in name or "://" in name or name.startswith(("/", "\\")) or name[1:2] == ":":
        raise AvatarError(f"{where}: '{name}' is no path beside the file: put it there and name it without its folder")
    base = folder.resolve()
    path = (base / name.replace("\\", "/")).resolve()
    if not path.is_relative_to(base):
        raise AvatarError(f"{where}: '{name}' lies outside the file's folder: put it beside the file")
    if not path.is_file():
        raise AvatarError(f"{where}: '{name}' is missing: put it beside the file, or export the body as one GLB")
    if path.stat().st_size > gltf.MAX_FILE_BYTES:
        raise AvatarError(f"{where}: '{name}' is larger than {gltf.MAX_FILE_BYTES >> 20} MiB, which is the limit")
    return path.read_bytes()
