"""The ABCD rule of dermatoscopy as numbers: asymmetry, border, colours, diameter (after Nachbar et al. 1994).

The rule's own scores are a physician's; these are monotone stand-ins that need only the picture and its mask, and
serve to compare classes, not to diagnose.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.colour import LINEAR_OF_BYTE, linear_to_lab
from engine.shapes import longest_diameter

NAMES = ("asymmetry", "border", "colours", "diameter")
_LEAST_PIXELS = 40
_GRID = 64


@dataclass(frozen=True)
class Abcd:
    """asymmetry: area that two mirrorings about the principal axes leave uncovered, 0 (none) to 1, mean of both.

    border: perimeter² / (4π area) of the outline, 1 for a disc. colours: root mean square ΔE76 of the lesion's pixels
    to their mean, finest grain smoothed away. diameter: the longest, as a share of the picture's side.
    """

    asymmetry: float
    border: float
    colours: float
    diameter: float


def abcd(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Abcd | None:
    """Of a picture uint8 [S, S, 3] and its mask uint8 [S, S]; None where the mask holds no lesion."""
    lesion = _largest((mask >= 128).astype(np.uint8))
    if lesion is None:
        return None
    contours, _ = cv2.findContours(lesion, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea)
    area, perimeter = cv2.contourArea(outline), cv2.arcLength(outline, True)
    smooth = cv2.GaussianBlur(LINEAR_OF_BYTE[rgb], (0, 0), 1.0)
    lab = np.asarray(linear_to_lab(smooth[lesion > 0].astype(np.float64)))
    return Abcd(
        _asymmetry(lesion),
        float(perimeter**2 / (4 * np.pi * max(area, 1.0))),
        float(np.sqrt(((lab - lab.mean(0)) ** 2).sum(1).mean())),
        (longest_diameter(outline.reshape(-1, 2).astype(np.float64)) + 1) / len(mask),
    )


def scores(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The four in the order of `NAMES`, float64 [N, 4]; a row of NaN where there is no lesion."""
    found = [abcd(picture, own) for picture, own in zip(rgb, mask, strict=True)]
    rows = [[np.nan] * 4 if one is None else [getattr(one, name) for name in NAMES] for one in found]
    return np.array(rows, float).reshape(-1, 4)


def _largest(binary: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(binary)
    if count < 2:
        return None
    best = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    if statistics[best, cv2.CC_STAT_AREA] < _LEAST_PIXELS:
        return None
    return np.asarray(labels == best, np.uint8)


def _asymmetry(lesion: NDArray[np.uint8]) -> float:
    """The mask laid on a grid along its principal axes, and mirrored about each."""
    rows, columns = np.nonzero(lesion)
    points = np.stack([columns, rows], 1).astype(float)
    centre = points.mean(0)
    _, vectors = np.linalg.eigh(np.cov((points - centre).T))
    reach = np.abs((points - centre) @ vectors).max()
    axis = (np.arange(_GRID) + 0.5) / _GRID * 2 - 1
    grid = np.stack(np.meshgrid(axis, axis), -1) * reach @ vectors.T + centre
    x, y = (np.ascontiguousarray(grid[..., i], np.float32) for i in (0, 1))
    laid = cv2.remap(lesion.astype(np.float32), x, y, cv2.INTER_LINEAR) >= 0.5
    total = max(int(laid.sum()), 1)
    return float(np.mean([(laid ^ laid[::-1]).sum() / 2 / total, (laid ^ laid[:, ::-1]).sum() / 2 / total]))
