"""What a unit of work is: a few consecutive patients, and how their lesions share the network's batches.

Units and batches follow from the job alone. Resume, shards and machines cut only between units, and a batch has the
same size whatever else happens to the patients in it, so none of that changes a byte: the network treats the pictures
of a batch apart from each other, and only the batch's size decides in which order its sums are taken.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.batch.job import Distribution, Job
from engine.errors import BadInput

SPAN = 4
"""The most patients that share a batch. All of them are in memory at once."""
BATCHES_A_UNIT = 2
MOST_PATIENTS_A_UNIT = 16


@dataclass(frozen=True)
class Unit:
    """index: from 0. first and last: numbers of its patients."""

    index: int
    first: int
    last: int

    @property
    def patients(self) -> range:
        """The numbers of its patients."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class Slot:
    """A place in a batch: the lesion with this number (from 1) of this patient."""

    patient: int
    lesion: int


def patients_a_unit(job: Job) -> int:
    """Enough patients to fill some batches, by the numbers of lesions that are expected."""
    expected = max(sum(_mean(group.count) for group in job.lesions), 0.5)
    wanted = math.ceil(BATCHES_A_UNIT * job.network.batch_size / expected)
    return min(max(wanted, 1), MOST_PATIENTS_A_UNIT)


def units(job: Job, shard: tuple[int, int] = (1, 1)) -> Iterator[Unit]:
    """The units of shard i of n (1 ≤ i ≤ n), in order: every n-th. BadInput for a shard that isn't there."""
    number, count = shard
    if not 1 <= number <= count:
        raise BadInput(f"--shard: is {number}/{count}; it must be i/n with i from 1 to n")
    size = patients_a_unit(job)
    for index in range(number - 1, math.ceil(job.patients / size), count):
        yield Unit(index, index * size + 1, min((index + 1) * size, job.patients))


def batches(lesions: Mapping[int, int], batch_size: int) -> list[tuple[Slot, ...]]:
    """The batches of a unit. lesions: how many each of its patients is to get, by patient, in order.

    Each holds `batch_size` slots, fewer where it would span more than `SPAN` patients, and at the end. A slot whose
    lesion finds no place is painted as a copy of another, so that the batch keeps its size.
    """
    found: list[tuple[Slot, ...]] = []
    filling: list[Slot] = []
    for patient, count in lesions.items():
        spanned = {slot.patient for slot in filling}
        if filling and count and len(spanned | {patient}) > SPAN:
            found.append(tuple(filling))
            filling = []
        for lesion in range(1, count + 1):
            filling.append(Slot(patient, lesion))
            if len(filling) == batch_size:
                found.append(tuple(filling))
                filling = []
    return [*found, tuple(filling)] if filling else found


def _mean(count: Distribution) -> float:
    """About how many to expect."""
    return (count.low + count.high) / 2 if count.kind == "uniform" else count.centre
