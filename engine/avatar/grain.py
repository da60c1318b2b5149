"""Noise in space for skin: two independent fields at once, evaluated at 3D positions, so that UV seams don't show.

Lattice value noise with smooth interpolation (Perlin 1985, "An Image Synthesizer", in its value form). Each octave has
its own rotation and offset: the lattice's axes and its period show nowhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CELLS = 32
_SPREAD = 0.34
"""Standard deviation of value noise from a unit normal lattice, averaged over a cell."""


@dataclass(frozen=True)
class Octave:
    """lattice: complex64 [_CELLS³], two fields as real and imaginary part; matrix, offset: metres to cells."""

    lattice: NDArray[np.complex64]
    matrix: NDArray[np.float32]
    offset: NDArray[np.float32]
    amplitude: float

    def at(self, points: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Both fields at points [N, 3] in metres."""
        cells = points @ self.matrix + self.offset
        low = np.floor(cells)
        t = cells - low
        t = t * t * (3 - 2 * t)
        corner = low.astype(np.int32)
        (x0, y0, z0), (x1, y1, z1) = (corner & (_CELLS - 1)).T, ((corner + 1) & (_CELLS - 1)).T
        x0, x1, y0, y1 = x0 * _CELLS**2, x1 * _CELLS**2, y0 * _CELLS, y1 * _CELLS
        tx, ty, tz = t.T

        def row(base: NDArray[np.int32]) -> NDArray[np.complex64]:
            near: NDArray[np.complex64] = self.lattice[base + z0]
            near += tz * (self.lattice[base + z1] - near)
            return near

        def plane(x: NDArray[np.int32]) -> NDArray[np.complex64]:
            near = row(x + y0)
            near += ty * (row(x + y1) - near)
            return near

        value = plane(x0)
        value += tx * (plane(x1) - value)
        value *= np.float32(self.amplitude / _SPREAD)
        return np.asarray(value, np.complex64)


def octave(wavelength_mm: float, amplitude: float, rng: np.random.Generator) -> Octave:
    """One octave; both fields have about `amplitude` as their standard deviation."""
    lattice = rng.standard_normal((_CELLS**3, 2)).astype(np.float32)
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return Octave(
        lattice=np.ascontiguousarray(lattice).view(np.complex64).reshape(-1),
        matrix=(turn * (2000.0 / wavelength_mm)).astype(np.float32),
        offset=rng.uniform(0, _CELLS, 3).astype(np.float32),
        amplitude=amplitude,
    )


def smooth(value: NDArray[np.floating], low: float, high: float) -> NDArray[np.float32]:
    """0 below `low`, 1 above `high`, smooth between; the other way round where low > high."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
