"""Curves of a training: TensorBoard where it is installed, else nothing but the progress line."""

from pathlib import Path
from typing import Any

from engine.training.trainer import Report


class Curves:
    """Loss, learning rate and pace by step, in a folder that `tensorboard --logdir` reads."""

    def __init__(self, folder: Path) -> None:
        """No file is made where TensorBoard isn't installed."""
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(str(folder))

    def add(self, report: Report) -> None:
        """One point on each curve."""
        if self._writer is not None:
            for name, value in (
                ("loss", report.loss),
                ("learning rate", report.learning_rate),
                ("images per second", report.rate),
            ):
                self._writer.add_scalar(name, value, report.step)

    def close(self) -> None:
        """Write what is still in memory."""
        if self._writer is not None:
            self._writer.close()
