"""One process's share of a job: planning and cutting patches, the network, and finishing run at the same time.

A feeder thread makes bodies, finds sites and fills batches; painters hold a network each; finishers lay the lesions
on the atlas, render, encode and write. Between them stand bounded queues, and a patient needs a permit to be in
memory, so the peak doesn't grow with the job. The network's sums, NumPy's and the encoders' run beside each other;
only Python itself takes turns.
"""

import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from engine import growth, place
from engine.batch import failures, picture_sizes, placing
from engine.batch.bodies import Bodies
from engine.batch.budget import Budget
from engine.batch.draw import PatientPlan, draw_patient
from engine.batch.outputs import Painted, write_patient
from engine.batch.placing import PlacedLesion
from engine.batch.task import Elsewhere, Event, Task, Told, is_whole, opened, patient_job
from engine.batch.units import Slot, Unit, batches
from engine.errors import Cancelled, OutputError
from engine.generators.protocol import Cancel, Generator, PatchRequest, PatchResult
from engine.lesion import LesionLayer
from engine.output import OutputFolder
from engine.patient import Patient
from engine.place import Placement

_POLL_S = 0.1
_SWITCH_S = 0.001
"""How long Python code may keep the other threads waiting. The usual 5 ms would starve a network of small steps."""

T = TypeVar("T")


class _Stopped(Exception):
    """The pipeline is being stopped."""


@dataclass
class _Case:
    """A patient in memory. left: lesions that are not settled yet; error: why it can't be finished."""

    plan: PatientPlan
    folder: OutputFolder
    patient: Patient
    placed: dict[int, PlacedLesion]
    left: int
    layers: dict[int, LesionLayer] = field(default_factory=dict)
    error: BaseException | None = None

    def forget(self) -> None:
        """Let go of what takes memory: the feeder holds on to the case until its unit ends."""
        self.layers.clear()
        self.placed.clear()
        del self.patient


@dataclass(frozen=True)
class _Batch:
    """One batch on its way. entries: case and placement by slot, None where no lesion is."""

    entries: tuple[tuple[_Case, int, Placement] | None, ...]

    def requests(self) -> list[PatchRequest]:
        """One per slot; an empty slot repeats the first lesion."""
        first = next(entry for entry in self.entries if entry is not None)
        return [(entry or first)[2].request for entry in self.entries]


class Pipeline:
    """Works off units in one process. For one `run`."""

    def __init__(
        self, task: Task, generators: Sequence[Generator], budget: Budget, told: Told, cancel: Cancel | None = None
    ) -> None:
        """generators: one for each painter."""
        self._task, self._generators, self._told, self._cancel = task, generators, told, cancel
        self._finishers = budget.finishers
        self._bodies = Bodies()
        self._permits = threading.Semaphore(budget.in_flight)
        self._to_paint: queue.Queue[_Batch | None] = queue.Queue(len(generators))
        self._to_finish: queue.Queue[tuple[_Batch, list[PatchResult]] | _Case | None] = queue.Queue(len(generators) + 1)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._cases: dict[int, _Case] = {}

    def run(self, units: Iterable[Unit]) -> None:
        """Make the patients of these units; those that are whole already are kept.

        Cancelled on request; OutputError where the disk is full or can't be written; then nothing is half-written and
        the same call goes on where this one ended. A patient's own failure is recorded, and the others are made.
        """
        feeder = threading.Thread(target=self._guarded, args=(self._feed, units), name="feeder")
        painters = [
            threading.Thread(target=self._guarded, args=(self._paint, generator), name=f"painter-{number}")
            for number, generator in enumerate(self._generators)
        ]
        finishers = [
            threading.Thread(target=self._guarded, args=(self._finish,), name=f"finisher-{number}")
            for number in range(self._finishers)
        ]
        with _short_turns():
            for thread in (feeder, *painters, *finishers):
                thread.start()
            try:
                self._join([feeder])
                for _ in painters:
                    self._hand(self._to_paint, None)
                self._join(painters)
                for _ in finishers:
                    self._hand(self._to_finish, None)
                self._join(finishers)
            except _Stopped:
                pass
            except BaseException:
                self._stop.set()
                raise
            finally:
                for thread in (feeder, *painters, *finishers):
                    thread.join()
                for case in self._cases.values():
                    case.folder.close()
        if self._error is not None:
            raise self._error
        if self._stop.is_set():
            raise Cancelled("stopped; the patients that were finished are whole, and the same command goes on")

    # threads and queues

    def _join(self, threads: Sequence[threading.Thread]) -> None:
        for thread in threads:
            while thread.is_alive():
                thread.join(_POLL_S)
                if self._cancel is not None and self._cancel():
                    self._stop.set()

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        """Run a thread's work; what it can't cope with stops them all and is raised by `run`."""
        try:
            work(*arguments)
        except _Stopped:
            pass
        except BaseException as error:
            with self._lock:
                if self._error is None and not (isinstance(error, Cancelled) and self._stop.is_set()):
                    self._error = error
            self._stop.set()

    def _hand(self, to: "queue.Queue[T]", item: T) -> None:
        while not self._stop.is_set():
            try:
                return to.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
        raise _Stopped

    def _take(self, source: "queue.Queue[T]") -> T:
        while not self._stop.is_set():
            try:
                return source.get(timeout=_POLL_S)
            except queue.Empty:
                continue
        raise _Stopped

    def _permit(self) -> None:
        while not self._permits.acquire(timeout=_POLL_S):
            if self._stop.is_set():
                raise _Stopped

    # feeding

    def _feed(self, units: Iterable[Unit]) -> None:
        for unit in units:
            plans = {number: draw_patient(self._task.job, number) for number in unit.patients}
            cases: dict[int, _Case | None] = {}
            slots = {number: plan.slots for number, plan in plans.items()}
            for batch in batches(slots, self._task.job.network.batch_size):
                for slot in batch:
                    if slot.patient not in cases:
                        cases[slot.patient] = self._begin(plans[slot.patient])
                filled = _Batch(tuple(self._entry(cases[slot.patient], slot) for slot in batch))
                if any(entry is not None for entry in filled.entries):
                    self._hand(self._to_paint, filled)
            for number, plan in plans.items():
                if number not in cases:
                    self._begin(plan)

    def _begin(self, plan: PatientPlan) -> _Case | None:
        """Take a patient up: the body with its sites. None where there is nothing to do, or it can't be done."""
        task, number = self._task, plan.number
        if self._stop.is_set():
            raise _Stopped
        if is_whole(task, number):
            failures.forget(task.out, number)
            self._told(Event("kept", number))
            return None
        reason = failures.reason(task.out, number)
        if reason is not None and not task.retry:
            self._told(Event("failed", number, text=reason))
            return None
        self._permit()
        folder = None
        try:
            folder = opened(task, number)
            patient = self._bodies.patient(plan)
            picture_sizes.refuse_textures(patient.avatar.name, patient.avatar.materials, task.job.outputs)
            placed = {one.plan.number: one for one in placing.place(patient, plan)}
        except Elsewhere as error:
            self._permits.release()
            self._told(Event("elsewhere", number, text=str(error)))
            return None
        except Exception as error:
            if folder is not None:
                folder.close()
            self._permits.release()
            self._failed(number, error)
            return None
        case = _Case(plan, folder, patient, placed, len(placed))
        with self._lock:
            self._cases[number] = case
        if not placed:
            self._hand(self._to_finish, case)
        return case

    def _entry(self, case: _Case | None, slot: Slot) -> tuple[_Case, int, Placement] | None:
        """The slot's lesion, cut and ready; None where there is none."""
        if case is None or slot.lesion not in case.placed:
            return None
        if case.error is None:
            try:
                spec = case.placed[slot.lesion].spec
                return case, slot.lesion, place.prepare(case.patient.surface, case.patient.canvas.base, spec)
            except Exception as error:
                case.error = error
        if self._settled(case):
            self._hand(self._to_finish, case)
        return None

    # painting

    def _paint(self, generator: Generator) -> None:
        while (batch := self._take(self._to_paint)) is not None:
            started = time.perf_counter()
            try:
                results = generator.generate(batch.requests(), None, self._stop.is_set)
            except Cancelled:
                raise
            except Exception as error:
                for entry in batch.entries:
                    if entry is not None:
                        entry[0].error = error
                results = []
            seconds = time.perf_counter() - started
            self._told(Event("painted", lesions=sum(e is not None for e in batch.entries), seconds=seconds))
            self._hand(self._to_finish, (batch, results))

    # finishing

    def _finish(self) -> None:
        while (item := self._take(self._to_finish)) is not None:
            if isinstance(item, _Case):
                self._write(item)
                continue
            batch, results = item
            for at, entry in enumerate(batch.entries):
                if entry is None:
                    continue
                case, number, placement = entry
                if case.error is None:
                    self._lay(case, number, placement, results[at])
                if self._settled(case):
                    self._write(case)

    def _lay(self, case: _Case, number: int, placement: Placement, result: PatchResult) -> None:
        try:
            lesion_id = growth.lesion_ids(patient_job(self._task, case.plan.number), number)[-1]
            part = case.patient.body_part(placement.spec.site)
            case.layers[number] = place.finish(placement, result, lesion_id, part)
        except Exception as error:
            case.error = error

    def _settled(self, case: _Case) -> bool:
        """Count one lesion of the case as done with; whether it was the last."""
        with self._lock:
            case.left -= 1
            return case.left == 0

    def _write(self, case: _Case) -> None:
        """Show and write a patient whose lesions are all there, or record why that can't be."""
        number = case.plan.number
        try:
            if case.error is not None:
                raise case.error
            self._write_files(case)
        except OutputError:
            raise
        except Exception as error:
            case.folder.close()
            self._failed(number, error)
        else:
            failures.forget(self._task.out, number)
            self._told(Event("made", number, lesions=len(case.layers)))
        finally:
            case.folder.close()
            with self._lock:
                del self._cases[number]
            case.forget()
            self._permits.release()

    def _write_files(self, case: _Case) -> None:
        painted = [Painted(n, case.layers[n], case.placed[n].plan.odd) for n in sorted(case.layers)]
        case.patient.canvas.show([one.layer for one in painted])
        write_patient(case.folder, case.patient, case.plan, painted, self._task.job.outputs, self._task.origin)
        case.folder.finish()

    def _failed(self, number: int, error: BaseException) -> None:
        """Record a patient's failure; what the whole run would meet again is raised instead."""
        if isinstance(error, (OutputError, Cancelled)):
            raise error
        reason = " ".join(str(error).split()) or type(error).__name__
        failures.record(self._task.out, number, reason, "".join(traceback.format_exception(error)))
        self._told(Event("failed", number, text=reason))


@contextmanager
def _short_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
