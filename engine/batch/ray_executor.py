"""A run's units on a Ray cluster (the extra `cluster`): actors that keep the network loaded and share one folder.

Every unit is a task of whichever actor is free. Ray starts a worker that died anew and repeats its task; the patients
that it had finished are found whole, so a repetition only makes what is missing. A unit that kills its worker again and
again is given up: its patients are recorded as failed.
"""

import socket
from collections.abc import Sequence
from typing import Any

from engine.batch import failures
from engine.batch.executors import Local
from engine.batch.job import Job
from engine.batch.task import Event, Task, Told, is_whole
from engine.batch.units import Unit
from engine.errors import BadInput, Cancelled, MoulageError
from engine.generators.protocol import Cancel

RETRIES = 3
_POLL_S = 0.5
_CONNECT_S = 10.0

ray: Any = None
"""The package, once `Ray` was made: it takes a second to import, and only clusters need it."""


class UnitWorker:
    """What runs in an actor. The folder and the avatar files must be reachable under the same paths everywhere."""

    def __init__(self, memory_mb: float | None, device: str | None) -> None:
        self._local = Local(1, memory_mb, device)

    def work(self, task: Task, unit: Unit) -> list[Event]:
        """Make a unit; what happened."""
        events: list[Event] = []
        self._local.prepare(task.job)
        self._local.work(task, [unit], events.append, None)
        return [event for event in events if event.kind != "started"]


class Ray:
    """Actors on the cluster at `address`: `auto` for the one that this machine belongs to, `local` for a new one here.

    actors: how many; one for each core or GPU where None. gpus: of each actor; 0 for the CPU. memory_mb and device: of
    each actor, as for `Local`. retries: how often a unit is begun again after its worker died. BadInput where Ray isn't
    installed or the cluster can't be reached.
    """

    def __init__(
        self,
        address: str,
        actors: int | None = None,
        memory_mb: float | None = None,
        device: str | None = None,
        gpus: float = 0,
        retries: int = RETRIES,
    ) -> None:
        global ray
        try:
            import ray as package
        except ImportError as error:
            raise BadInput("--ray: the package ray is not installed: pip install 'moulage[cluster]'") from error
        ray = package
        if actors is not None and actors < 1:
            raise BadInput(f"--workers: is {actors}; at least one is needed")
        self._address, self._actors, self._gpus, self._retries = address, actors, gpus, retries
        self._memory_mb, self._device = memory_mb, device
        self._local = Local(1, memory_mb, device)
        self._connected = False

    def prepare(self, job: Job) -> None:
        """See `Executor`. The device is the actors': this machine may lack it."""
        self._local.plan(job)
        self._connected = _connect(self._address)

    def best_precision(self) -> str:
        """See `Executor`. Of the machine that asks: a cluster of unlike ones should have it in the job."""
        return self._local.best_precision()

    def work(self, task: Task, units: Sequence[Unit], told: Told, cancel: Cancel | None) -> None:
        """See `Executor`."""
        resources = ray.cluster_resources()
        free = resources.get("GPU", 0) / self._gpus if self._gpus else resources.get("CPU", 1)
        count = min(self._actors or max(1, int(free)), max(len(units), 1))
        actors = [self._actor() for _ in range(count)]
        told(Event("started"))
        try:
            self._share_out(actors, task, units, told, cancel)
        finally:
            for actor in actors:
                ray.kill(actor)
            if self._connected:
                ray.shutdown()

    def _actor(self) -> Any:
        kind = ray.remote(num_cpus=1, num_gpus=self._gpus, max_restarts=-1, max_task_retries=self._retries)(UnitWorker)
        return kind.remote(self._memory_mb, self._device)

    def _share_out(
        self, actors: list[Any], task: Task, units: Sequence[Unit], told: Told, cancel: Cancel | None
    ) -> None:
        """Give each actor a unit at a time. One whose unit was given up is replaced in `actors`: Ray refuses calls to
        an actor while it starts it anew, and every later unit would be refused with it.
        """
        waiting = iter(units)
        running: dict[Any, tuple[int, Unit]] = {}

        def start(place: int) -> None:
            unit = next(waiting, None)
            if unit is not None:
                running[actors[place].work.remote(task, unit)] = (place, unit)

        for place in range(len(actors)):
            start(place)
        while running:
            if cancel is not None and cancel():
                raise Cancelled("stopped; the patients that were finished are whole, and the same command goes on")
            ready, _ = ray.wait(list(running), timeout=_POLL_S)
            for reference in ready:
                place, unit = running.pop(reference)
                events, died = self._answer(reference, task, unit)
                if died:
                    ray.kill(actors[place])
                    actors[place] = self._actor()
                for event in events:
                    told(event)
                start(place)

    def _answer(self, reference: Any, task: Task, unit: Unit) -> tuple[list[Event], bool]:
        """What a unit came to, and whether its workers died one after the other; then its patients are failed."""
        try:
            events: list[Event] = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, MoulageError):
                raise error.cause from None
            raise
        except ray.exceptions.RayActorError as error:
            return self._given_up(task, unit, " ".join(str(error).split())[:500]), True
        return events, False

    def _given_up(self, task: Task, unit: Unit, why: str) -> list[Event]:
        reason = f"its worker died {self._retries + 1} times"
        events = []
        for number in unit.patients:
            if is_whole(task, number):
                events.append(Event("kept", number))
            else:
                failures.record(task.out, number, reason, why)
                events.append(Event("failed", number, text=reason))
        return events


def _connect(address: str) -> bool:
    """Connect to the cluster; whether we did. A connection that somebody else opened is used, and left open."""
    if ray.is_initialized():
        return False
    try:
        _require_listening(address)
        ray.init(address=address, log_to_driver=False, include_dashboard=False, configure_logging=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise BadInput(f"--ray: no cluster at {address!r} ({' '.join(str(error).split())[:200]})") from error
    return True


def _require_listening(address: str) -> None:
    """OSError where nobody listens at HOST:PORT; Ray itself would ask for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
