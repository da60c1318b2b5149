"""Small data sets that are drawn: dark discs on skin, in each of the layouts that are read.

As a program: `python tests/training/trees.py FOLDER` draws 80 in the simple layout.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = (96, 72)


@dataclass(frozen=True)
class Drawn:
    """An image by its id, diagnosis and lesion; `seed` decides what it looks like."""

    image_id: str
    dx: str
    lesion_id: str
    seed: int


def drawn(count: int, dx: Sequence[str] = ("nv", "mel")) -> list[Drawn]:
    """`count` different lesions, ids as in HAM10000."""
    return [Drawn(f"ISIC_{i:07d}", dx[i % len(dx)], f"HAM_{i:07d}", i) for i in range(count)]


def picture(seed: int, size: tuple[int, int] = SIZE) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A blotchy disc on blotchy skin: rgb [H, W, 3] and mask [H, W] of 0 and 255."""
    rng = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[:height, :width]
    radius = rng.uniform(0.16, 0.3) * height
    middle = rng.uniform(0.42, 0.58, 2) * (width, height)
    inside = np.hypot(x - middle[0], y - middle[1]) < radius
    skin = np.array([205, 165, 150]) + rng.uniform(-20, 20, 3)
    colour = np.where(inside[..., None], skin * rng.uniform(0.3, 0.6), skin)
    slow = cv2.resize(rng.normal(0, 12, (6, 8, 3)), size, interpolation=cv2.INTER_CUBIC)
    fine = rng.normal(0, 4, colour.shape)
    return np.clip(colour + slow + fine, 0, 255).astype(np.uint8), inside.astype(np.uint8) * 255


def save(image: Path, mask: Path | None, seed: int, size: tuple[int, int] = SIZE) -> None:
    """Write a picture as JPEG and its mask as PNG."""
    rgb, inside = picture(seed, size)
    image.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(image, quality=92)
    if mask is not None:
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(inside).save(mask)


def table(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(heading)
        writer.writerows(rows)


def simple(folder: Path, images: Sequence[Drawn]) -> Path:
    """The simple layout."""
    for one in images:
        save(folder / "images" / f"{one.image_id}.jpg", folder / "masks" / f"{one.image_id}.png", one.seed)
    rows = [(one.image_id, one.dx, one.lesion_id, "drawn", "CC0-1.0") for one in images]
    table(folder / "metadata.csv", ("image_id", "dx", "lesion_id", "source", "licence"), rows)
    return folder


def ham10000(folder: Path, images: Sequence[Drawn]) -> Path:
    """HAM10000 as published, the images in two parts."""
    masks = folder / "HAM10000_segmentations_lesion_tschandl"
    for number, one in enumerate(images):
        part = folder / f"HAM10000_images_part_{1 + number % 2}"
        save(part / f"{one.image_id}.jpg", masks / f"{one.image_id}_segmentation.png", one.seed)
    rows = [(one.lesion_id, one.image_id, one.dx, "histo", "50.0", "male", "back") for one in images]
    heading = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    table(folder / "HAM10000_metadata.csv", heading, rows)
    return folder


def isic2016(folder: Path, images: Sequence[Drawn]) -> Path:
    """The challenge of 2016: a table without a heading; benign and malignant."""
    masks = folder / "ISBI2016_ISIC_Part1_Training_GroundTruth"
    for one in images:
        image = folder / "ISBI2016_ISIC_Part1_Training_Data" / f"{one.image_id}.jpg"
        save(image, masks / f"{one.image_id}_Segmentation.png", one.seed)
    rows = [(one.image_id, "malignant" if one.dx == "mel" else "benign") for one in images]
    table(folder / "ISBI2016_ISIC_Part3_Training_GroundTruth.csv", rows[0], rows[1:])
    return folder


def isic2016_test(folder: Path, images: Sequence[Drawn]) -> Path:
    """Part 3B of the test of 2016: masks among the images; classes as 0.0 and 1.0."""
    place = folder / "ISBI2016_ISIC_Part3B_Test_Data"
    for one in images:
        save(place / f"{one.image_id}.jpg", place / f"{one.image_id}_Segmentation.png", one.seed)
    rows = [(one.image_id, float(one.dx == "mel")) for one in images]
    table(folder / "ISBI2016_ISIC_Part3B_Test_GroundTruth.csv", rows[0], rows[1:])
    return folder


def isic2017(folder: Path, images: Sequence[Drawn]) -> Path:
    """The challenge of 2017, with its superpixels among the images."""
    place = folder / "ISIC-2017_Training_Data"
    for one in images:
        mask = folder / "ISIC-2017_Training_Part1_GroundTruth" / f"{one.image_id}_segmentation.png"
        save(place / f"{one.image_id}.jpg", mask, one.seed)
        Image.fromarray(picture(one.seed)[0]).save(place / f"{one.image_id}_superpixels.png")
    rows = [(o.image_id, float(o.dx == "mel"), float(o.dx == "bkl")) for o in images]
    table(folder / "ISIC-2017_Training_Part3_GroundTruth.csv", ("image_id", "melanoma", "seborrheic_keratosis"), rows)
    return folder


def isic2018(folder: Path, images: Sequence[Drawn]) -> Path:
    """Tasks 1 and 3 of 2018: masks of the one, classes and lesion groups of the other."""
    names = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    for one in images:
        mask = folder / "ISIC2018_Task1_Training_GroundTruth" / f"{one.image_id}_segmentation.png"
        save(folder / "ISIC2018_Task3_Training_Input" / f"{one.image_id}.jpg", mask, one.seed)
    truth = folder / "ISIC2018_Task3_Training_GroundTruth" / "ISIC2018_Task3_Training_GroundTruth.csv"
    table(truth, ("image", *names), [(o.image_id, *(float(n.lower() == o.dx) for n in names)) for o in images])
    groups = [(o.image_id, o.lesion_id, "histo") for o in images]
    table(folder / "ISIC2018_Task3_Training_LesionGroupings.csv", ("image", "lesion_id", "x"), groups)
    return folder


if __name__ == "__main__":
    for number, one in enumerate(drawn(80)):
        image, mask = Path(sys.argv[1], "images", one.image_id), Path(sys.argv[1], "masks", one.image_id)
        save(image.with_suffix(".jpg"), mask.with_suffix(".png"), number, (192, 144))
    rows = [(one.image_id, one.dx, one.lesion_id, "drawn", "CC0-1.0") for one in drawn(80)]
    table(Path(sys.argv[1]) / "metadata.csv", ("image_id", "dx", "lesion_id", "source", "licence"), rows)
