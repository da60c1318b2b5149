"""Where a run's units are worked off. `Local` does it in this process; `engine.batch.ray_executor.Ray` on a cluster.

Each painter of the network uses one thread of the processor. So the sums, and with them the bytes, are the same on a
machine with any number of cores, and two painters beside each other are faster than one on two cores.
"""

from collections.abc import Sequence
from typing import Protocol

from engine.batch.budget import Budget, budget, first_channels
from engine.batch.job import Job
from engine.batch.pipeline import Pipeline
from engine.batch.task import Event, Task, Told
from engine.batch.units import Unit
from engine.errors import BadInput
from engine.generators.protocol import Cancel, Generator

MOST_PAINTERS = 64


class Executor(Protocol):
    """Does the work of a run; `prepare` is called first."""

    def prepare(self, job: Job) -> None:
        """Refuse, by BadInput, what can't be done here, before anything is written."""
        ...

    def best_precision(self) -> str:
        """What `auto` means here: `fp32` or `bf16`."""
        ...

    def work(self, task: Task, units: Sequence[Unit], told: Told, cancel: Cancel | None) -> None:
        """Make the patients of the units; returns when each is made, kept, failed or another's."""
        ...


class Local:
    """This process. Keeps its networks loaded from one run to the next.

    painters: networks at the same time; as many as cores where None, one on a GPU. memory_mb: the most that this
    process should take. device: `cpu`, `cuda`, `mps`, or the best where None.
    """

    def __init__(self, painters: int | None = None, memory_mb: float | None = None, device: str | None = None) -> None:
        if painters is not None and not 1 <= painters <= MOST_PAINTERS:
            raise BadInput(f"--workers: is {painters}; it must lie between 1 and {MOST_PAINTERS}")
        self._painters, self._memory_mb, self._device = painters, memory_mb, device
        self._generators: dict[tuple[str, str], list[Generator]] = {}
        self._budget: Budget | None = None

    def prepare(self, job: Job) -> None:
        """See `Executor`."""
        _require_device(self._device)
        self.plan(job)

    def plan(self, job: Job) -> None:
        """Settle what may be in memory at once. BadInput where the limit is too low; the device isn't asked."""
        from engine.diffusion import checkpoint

        channels = first_channels(checkpoint.find(job.network.model).folder)
        self._budget = budget(job, self._painters or self._usual_painters(), channels, self._memory_mb)

    def best_precision(self) -> str:
        """See `Executor`."""
        import torch

        from engine.diffusion import precision
        from engine.generators.ddpm import best_device

        torch.set_num_threads(1)
        return precision.choose(torch.device(self._device or best_device())).precision

    def work(self, task: Task, units: Sequence[Unit], told: Told, cancel: Cancel | None) -> None:
        """See `Executor`."""
        assert self._budget is not None, "prepare comes first"
        generators = self._opened(task, min(self._budget.painters, max(len(units), 1)))
        told(Event("started"))
        Pipeline(task, generators, self._budget, told, cancel).run(units)

    def _opened(self, task: Task, count: int) -> list[Generator]:
        from engine.generators.registry import open_generator

        model = task.job.network.model
        opened = self._generators.setdefault((model, task.precision), [])
        while len(opened) < count:
            options = {"model": model, "device": self._device, "threads": 1, "arithmetic": task.precision}
            opened.append(open_generator("ddpm", **options))
        return opened[:count]

    def _usual_painters(self) -> int:
        from engine.diffusion import precision
        from engine.generators.ddpm import best_device

        if (self._device or best_device()) != "cpu":
            return 1
        return min(precision.usable_cores(), MOST_PAINTERS)


def _require_device(device: str | None) -> None:
    import torch

    try:
        torch.empty(0, device=device or "cpu")
    except (RuntimeError, AssertionError) as error:
        why = str(error).partition("\n")[0]
        raise BadInput(f"--device: {device!r} can't be used here ({why}); leave it out or say cpu") from error
