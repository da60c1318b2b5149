"""A random field whose denoiser and conditional distribution are known in closed form: the answers to compare with."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.diffusion.pooling import area_matrix

STD = 0.2
"""So that hardly a value leaves [-1, 1], where pictures live."""


def covariance(side: int, length: float = 6.0) -> Tensor:
    """Of one axis, [side, side]: exp(-distance / length), a rough (Ornstein-Uhlenbeck) field."""
    axis = torch.arange(side, dtype=torch.float64)
    return torch.exp(-(axis[:, None] - axis).abs() / length)


@dataclass(frozen=True)
class FieldDenoiser:
    """The exact posterior mean E[x₀ | x₀ + σ n] of a stationary Gaussian field, separable along the axes."""

    conditional = False
    length: float = 6.0

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `engine.diffusion.denoiser.Denoiser`; knows nothing of classes and zooms."""
        assert not known.any()
        values, vectors = torch.linalg.eigh(covariance(x.shape[-1], self.length))
        power = STD**2 * torch.outer(values, values)
        seen = vectors.T @ x.double() @ vectors
        mean = vectors @ (power / (power + sigma.double().view(-1, 1, 1, 1) ** 2) * seen) @ vectors.T
        return mean.float()


def draw(count: int, side: int, seed: int, length: float = 6.0) -> Tensor:
    """Fields float64 [count, 4, side, side]."""
    root = torch.linalg.cholesky(covariance(side, length))
    noise = torch.randn(count, 4, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return STD * root @ noise @ root.T


def draw_given(low: Tensor, side: int, seed: int, length: float = 6.0) -> Tensor:
    """Fields that pool to low [B, 4, s, s] exactly, from their exact conditional distribution (Matheron's rule)."""
    P = area_matrix(side, low.shape[-1])
    K = covariance(side, length)
    gain = torch.linalg.solve(P @ K @ P.T, P @ K).T
    free = draw(len(low), side, seed, length)
    return free + gain @ (low - P @ free @ P.T) @ gain.T
