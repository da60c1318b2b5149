"""A pack: one file with everything that training needs, small enough to carry, read without the original images.

A safetensors file (numbers only): JPEGs and 1-bit PNGs end to end with their offsets, memory-mapped when read, and
what is said of them as JSON in its heading. A digest shows damage.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from engine.errors import DataError
from engine.output.atomic import write_atomic
from engine.training.batches import Shelf
from engine.training.dataset import NOT_STATED
from engine.training.packing import Item

FORMAT = "moulage-pack-1"
MOST_BYTES = 4 << 30
MOST_SIDE = 1024
MOST_UNPACKED = 32 << 30
_ARRAYS = {
    "rgb.bytes": np.uint8,
    "rgb.offsets": np.int64,
    "mask.bytes": np.uint8,
    "mask.offsets": np.int64,
    "side": np.int64,
    "label": np.int64,
    "zoom": np.float32,
    "box": np.float32,
}


@dataclass(frozen=True)
class Pack:
    """A pack in memory. about: what its heading says (classes, licences, data, what was left out).

    arrays: as the format names them. digest: SHA-256 over the arrays, which stands for the data in a model card; of
    several packs together, over their digests.
    """

    path: Path
    classes: tuple[str, ...]
    image_id: tuple[str, ...]
    lesion_id: tuple[str, ...]
    about: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    digest: str

    def __len__(self) -> int:
        return len(self.image_id)

    def counts(self) -> dict[str, int]:
        """Images by class."""
        return {name: int((self.arrays["label"] == i).sum()) for i, name in enumerate(self.classes)}

    def shelves(self, threads: int = 4) -> list[Shelf]:
        """All images unpacked, by side. DataError where one is damaged, or they would take too much memory."""
        sides = self.arrays["side"]
        if int((4 * sides.astype(np.int64) ** 2).sum()) > MOST_UNPACKED:
            raise DataError(f"{self.path}: takes more than {MOST_UNPACKED >> 30} GiB unpacked; make a smaller pack")
        return [self._shelf(np.flatnonzero(sides == side), int(side), threads) for side in np.unique(sides)]

    def _shelf(self, numbers: NDArray[np.int64], side: int, threads: int) -> Shelf:
        pixels = np.empty((len(numbers), 4, side, side), np.uint8)

        def unpack(place: int) -> None:
            number = int(numbers[place])
            pixels[place, :3] = self._decoded("rgb", number, "RGB", side).transpose(2, 0, 1)
            pixels[place, 3] = self._decoded("mask", number, "L", side)

        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(unpack, range(len(numbers))):
                pass
        label, zoom, box = (torch.from_numpy(self.arrays[n][numbers].copy()) for n in ("label", "zoom", "box"))
        return Shelf(torch.from_numpy(pixels), label, zoom, box)

    def _decoded(self, name: str, number: int, mode: str, side: int) -> NDArray[np.uint8]:
        offsets = self.arrays[f"{name}.offsets"]
        data = self.arrays[f"{name}.bytes"][offsets[number] : offsets[number + 1]].tobytes()
        try:
            with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as image:
                if image.size != (side, side):
                    raise DataError(f"{self.path}: {self.image_id[number]} is {image.size}, not {side} pixels")
                return np.asarray(image.convert(mode))
        except (OSError, ValueError, SyntaxError) as error:
            raise DataError(f"{self.path}: {self.image_id[number]} is damaged ({error}); pack anew") from error


def write(path: Path, items: Sequence[Item], classes: tuple[str, ...], about: Mapping[str, Any]) -> str:
    """Write a pack that is there whole or not at all; its digest. Items of other classes are an error of the caller."""
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {
        "side": np.array([item.side for item in items], np.int64),
        "label": np.array([classes.index(item.lesion_class) for item in items], np.int64),
        "zoom": np.array([item.zoom for item in items], np.float32).reshape(-1, 2),
        "box": np.array([item.box for item in items], np.float32).reshape(-1, 4),
    }
    for name, parts in (("rgb", [i.jpeg for i in items]), ("mask", [i.png for i in items])):
        arrays[f"{name}.bytes"] = np.frombuffer(b"".join(parts), np.uint8)
        arrays[f"{name}.offsets"] = np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)
    digest = _digest(arrays)
    heading = {
        "format": FORMAT,
        "digest": digest,
        "classes": json.dumps(classes),
        "image_id": json.dumps([item.image_id for item in items]),
        "lesion_id": json.dumps([item.lesion_id for item in items]),
        "about": json.dumps(about, sort_keys=True),
    }
    write_atomic(path, save(arrays, heading))
    return digest


def read(path: Path) -> Pack:
    """Open a pack and check it. DataError where it is none, cut, damaged, or of another version."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise DataError(f"--data: {path} is neither a folder nor a pack")
    if path.stat().st_size > MOST_BYTES:
        raise DataError(f"{path}: exceeds {MOST_BYTES >> 30} GiB")
    try:
        with safe_open(path, framework="numpy") as stream:
            heading = stream.metadata() or {}
            if heading.get("format") != FORMAT:
                raise DataError(f"{path}: is no pack of this version ({FORMAT}); pack the data anew")
            if set(stream.keys()) != set(_ARRAYS):
                raise DataError(f"{path}: lacks arrays that a pack has; pack the data anew")
            arrays = {name: stream.get_tensor(name) for name in _ARRAYS}
        texts = {name: json.loads(heading[name]) for name in ("classes", "image_id", "lesion_id", "about")}
    except (SafetensorError, OSError, ValueError, KeyError, RecursionError) as error:
        raise DataError(f"{path}: is damaged, or no pack ({error}); pack the data anew") from error
    fault = _fault(arrays, texts, heading.get("digest", ""))
    if fault:
        raise DataError(f"{path}: {fault}; pack the data anew")
    return Pack(
        *(path, tuple(texts["classes"]), tuple(texts["image_id"]), tuple(texts["lesion_id"])),
        *(texts["about"], arrays, heading["digest"]),
    )


def joined(packs: Sequence[Pack]) -> Pack:
    """Several packs as one, the same in any order. DataError where their classes differ, or one is there twice."""
    ordered = sorted(packs, key=lambda pack: pack.digest)
    first = ordered[0]
    if len(ordered) == 1:
        return first
    for one, other in itertools.pairwise(ordered):
        if one.classes != other.classes:
            theirs = "; ".join(f"{pack.path} has {', '.join(pack.classes)}" for pack in packs)
            raise DataError(f"--data: packs of other classes don't go together ({theirs}); pack them anew")
        if one.digest == other.digest:
            raise DataError(f"--data: {one.path} and {other.path} are the same pack; give it once")
    arrays: dict[str, NDArray[Any]] = {}
    for name in _ARRAYS:
        parts = [pack.arrays[name] for pack in ordered]
        if name.endswith(".offsets"):
            begins = np.cumsum([0, *(part[-1] for part in parts[:-1])], dtype=np.int64)
            parts = [parts[0][:1], *(part[1:] + begin for part, begin in zip(parts, begins, strict=True))]
        arrays[name] = np.concatenate(parts)
    return Pack(
        Path(", ".join(str(pack.path) for pack in ordered)),
        first.classes,
        tuple(name for pack in ordered for name in pack.image_id),
        tuple(name for pack in ordered for name in pack.lesion_id),
        _joined_abouts([pack.about for pack in ordered]),
        arrays,
        hashlib.sha256("".join(pack.digest for pack in ordered).encode()).hexdigest(),
    )


def _joined_abouts(abouts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Lists united, numbers added; a number that one of them doesn't know is not known."""
    whole: dict[str, Any] = {}
    for name in ("data", "licences", "sources", "sides"):
        unknown = [NOT_STATED] if name == "licences" else ()
        whole[name] = list(dict.fromkeys(value for about in abouts for value in about.get(name) or unknown))
    for name in ("counts", "refused", "problems", "phototypes"):
        if all(name in about for about in abouts):
            keys = dict.fromkeys(key for about in abouts for key in about[name])
            whole[name] = {key: sum(int(about[name].get(key, 0)) for about in abouts) for key in keys}
    if all("test_images" in about for about in abouts):
        whole["test_images"] = sum(int(about["test_images"]) for about in abouts)
    return whole


def is_pack(path: Path) -> bool:
    """Whether to read it as a pack rather than as a folder of images."""
    return path.is_file()


def _fault(arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, Any], digest: str) -> str | None:
    """What is wrong with the arrays, if anything is."""
    count = len(arrays["label"])
    shapes = {"side": (count,), "label": (count,), "zoom": (count, 2), "box": (count, 4)}
    shapes |= {f"{name}.offsets": (count + 1,) for name in ("rgb", "mask")}
    if any(arrays[name].dtype != kind for name, kind in _ARRAYS.items()):
        return "its arrays have other types"
    if not count or any(arrays[name].shape != shape for name, shape in shapes.items()):
        return "its arrays don't fit together"
    if any(not isinstance(texts[name], list) or len(texts[name]) != count for name in ("image_id", "lesion_id")):
        return "its names don't fit its images"
    if not isinstance(texts["classes"], list) or not isinstance(texts["about"], dict):
        return "its heading is none"
    for name in ("rgb", "mask"):
        offsets = arrays[f"{name}.offsets"]
        if offsets[0] != 0 or offsets[-1] != arrays[f"{name}.bytes"].size or (np.diff(offsets) <= 0).any():
            return "its offsets don't fit its bytes"
    sides, labels = arrays["side"], arrays["label"]
    if sides.min() < 16 or sides.max() > MOST_SIDE or labels.min() < 0 or labels.max() >= len(texts["classes"]):
        return "it holds impossible sides or classes"
    if not (np.isfinite(arrays["zoom"]).all() and (arrays["zoom"] >= 1).all() and (arrays["zoom"] <= 16).all()):
        return "it holds impossible magnifications"
    if not ((arrays["box"] >= 0) & (arrays["box"] <= 1)).all():
        return "it holds lesions outside their pictures"
    return None if _digest(arrays) == digest else "its bytes are not those that were written (damaged)"


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()
