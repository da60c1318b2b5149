"""The last step of border guiding: painted skin meets the known skin around, in colour and in grain.

A network that ends at some noise level leaves a cast and a speckle of its own, which stand out where they end. So the
painted skin keeps its slow course, moved by a membrane so that it meets the known skin (the correction of Poisson image
editing, Pérez et al. 2003, as a harmonic function of the mismatch, Farbman et al. 2009, section 2), and its grain is
drawn anew from the known skin's (`engine.diffusion.grain`). The lesion keeps its detail, known pixels stay bit for bit.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import splu

from engine.diffusion.grain import Grain

RADIUS = 4.0 / 128
"""What varies more slowly than this share of the picture is the skin's course, the rest is its grain."""
PAINTED_RADIUS = 32.0 / 128
"""The same for painted skin, whose casts and clouds reach further."""
STRENGTH_RADIUS = 12.0 / 128
"""The same for the strength of the grain, which differs from place to place."""
FADE = 0.08
"""Diameters outside the lesion's edge over which the lesion's detail gives way to the skin's grain."""
_COARSE = 128
"""Side at which the membrane is solved; it is smooth."""
_RING = 4
"""Width of the known skin that the grain goes on from, pixels."""
_FIT_RADIUS = 8.0
"""A local fit's radius in pixels of the grid that it is computed on: finer would show nothing more."""
_TRUSTED = 0.05
"""Share of a whole neighbourhood that must be skin for its colour to be known."""
_RIDGE = 0.05
_SPOT = 16.0
"""Times the usual power beyond which a pixel is a hair or a spot, not grain."""
_HAIR, _BESIDE, _HAIR_AREA = 9.0, 4.0, 8 / 128**2
"""Times the power nearby in a hair's core and on its flanks; the least core, share of the picture."""
_LEFT = 0.5
"""Least share of the known skin that must be left without its hair."""
_PRIOR = 1e-3
"""Weight of the whole skin's grain where none was seen near."""

_LOOSE = 1e-6
"""Holds a pixel at 0 that no boundary value reaches."""
_AHEAD, _BEHIND, _ALL = slice(1, None), slice(None, -1), slice(None)
_NEIGHBOURS = (
    *(((_BEHIND, _ALL), (_AHEAD, _ALL)), ((_AHEAD, _ALL), (_BEHIND, _ALL))),
    *(((_ALL, _BEHIND), (_ALL, _AHEAD)), ((_ALL, _AHEAD), (_ALL, _BEHIND))),
)

Floats = NDArray[np.float32]
Region = NDArray[np.bool_]


def meet(picture: Floats, editable: Region, mask: Floats, rng: np.random.Generator) -> Floats:
    """The picture with skin that meets the known skin; outside `editable` nothing changes.

    picture: float32 [3, S, S] in the network's space. editable: bool [S, S]. mask: the lesion, [S, S] in [0, 1].
    """
    known = ~editable
    if not known.any() or not editable.any():
        return picture
    side = picture.shape[-1]
    lesion = _lesion_share(mask)
    plain = known & ~_hair(picture, known)
    around, around_known = local_course(picture, plain, RADIUS * side)
    inside, inside_known = local_course(picture, editable & (lesion == 0), PAINTED_RADIUS * side)
    rim = known & (_distance_to(editable) < 1.5)
    trusted = rim & (around_known > _TRUSTED) & (inside_known > _TRUSTED)
    cast = membrane(around - inside, trusted, editable)
    held = membrane(around, rim, editable)
    share = inside_known / (inside_known + _TRUSTED)
    course = held + share * (inside + cast - held)
    left = picture - around
    strength = _strength(left, plain, STRENGTH_RADIUS * side)
    ring = known & (_distance_to(editable) <= _RING)
    skin = course + strength * Grain(left / strength, plain, RADIUS * side).continued(left / strength, ring, rng)
    return np.where(editable, lesion * (picture + cast) + (1 - lesion) * skin, picture).astype(np.float32)


def _hair(picture: Floats, known: Region) -> Region:
    """Hair, ruler marks and edges of the photograph: known pixels that tell nothing of the skin's grain.

    Pieces of residual beyond `_BESIDE` times the local power that hold pixels enough beyond `_HAIR` times; nothing
    where little would be left.
    """
    side = known.shape[-1]
    around, _ = local_course(picture, known, RADIUS * side)
    left = picture - around
    times = (left**2).mean(0) / _strength(left, known, STRENGTH_RADIUS * side) ** 2
    count, pieces = cv2.connectedComponents((known & (times > _BESIDE)).astype(np.uint8))
    hair = np.bincount(pieces[known & (times > _HAIR)], minlength=count) >= _HAIR_AREA * side**2
    hair[0] = False
    grown = cv2.dilate(hair[pieces].astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, side // _COARSE)) > 0
    return np.asarray(known & grown) if (known & ~grown).sum() > _LEFT * known.sum() else np.zeros_like(known)


def local_course(values: Floats, seen: Region, radius: float) -> tuple[Floats, Floats]:
    """What the values [3, S, S] do slowly where they are seen [S, S], and continued from there.

    A local linear fit under a Gaussian window (Cleveland 1979; as moments, Knutsson & Westin 1993), which unlike a mean
    has no bias where the skin is seen on one side only. Returns the fit and how much of the window was seen, 0 to 1.
    """
    side = seen.shape[-1]
    coarse = min(side, round(side * _FIT_RADIUS / radius))
    size, weight = (coarse, coarse), seen.astype(np.float64)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    sums = np.stack([cv2.resize(weight * channel, size, interpolation=cv2.INTER_AREA) for channel in values])
    fitted, mass = _linear_fit(sums, share, radius * coarse / side)
    if coarse == side:
        return fitted, mass
    whole = [cv2.resize(plane, (side, side), interpolation=cv2.INTER_CUBIC) for plane in (*fitted, mass)]
    return np.stack(whole[:3]), np.clip(whole[3], 0, 1)


def _linear_fit(sums: NDArray[np.float64], weight: NDArray[np.float64], radius: float) -> tuple[Floats, Floats]:
    """The fit at every pixel, and the weight under the window. sums: values times weight."""
    rows, columns = np.indices(weight.shape) / radius
    mass = _blurred(weight, radius)
    one = np.maximum(mass, 1e-9)
    mean_r, mean_c = _blurred(weight * rows, radius) / one, _blurred(weight * columns, radius) / one
    spread_rr = _blurred(weight * rows**2, radius) / one - mean_r**2 + _RIDGE
    spread_cc = _blurred(weight * columns**2, radius) / one - mean_c**2 + _RIDGE
    spread_rc = _blurred(weight * rows * columns, radius) / one - mean_r * mean_c
    determinant = spread_rr * spread_cc - spread_rc**2
    fitted = []
    for channel in sums:
        mean, with_r, with_c = (_blurred(channel * basis, radius) / one for basis in (1.0, rows, columns))
        along_r, along_c = with_r - mean_r * mean, with_c - mean_c * mean
        slope_r = (spread_cc * along_r - spread_rc * along_c) / determinant
        slope_c = (spread_rr * along_c - spread_rc * along_r) / determinant
        fitted.append(mean + slope_r * (rows - mean_r) + slope_c * (columns - mean_c))
    return np.stack(fitted).astype(np.float32), mass.astype(np.float32)


def _strength(grain: Floats, seen: Region, radius: float) -> Floats:
    """The local deviation of the grain [3, S, S] where it is seen, continued from there: float32 [S, S], above 0."""
    power = np.minimum((grain.astype(np.float64) ** 2).mean(0), _SPOT * np.median((grain[:, seen] ** 2).mean(0)))
    whole, weight = float(power[seen].mean()), seen.astype(np.float64)
    local = (_blurred(weight * power, radius) + _PRIOR * whole) / (_blurred(weight, radius) + _PRIOR)
    return np.asarray(np.sqrt(np.maximum(local, 1e-12)), np.float32)


def membrane(values: Floats, given: Region, within: Region) -> Floats:
    """The harmonic function on `within` [H, W] that has the values [3, H, W] where `given`; 0 where none is given."""
    size = (values.shape[2], values.shape[1])
    if not given.any():
        return np.zeros_like(values)
    small = (min(size[0], _COARSE), min(size[1], _COARSE))
    share = cv2.resize(given.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    sums = [cv2.resize(np.where(given, v, 0), small, interpolation=cv2.INTER_AREA) for v in values]
    fixed = share > 1e-6
    wanted = fixed | (cv2.resize(within.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0)
    free = (cv2.dilate(wanted.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~fixed
    solved = _harmonic(np.stack(sums) / np.maximum(share, 1e-6), fixed, free)
    return np.stack([cv2.resize(channel, size, interpolation=cv2.INTER_LINEAR) for channel in solved])


def _harmonic(values: Floats, fixed: Region, free: Region) -> Floats:
    """Laplace's equation on the free pixels, the fixed ones as boundary values, no flow across any other edge."""
    solved = np.where(fixed, values, 0).astype(np.float32)
    count = int(free.sum())
    if count == 0:
        return solved
    number = np.full(free.shape, -1)
    number[free] = np.arange(count)
    degree, known = np.full(count, _LOOSE), np.zeros((3, count))
    pairs = []
    for here, there in _NEIGHBOURS:
        own, other, held = number[here], number[there], fixed[there]
        inner, edge = (own >= 0) & (other >= 0), (own >= 0) & held
        pairs.append((own[inner], other[inner]))
        degree[own[inner | edge]] += 1
        known[:, own[edge]] += values[:, *there][:, edge]
    own, other = (np.concatenate(part) for part in zip(*pairs, strict=True))
    matrix = coo_array((-np.ones(len(own)), (own, other)), (count, count)) + diags_array(degree)
    solved[:, free] = splu(matrix.tocsc()).solve(known.T).T
    return solved


def _blurred(plane: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), radius, borderType=cv2.BORDER_CONSTANT))


def _lesion_share(mask: Floats) -> Floats:
    """1 in the lesion, falling smoothly to 0 where its surroundings are skin."""
    inside = mask >= 0.5
    if not inside.any():
        return np.zeros(mask.shape, np.float32)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    diameter = max(np.ptp(rows), np.ptp(columns)) + 1
    t = np.clip(1 - _distance_to(inside) / (FADE * diameter), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _distance_to(region: Region) -> Floats:
    """Pixels to the nearest pixel of the region; 0 inside."""
    return np.asarray(cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
