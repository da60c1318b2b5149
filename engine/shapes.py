"""Lesion outlines: automatic ones, and given ones brought to size.

Automatic masks after Du et al., *Boosting Dermatoscopic Lesion Segmentation* (section 2.3): a circle on a blank canvas,
Gaussian blur, elastic deformation (Simard et al. 2003), morphological opening and closing with ellipses, and region
growing so that one component remains.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import SpecError
from engine.lesion import Shape

CANVAS = 256
_FINE = (4, 1024)
"""A pixel's coverage is counted on at least 4×4 points, and on a picture at least this large."""
Floats = NDArray[np.float32]


def draw(shape: Shape, diameter_px: float, size: int, seed: int) -> Floats:
    """The outline of `shape` as coverage, float32 [size, size] in [0, 1]: one component, centred, antialiased.

    diameter_px: its longest diameter, met within 1 % from 20 pixels on. The seed decides everything that
    irregularity and asymmetry leave open. SpecError for a shape that can't be drawn.
    """
    if shape.kind == "round":
        return fit(_disc(CANVAS, 0.5, 0.5, 0.35), diameter_px, size)
    if shape.kind != "automatic":
        raise SpecError(f"shape.kind: {shape.kind!r} can't be drawn from a seed")
    return fit(automatic(shape.irregularity, shape.asymmetry, seed), diameter_px, size)


def automatic(irregularity: float, asymmetry: float, seed: int) -> Floats:
    """A mask of 0 and 1, float32 [256, 256]: one component without holes.

    irregularity: 0 (an even outline) to 1 (notched, with bays). asymmetry: 0 (round) to 1 (lopsided, drawn out).
    """
    rng = np.random.default_rng(seed)
    strength = _strength(irregularity)
    for attempt in range(20):
        ease = 1 - attempt / 20
        mask = _grown(_smoothed(_deformed(_body(asymmetry, rng), strength * ease, rng), strength))
        if 0.02 < float(mask.mean()) < 0.6 and not _touches_border(mask):
            return mask
    raise SpecError(f"shape: no outline came of irregularity {irregularity} and asymmetry {asymmetry}; lower them")


def fit(mask: NDArray[np.floating], diameter_px: float, size: int) -> Floats:
    """A square mask scaled and centred so that its longest diameter is `diameter_px` in a [size, size] picture.

    mask: [N, N], lesion ≥ 0.5. Returns coverage in [0, 1]. SpecError for an empty mask or a diameter too large.
    """
    if not 1 <= diameter_px <= size:
        raise SpecError(f"diameter: {diameter_px:.1f} pixels don't fit into a picture of {size}")
    contours, _ = cv2.findContours((np.asarray(mask) >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        raise SpecError("shape.mask: it is empty")
    outline = np.concatenate(contours).reshape(-1, 2).astype(np.float64)
    (x, y), _ = cv2.minEnclosingCircle(outline.astype(np.float32))
    finer = max(_FINE[0], -(-_FINE[1] // size))
    fine = size * finer
    scale = diameter_px * finer / (longest_diameter(outline) + 1)
    for _ in range(6):
        move = np.array([[scale, 0, fine / 2 - 0.5 - scale * x], [0, scale, fine / 2 - 0.5 - scale * y]])
        large = cv2.warpAffine(np.asarray(mask, np.float32), move, (fine, fine), flags=cv2.INTER_CUBIC)
        coverage = cv2.resize((large >= 0.5).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        found = _measured(coverage)
        if found == 0 or abs(found / diameter_px - 1) < 0.003:
            break
        scale *= diameter_px / found
    return np.asarray(coverage, np.float32)


def transformed(mask: NDArray[np.floating], scale: float, turn_deg: float, elastic: float, seed: int) -> Floats:
    """An existing mask [N, N] (lesion ≥ 0.5) resized, turned about its centre and elastically deformed: a new one.

    scale: of its size; what leaves the picture shrinks to fit. turn_deg: counter-clockwise. elastic: 0 (none) to 1, as
    irregularity. Returns 0 and 1, float32 [256, 256], one component without holes. SpecError for an empty mask.
    """
    if not 0 <= elastic <= 1 or not 0.05 <= scale <= 20:
        raise SpecError(f"shape: a scale of {scale:g} and an elastic deformation of {elastic:g} can't be drawn")
    source = (np.asarray(mask) >= 0.5).astype(np.uint8)
    moments = cv2.moments(source, binaryImage=True)
    if moments["m00"] == 0:
        raise SpecError("shape.mask: it is empty")
    x, y = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    rng = np.random.default_rng(seed)
    factor = scale * CANVAS / len(source)
    for _ in range(20):
        move = cv2.getRotationMatrix2D((x, y), turn_deg, factor)
        move[:, 2] += (CANVAS - 1) / 2 - np.array([x, y])
        moved = cv2.warpAffine(source.astype(np.float32), move, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR)
        deformed = _deformed(moved, _strength(elastic), rng) if elastic else moved
        found = _grown((deformed >= 0.5).astype(np.uint8))
        if found.any() and not _touches_border(found):
            return found
        factor *= 0.9
    raise SpecError("shape.mask: nothing is left of it at this scale")


def longest_diameter(points: NDArray[np.floating]) -> float:
    """The largest distance between two of the points [N, 2]."""
    hull = cv2.convexHull(np.asarray(points, np.float32)).reshape(-1, 2).astype(np.float64)
    return float(np.sqrt(((hull[:, None] - hull) ** 2).sum(-1)).max())


def _measured(coverage: Floats) -> float:
    """Longest diameter of the level set 0.5, where it crosses the lines between pixel centres."""
    values = np.pad(coverage.astype(np.float64), 1) - 0.5
    crossings = []
    for line in (values, values.T):
        rows, columns = np.nonzero((line[:, :-1] >= 0) != (line[:, 1:] >= 0))
        before, after = line[rows, columns], line[rows, columns + 1]
        crossings.append(np.stack([rows, columns + before / (before - after)], 1))
    points = np.concatenate([crossings[0], crossings[1][:, ::-1]])
    return longest_diameter(points) if len(points) else 0.0


def _body(asymmetry: float, rng: np.random.Generator) -> Floats:
    """A circle of random centre and radius; with asymmetry an ellipse, and a second, smaller circle on its flank."""
    x, y = 0.5 + rng.uniform(-0.04, 0.04, 2)
    radius = rng.uniform(0.17, 0.21)
    stretch = 1 + asymmetry * rng.uniform(0.15, 0.45)
    angle = rng.uniform(0, np.pi)
    body = _disc(CANVAS, x, y, radius, stretch, angle)
    away = rng.uniform(0, 2 * np.pi)
    offset = asymmetry * rng.uniform(0.09, 0.15)
    flank = _disc(CANVAS, x + offset * np.cos(away), y + offset * np.sin(away), radius * rng.uniform(0.7, 0.9))
    return np.maximum(body, flank)


def _strength(irregularity: float) -> float:
    """How far outlines are bent: the perimeter²/area grows with its square, so this makes it grow with irregularity."""
    return float(np.sqrt(irregularity))


def _deformed(mask: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Blur, then an elastic deformation at two scales: bays and notches."""
    blurred = cv2.GaussianBlur(mask, (0, 0), 5)
    rows, columns = np.indices(mask.shape).astype(np.float32)
    for wavelength, amplitude in ((28.0, 10.0), (10.0, 6.0)):
        shift = rng.standard_normal((2, *mask.shape)).astype(np.float32)
        for axis, target in enumerate((rows, columns)):
            field = cv2.GaussianBlur(shift[axis], (0, 0), wavelength, borderType=cv2.BORDER_REFLECT)
            target += strength * amplitude * field / max(float(field.std()), 1e-9)
    return np.asarray(cv2.remap(blurred, columns, rows, cv2.INTER_LINEAR), np.float32)


def _smoothed(blurred: Floats, strength: float) -> NDArray[np.uint8]:
    """Threshold, then opening and closing with ellipses: no hairs, no slits; the more regular, the smoother."""
    binary = (blurred >= 0.5).astype(np.uint8)
    reach = round(13 - 9 * strength) | 1
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    opened = cv2.morphologyEx(binary, cv2.MORPH_OPEN, ellipse)
    return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, ellipse), np.uint8)


def _grown(binary: NDArray[np.uint8]) -> Floats:
    """Region growing from inside the largest component; its holes are filled."""
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(binary)
    if count < 2:
        return np.zeros(binary.shape, np.float32)
    largest = labels == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    contours, _ = cv2.findContours(largest.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(binary.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled.astype(np.float32)


def _touches_border(mask: Floats) -> bool:
    return bool(mask[[0, -1]].any() or mask[:, [0, -1]].any())


def _disc(size: int, x: float, y: float, radius: float, stretch: float = 1.0, angle: float = 0.0) -> Floats:
    """A filled ellipse in shares of the side: half-axes radius·stretch and radius/stretch, turned by `angle`."""
    axis = (np.arange(size) + 0.5) / size
    dx, dy = axis[None, :] - x, axis[:, None] - y
    along = (dx * np.cos(angle) + dy * np.sin(angle)) / stretch
    across = (dy * np.cos(angle) - dx * np.sin(angle)) * stretch
    disc: Floats = (np.hypot(along, across) <= radius).astype(np.float32)
    return disc
