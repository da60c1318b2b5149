"""Lesion specifications: JSON both ways, and every impossible value is named."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine import SpecError
from engine.lesion import GUIDINGS, LesionSpec, Shape, Site, decode_mask, encode_mask

SPEC = LesionSpec("nevus", Site(7, (0.2, 0.3, 0.5)), 6.0, 11)


@settings(max_examples=60, deadline=None)
@given(
    diameter=st.floats(0.5, 120),
    seed=st.integers(0, 2**63 - 1),
    turn=st.floats(-360, 360),
    guiding=st.lists(st.sampled_from(GUIDINGS), unique=True).map(tuple),
    attributes=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3).map(tuple),
)
def test_json_round_trip(diameter, seed, turn, guiding, attributes) -> None:
    spec = SPEC.with_(diameter_mm=diameter, seed=seed, turn_deg=turn, guiding=guiding, attributes=attributes)
    assert LesionSpec.from_json(spec.to_json()) == spec
    assert LesionSpec.from_json(spec.to_json()).to_json() == spec.to_json()


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(bool, (128, 128)))
def test_mask_round_trip(mask) -> None:
    assert np.array_equal(decode_mask(encode_mask(mask)), mask)
    spec = SPEC.with_(shape=Shape("drawn", mask=encode_mask(mask)))
    assert LesionSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("diameter_mm", {"diameter_mm": 0.1}),
        ("diameter_mm", {"diameter_mm": "six"}),
        ("diameter_mm", {"diameter_mm": float("nan")}),
        ("steps", {"steps": 1}),
        ("steps", {"steps": True}),
        ("detail", {"detail": 4096}),
        ("detail", {"detail": 200.5}),
        ("seed", {"seed": -1}),
        ("seed", {"seed": 1.5}),
        ("guiding", {"guiding": ["gradient"]}),
        ("shape.kind", {"shape": {"kind": "star"}}),
        ("shape.mask", {"shape": {"kind": "drawn"}}),
        ("shape.mask", {"shape": {"kind": "drawn", "mask": [5, 5]}}),
        ("site.face", {"site": {"face": -1, "barycentric": [1, 0, 0]}}),
        ("site.barycentric", {"site": {"face": 1, "barycentric": [1, 1, 0]}}),
        ("colour", {"colour": "blue"}),
        ("version", {"version": 99}),
        ("turn_deg", {"turn_deg": 1e9}),
        ("lesion_class", {"lesion_class": ""}),
    ],
)
def test_impossible_values_are_named(field: str, change: dict) -> None:
    document = json.loads(SPEC.to_json()) | change
    with pytest.raises(SpecError, match=field.replace(".", r"\.")):
        LesionSpec.from_json(json.dumps(document))


def test_not_json_and_missing_fields() -> None:
    with pytest.raises(SpecError, match="not JSON"):
        LesionSpec.from_json("{")
    with pytest.raises(SpecError, match="seed"):
        LesionSpec.from_json('{"lesion_class":"nevus","site":{"face":0,"barycentric":[1,0,0]},"diameter_mm":3}')
    with pytest.raises(SpecError):
        LesionSpec.from_json("[1]")
