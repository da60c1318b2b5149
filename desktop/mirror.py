"""A folder that holds what a live link shows: one PNG per map, and `mirror.json` that says which revision it is."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.tiles import MapState, State, as_bytes
from engine.errors import BadInput
from engine.output import Provenance, encode_png, write_atomic

INDEX = "mirror.json"
_LONGEST_NAME = 120
_LICENCE = "See the server's scene; synthetic images for teaching and research."


class MirrorFolder:
    """Writes states into a folder. Every file is replaced whole, `mirror.json` last.

    Raises BadInput for a folder that holds anything but a mirror, unless `force`.
    """

    def __init__(self, folder: Path, force: bool = False) -> None:
        self._folder = folder
        self._written: dict[str, int] = {}
        if folder.exists() and not folder.is_dir():
            raise BadInput(f"{folder}: is a file; give a folder")
        if folder.is_dir() and any(folder.iterdir()) and not (folder / INDEX).is_file() and not force:
            raise BadInput(f"{folder}: holds something else; give an empty folder, or --force to write into it")

    def write(self, state: State, epoch: int) -> list[dict[str, Any]]:
        """Bring the folder to a state: write maps that changed, remove those that are gone; the index entries."""
        self._folder.mkdir(parents=True, exist_ok=True)
        former = self._former_files()
        names = file_names(list(state.by_key))
        entries = []
        for key, one in sorted(state.by_key.items()):
            name = names[key]
            if self._written.get(name) != one.hash:
                write_atomic(self._folder / name, _png(one, state.revision, epoch))
                self._written[name] = one.hash
            sha256 = hashlib.sha256(as_bytes(one.pixels()).data).hexdigest()
            entries.append({"file": name, **asdict(one.spec), "sha256": sha256})
        index = {
            "epoch": f"{epoch:016x}",
            "revision": state.revision,
            "state": f"{state.hash:016x}",
            "maps": entries,
            "data": _json(state.document),
        }
        write_atomic(self._folder / INDEX, (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode())
        for name in former - set(names.values()):
            (self._folder / name).unlink(missing_ok=True)
            self._written.pop(name, None)
        return entries

    def _former_files(self) -> set[str]:
        """The maps that the index lists now; only plain names of PNG files in this folder."""
        try:
            index = json.loads((self._folder / INDEX).read_text("utf-8"))
            listed = {str(entry["file"]) for entry in index["maps"]}
        except (OSError, ValueError, KeyError, TypeError):
            return set()
        return {name for name in listed if Path(name).name == name and name.endswith(".png")}


def file_names(keys: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
    """A file name for each map: safe on every system, whatever a server calls its maps, and different for all."""
    names: dict[tuple[str, str, str], str] = {}
    taken: set[str] = set()
    for key in sorted(keys):
        # "%2E": no hidden files. "__": none of Windows' reserved names. Case may not be all that differs.
        name = "__".join(quote(part.replace("/", "-"), safe=" ") for part in key)
        name = name.replace(".", "%2E", 1) if name.startswith(".") else name
        if len(name) > _LONGEST_NAME or name.lower() in taken:
            name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}"
        taken.add(name.lower())
        names[key] = f"{name}.png"
    return names


def _png(one: MapState, revision: int, epoch: int) -> bytes:
    spec = {"map": asdict(one.spec), "revision": revision, "epoch": f"{epoch:016x}"}
    return encode_png(one.pixels(), Provenance(json.dumps(spec, ensure_ascii=False), "", _LICENCE))


def _json(document: bytes) -> Any:
    """The document as JSON where it is, as text where it isn't."""
    try:
        return json.loads(document) if document else None
    except ValueError:
        return document.decode("utf-8", "replace")
