"""Evaluation from the command line: its progress on the terminal, around `engine.evaluation`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.diffusion.checkpoint import find
from engine.evaluation.evaluate import Effort, Networks, Progress, evaluate
from engine.evaluation.external import Network
from engine.evaluation.reader_study import reader_study
from engine.evaluation.real import RealData, read_real
from engine.evaluation.report import Report
from engine.evaluation.samples import SampleSettings, sample_set, set_name
from engine.generators.ddpm import DdpmGenerator
from engine.training.seen import marks_of


def measured(
    model: str,
    data: list[Path],
    effort: Effort,
    settings: SampleSettings,
    work: Path,
    inception: Path | None,
    lpips: Path | None,
    device: str | None,
) -> Report:
    """All measures, with a bar that names the stage."""
    networks = Networks(
        None if inception is None else Network(inception, "--inception"),
        None if lpips is None else Network(lpips, "--lpips"),
    )
    with stages() as told:
        real = _real(data, model, told)
        generator = DdpmGenerator(model, device)
        return evaluate(generator, real, work, effort, settings, networks, told)


def studied(
    model: str,
    data: list[Path],
    count: int,
    settings: SampleSettings,
    work: Path,
    folder: Path,
    device: str | None,
    force: bool,
) -> int:
    """The sheets of a reader study; how many."""
    with stages() as told:
        real = _real(data, model, told)
        generator = DdpmGenerator(model, device)
        real = real.without(marks_of(generator.model) or ())
        per_class = dict.fromkeys(generator.classes, -(-count // len(generator.classes)))
        name = set_name(generator, settings)
        told("samples", 0, 1)
        generated = sample_set(generator, work / name, per_class, settings, lambda a, b: told("samples", a, b))
    return reader_study(
        folder, generated, real.test, generator.fingerprint, "; ".join(real.licences), settings.seed, force
    )


@contextmanager
def stages() -> Iterator[Progress]:
    """A bar on standard error; where that is no terminal, a line at the beginning of each stage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        current = ""

        def told(stage: str, done: int, total: int) -> None:
            nonlocal current
            if stage != current:
                current = stage
                bar.reset(task, description=stage)
                if not console.is_terminal:
                    print(f"moulage: {stage}", file=sys.stderr, flush=True)
            bar.update(task, description=stage, completed=done, total=total)

        yield told


def _real(data: list[Path], model: str, told: Progress) -> RealData:
    """Of the model's classes; its weights aren't needed yet, and the data may be at fault."""
    return read_real(data, find(model).classes, lambda done, total: told("real pictures", done, total))
