"""The model observer: one small network that outlines and classifies lesions, trained here, on pictures given.

A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) whose bottom level also feeds a classifier; its pooled activations
are the learnt features. Small enough to be trained on a processor in a minute or two; it is a yardstick, no diagnosis.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import Cancelled
from engine.evaluation.pictures import SIDE, Pictures
from engine.generators.protocol import Cancel

FORMAT = 1
FEATURES = 64
_WIDTHS = (16, 24, 40, FEATURES)
_GROUPS = 8
_READ_BATCH = 64
_GAIN = 0.05
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Fit:
    """How an observer is trained: equal for all that are compared. batch: pictures a step."""

    steps: int
    batch: int = 24
    rate: float = 3e-3
    seed: int = 0


@dataclass(frozen=True)
class Reading:
    """What an observer sees. mask: float32 [N, 128, 128] in [0, 1]. probability: float32 [N, classes].

    features: float64 [N, 64].
    """

    mask: NDArray[np.float32]
    probability: NDArray[np.float32]
    features: NDArray[np.float64]


class Observer(nn.Module):
    """Pictures [B, 3, 128, 128] in [-1, 1] → mask logits [B, 1, 128, 128], class logits [B, K], features [B, 64]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _WIDTHS[0], 3, stride=2, padding=1)
        pairs = list(pairwise(_WIDTHS))
        self.down = nn.ModuleList([_Block(a, b, 2) for a, b in pairs])
        self.deep = _Block(FEATURES, FEATURES, 1)
        self.up = nn.ModuleList([_Block(b + a, a, 1) for a, b in reversed(pairs)])
        self.outline = nn.Conv2d(_WIDTHS[0], 1, 1)
        self.classes = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        h = F.silu(self.stem(x))
        kept = []
        for block in self.down:
            kept.append(h)
            h = block(h)
        h = self.deep(h)
        features = h.mean((2, 3))
        for block, skipped in zip(self.up, reversed(kept), strict=True):
            h = block(torch.cat([F.interpolate(h, scale_factor=2.0, mode="nearest"), skipped], 1))
        mask = F.interpolate(self.outline(h), scale_factor=2.0, mode="bilinear", align_corners=False)
        return mask, self.classes(features), features


class _Block(nn.Module):
    """Two normalised convolutions with a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.GroupNorm(_GROUPS, outputs) for _ in range(2)])
        self.around = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = F.silu(self.norms[0](self.first(x)))
        out: Tensor = F.silu(self.norms[1](self.second(h)) + self.around(x))
        return out


def trained(
    pictures: Pictures, fit: Fit, device: torch.device, told: Told | None = None, cancel: Cancel | None = None
) -> Observer:
    """An observer of these pictures; equal pictures, settings and kind of processor give equal weights.

    Classes are drawn equally often. Pictures without a mask teach only the class, those without a class only the mask.
    """
    generator = torch.Generator("cpu").manual_seed(fit.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(fit.seed)
        observer = Observer(len(pictures.classes))
    observer.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(observer.parameters(), lr=fit.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, fit.rate, total_steps=fit.steps + 1, pct_start=0.15)
    weights = _draw_weights(pictures)
    observer.train()
    for step in range(fit.steps):
        if cancel is not None and cancel():
            raise Cancelled("stopped; nothing was changed")
        if told is not None:
            told(step, fit.steps)
        numbers = torch.multinomial(weights, fit.batch, True, generator=generator)
        loss = _loss(observer, *_augmented(pictures, numbers.numpy(), generator, device))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(observer.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    if told is not None:
        told(fit.steps, fit.steps)
    observer.eval()
    return observer


def read(observer: Observer, rgb: NDArray[np.uint8]) -> Reading:
    """What the observer says of pictures uint8 [N, 128, 128, 3]."""
    device = next(observer.parameters()).device
    masks, classes, features = [], [], []
    with torch.inference_mode():
        for start in range(0, len(rgb), _READ_BATCH):
            mask, logits, pooled = observer(_tensor(rgb[start : start + _READ_BATCH]).to(device))
            masks.append(mask[:, 0].sigmoid().cpu().numpy())
            classes.append(logits.softmax(1).cpu().numpy())
            features.append(pooled.double().cpu().numpy())
    if not masks:
        empty = np.empty((0, SIDE, SIDE), np.float32)
        return Reading(empty, np.empty((0, observer.classes.out_features), np.float32), np.empty((0, FEATURES)))
    return Reading(np.concatenate(masks), np.concatenate(classes), np.concatenate(features))


def fingerprint(pictures: Pictures, fit: Fit) -> str:
    """SHA-256 of everything that determines an observer's weights, but the processor."""
    digest = hashlib.sha256(json.dumps([FORMAT, _WIDTHS, asdict(fit), pictures.classes], sort_keys=True).encode())
    for values in (pictures.rgb, pictures.mask, pictures.masked, pictures.label):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _draw_weights(pictures: Pictures) -> Tensor:
    counts = np.bincount(pictures.label + 1, minlength=len(pictures.classes) + 1)
    return torch.from_numpy(1.0 / counts[pictures.label + 1])


def _augmented(
    pictures: Pictures, numbers: NDArray[np.int64], generator: torch.Generator, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures, masks, whether there is one, labels: flipped, turned by quarters, each channel's gain changed a little.

    One orientation for the whole batch: the same pictures come in others at other steps.
    """
    x = _tensor(pictures.rgb[numbers])
    mask = torch.from_numpy(pictures.mask[numbers] >= 128).float()[:, None]
    turn = int(torch.randint(0, 8, (1,), generator=generator))
    gain = 1 + _GAIN * torch.randn(len(numbers), 3, 1, 1, generator=generator)
    x = ((x + 1) * gain - 1).clamp(-1, 1)
    x, mask = (torch.rot90(t.flip(3) if turn >= 4 else t, turn % 4, (2, 3)) for t in (x, mask))
    masked = torch.from_numpy(pictures.masked[numbers])
    label = torch.from_numpy(pictures.label[numbers])
    x = x.to(device).contiguous(memory_format=torch.channels_last)
    return x, mask.to(device), masked.to(device), label.to(device)


def _loss(observer: Observer, x: Tensor, mask: Tensor, masked: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of the class, plus cross-entropy and soft Dice (Milletari et al. 2016) of the mask."""
    outline, logits, features = observer(x)
    loss: Tensor = 0.0 * features.sum()
    if bool((label >= 0).any()):
        loss = loss + F.cross_entropy(logits, label, ignore_index=-1)
    if bool(masked.any()):
        outline, mask = outline[masked], mask[masked]
        soft = outline.sigmoid()
        dice = (2 * (soft * mask).sum((1, 2, 3)) + 1) / (soft.sum((1, 2, 3)) + mask.sum((1, 2, 3)) + 1)
        loss = loss + F.binary_cross_entropy_with_logits(outline, mask) + 1 - dice.mean()
    return loss


def _tensor(rgb: NDArray[np.uint8]) -> Tensor:
    scaled = torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 127.5 - 1
    return scaled.contiguous(memory_format=torch.channels_last)
