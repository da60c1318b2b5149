"""Which images a network was trained on, as a small file beside it: no figure may rest on one of them.

The split's rule alone can't promise that: where a data set doesn't say which lesion an image shows, the image's own id
decides, and another data set may know better. Names are kept as hashes only; the fingerprint leaves the file out.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.diffusion.checkpoint import Model
from engine.errors import ModelError
from engine.output.atomic import telling, write_atomic
from engine.training.layouts.records import PICTURES

NAME = "trained-images.json"
SCHEMA = "moulage-trained-images"
VERSION = 1
MOST = 1_000_000
_MOST_BYTES = 32 << 20
_DIGITS = 16
_MARK = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")


def mark(image_id: str) -> str:
    """What stands for an image: 16 hex digits of the SHA-256 of its id, in lower case and without an extension."""
    name = image_id.lower()
    for extension in PICTURES:
        name = name.removesuffix(extension)
    return hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]


def marks_of(model: Model) -> frozenset[str] | None:
    """The marks of all images that the model and its ancestors were trained on; None where it doesn't say.

    ModelError where the file is damaged.
    """
    if model.parts:
        parts = [marks_of(part) for part in model.parts]
        return frozenset().union(*(part for part in parts if part)) if None not in parts else None
    path = model.folder / NAME
    return frozenset(_images(path)) if path.is_file() else None


def write(folder: Path, image_ids: Iterable[str], ancestors: Iterable[Model]) -> None:
    """Write the list of a network that was trained on these images and descends from these models.

    Where an ancestor has no list there is none: one that lacks images would promise too much.
    """
    path = folder / NAME
    marks = {mark(str(image_id)) for image_id in image_ids}
    for ancestor in ancestors:
        theirs = marks_of(ancestor)
        if theirs is None:
            with telling(path):
                path.unlink(missing_ok=True)
            return
        marks |= theirs
    document = {"schema": SCHEMA, "version": VERSION, "images": sorted(marks)}
    write_atomic(path, json.dumps(document, indent=0).encode() + b"\n")


def _images(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ModelError(f"{path}: is larger than {_MOST_BYTES >> 20} MiB; copy the model anew")
        told: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: can't be read as JSON ({error}); copy the model anew") from error
    if not isinstance(told, dict) or (told.get("schema"), told.get("version")) != (SCHEMA, VERSION):
        raise ModelError(f"{path}: is no {SCHEMA} of version {VERSION}; copy the model anew")
    images = told.get("images")
    if not isinstance(images, list) or len(images) > MOST:
        raise ModelError(f"{path}: 'images' must be a list of at most {MOST:,}; copy the model anew")
    if not all(isinstance(image, str) and _MARK.fullmatch(image) for image in images):
        raise ModelError(f"{path}: 'images' must hold {_DIGITS} hex digits each; copy the model anew")
    return images
