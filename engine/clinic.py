"""How lesions usually present: sizes, outlines, and how densely they lie on the parts of the body."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.avatar.bodyparts import BodyParts


@dataclass(frozen=True)
class Clinic:
    """How a class of lesion usually presents: longest diameter (log-normal, in mm) and outline parameters.

    The ranges are ours, chosen after the ABCD rule (Nachbar et al. 1994) and its 6 mm criterion (Abbasi et al. 2004):
    nevi mostly below 6 mm, even and regular; melanomas mostly above, lopsided and notched, some small.
    """

    median_mm: float
    log_sigma: float
    range_mm: tuple[float, float]
    irregularity: tuple[float, float]
    asymmetry: tuple[float, float]


CLINIC = {
    "nevus": Clinic(4.5, 0.28, (2.0, 10.0), (0.01, 0.10), (0.05, 0.25)),
    "melanoma": Clinic(9.5, 0.35, (4.0, 25.0), (0.25, 0.75), (0.45, 0.80)),
}
ANY_CLASS = Clinic(6.0, 0.35, (2.0, 20.0), (0.01, 0.25), (0.10, 0.50))

BACK = 1.0
"""What densities are told by: lesions per area of skin, on the back 1."""
DENSITIES: Mapping[str, Mapping[str, float]] = {
    "nevus": {
        "face": 1.0,
        "neck": 0.8,
        "ear": 0.5,
        "head": 0.2,
        "back": BACK,
        "chest": 0.7,
        "abdomen": 0.4,
        "upper-arm": 0.9,
        "forearm": 0.6,
        "hand": 0.2,
        "palm": 0.05,
        "thigh": 0.4,
        "lower-leg": 0.3,
        "foot": 0.15,
        "sole": 0.05,
    },
    "melanoma": {
        "face": 1.5,
        "neck": 1.1,
        "ear": 1.8,
        "head": 0.6,
        "back": BACK,
        "chest": 0.6,
        "abdomen": 0.25,
        "upper-arm": 0.9,
        "forearm": 0.7,
        "hand": 0.3,
        "palm": 0.05,
        "thigh": 0.3,
        "lower-leg": 0.4,
        "foot": 0.25,
        "sole": 0.15,
    },
}
"""Lesions per area by part of the body; both sides alike. The order of the parts is published, the figures are ours.

Nevi: face, back, shoulders and outer arms lead, hands, legs, feet and abdomen come last (Autier et al. 2001, Melanoma
Res. 11:123); face before all, upper arm before forearm, thigh before lower leg (Valiukeviciene et al. 2007, Int. J.
Dermatol.). Melanomas: ear and face lead, upper before lower body, abdomen least (Musicante et al. 2024, Skin Health
Dis. 4:e463); ears, face, neck, shoulders and back (Green et al. 1993, Int. J. Cancer 53:232).
"""


def usual_density(parts: BodyParts, lesion_class: str) -> NDArray[np.float64]:
    """How densely lesions of a class usually lie on each face, float64 [F], the back 1; 1 everywhere for a class that
    is not in the table, and 0 on what is no skin."""
    known = DENSITIES.get(lesion_class)
    of_part = [1.0 if known is None else known[_both_sides(name)] for name in parts.names]
    return np.append(of_part, 0.0)[parts.of_face]


def _both_sides(name: str) -> str:
    return name.removeprefix("left-").removeprefix("right-")
