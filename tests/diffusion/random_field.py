"""A mixture of Gaussian random fields as a denoiser: what a perfectly trained network would answer, in closed form.

Entries of x₀ [4, N, N] are jointly Gaussian within each component: a mean with a disc in it (the lesion) and a rough
exponential covariance in space, coupled between channels. Observing some entries exactly and others under noise leaves
a mixture again (Bishop, *Pattern Recognition and Machine Learning*, eqs. 2.81, 2.82 and 2.113-2.117).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.diffusion.noise import SeededNoise


class DoubleNoise(SeededNoise):
    """Noise in float64, so that no tolerance has to make room for rounding."""

    def __call__(self, *shape: int) -> Tensor:
        return super().__call__(*shape).double()


class OneStream(DoubleNoise):
    """Many samples of one problem from a single stream: quicker than thousands of generators."""

    def __init__(self, count: int, seed: int) -> None:
        super().__init__([seed])
        self._count = count

    def __call__(self, *shape: int) -> Tensor:
        return torch.randn(self._count, *shape, generator=self._streams[0], dtype=torch.float64)


@dataclass(frozen=True)
class Field:
    """weights [K], means [K, D], covariances [K, D, D] of x₀ [4, side, side], flattened to D = 4 side²."""

    side: int
    weights: Tensor
    means: Tensor
    covariances: Tensor

    def given(self, known: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Exact mean [D] and covariance [D, D] of x₀ where `values` stand at the `known` entries (both [4, N, N])."""
        weights, means, covariances = self._conditioned(known.flatten() > 0, values.flatten())
        mean = (weights[:, None] * means).sum(0)
        away = means - mean
        spread = covariances + away[:, :, None] * away[:, None, :]
        return mean, (weights[:, None, None] * spread).sum(0)

    def _conditioned(self, known: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logs, means, covariances = [], [], []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            if known.any():
                chol = torch.linalg.cholesky(covariance[known][:, known])
                gain = torch.cholesky_solve(covariance[known], chol).T
                away = values[known] - mean[known]
                z = torch.linalg.solve_triangular(chol, away[:, None], upper=False)
                logs.append(weight.log() - 0.5 * z.square().sum() - chol.diagonal().log().sum())
                mean = mean + gain @ away
                covariance = covariance - gain @ covariance[known]
            else:
                logs.append(weight.log())
            means.append(mean)
            covariances.append(covariance)
        return torch.stack(logs).softmax(0), torch.stack(means), torch.stack(covariances)


class ExactDenoiser:
    """E[x₀ | x_σ, what is known]: the best answer there is. Batches share one known map and one σ."""

    def __init__(self, field: Field, conditional: bool = True) -> None:
        self.conditional = conditional
        self.evaluations = 0
        self._field = field

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        self.evaluations += 1
        field, flat = self._field, x.flatten(1)
        held = known[0].flatten() > 0
        if held.all():
            return x
        noise = torch.where(held, 0.0, sigma[0] ** 2)
        logs, answers = [], []
        for weight, mean, covariance in zip(field.weights, field.means, field.covariances, strict=True):
            chol = torch.linalg.cholesky(covariance + torch.diag(noise))
            away = flat - mean
            weighted = away @ torch.cholesky_inverse(chol)
            logs.append(weight.log() - 0.5 * (away * weighted).sum(1) - chol.diagonal().log().sum())
            answers.append(mean + weighted @ covariance)
        shares = torch.stack(logs).softmax(0)
        x0 = (shares[:, :, None] * torch.stack(answers)).sum(0).view_as(x)
        return torch.where(known > 0, x, x0)


def lesions_and_skin(side: int) -> Field:
    """Two kinds of picture: a dark disc whose mask channel says so, and plain skin. Rough texture on both."""
    axis = torch.arange(side, dtype=torch.float64)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], 1)
    space = torch.exp(-torch.cdist(places, places) / (side / 3))
    disc = ((places - (side - 1) / 2).norm(dim=1) < side / 3).double()
    between = torch.tensor(
        [[1.0, 0.7, 0.5, -0.4], [0.7, 1.0, 0.6, -0.4], [0.5, 0.6, 1.0, -0.3], [-0.4, -0.4, -0.3, 1.0]]
    )
    covariance = 0.09 * torch.kron(between.double(), space) + 1e-4 * torch.eye(4 * side * side, dtype=torch.float64)
    skin = torch.tensor([0.5, 0.2, 0.1, -0.8], dtype=torch.float64)
    change = torch.tensor([-0.5, -0.45, -0.35, 1.4], dtype=torch.float64)
    plain = skin.repeat_interleave(side * side)
    lesion = plain + torch.kron(change, disc)
    weights = torch.tensor([0.6, 0.4], dtype=torch.float64)
    return Field(side, weights, torch.stack([lesion, plain]), torch.stack([covariance, 0.8 * covariance]))


def plain_skin(side: int) -> Field:
    """The second kind alone: one Gaussian, for which convergence is smooth."""
    both = lesions_and_skin(side)
    return Field(side, both.weights[1:] / both.weights[1:].sum(), both.means[1:], both.covariances[1:])
