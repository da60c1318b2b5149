"""Checks of a body's shape: degenerate faces and true size."""

import numpy as np
from numpy.typing import NDArray

from engine.errors import AvatarError

BODY_HEIGHT_M = (0.4, 2.3)
"""Total height of a believable body, from a newborn to a very tall adult."""
STATED_HEIGHT_M = (0.05, 3.0)
"""Height that a user may state: a modelled hand or head is shorter than a body."""
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}


def degenerate_faces(positions: NDArray[np.float64], faces: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Faces [F] that repeat a vertex or whose area is nothing beside their longest edge."""
    corners = positions[faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    third = second - first
    longest = np.maximum((first**2).sum(axis=1), np.maximum((second**2).sum(axis=1), (third**2).sum(axis=1)))
    doubled = np.linalg.norm(np.cross(first, second), axis=1)
    return np.asarray(doubled <= 1e-9 * longest)


def warn_degenerate(positions: NDArray[np.float64], faces: NDArray[np.int32], uvs: NDArray[np.float32]) -> list[str]:
    """Count faces without area in space, and faces without area in the texture. AvatarError where no face has any."""
    flat = degenerate_faces(positions, faces)
    if flat.all():
        raise AvatarError("no face of the body has an area: its scale is 0 or the mesh is broken")
    warnings = []
    if flat.any():
        warnings.append(
            f"{int(flat.sum())} of {len(faces)} faces have no area; they are kept and nothing is placed on them"
        )
    corners = uvs[faces].astype(np.float64)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    unseen = (first[:, 0] * second[:, 1] == first[:, 1] * second[:, 0]) & ~flat
    if unseen.any():
        warnings.append(
            f"{int(unseen.sum())} of {len(faces)} faces have no area in the texture; nothing can be painted on them"
        )
    return warnings


def metres_per_unit(extent: NDArray[np.float64], unit: str | None, height_m: float | None) -> tuple[float, list[str]]:
    """Scale of a body whose bounding box has the sides `extent` [3] in the file's unit, and warnings.

    AvatarError where the body would be no body's size, or both a unit and a height are given.
    """
    if unit is not None and height_m is not None:
        raise AvatarError("both a unit and a height are given: one of --unit and --height says the size")
    if unit is not None and unit not in UNITS:
        raise AvatarError(f"unit '{unit}' is unknown; choose m, cm or mm")
    tall, deep = float(extent[1]), float(extent[2])
    warnings = []
    if deep > 1.5 * tall:
        warnings.append(
            "the body is longer from front to back than tall; if it is Z-up its height is wrong: export it with +Y up"
        )
    if height_m is not None:
        low, high = STATED_HEIGHT_M
        if not low <= height_m <= high:
            raise AvatarError(
                f"--height {height_m:g} is no height in metres ({low:g} to {high:g}); for 175 cm write --height 1.75"
            )
        if tall <= 0:
            raise AvatarError("the body is flat (its height is 0), so --height can't scale it")
        return height_m / tall, warnings
    scale = UNITS[unit or "m"]
    low, high = BODY_HEIGHT_M
    if not low <= tall * scale <= high:
        raise AvatarError(_size_advice(extent, scale, unit))
    return scale, warnings


def _size_advice(extent: NDArray[np.float64], scale: float, unit: str | None) -> str:
    low, high = BODY_HEIGHT_M
    tall = float(extent[1])
    fitting = [name for name, factor in UNITS.items() if low <= tall * factor <= high]
    hint = (
        f"--unit {fitting[0]} would make it {tall * UNITS[fitting[0]]:.2f} m"
        if fitting
        else "no unit of m, cm, mm fits"
    )
    lying = low <= float(extent[2]) * scale <= high
    turned = "; it may be Z-up: export it with +Y up" if lying and tall < float(extent[2]) else ""
    return (
        f"the body would be {tall * scale:.3g} m tall in {unit or 'm'}, which is no body ({low:g} to {high:g} m): say"
        f" its unit (--unit m, cm or mm) or its height (--height 1.75); {hint}{turned}"
    )
