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


@dataclass(frozen=True)
class Pooling:
    """P along both axes, for pictures [..., rows, columns]. Sizes may differ between the axes.

    rows_solved, columns_solved: (PPᵀ)⁻¹ of each axis. noise_std: float32 [coarse rows, coarse columns], what pooling
    leaves of noise with std 1: √diag(PPᵀ), 1/k for a whole scale k.
    """

    rows: Tensor
    columns: Tensor
    rows_solved: Tensor
    columns_solved: Tensor
    noise_std: Tensor

    @classmethod
    def between(cls, fine: int, coarse: int, device: torch.device | str = "cpu") -> Self:
        """Of square pictures, from `fine` to `coarse` pixels a side."""
        P = area_matrix(fine, coarse)
        return cls._of(P, P, device)

    @classmethod
    def _of(cls, rows: Tensor, columns: Tensor, device: torch.device | str) -> Self:
        deviation = torch.outer(rows.square().sum(1), columns.square().sum(1)).sqrt()
        solved = (torch.linalg.inv(P @ P.T) for P in (rows, columns))
        tensors = (rows, columns, *solved, deviation)
        return cls(*(tensor.float().to(device) for tensor in tensors))

    def pool(self, x: Tensor) -> Tensor:
        """P x: [..., coarse, coarse] of x [..., fine, fine]."""
        return self.rows @ x @ self.columns.T

    def spread(self, y: Tensor) -> Tensor:
        """U y: [..., fine, fine] of y [..., coarse, coarse]; `pool(spread(y))` is y."""
        return self.transposed(self.gram_solved(y))

    def transposed(self, y: Tensor) -> Tensor:
        """Pᵀ y."""
        return self.rows.T @ y @ self.columns

    def gram(self, y: Tensor) -> Tensor:
        """PPᵀ y."""
        return self.pool(self.transposed(y))

    def gram_solved(self, y: Tensor) -> Tensor:
        """(PPᵀ)⁻¹ y."""
        return self.rows_solved @ y @ self.columns_solved

    def within(self, row: int, column: int, side: int) -> tuple[Self, slice, slice]:
        """The pooling of one tile alone, and which coarse rows and columns lie wholly in it."""
        own_rows, own_columns = _inside(self.rows, row, side), _inside(self.columns, column, side)
        P = self.rows[own_rows, row : row + side].double().cpu()
        Q = self.columns[own_columns, column : column + side].double().cpu()
        return self._of(P, Q, self.rows.device), own_rows, own_columns


def project(pooling: Pooling, x: Tensor, low: Tensor, free: Tensor, iterations: int = 8) -> Tensor:
    """The picture nearest to x [B, C, fine, fine] that pools to low [B, C, coarse, coarse] and differs only where free.

    free: 1, elsewhere 0. Coarse pixels that are partly known are left alone: the few free pixels in them would have to
    carry all of the difference, and show it as a line. For the others, W, solves (W PPᵀ W) λ = W (low - P x) by
    conjugate gradients, preconditioned by (PPᵀ)⁻¹ (exact at once where all is free), and returns x + Pᵀ λ.
    """
    whole = (pooling.pool(free) > 1 - 1e-5).to(x.dtype)
    residual = whole * (low - pooling.pool(x))
    weights, direction = torch.zeros_like(residual), torch.zeros_like(residual)
    before = torch.ones_like(residual[..., :1, :1])
    for _ in range(iterations):
        better = whole * pooling.gram_solved(residual)
        size = _inner(residual, better)
        direction = better + size / before * direction
        moved = whole * pooling.gram(direction)
        length = size / _inner(direction, moved)
        weights, residual, before = weights + length * direction, residual - length * moved, size
    return x + pooling.transposed(weights)


def _inner(a: Tensor, b: Tensor) -> Tensor:
    """Inner products of pictures, per channel; never 0, so that what is solved stays as it is."""
    return (a * b).sum((-2, -1), keepdim=True).clamp(min=1e-20)


def _inside(P: Tensor, start: int, side: int) -> slice:
    """The rows of P whose support lies in the fine pixels [start, start + side)."""
    outside = P.clone()
    outside[:, start : start + side] = 0
    whole = torch.nonzero(outside.abs().sum(1) == 0).flatten()
    return slice(int(whole[0]), int(whole[-1]) + 1)
