"""The network as a denoiser D(x, σ, known, class, zoom) → x₀: EDM preconditioning around diffusers' `UNet2DModel`.

Karras et al. 2022 (arXiv:2206.00364), eq. 7 and table 1. Known entries enter clean, with a map that says where they
are (TD-Paint, arXiv:2410.09306). A 2×2 space-to-depth stem keeps the attention affordable.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

CHANNELS = 4
"""Red, green, blue, lesion mask; all in [-1, 1]."""


class Denoiser(Protocol):
    """What samplers need of a network.

    x: [B, 4, H, W], clean where known, x₀ + σ n elsewhere. sigma: [B]. known: [B, 4, H, W] of 0 and 1.
    label: [B] class numbers. zoom: [B], log₂ of the magnification. Returns x₀, equal to x where known.
    """

    conditional: bool
    """Whether the network was trained to see known entries; where not, samplers replace them at each step."""

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor: ...


class UNetDenoiser(torch.nn.Module):
    """The trained network. U-Net inputs after space-to-depth: 16 image, 8 known-map and 1 zoom channels.

    A network without the 8 known-map channels was trained without one: it is told nothing, and samplers replace.
    """

    IN_CHANNELS = (25, 17)
    OUT_CHANNELS = 16

    def __init__(self, unet: torch.nn.Module, sigma_data: float) -> None:
        super().__init__()
        self.unet = unet
        channels = unet.config.in_channels  # type: ignore[union-attr]
        self.conditional: bool = bool(channels == self.IN_CHANNELS[0])
        self.sigma_data = sigma_data

    def forward(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `Denoiser`."""
        s = sigma.view(-1, 1, 1, 1)
        variance = s * s + self.sigma_data**2
        scale = torch.where(known > 0, 1 / self.sigma_data, variance.rsqrt().expand_as(x))
        planes = [x * scale]
        if self.conditional:
            planes += [known[:, :3].amax(1, keepdim=True), known[:, 3:]]
        h = F.pixel_unshuffle(torch.cat(planes, 1), 2)
        h = torch.cat([h, zoom.view(-1, 1, 1, 1).expand(-1, 1, *h.shape[2:])], 1)
        weights = next(self.unet.parameters()).dtype
        h = h.to(weights).contiguous(memory_format=torch.channels_last)
        f = self.unet(h, sigma.log() * 250, class_labels=label, return_dict=False)[0]
        f = F.pixel_shuffle(f.float(), 2)
        x0 = self.sigma_data**2 / variance * x + s * self.sigma_data * variance.rsqrt() * f
        return torch.where(known > 0, x, x0)


class ByClass(torch.nn.Module):
    """One network per class, as the poster has them: each picture is cleaned by the network of its label."""

    def __init__(self, networks: Sequence[UNetDenoiser], labels: Sequence[int]) -> None:
        """networks: of label 0, 1, … labels: what each of them calls its class itself."""
        super().__init__()
        self._networks = torch.nn.ModuleList(networks)
        self._labels = tuple(labels)
        self.conditional: bool = all(network.conditional for network in networks)

    def forward(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `Denoiser`."""
        x0 = torch.empty_like(x)
        for number in sorted(set(label.tolist())):
            mine = label == number
            own = torch.full_like(label[mine], self._labels[number])
            x0[mine] = self._networks[number](x[mine], sigma[mine], known[mine], own, zoom[mine])
        return x0


class WithoutKnownMap:
    """A denoiser that isn't told what is known: samplers replace known entries instead, as for any foreign network."""

    conditional = False

    def __init__(self, denoiser: Denoiser) -> None:
        self._denoiser = denoiser

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `Denoiser`; `known` is empty."""
        return self._denoiser(x, sigma, known, label, zoom)


class GuidedByClass:
    """Classifier-free guidance (Ho & Salimans, arXiv:2207.12598, eq. 6) around a denoiser.

    weight: [B]; 1 leaves the conditional network alone. any_label: the number of the class that means "any".
    """

    def __init__(self, denoiser: Denoiser, weight: Tensor, any_label: int) -> None:
        self.conditional = denoiser.conditional
        self._denoiser, self._weight, self._any_label = denoiser, weight.view(-1, 1, 1, 1), any_label

    def __call__(self, x: Tensor, sigma: Tensor, known: Tensor, label: Tensor, zoom: Tensor) -> Tensor:
        """See `Denoiser`; two evaluations of the network in one batch."""
        x2, sigma2, known2, zoom2 = (torch.cat([values, values]) for values in (x, sigma, known, zoom))
        labels = torch.cat([label, torch.full_like(label, self._any_label)])
        conditional, unconditional = self._denoiser(x2, sigma2, known2, labels, zoom2).chunk(2)
        guided = unconditional + self._weight * (conditional - unconditional)
        return torch.where(known > 0, x, guided)
