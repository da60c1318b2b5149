"""From names in a table to samples: what every layout does alike. Names come from others' files: they are checked."""

import csv
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import DataError
from engine.training.dataset import (
    BAD_NAME,
    BROKEN_MASK,
    BROKEN_PICTURE,
    CLASS_OF_DIAGNOSIS,
    MASK_OF_OTHER_SIZE,
    MISSING_PICTURE,
    NAMED_TWICE,
    UNKNOWN_CLASS,
    Dataset,
    Problem,
    Sample,
)
from engine.training.pictures import size_of

MOST_TABLE_BYTES = 64 << 20
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,120}")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")

Row = Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """A row that claims an image. diagnosis: as the table says it; known: other fields of `Sample`, as read."""

    image_id: str
    diagnosis: str
    lesion_id: str = ""
    source: str = ""
    licence: str = ""
    fine_rms: float | None = None
    reduction: float | None = None
    dark_corners: int | None = None
    magnification: float = 1.0


@dataclass
class Files:
    """Images and masks by id, as they lie on the disk."""

    images: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)


def table(path: Path, columns: Iterable[str] = ()) -> list[Row]:
    """The rows of a CSV file with a heading. DataError where it is no table, or lacks one of the columns."""
    try:
        if path.stat().st_size > MOST_TABLE_BYTES:
            raise DataError(f"{path}: is larger than {MOST_TABLE_BYTES >> 20} MiB; that is no table of images")
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        rows = csv.DictReader(text.splitlines(), delimiter="\t" if "\t" in first else ",")
        missing = sorted(set(columns) - set(rows.fieldnames or ()))
        if missing:
            raise DataError(f"{path}: has no column {', '.join(missing)}")
        return [{key: (value or "").strip() for key, value in row.items() if key is not None} for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise DataError(f"{path}: can't be read as a table ({error})") from error


def files_by_id(folder: Path, suffix: str = "") -> dict[str, Path]:
    """Images of a folder by what their names begin with. suffix: what stands between id and extension, any case."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        stem = path.stem
        if path.suffix.lower() in PICTURES and stem.lower().endswith(suffix.lower()):
            found[stem[: len(stem) - len(suffix)]] = path
    return found


def samples(records: Iterable[Record], files: Files) -> Dataset:
    """What of the records can be used: the image is there, its header and its mask's agree, its class has a name.

    Images without a mask stay, with None.
    """
    good: list[Sample] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for record in records:
        answer = _sample(record, files, seen)
        if isinstance(answer, Sample):
            good.append(answer)
        else:
            problems.append(answer)
        seen.add(record.image_id)
    return Dataset(tuple(good), tuple(problems))


def number(text: str | None) -> float | None:
    """A finite number, or None for anything else."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _sample(record: Record, files: Files, seen: set[str]) -> Sample | Problem:
    name = record.image_id
    if not _NAME.fullmatch(name):
        return Problem(BAD_NAME, repr(name[:80]))
    if name in seen:
        return Problem(NAMED_TWICE, name)
    image, mask = files.images.get(name), files.masks.get(name)
    if image is None:
        return Problem(MISSING_PICTURE, name)
    lesion_class = CLASS_OF_DIAGNOSIS.get(record.diagnosis.lower())
    if lesion_class is None:
        return Problem(UNKNOWN_CLASS, str(image), record.diagnosis[:40] or "none given")
    try:
        size = size_of(image)
    except DataError as error:
        return Problem(BROKEN_PICTURE, str(image), str(error).partition(": ")[2])
    if mask is not None:
        try:
            mask_size = size_of(mask)
        except DataError as error:
            return Problem(BROKEN_MASK, str(mask), str(error).partition(": ")[2])
        if mask_size != size:
            width, height = mask_size
            return Problem(MASK_OF_OTHER_SIZE, str(mask), f"{width}×{height}, its picture {size[0]}×{size[1]}")
    return Sample(
        *(image, mask, name, record.lesion_id or name, lesion_class, size),
        *(record.source, record.licence, record.fine_rms, record.reduction, record.dark_corners),
        record.magnification,
    )
