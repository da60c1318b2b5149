"""From sex, age, height and weight to the shape of the base body.

Coefficients follow anny (arXiv:2511.03589, section 3): each blend shape's weight is the product of piecewise linear
memberships in the variations that it stands for. Height and weight are solved for: in height the body is linear, and
weight follows from the volume.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.avatar.basemesh import BaseMesh
from engine.errors import AvatarError

VARIATIONS: dict[str, tuple[str, ...]] = {
    "gender": ("male", "female"),
    "age": ("newborn", "baby", "child", "young", "old"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", "maxheight"),
    "proportions": ("idealproportions", "uncommonproportions"),
    "cupsize": ("mincup", "averagecup", "maxcup"),
    "firmness": ("minfirmness", "averagefirmness", "maxfirmness"),
}
"""The columns of `BaseMesh.factors`, in this order."""

BODY_DENSITY = 1010.0
"""kg/m³ of the volume that the skin encloses: about 1050 without the air in the lungs (Siri 1961), 2.5 l of air."""

SEXES = ("female", "male")
AGES = (3.0, 90.0)

_AGE_STOPS = ((1, 0.05), (4, 0.215), (11, 0.415), (17, 2 / 3), (25, 2 / 3), (90, 1.0))
"""Years to anny's age: up to 11 anny's calibration against WHO growth data; MakeHuman's 25 (young) and 90 (old)."""

_HEIGHTS = {
    "male": ((3, 0.95), (5, 1.09), (8, 1.28), (10, 1.39), (12, 1.49), (14, 1.64), (16, 1.73), (18, 1.75), (90, 1.75)),
    "female": ((3, 0.94), (5, 1.08), (8, 1.27), (10, 1.38), (12, 1.51), (14, 1.6), (16, 1.62), (18, 1.63), (90, 1.63)),
}
_MASS_INDICES = (
    (3, 16.0),
    (6, 15.4),
    (9, 16.2),
    (12, 18.0),
    (15, 20.0),
    (18, 21.6),
    (30, 23.5),
    (50, 24.5),
    (90, 24.5),
)
"""Metres and kg/m² where none are asked for: about the medians of the CDC growth charts (2000); adults a little leaner
than today's means."""

HEIGHT_TOLERANCE_M = 0.001
WEIGHT_TOLERANCE_KG = 0.1


@dataclass(frozen=True)
class Figure:
    """A solved body: float64 positions [V, 3] and joint heads [J, 3], feet at y = 0; height in metres, weight in kg."""

    positions: NDArray[np.float64]
    heads: NDArray[np.float64]
    height_m: float
    weight_kg: float


def usual_height(sex: str, age: float) -> float:
    """Metres, for someone of whom only sex and age are known."""
    years, heights = zip(*_HEIGHTS[sex], strict=True)
    return round(float(np.interp(age, years, heights)), 3)


def usual_weight(age: float, height_m: float) -> float:
    """Kilograms, for someone of whom only age and height are known."""
    years, indices = zip(*_MASS_INDICES, strict=True)
    return round(float(np.interp(age, years, indices)) * height_m**2, 1)


def coefficients(mesh: BaseMesh, **phenotype: float) -> NDArray[np.float64]:
    """Weights [K] of the blend shapes; phenotypes that are not named are at their middle, 0.5."""
    memberships = []
    for name, variations in VARIATIONS.items():
        stops = np.linspace(-1 / 3 if name == "age" else 0.0, 1.0, len(variations))
        value = phenotype.get(name, 0.5)
        memberships += [float(np.interp(value, stops, row)) for row in np.eye(len(variations))]
    product: NDArray[np.float64] = np.prod(np.where(mesh.factors, np.array(memberships), 1.0), axis=-1)
    return product


def solve(mesh: BaseMesh, sex: str, age: float, height_m: float, weight_kg: float) -> Figure:
    """The figure with this height (±1 mm) and this weight (±0.1 kg). AvatarError names what can be reached."""

    def stature(adiposity: float) -> tuple[float, Figure]:
        return _of_height(mesh, sex, age, adiposity, height_m)

    from scipy.optimize import brentq  # half a second, and those who only ask for usual heights don't need it

    lightest, heaviest = stature(-1.0)[1], stature(1.0)[1]
    if not lightest.weight_kg <= weight_kg <= heaviest.weight_kg:
        raise AvatarError(
            f"weight: {weight_kg:g} kg can't be reached at {height_m:g} m, {sex}, {age:g} years; choose between "
            f"{np.ceil(lightest.weight_kg):g} and {np.floor(heaviest.weight_kg):g} kg"
        )
    adiposity = brentq(lambda value: stature(value)[1].weight_kg - weight_kg, -1.0, 1.0, xtol=1e-5)
    return stature(round(float(adiposity), 5))[1]


def _of_height(mesh: BaseMesh, sex: str, age: float, adiposity: float, height_m: float) -> tuple[float, Figure]:
    """The phenotype `height` and the figure that is `height_m` tall; `adiposity` runs from -1 (lean) to 1 (obese).

    Little muscle goes with both ends: so the base body reaches from a body mass index of about 15 to 40.
    """
    from scipy.optimize import brentq

    years, stops = zip(*_AGE_STOPS, strict=True)
    known = {
        "gender": float(sex == "female"),
        "age": float(np.interp(age, years, stops)),
        "muscle": 0.5 - 0.5 * abs(adiposity),
        "weight": 0.5 + 0.5 * adiposity,
    }
    short, tall = (_blend(mesh, coefficients(mesh, height=value, **known)) for value in (0.0, 1.0))

    def between(value: float) -> NDArray[np.float64]:
        return short[0] + value * (tall[0] - short[0])

    def excess(value: float) -> float:
        return float(np.ptp(between(value)[:, 1])) - height_m

    low, high = excess(0.0) + height_m, excess(1.0) + height_m
    if not low <= height_m <= high:
        raise AvatarError(
            f"height: {height_m:g} m can't be reached ({sex}, {age:g} years); choose between "
            f"{np.ceil(low * 100) / 100:.2f} and {np.floor(high * 100) / 100:.2f} m"
        )
    value = round(float(brentq(excess, 0.0, 1.0, xtol=1e-6)), 6)
    positions, heads = between(value), short[1] + value * (tall[1] - short[1])
    floor = np.array([0.0, positions[:, 1].min(), 0.0])
    positions, heads = positions - floor, heads - floor
    weight = volume(positions, mesh.faces) * BODY_DENSITY
    return value, Figure(positions, heads, float(np.ptp(positions[:, 1])), weight)


def volume(positions: NDArray[np.float64], faces: NDArray[np.int32]) -> float:
    """Cubic metres inside a closed surface, by the divergence theorem."""
    a, b, c = (positions[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", np.cross(a, b), c) / 6)


def _blend(mesh: BaseMesh, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions and joint heads for these blend shape weights."""
    used = np.flatnonzero(weights)
    strength = weights[used]
    positions = mesh.positions + np.tensordot(strength, mesh.shapes[used], axes=1)
    heads = mesh.heads + np.tensordot(strength, mesh.head_shapes[used], axes=1)
    return positions, heads
