"""The training loop: step after step until the length is reached or somebody says stop; it continues where it stopped.

Karras et al. 2022 (arXiv:2206.00364) for loss and noise, an exponential moving average of the weights with warm-up
(Karras et al. 2024, arXiv:2312.02696, section 3.1), AdamW, cosine decay.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.diffusion.batching import is_out_of_memory
from engine.diffusion.denoiser import UNetDenoiser
from engine.errors import BadInput, DataError, MoulageError
from engine.training import state
from engine.training.batches import Drawing, Shelf, draw, step_seed
from engine.training.devices import Devices
from engine.training.loss import edm_loss, target_of
from engine.training.settings import OPTIONS, TrainSettings

REPORT_EVERY = 20
AGREE_EVERY = 5
"""Steps between two looks at the clock that all processes share."""
CHECKPOINT_SECONDS = 240.0
_AVERAGE_POWER = 17
"""Of the average while it warms up: it reaches over a twentieth of the steps so far (Karras et al. 2024, table 1)."""
_WARM_SHARE = 0.1
"""No warm-up takes more than this share of the training."""


@dataclass(frozen=True)
class Report:
    """One line of progress. loss: mean since the last one. done: share of the training. left: seconds, or None."""

    step: int
    loss: float
    images: int
    seconds: float
    size: int
    rate: float
    done: float
    learning_rate: float


@dataclass(frozen=True)
class Teacher:
    """A larger network that is trained already. sigma_min: below it the teacher isn't asked."""

    network: UNetDenoiser
    sigma_min: float


Told = Callable[[Report], None]
Stop = Callable[[], bool]


class Training:
    """A network on its way. Everything that the next step depends on is in the checkpoint."""

    def __init__(
        self,
        network: UNetDenoiser,
        shelves: Sequence[Shelf],
        classes: Sequence[str],
        settings: TrainSettings,
        devices: Devices,
        data: str = "",
        teacher: Teacher | None = None,
        ancestors: Mapping[str, str | None] | None = None,
    ) -> None:
        """classes: as the shelves' labels number them, without `any`. data: the pack's digest.

        ancestors: what stands for the models that it learns from, by option; they must not change on the way either.
        """
        self.settings, self._devices = settings, devices
        self.network = network.to(devices.device).train().requires_grad_(True)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self._joined = devices.joined(self.network)
        self._shelves = _moved(shelves, devices)
        self._weights = weights_of(self._shelves, classes, settings)
        self._shares = [float(weights.sum()) for weights in self._weights]
        self._drawing = Drawing(len(classes), settings.class_dropout, settings.smooth_skin)
        self._teacher = teacher
        if teacher is not None:
            teacher.network.to(devices.device).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
            fused=devices.device.type in ("cpu", "cuda"),
        )
        self.progress = state.Progress(settings={**settings.describe(), **(ancestors or {})}, data=data)
        self._last = 0.0

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint. DataError, naming the option, where it was made with other settings or data.

        What the checkpoint doesn't know, because it is older than that setting, is taken as it is now.
        """
        progress = state.load(path, self.network, self.average, self.optimizer, self._devices.device)
        wanted = self.progress.settings
        changed = [name for name, value in wanted.items() if progress.settings.get(name, value) != value]
        if changed or progress.data != self.progress.data:
            what = ", ".join(OPTIONS.get(name, name) for name in changed) if changed else "--data"
            raise DataError(f"{path}: was made with another {what}; keep it the same, or choose another -o")
        progress.settings = {**progress.settings, **wanted}
        self.progress = progress

    def save(self, path: Path) -> None:
        """Write the checkpoint (the first process), all others wait."""
        if self._devices.first:
            state.save(path, self.network, self.average, self.optimizer, self.progress)
        self._devices.wait()

    @property
    def done(self) -> float:
        """Share of the whole training that is over."""
        if self.settings.steps is not None:
            return self.progress.step / self.settings.steps
        assert self.settings.minutes is not None
        return self.progress.seconds / (60 * self.settings.minutes)

    def run(
        self,
        told: Told | None = None,
        stop: Stop | None = None,
        checkpoint: Path | None = None,
        sheet: Callable[[], None] | None = None,
        sheet_every: int = 0,
        seconds: float = math.inf,
    ) -> None:
        """Steps until the training is over, `stop` says so, or `seconds` of this call have passed.

        sheet: called every `sheet_every` steps. MoulageError where the loss is no number any more: nothing is saved
        then. BadInput where memory is short for a batch.
        """
        pending: list[Tensor] = []
        began = time.monotonic()
        before, self._last = self.progress.seconds, 0.0
        saved = before
        while self.done < 1:
            try:
                pending.append(self._step())
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                raise BadInput(self._short_of_memory(checkpoint)) from error
            step = self.progress.step
            if step % AGREE_EVERY == 0 or self._devices.count == 1:
                now = time.monotonic()
                self.progress.seconds = self._devices.largest(before + now - began)
                wish = stop is not None and stop()
                if self._devices.largest(float(wish or now - began >= seconds)):
                    break
            if step % REPORT_EVERY == 0:
                self._tell(pending, told, before, began)
                # By the shared clock: all processes wait in `save`, or none does.
                if checkpoint is not None and self.progress.seconds - saved > CHECKPOINT_SECONDS:
                    self.save(checkpoint)
                    saved = self.progress.seconds
            if sheet is not None and sheet_every and step % sheet_every == 0:
                if self._devices.first:
                    sheet()
                self._devices.wait()
        if pending:
            self._tell(pending, told, before, began)
        if checkpoint is not None:
            self.save(checkpoint)

    def _step(self) -> Tensor:
        """One step; its loss, still on the device."""
        settings, progress, done = self.settings, self.progress, self.done
        size = settings.size_at(done)
        seed = step_seed(settings.seed, progress.step, self._devices.number)
        batch = draw(self._shelves, self._weights, self._shares, size, settings.batch, self._drawing, seed)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(settings, progress.step, done)
        with self._devices.autocast():
            network = None if self._teacher is None else self._teacher.network
            floor = 0.0 if self._teacher is None else self._teacher.sigma_min
            target = target_of(batch, network, settings.teacher_weight, floor)
            answer = self._joined(batch.noisy, batch.sigma, batch.known, batch.label, batch.zoom)
        loss = edm_loss(answer, target, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.images += settings.batch * self._devices.count
        decay = min(settings.ema, progress.step / (progress.step + _AVERAGE_POWER))
        with torch.no_grad():
            own: list[Tensor] = list(self.network.parameters())
            average: list[Tensor] = list(self.average.parameters())
            torch._foreach_lerp_(average, own, 1 - decay)
        return loss.detach()

    def _short_of_memory(self, checkpoint: Path | None) -> str:
        batch, size = self.settings.batch, self.settings.size_at(self.done)
        kept = checkpoint is not None and checkpoint.is_file()
        where = " with another -o; the last checkpoint stands" if kept else ""
        return f"--batch: memory is short for {batch} images of {size} pixels at once; lower it{where}"

    def _tell(self, pending: list[Tensor], told: Told | None, before: float, began: float) -> None:
        progress = self.progress
        loss = float(torch.stack(pending).mean())
        count = len(pending) * self.settings.batch * self._devices.count
        pending.clear()
        if not math.isfinite(loss):
            raise MoulageError(
                f"step {progress.step}: the loss is no number any more; the last checkpoint stands; lower "
                "--learning-rate"
            )
        progress.history.append((progress.step, loss))
        passed = max(time.monotonic() - began, 1e-6)
        rate, self._last = count / max(passed - self._last, 1e-6), passed
        if told is not None and self._devices.first:
            size, lr = self.settings.size_at(self.done), self.optimizer.param_groups[0]["lr"]
            told(Report(progress.step, loss, progress.images, before + passed, size, rate, self.done, lr))


def learning_rate(settings: TrainSettings, step: int, done: float) -> float:
    """Linear warm-up, shorter in short trainings, then a cosine over the whole training down to the floor."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    warm = min(1.0, max((step + 1) / settings.warm_up, done / _WARM_SHARE))
    return settings.learning_rate * warm * max(settings.floor, cosine)


def _moved(shelves: Sequence[Shelf], devices: Devices) -> list[Shelf]:
    """On the device. BadInput where its memory is too small for them."""
    try:
        return [shelf.to(devices.device) for shelf in shelves]
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        taken = sum(shelf.pixels.nbytes for shelf in shelves) / 2**30
        raise BadInput(
            f"--data: takes {taken:.1f} GiB unpacked, more than the device has free; make a smaller pack (--mib)"
        ) from error


def weights_of(shelves: Sequence[Shelf], classes: Sequence[str], settings: TrainSettings) -> list[Tensor]:
    """How often each image is drawn: classes equally often, images of the largest side more often than others.

    DataError where a class that is to be learnt has no image.
    """
    label = torch.cat([shelf.label for shelf in shelves]).cpu()
    largest = max(shelf.side for shelf in shelves)
    boost = torch.cat(
        [
            torch.full((len(shelf),), settings.sharp_boost if shelf.side == largest and len(shelves) > 1 else 1.0)
            for shelf in shelves
        ]
    )
    weights = torch.zeros(len(label))
    wanted = [name for name in classes if settings.only_class in (None, name)]
    if not wanted:
        raise DataError(f"--per-class: {settings.only_class!r} is not among the data's classes: {', '.join(classes)}")
    for number, name in enumerate(classes):
        mine = label == number
        if name in wanted:
            if not bool(mine.any()):
                raise DataError(f"--data: holds no image of class {name}")
            weights[mine] = boost[mine] / boost[mine].sum() / len(wanted)
    parts = torch.split(weights, [len(shelf) for shelf in shelves])
    return [part.to(shelf.label.device) for part, shelf in zip(parts, shelves, strict=True)]
