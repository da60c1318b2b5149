"""The loss: EDM's weighting (Karras et al. 2022, section 5), over what isn't known, against images or a teacher."""

import torch
from torch import Tensor

from engine.diffusion.denoiser import Denoiser
from engine.training.architecture import SIGMA_DATA
from engine.training.batches import Batch


def edm_loss(answer: Tensor, target: Tensor, batch: Batch) -> Tensor:
    """λ(σ) |D - target|² with λ = (σ² + σ_data²) / (σ σ_data)², the mean over unknown entries; a scalar."""
    sigma = batch.sigma.view(-1, 1, 1, 1)
    weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
    unknown = 1 - batch.known
    return (weight * unknown * (answer.float() - target) ** 2).sum() / (unknown.sum() + 1)


@torch.no_grad()
def target_of(batch: Batch, teacher: Denoiser | None, teacher_weight: float, teacher_sigma_min: float) -> Tensor:
    """What the network should answer: the image, or where there is a teacher mostly the teacher's answer.

    The posterior mean that a teacher gives has no noise of its own, so a student learns from fewer pictures. Below
    the noise level that the teacher itself cleans well, the image alone counts.
    """
    if teacher is None:
        return batch.x
    answer = teacher(batch.noisy, batch.sigma, batch.known, batch.label, batch.zoom).float()
    weight = torch.where(batch.sigma >= teacher_sigma_min, teacher_weight, 0.0).view(-1, 1, 1, 1)
    return weight * answer + (1 - weight) * batch.x
