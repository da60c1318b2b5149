"""Pooling between two sizes as linear algebra: what a low-resolution picture says about a finer one, exactly.

Pool guiding (Pielage et al.) compares a picture with its low-resolution form. The pool is a separable area-resampling
matrix P; U = Pᵀ(PPᵀ)⁻¹ is its right inverse (P U = 1), so `x + U (y - P x)` is the picture nearest to x that pools
to y (the null-space projection of Wang et al. 2022, arXiv:2212.00490, eq. 13).
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


def area_matrix(fine: int, coarse: int) -> Tensor:
    """P: float64 [coarse, fine], each row the share that every fine pixel has in a coarse one; rows sum to 1."""
    edges = torch.arange(coarse + 1, dtype=torch.float64) * fine / coarse
    pixel = torch.arange(fine, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], pixel + 1) - torch.maximum(edges[:-1, None], pixel)
    shares: Tensor = overlap.clamp(min=0) * coarse / fine
    return shares


def right_inverse(P: Tensor) -> Tensor:
    """U = Pᵀ(PPᵀ)⁻¹, [fine, coarse] for P [coarse, fine]; nearest upsampling where the scale is whole."""
    U: Tensor = torch.linalg.solve(P @ P.T, P)
    return U.T.contiguous()


@dataclass(frozen=True)
class Pooling:
    """P and U along both axes, for pictures [..., rows, columns]. Sizes may differ between the axes.

    noise_std: float32 [coarse rows, coarse columns], what pooling leaves of noise with std 1: √diag(PPᵀ), 1/k for a
    whole scale k.
    """

    rows: Tensor
    columns: Tensor
    rows_back: Tensor
    columns_back: Tensor
    noise_std: Tensor

    @classmethod
    def between(cls, fine: int, coarse: int, device: torch.device | str = "cpu") -> Self:
        """Of square pictures, from `fine` to `coarse` pixels a side."""
        P = area_matrix(fine, coarse)
        return cls._of(P, P, device)

    @classmethod
    def _of(cls, rows: Tensor, columns: Tensor, device: torch.device | str) -> Self:
        deviation = torch.outer(rows.square().sum(1), columns.square().sum(1)).sqrt()
        tensors = (rows, columns, right_inverse(rows), right_inverse(columns), deviation)
        return cls(*(tensor.float().to(device) for tensor in tensors))

    def pool(self, x: Tensor) -> Tensor:
        """P x: [..., coarse, coarse] of x [..., fine, fine]."""
        return self.rows @ x @ self.columns.T

    def spread(self, y: Tensor) -> Tensor:
        """U y: [..., fine, fine] of y [..., coarse, coarse]; `pool(spread(y))` is y."""
        return self.rows_back @ y @ self.columns_back.T

    def within(self, row: int, column: int, side: int) -> tuple[Self, slice, slice]:
        """The pooling of one tile alone, and which coarse rows and columns lie wholly in it."""
        own_rows, own_columns = _inside(self.rows, row, side), _inside(self.columns, column, side)
        P = self.rows[own_rows, row : row + side].double().cpu()
        Q = self.columns[own_columns, column : column + side].double().cpu()
        return self._of(P, Q, self.rows.device), own_rows, own_columns


def project(pooling: Pooling, x: Tensor, low: Tensor, free: Tensor, rounds: int) -> Tensor:
    """Change x [B, C, fine, fine] where `free` (1, elsewhere 0) so that it pools to low [B, C, coarse, coarse].

    One round is exact where everything is free; beside known pixels it takes a few. Coarse pixels that are partly known
    are left alone: the few free pixels in them would have to carry all of the difference, and show it as a line.
    """
    whole = (pooling.pool(free) > 1 - 1e-5).to(x.dtype)
    for _ in range(rounds):
        x = x + free * pooling.spread(whole * (low - pooling.pool(x)))
    return x


def _inside(P: Tensor, start: int, side: int) -> slice:
    """The rows of P whose support lies in the fine pixels [start, start + side)."""
    outside = P.clone()
    outside[:, start : start + side] = 0
    whole = torch.nonzero(outside.abs().sum(1) == 0).flatten()
    return slice(int(whole[0]), int(whole[-1]) + 1)
