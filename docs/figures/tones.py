"""The tone sheet: the same nevus and the same melanoma on six patients, phototypes I to VI.

python -m docs.figures.tones [-o docs/images/tones.png]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from engine import place
from engine.avatar.body import BodySpec, create
from engine.avatar.load import from_glb
from engine.generators.registry import open_generator
from engine.lesion import LesionSpec, Shape
from engine.output import Provenance, encode_png, write_atomic
from engine.patient import Patient
from engine.sheet import contact_sheet

PHOTOTYPES = ("I", "II", "III", "IV", "V", "VI")
LESIONS = (
    ("nevus", 6.0, Shape("automatic", 0.2, 0.15), 41),
    ("nevus", 4.5, Shape("automatic", 0.15, 0.1), 12),
    ("melanoma", 9.0, Shape("automatic", 0.65, 0.6), 5),
    ("melanoma", 11.0, Shape("automatic", 0.75, 0.5), 8),
)
TILE = 224


def column(phototype: str, generator: object) -> list[np.ndarray]:
    """Close-ups of all lesions on one patient's upper back."""
    patient = Patient(from_glb(create(BodySpec(phototype=phototype, texture_size=2048)), phototype, 1.0))
    site = patient.site_facing((0.08, 0.74 * patient.height_m, -3.0), (0.0, 0.0, 1.0))
    tiles = []
    for lesion_class, diameter, shape, seed in LESIONS:
        spec = LesionSpec(lesion_class, site, diameter, seed, shape=shape)
        placement = place.prepare(patient.surface, patient.canvas.base, spec)
        (result,) = generator.generate([placement.request])
        picture = patient.canvas.close_up(place.finish(placement, result, "tone"))
        tiles.append(cv2.resize(picture, (TILE, TILE), interpolation=cv2.INTER_CUBIC))
    return tiles


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images/tones.png"))
    output = parser.parse_args().output
    generator = open_generator("ddpm")
    columns = [column(phototype, generator) for phototype in PHOTOTYPES]
    rows = [f"{name}, {diameter:g} mm" for name, diameter, _, _ in LESIONS]
    sheet = contact_sheet(
        list(zip(*columns, strict=True)), rows, PHOTOTYPES, "One lesion, six skins", "same seed in each row; synthetic"
    )
    write_atomic(output, encode_png(sheet, Provenance("[]", generator.fingerprint, generator.licence)))
    print(output)


if __name__ == "__main__":
    main()
