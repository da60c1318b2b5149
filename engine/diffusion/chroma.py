"""Colour difference smoothed to the scale at which a network can be trusted with it; lightness stays as sampled.

Dermatoscopic photographs carry half the detail in colour difference that they carry in lightness (JPEG 4:2:0, ITU-T
T.81), and a network that was trained briefly adds coloured noise on top, which no real lesion shows.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601, as JPEG has it."""


def smooth_chroma(rgb: NDArray[np.float32], editable: NDArray[np.bool_], radius: float) -> NDArray[np.float32]:
    """Colour differences low-passed by a Gaussian of `radius` pixels where `editable`; elsewhere nothing changes.

    rgb: float32 [3, H, W] in the network's space. editable: bool [H, W]. The luma of every pixel stays.
    """
    if radius <= 0:
        return rgb
    luma = np.tensordot(_LUMA, rgb, 1)
    chroma = np.ascontiguousarray((rgb - luma).transpose(1, 2, 0))
    smooth = cv2.GaussianBlur(chroma, (0, 0), radius, borderType=cv2.BORDER_REPLICATE)
    smooth -= (smooth @ _LUMA)[..., None]
    return np.where(editable, luma + smooth.transpose(2, 0, 1), rgb).astype(np.float32)
