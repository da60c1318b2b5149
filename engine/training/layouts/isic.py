"""The folders of the ISIC challenges of 2016, 2017 and 2018 as they are unpacked, side by side in one folder.

Images, masks (Task or Part 1) and classes (Part or Task 3) lie in folders of their own and are joined by image id, so
the masks of one year serve the images of another. 2016: arXiv:1605.01397; 2017: arXiv:1710.05006; 2018:
arXiv:1902.03368.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.errors import DataError
from engine.training.dataset import CLASS_OF_DIAGNOSIS, Dataset
from engine.training.layouts.records import Files, Record, files_by_id, number, samples, table

NAME = "folders of an ISIC challenge (ISIC-2017_Training_Data, ISIC2018_Task3_Training_Input, …)"
_IMAGES = ("ISBI2016_ISIC_Part*_Data", "ISIC-2017_*_Data", "ISIC2018_Task*_Input")
_TRUTH = ("ISBI2016_ISIC_Part*GroundTruth", "ISIC-2017_*GroundTruth", "ISIC2018_Task*GroundTruth")
_SUFFIX = "_segmentation"
_NO_IMAGES = (_SUFFIX, "_superpixels")
"""What lies among the images of some years, by the end of its name."""
_GROUPS = "ISIC2018_Task3_*LesionGroupings.csv"
_CLASSES_2018 = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
HAM10000_LICENCE = "CC-BY-NC-4.0"


def recognises(folder: Path) -> bool:
    """Whether the folder has at least one folder of a challenge's images."""
    return any(path.is_dir() for pattern in _IMAGES for path in folder.glob(pattern))


def read(folder: Path) -> Dataset:
    """See `engine.training.layouts.Layout`. Where several years name an image, the finer class holds."""
    files = Files()
    source: dict[str, str] = {}
    for place in _folders(folder, _IMAGES):
        found = {i: path for i, path in files_by_id(place).items() if not i.lower().endswith(_NO_IMAGES)}
        files.images |= found
        files.masks |= files_by_id(place, _SUFFIX)  # Part 3B of 2016
        source |= dict.fromkeys(found, place.name)
    for place in _folders(folder, _TRUTH):
        files.masks |= files_by_id(place, _SUFFIX)
    diagnoses: dict[str, str] = {}
    for path in _tables(folder):
        for image_id, diagnosis in _diagnoses(path):
            if _fineness(diagnosis) > _fineness(diagnoses.get(image_id, "")):
                diagnoses[image_id] = diagnosis
    lesions: dict[str, str] = {}
    for path in sorted(folder.rglob(_GROUPS)):
        lesions |= {row["image"]: row["lesion_id"] for row in table(path, ("image", "lesion_id"))}
    records = []
    for image_id in sorted({*files.images, *diagnoses}):
        lesion = lesions.get(image_id, "")
        origin = source.get(image_id, "")
        # The third task of 2018 is HAM10000, under its licence.
        licence = HAM10000_LICENCE if "2018_Task3" in origin else ""
        records.append(Record(image_id, diagnoses.get(image_id, ""), lesion, origin, licence))
    return samples(records, files)


def _folders(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_dir())


def _tables(folder: Path) -> list[Path]:
    places = [folder, *_folders(folder, _TRUTH)]
    return sorted({p for place in places for p in place.glob("*GroundTruth*.csv") if p.is_file()})


def _diagnoses(path: Path) -> Iterator[tuple[str, str]]:
    """Image id and diagnosis of each row, whichever year's form the table has."""
    rows = table(path)
    columns = set(rows[0]) if rows else set()
    if {"image_id", "melanoma", "seborrheic_keratosis"} <= columns:
        for row in rows:
            yield row["image_id"], _of_2017(row)
    elif {"image", *_CLASSES_2018} <= columns:
        for row in rows:
            yield row["image"], next((name.lower() for name in _CLASSES_2018 if row[name] in ("1", "1.0")), "")
    elif len(columns) == 2:  # 2016 has no heading: the first row became the names of the columns
        first = tuple(rows[0])
        yield first[0], _of_2016(first[1])
        for row in rows:
            yield row[first[0]], _of_2016(row[first[1]])
    elif rows:
        raise DataError(f"{path}: is no table of classes of the challenges of 2016, 2017 or 2018")


def _fineness(diagnosis: str) -> int:
    """How much a table says of an image: nothing that is known, not more than that it is benign, or its class."""
    return {None: 0, "benign": 1}.get(CLASS_OF_DIAGNOSIS.get(diagnosis.lower()), 2)


def _of_2016(told: str) -> str:
    """The training table says benign or malignant, that of the test images 0.0 or 1.0."""
    value = number(told)
    return told if value not in (0.0, 1.0) else "malignant" if value else "benign"


def _of_2017(row: Mapping[str, str]) -> str:
    """In 2017 what is neither melanoma nor seborrheic keratosis is a nevus (arXiv:1710.05006, section 2)."""
    if row["melanoma"].startswith("1"):
        return "mel"
    return "seborrheic_keratosis" if row["seborrheic_keratosis"].startswith("1") else "nv"
