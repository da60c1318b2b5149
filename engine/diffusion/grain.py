"""Skin grain as a Gaussian texture: its statistics are taken from known skin, and drawn so that it goes on from there.

Galerne & Leclaire, *Texture Inpainting Using Efficient Gaussian Conditional Simulation*, SIAM J. Imaging Sci. 10 (3),
2017 (doi:10.1137/16M1109047): a Gaussian model is estimated from the masked exemplar and drawn conditionally by simple
kriging, whose system is solved by conjugate gradients with products in Fourier space. Their estimate is the exemplar's
own spot noise, which a hard mask makes rougher than the skin; ours divides each lag by the pairs that were seen.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

_NUGGET = 1e-3
"""White noise added to the model, of its variance: keeps the kriging system solvable."""
_ITERATIONS = 100
_ENOUGH = 1e-2
_END = 2.5
"""Reaches at which correlation is taken to have ended."""
_PAIRS = 0.1
"""Share of all seen pixels that must form pairs at a lag; where fewer do, its covariance is taken for less."""
_OUTLIER = 4.0
"""Standard deviations (by the median) beyond which a residual is a hair or a spot, not grain."""

Floats = NDArray[np.float32]
Region = NDArray[np.bool_]


class Grain:
    """A stationary Gaussian field of three channels with the covariance of an exemplar.

    exemplar: float32 [3, H, W], of mean zero on `seen`, bool [H, W]; elsewhere it doesn't count. reach: pixels up to
    which it is correlated. The channels are turned to axes that are uncorrelated, each with a spectrum of its own.
    """

    def __init__(self, exemplar: Floats, seen: Region, reach: float) -> None:
        self._size = exemplar.shape[1:]
        self._padded = tuple(fft.next_fast_len(side + 2 * int(_END * reach), real=True) for side in self._size)
        own = exemplar[:, seen].astype(np.float64)
        own = own - own.mean(1, keepdims=True)
        spread = 1.4826 * np.median(np.abs(own), axis=1, keepdims=True)
        own = np.clip(own, -_OUTLIER * spread, _OUTLIER * spread)
        variances, axes = np.linalg.eigh(np.atleast_2d(own @ own.T / own.shape[1]))
        self._axes = axes.astype(np.float32)
        field = np.zeros((3, *self._size))
        field[:, seen] = axes.T @ own
        self._spectrum = self._spectra(field, seen, variances, reach)
        self._variances = np.maximum(variances, 0).astype(np.float32)[:, None]
        self.variance = float(self._variances.mean())

    def _spectra(
        self, field: NDArray[np.float64], seen: Region, variances: NDArray[np.float64], reach: float
    ) -> NDArray[np.float32]:
        """Of each axis: the covariance at each lag over all pairs of seen pixels, without lags beyond the reach."""
        pairs = self._lagged(seen.astype(np.float64)[None])
        covariance = self._lagged(field) / np.maximum(pairs, _PAIRS * pairs[:, :1, :1])
        rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in self._padded)
        t = np.clip((_END * reach - np.hypot(rows[:, None], columns)) / ((_END - 1) * reach), 0, 1)
        power = np.maximum(fft.rfft2(covariance * t * t * (3 - 2 * t)).real, 0)
        total = fft.irfft2(power, self._padded)[:, :1, :1]
        return np.asarray(power * (variances[:, None, None] / np.maximum(total, 1e-30)), np.float32)

    def _lagged(self, field: NDArray[np.float64]) -> NDArray[np.float64]:
        spectrum = fft.rfft2(field, self._padded)
        return np.asarray(fft.irfft2(np.abs(spectrum) ** 2, self._padded))

    def draw(self, rng: np.random.Generator) -> Floats:
        """One field, float32 [3, H, W]: white noise under the root of the spectrum."""
        white = rng.standard_normal((3, *self._padded)).astype(np.float32)
        return self._turned(self._back(np.sqrt(self._spectrum) * self._forward(white)))

    def continued(self, values: Floats, given: Region, rng: np.random.Generator) -> Floats:
        """A field, float32 [3, H, W], drawn on condition that it has the `values` [3, H, W] where `given` [H, W]."""
        field = self.draw(rng)
        if self.variance <= 0 or not given.any():
            return field
        missing = self._axes.T @ (values - field)[:, given]
        return field + self._turned(self._covariance(self._kriged(missing, given), given))

    def _kriged(self, wanted: Floats, given: Region) -> Floats:
        """Γ⁻¹ wanted over the given pixels [3, n], by conjugate gradients along each axis."""
        solved, residual, direction = np.zeros_like(wanted), wanted.copy(), wanted.copy()
        power = (residual**2).sum(1, keepdims=True)
        enough = _ENOUGH**2 * power
        nugget = _NUGGET * self._variances
        for _ in range(_ITERATIONS):
            if (power <= enough).all():
                break
            image = self._covariance(direction, given)[:, given] + nugget * direction
            step = power / np.maximum((direction * image).sum(1, keepdims=True), 1e-30)
            solved = solved + step * direction
            residual = residual - step * image
            previous, power = power, (residual**2).sum(1, keepdims=True)
            direction = residual + power / np.maximum(previous, 1e-30) * direction
        return solved

    def _covariance(self, weights: Floats, given: Region) -> Floats:
        """Γ, from the given pixels [3, n] to the whole picture [3, H, W]."""
        spread = np.zeros((3, *self._size), np.float32)
        spread[:, given] = weights
        return self._back(self._spectrum * self._forward(spread))

    def _turned(self, field: Floats) -> Floats:
        """From the uncorrelated axes to the picture's channels."""
        return np.asarray(np.tensordot(self._axes, field, 1), np.float32)

    def _forward(self, field: Floats) -> NDArray[np.complex64]:
        return np.asarray(fft.rfft2(field, self._padded))

    def _back(self, spectrum: NDArray[np.complex64]) -> Floats:
        rows, columns = self._size
        return np.asarray(fft.irfft2(spectrum, self._padded)[..., :rows, :columns], np.float32)
