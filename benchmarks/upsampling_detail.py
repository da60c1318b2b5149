"""Fine detail of a lesion: what its middle holds at frequencies that 128² can't, and what real close-ups hold there."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine import place
from engine.colour import SkinColour, to_linear, to_network
from engine.diffusion.tiles import TILE

TIGHT = Path(__file__).resolve().parents[2] / "shared" / "data" / "dermoscopy-512" / "tight" / "images"
TIGHT_FRAMING = 1.3
"""Side of those crops in lesion diameters."""
MIDDLE = 0.6
"""Side of the part that is looked at, in lesion diameters."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def fine_power(luma: NDArray[np.float32], framing: float, full: float = place.WINDOW) -> float:
    """Power of the middle of a picture [S, S], `framing` lesion diameters wide, beyond what 128² can hold.

    full: width in diameters of the picture that 128 pixels would show.
    """
    size = luma.shape[-1]
    side = int(size / framing * MIDDLE)
    first = (size - side) // 2
    middle = luma[first : first + side, first : first + side]
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.abs(np.fft.fft2((middle - middle.mean()) * window)) ** 2 / (window**2).sum() / side**2
    frequency = np.fft.fftfreq(side)
    cycles = 0.5 * TILE / (size * full / framing)
    return float(power[np.hypot(frequency[:, None], frequency) > cycles].sum())


def real_detail(target: int) -> float | None:
    """The median of real close-up photographs brought to the scale of `target`²; None where they are absent."""
    if not TIGHT.is_dir():
        return None
    side = round(target * TIGHT_FRAMING / place.WINDOW)
    found = []
    for path in sorted(TIGHT.iterdir()):
        rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        small = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        linear = to_linear(small)
        rim = np.ones((side, side), bool)
        rim[side // 16 : -side // 16, side // 16 : -side // 16] = False
        normal = to_network(SkinColour.for_training(linear, rim).normalise(linear))
        found.append(fine_power(normal @ LUMA, TIGHT_FRAMING))
    return float(np.median(found))
