"""Training at the command line: a line of progress, and a stop that saves first."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.training.devices import Devices
    from engine.training.run import Wishes
    from engine.training.trainer import Report

_EVERY_SECONDS = 5.0


class Interruption:
    """Whether SIGINT or SIGTERM came. A second one ends the program as usual."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.came

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals for the length of the block."""
        numbers = (signal.Signals.SIGINT, signal.Signals.SIGTERM)
        before = {number: signal.getsignal(number) for number in numbers}

        def take(number: int, frame: FrameType | None) -> None:
            self.came = True
            signal.signal(number, before[signal.Signals(number)])
            print("\nmoulage: finishing this step, then saving", file=sys.stderr, flush=True)

        for number in numbers:
            signal.signal(number, take)
        try:
            yield
        finally:
            for number in numbers:
                signal.signal(number, before[signal.Signals(number)])


class Line:
    """The line of progress: rewritten on a terminal, one every few seconds in a log."""

    def __init__(self) -> None:
        self._shown = 0.0
        self._terminal = sys.stdout.isatty()

    def show(self, report: "Report") -> None:
        """Show a report, unless one was shown a moment ago."""
        now = time.monotonic()
        if now - self._shown < _EVERY_SECONDS and report.done < 1:
            return
        self._shown = now
        left = report.seconds * max(0.0, 1 - report.done) / max(report.done, 1e-6)
        text = (
            f"step {report.step:,} · loss {report.loss:.4f} · {report.size} px · {report.rate:.1f} images/s · "
            f"{min(report.done, 1):.0%}, {left / 60:.0f} min left"
        )
        print(f"\r{text}\x1b[K" if self._terminal else text, end="" if self._terminal else "\n", flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._terminal and self._shown:
            print(flush=True)


def train(wishes: "Wishes", devices: "Devices", seconds: float) -> bool:
    """Run one training, saying how it goes; False where somebody stopped it."""
    from engine.training.curves import Curves
    from engine.training.run import INNER, Run

    def say(text: str) -> None:
        if devices.first:
            print(text, flush=True)

    interruption, line = Interruption(), Line()
    run = Run(wishes, devices, say)
    if run.training.done >= 1:
        say(
            "this training is over: the model is only written anew; a longer --total-minutes or --steps goes on with it"
        )
    curves = Curves(wishes.output / INNER / "curves") if devices.first else None

    def told(report: "Report") -> None:
        line.show(report)
        if curves is not None:
            curves.add(report)

    with interruption.listening():
        try:
            over = run.train(told, interruption, seconds)
        finally:
            line.end()
            if curves is not None:
                curves.close()
    progress = run.training.progress
    say(
        f"{progress.step:,} steps, {progress.images:,} images, {progress.seconds / 60:.1f} minutes in all; the model "
        f"is {wishes.output}" + ("" if over else "; run the same line again to continue")
    )
    say(f"look at {wishes.output / 'samples.png'}; use it with moulage generate --model {wishes.output}")
    return not devices.largest(float(interruption.came))  # all processes go on to the next training, or none


def train_per_class(wishes: "Wishes", devices: "Devices", seconds: float) -> None:
    """One training after the other, of `seconds` each; then one model of all."""
    from engine.training.run import join_classes, per_class

    if all(train(own, devices, seconds) for own in per_class(wishes)) and devices.first and join_classes(wishes):
        print(f"one network per class: {wishes.output}; use it with moulage generate --model {wishes.output}")
