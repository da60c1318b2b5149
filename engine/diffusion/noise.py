"""The noise schedule, and noise that belongs to a lesion: drawn from its own seed, whatever batch it is in."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

SIGMA_MAX = 80.0
SIGMA_MIN = 0.15
"""A network that was trained longer can go lower; its `config.json` says so (`sigma_min`)."""
RHO = 7.0


def schedule(steps: int, sigma_max: float = SIGMA_MAX, sigma_min: float = SIGMA_MIN) -> list[float]:
    """`steps` decreasing noise levels from sigma_max to sigma_min (Karras et al. 2022, eq. 5)."""
    if steps < 2:
        return [sigma_max]
    low, high = sigma_min ** (1 / RHO), sigma_max ** (1 / RHO)
    return [(high + i / (steps - 1) * (low - high)) ** RHO for i in range(steps)]


def half_log_snr_step(sigma: float, following: float) -> float:
    """h = λ(following) - λ(sigma) with λ = -log σ (Lu et al. 2022, arXiv:2211.01095, section 2)."""
    return math.log(sigma / following)


def stream(seed: int, size: int, purpose: int) -> int:
    """A seed of its own for each lesion, size of picture and purpose, whatever was drawn before."""
    return int(np.random.SeedSequence([seed, size, purpose]).generate_state(1, np.uint64)[0] >> np.uint64(1))


class SeededNoise:
    """Standard normal noise, one stream per lesion (after NVlabs/edm's StackedRandomGenerator).

    Drawn on the CPU, so that every device gets the same numbers. Related lesions share a part of it: √c of the noise of
    a common seed and √(1 - c) of their own have unit variance again, and the correlation c with each other.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        device: torch.device | str = "cpu",
        kin: Sequence[tuple[int, float] | None] | None = None,
    ) -> None:
        """kin: of each lesion the common seed and the correlation, or None; see `LesionSpec.kin`."""
        self._streams = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self._common = [
            None if one is None else (torch.Generator("cpu").manual_seed(one[0]), one[1])
            for one in kin or [None] * len(seeds)
        ]
        self._device = torch.device(device)

    def __call__(self, *shape: int) -> Tensor:
        """float32 [B, *shape]."""
        noise = torch.stack([self._drawn(place, shape) for place in range(len(self._streams))])
        if self._device.type == "cuda":
            # From pinned memory the copy doesn't make the host wait for the device.
            return noise.pin_memory().to(self._device, non_blocking=True)
        return noise.to(self._device)

    def _drawn(self, place: int, shape: tuple[int, ...]) -> Tensor:
        own = torch.randn(shape, generator=self._streams[place])
        common = self._common[place]
        if common is None:
            return own
        stream, correlation = common
        return math.sqrt(correlation) * torch.randn(shape, generator=stream) + math.sqrt(1 - correlation) * own
