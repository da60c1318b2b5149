"""The simple layout: `images/ID.jpg`, `masks/ID.png` and `metadata.csv` with the columns `image_id` and `dx`.

Optional columns: lesion_id, source, licence, fine_rms, dark_corners; width, height, orig_width, orig_height and
reduction (pixels of the original per pixel), from which follows how much closer a crop is than its photograph. Folders
inside that are in the same layout (closer crops, other sources) are read too.
"""

from pathlib import Path

from engine.training.dataset import Dataset
from engine.training.layouts.records import Files, Record, Row, files_by_id, number, samples, table

_MOST_MAGNIFICATION = 8.0
NAME = "images/, masks/ and metadata.csv"


def recognises(folder: Path) -> bool:
    """Whether the folder has images/ and metadata.csv."""
    return (folder / "metadata.csv").is_file() and (folder / "images").is_dir()


def read(folder: Path) -> Dataset:
    """See `engine.training.layouts.Layout`."""
    files = Files(files_by_id(folder / "images"), files_by_id(folder / "masks"))
    records = []
    for row in table(folder / "metadata.csv", ("image_id", "dx")):
        corners = number(row.get("dark_corners"))
        records.append(
            Record(
                *(row["image_id"], row["dx"], row.get("lesion_id", "")),
                *(row.get("source", ""), row.get("licence", "")),
                *(number(row.get("fine_rms")), number(row.get("reduction"))),
                None if corners is None else int(corners),
                _magnification(row),
            )
        )
    dataset = samples(records, files)
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and recognises(path)):
        dataset += read(inner)
    return dataset


def _magnification(row: Row) -> float:
    """The short side of the photograph over that of this crop of it, in the photograph's pixels; 1 where unknown."""
    names = ("orig_width", "orig_height", "width", "height", "reduction")
    width, height, own_width, own_height, reduction = (number(row.get(name)) for name in names)
    if not (width and height and own_width and own_height and reduction):
        return 1.0
    return min(max(1.0, min(width, height) / (min(own_width, own_height) * reduction)), _MOST_MAGNIFICATION)
