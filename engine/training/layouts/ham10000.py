"""HAM10000 as published (doi:10.7910/DVN/DBW86T): two folders of images, a table, the lesion segmentations.

Tschandl et al. 2018, doi:10.1038/sdata.2018.161; segmentations: Tschandl et al. 2020, doi:10.1038/s41591-020-0942-0.
"""

from collections.abc import Iterator
from pathlib import Path

from engine.training.dataset import Dataset
from engine.training.layouts.records import Files, Record, files_by_id, samples, table

NAME = "HAM10000 as published (HAM10000_images_part_1, HAM10000_metadata)"
LICENCE = "CC-BY-NC-4.0"
_TABLES = ("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata")
_SUFFIX = "_segmentation"


def recognises(folder: Path) -> bool:
    """Whether the folder has the table and at least one folder of images."""
    return any((folder / name).is_file() for name in _TABLES) and any(folder.glob("HAM10000_images_part_*"))


def read(folder: Path) -> Dataset:
    """See `engine.training.layouts.Layout`. Test images of the challenge (ISIC2018_Task3_Test_Images) aren't read."""
    path = next(folder / name for name in _TABLES if (folder / name).is_file())
    files = Files()
    for place in _places(folder, "HAM10000_images_part_*"):
        files.images |= files_by_id(place)
    for place in _places(folder, "HAM10000_segmentations*"):
        files.masks |= files_by_id(place, _SUFFIX)
    rows = table(path, ("image_id", "dx", "lesion_id"))
    records = [Record(row["image_id"], row["dx"], row["lesion_id"], "HAM10000", LICENCE) for row in rows]
    return samples(records, files)


def _places(folder: Path, pattern: str) -> Iterator[Path]:
    """An archive unpacks into a folder of its own name, or straight into where it lies: each folder, what is in it."""
    for place in sorted(path for path in folder.glob(pattern) if path.is_dir()):
        yield place
        yield from sorted(path for path in place.iterdir() if path.is_dir())
