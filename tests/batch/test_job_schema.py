"""One truth: what the published schema refuses the loader refuses, and what it takes the loader takes."""

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.batch import load, validation
from engine.batch.job import Job, Network, Outputs
from engine.batch.lines import line_of
from engine.batch.schema import schema
from engine.errors import BadInput

SCHEMA = schema()
YARDSTICK = jsonschema.Draft202012Validator(SCHEMA)
EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "docs" / "jobs").glob("*.toml"))
BEYOND = (
    *("shares of 0", "must lie between min", "min must not be above", "are the classes of model", "together;"),
    *("there is no file", "is no body", "means no body"),
)
"""What the loader says of two values, of the model, or of the disk: no schema can."""

VALID: dict[str, Any] = {
    "moulage_job": 1,
    "name": "x",
    "seed": 3,
    "spacing_mm": 1.5,
    "patients": [{"count": 2, "sex": {"female": 1}, "age": {"distribution": "uniform", "min": 20, "max": 60}}],
    "lesions": [
        {"class": "nevus", "count": {"distribution": "poisson", "mean": 3}, "region": ["back"], "irregularity": 0.2},
        {"class": {"nevus": 1, "melanoma": 2}, "count": 1, "diameter_mm": 5, "region": "face"},
    ],
    "ugly_duckling": {"share": 0.5, "kinds": 2, "diameter_mm": {"distribution": "normal", "mean": 9, "sd": 1}},
    "network": {"steps": 4, "precision": "fp32", "class_guidance": 1.5},
    "outputs": {"maps": ["albedo"], "map_size": 256, "quality": 80, "glb": False, "picture_format": "jpeg"},
}
_VALUES = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([10**5, 10**9, -1, 2**63, 2**70, 0.5, 1.0, 1e300, -0.5, 64.0]),
    st.sampled_from(["", "nevus", "melanoma", "back", "png", "uniform", "poisson", "../x", "a\nb", "x" * 200, "II"]),
    st.sampled_from([[], ["back", "back"], ["albedo"], [1], {}, {"nevus": 0}, {"distribution": "uniform"}]),
    st.sampled_from([{"distribution": "normal", "mean": 3, "sd": 1}, {"min": 1, "max": 2, "distribution": "uniform"}]),
)
_KEYS = st.sampled_from(["seed", "count", "class", "mean", "min", "files", "glob", "distribution", "steps", "naevus"])


def _nodes(document: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of everything in a document."""
    inner: list[tuple[str | int, Any]] = []
    if isinstance(document, dict):
        inner = list(document.items())
    if isinstance(document, list):
        inner = list(enumerate(document))
    return [path, *(node for key, value in inner for node in _nodes(value, (*path, key)))]


@st.composite
def _documents(draw: st.DrawFn) -> dict[str, Any]:
    """A valid job with up to three changes: a value replaced, a key added or taken away."""
    document = copy.deepcopy(VALID)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(_nodes(document)[1:] or [("name",)]))
        holder: Any = document
        for key in path[:-1]:
            holder = holder[key]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "remove" and path[-1] in (holder if isinstance(holder, dict) else ()):
            del holder[path[-1]]
        elif change == "add" and isinstance(holder, dict):
            holder[draw(_KEYS)] = copy.deepcopy(draw(_VALUES))
        else:
            holder[path[-1]] = copy.deepcopy(draw(_VALUES))
    return document


def _toml(value: Any) -> str:
    """A value as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def _written(document: dict[str, Any]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in document.items())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(_documents())
def test_our_reading_of_the_schema_is_everybodys(document: dict[str, Any]) -> None:
    assert bool(list(validation.problems(document, SCHEMA))) is not YARDSTICK.is_valid(document)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(_documents())
def test_the_loader_takes_what_the_schema_takes(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "job.toml"
    path.write_text(_written(document), encoding="utf-8")
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    assert read == document
    try:
        load(path)
    except BadInput as error:
        beyond = any(words in str(error) for words in BEYOND)
        assert not YARDSTICK.is_valid(document) or beyond, str(error)
        assert "\n" not in str(error)
    else:
        assert YARDSTICK.is_valid(document)


def test_the_schema_itself_is_sound() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert next(iter(SCHEMA)) == "$schema" and SCHEMA["$id"] == "urn:moulage:job:1"


def test_the_schema_beside_the_examples_is_the_programs() -> None:
    beside = Path(__file__).resolve().parents[2] / "docs" / "jobs" / "job.schema.json"
    assert json.loads(beside.read_text(encoding="utf-8")) == SCHEMA


def test_defaults_of_the_schema_are_those_of_the_program(tmp_path: Path) -> None:
    """Every default that the schema states, written out, changes nothing."""
    least = {"moulage_job": 1, "name": "x", "patients": [{"count": 2}], "lesions": [{"class": "nevus", "count": 1}]}

    def defaults(part: str) -> dict[str, Any]:
        rules = SCHEMA["properties"][part]["properties"]
        return {name: rule["default"] for name, rule in rules.items() if "default" in rule}

    parametric = SCHEMA["properties"]["patients"]["items"]["anyOf"][0]["properties"]
    drawn = {name: rule["default"] for name, rule in parametric.items() if "default" in rule}
    spelled = least | {"network": defaults("network"), "outputs": defaults("outputs"), "seed": 0, "spacing_mm": 1.0}
    spelled["patients"] = [{"count": 2} | drawn]

    def loaded(document: dict[str, Any]) -> Job:
        (tmp_path / "job.toml").write_text(_written(document), encoding="utf-8")
        return load(tmp_path / "job.toml")

    assert loaded(least) == loaded(spelled)
    assert loaded(least).network == Network() and loaded(least).outputs == Outputs()
    assert set(drawn) == {"sex", "age", "stature", "build", "phototype", "texture_size"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_lines_are_found_again(path: Path) -> None:
    """Each top key's and each table's first line begins with its name, wherever it stands in the examples."""
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    for node in _nodes(tomllib.loads(text)):
        if node and isinstance(node[-1], str):
            assert node[-1] in lines[line_of(text, node) - 1]
