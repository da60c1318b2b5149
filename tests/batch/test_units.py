"""How a job is cut: every lesion has one place, whoever works on whichever part."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import BadInput
from engine.batch.job import AvatarFile, Distribution, Job, LesionGroup, Network
from engine.batch.units import MOST_PATIENTS_A_UNIT, SPAN, Slot, batches, patients_a_unit, units

counts = st.lists(st.integers(0, 40), min_size=1, max_size=16).map(lambda n: dict(enumerate(n, 7)))


@given(lesions=counts, size=st.integers(1, 64))
def test_every_lesion_has_one_slot_in_order_and_no_batch_spans_too_many(lesions: dict[int, int], size: int) -> None:
    cut = batches(lesions, size)
    expected = [Slot(patient, number) for patient, count in lesions.items() for number in range(1, count + 1)]
    assert [slot for batch in cut for slot in batch] == expected
    assert all(1 <= len(batch) <= size and len({slot.patient for slot in batch}) <= SPAN for batch in cut)


@given(lesions=counts, size=st.integers(1, 64))
def test_only_the_last_batch_and_those_at_the_span_are_not_full(lesions: dict[int, int], size: int) -> None:
    cut = batches(lesions, size)
    for batch in cut[:-1]:
        assert len(batch) == size or len({slot.patient for slot in batch}) == SPAN


@given(patients=st.integers(1, 2000), mean=st.integers(0, 200), size=st.integers(1, 64), parts=st.integers(1, 20))
def test_shards_share_out_all_patients_whatever_their_number(patients: int, mean: int, size: int, parts: int) -> None:
    job = _job(patients, mean, size)
    whole = [number for unit in units(job) for number in unit.patients]
    assert whole == list(range(1, patients + 1))
    shared = [unit for part in range(1, parts + 1) for unit in units(job, (part, parts))]
    assert sorted(shared, key=lambda unit: unit.index) == list(units(job))
    assert 1 <= patients_a_unit(job) <= MOST_PATIENTS_A_UNIT


@pytest.mark.parametrize("shard", [(0, 3), (4, 3), (1, 0)])
def test_a_shard_that_is_not_there_is_refused(shard: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match="--shard"):
        list(units(_job(5, 3, 8), shard))


def _job(patients: int, mean: int, size: int) -> Job:
    group = LesionGroup((("nevus", 1.0),), Distribution("poisson", float(mean), 0.0, 0.0, 1000.0))
    return Job("", 0, (AvatarFile(Path("a.glb"), patients),), (group,), network=Network(batch_size=size))
