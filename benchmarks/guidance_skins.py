"""Skins to paint on: crops of dermoscopic images that no shipped network has seen, and patches of procedural avatars.

The crops come from the frozen test split of the sharp images (`dermoscopy-512`), none of which is among the images that
the shipped network was trained on; HAM10000's own test split can't serve, because that network has seen it.
"""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.colour import SkinColour, to_linear, to_network

SIDE = 128
CROP = 160
"""Side of a crop in pixels of the 512² image; it is reduced to 128."""
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
PHOTOTYPES = ("I", "III", "V")
DIAMETERS_MM = (4.0, 12.0)
WINDOW = 2.2

Skin = NDArray[np.float32]


def crops(count: int, seed: int = 0) -> list[Skin]:
    """Up to `count` lesion-free crops, float32 [3, 128, 128] in the network's space, one an image."""
    folder = DATA / "dermoscopy-512"
    if not folder.is_dir():
        return []
    with (folder / "metadata.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if _held_out(row) and row["has_mask"] == "1"]
    rng = np.random.default_rng(seed)
    rng.shuffle(rows)  # type: ignore[arg-type]
    found = [crop for row in rows if (crop := _crop(folder, row["image_id"], rng)) is not None]
    return found[:count]


def lesions(count: int, seed: int = 0) -> list[tuple[Skin, NDArray[np.bool_]]]:
    """Up to `count` real lesions inside their pictures, float32 [3, 128, 128], with the experts' masks [128, 128]."""
    folder = DATA / "dermoscopy"
    if not folder.is_dir():
        return []
    with (folder / "metadata.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["has_mask"] == "1" and _clear(row)]
    np.random.default_rng(seed).shuffle(rows)  # type: ignore[arg-type]
    found = []
    for row in rows[:count]:
        picture = cv2.imread(str(folder / "images" / f"{row['image_id']}.jpg"))[..., ::-1]
        mask = cv2.imread(str(folder / "masks" / f"{row['image_id']}.png"), cv2.IMREAD_GRAYSCALE)
        small, region = (_central(array) for array in (picture, mask))
        encoded = (small.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)
        found.append((np.ascontiguousarray(encoded), np.asarray(region > 127)))
    return found


def avatar_patches(count: int, phototypes: Sequence[str] = PHOTOTYPES, seed: int = 0) -> list[Skin]:
    """`count` patches of procedural avatars, one of each phototype, float32 [3, 128, 128] in the network's space."""
    from engine.avatar.body import BodySpec, create
    from engine.avatar.load import from_glb
    from engine.patient import Patient
    from engine.scatter import scatter

    found: list[Skin] = []
    for number, phototype in enumerate(phototypes):
        share = count // len(phototypes) + (number < count % len(phototypes))
        if share == 0:
            continue
        avatar = from_glb(create(BodySpec(phototype=phototype, texture_size=2048, seed=seed)), "patient.glb", 1.0)
        patient = Patient(avatar)
        diameters = [float(d) for d in np.geomspace(*DIAMETERS_MM, share)]
        sites = scatter(patient.surface, patient.region(None, None), diameters, seed)
        for site, diameter in zip(sites, diameters, strict=True):
            if site is None:
                continue
            linear, valid = patient.surface.patch(site, WINDOW * diameter, SIDE).sample(patient.canvas.base)
            colour = SkinColour.measure(linear, valid)
            linear = np.where(valid[..., None], linear, np.asarray(colour.median, np.float32))
            found.append(np.ascontiguousarray(to_network(colour.normalise(linear)).transpose(2, 0, 1)))
    return found


def _held_out(row: dict[str, str]) -> bool:
    """The frozen test split: a tenth of the lesions, by the hash of their id."""
    name = row["lesion_id"] or row["image_id"]
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 10 == 0


def _clear(row: dict[str, str]) -> bool:
    """A lesion that lies whole in a picture without dark corners."""
    return (
        0.05 <= float(row["mask_frac"]) <= 0.4 and float(row["mask_border_frac"]) < 0.02 and row["dark_corners"] == "0"
    )


def _central(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    side = min(array.shape[:2])
    row, column = (array.shape[0] - side) // 2, (array.shape[1] - side) // 2
    square = np.ascontiguousarray(array[row : row + side, column : column + side])
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _crop(folder: Path, name: str, rng: np.random.Generator) -> Skin | None:
    """The corner crop furthest from the lesion, where it is skin only: no lesion, dark corner, dark hair or ink."""
    picture = cv2.imread(str(folder / "images" / f"{name}.jpg"))
    mask = cv2.imread(str(folder / "masks" / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    if picture is None or mask is None:
        return None
    linear = to_linear(picture[..., ::-1].astype(np.float32) / 255)
    away = cv2.distanceTransform((mask < 128).astype(np.uint8), cv2.DIST_L2, 5)
    corners = [(y, x) for y in (0, 512 - CROP) for x in (0, 512 - CROP)]
    y, x = max(corners, key=lambda c: float(away[c[0] : c[0] + CROP, c[1] : c[1] + CROP].min()))
    window = (slice(y, y + CROP), slice(x, x + CROP))
    if away[window].min() < 10:
        return None
    colour = SkinColour.for_training(linear[window], np.ones((CROP, CROP), bool))
    small = cv2.resize(colour.normalise(linear[window]), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    luminance = cv2.GaussianBlur(small.mean(2), (0, 0), 2)
    if luminance.min() < 0.75 * np.median(luminance):
        return None
    return np.ascontiguousarray(to_network(small).transpose(2, 0, 1))
