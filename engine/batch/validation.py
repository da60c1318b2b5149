"""Checks a document against a JSON Schema, and says where it goes wrong in words for people.

Knows the keywords that `engine.batch.schema` uses; an unknown one is a fault of ours and not passed over. Semantics:
JSON Schema draft 2020-12 (https://json-schema.org/draft/2020-12), where 1.0 is an integer and `true` is no number.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

Path = tuple[str | int, ...]
Schema = dict[str, Any]

_KNOWN = {
    *("$schema", "$id", "description", "default", "type", "const", "enum", "anyOf", "pattern"),
    *("minimum", "exclusiveMinimum", "maximum", "properties", "patternProperties", "additionalProperties", "required"),
    *("minProperties", "maxProperties", "items", "minItems", "maxItems", "uniqueItems"),
}
_SHOWN = 60
_NOUNS = {"object": "a table", "array": "a list", "string": "text", "boolean": "true or false"}


@dataclass(frozen=True)
class Problem:
    """path: keys and list places from the document's root. found: what stands there; allowed: what may."""

    path: Path
    found: str
    allowed: str


def problems(value: Any, schema: Schema, path: Path = ()) -> Iterator[Problem]:
    """Everything that the schema refuses; nothing for a document that it takes. ValueError for an unknown keyword."""
    if not schema.keys() <= _KNOWN:
        raise ValueError(f"the schema's keywords {schema.keys() - _KNOWN} are not known")
    if "anyOf" in schema:
        yield from _none_of(value, schema, path)
    elif not _fits(value, schema):
        yield Problem(path, shown(value) + _perhaps(value, schema.get("enum", ())), described(schema))
    elif isinstance(value, dict):
        yield from _in_table(value, schema, path)
    elif isinstance(value, list):
        yield from _in_list(value, schema, path)


def shown(value: Any) -> str:
    """A value as it may stand in a line of an error, never long."""
    if isinstance(value, dict):
        text = "a table with " + (", ".join(list(value)[:4]) or "nothing in it")
    elif isinstance(value, list):
        text = f"a list of {len(value)}"
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def described(schema: Schema) -> str:
    """What a schema allows, in words."""
    if "anyOf" in schema:
        return _alternatives(schema["anyOf"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = schema.get("type")
    if kind in ("number", "integer"):
        noun = "a number" if kind == "number" else "a whole number"
        word, low = (
            ("above", schema["exclusiveMinimum"]) if "exclusiveMinimum" in schema else ("from", schema["minimum"])
        )
        return f"{noun} {word} {_number(low)} to {_number(schema['maximum'])}"
    if kind == "array":
        tables = schema["items"].get("type", "") == "object" or "anyOf" in schema["items"]
        return "a list of tables, each with its name in [[ ]]" if tables else f"a list of {described(schema['items'])}"
    if kind == "string":
        return f"text that matches {schema['pattern']}"
    if schema.get("required"):
        return f"a table with {' and '.join(schema['required'])}"
    return _NOUNS[str(kind)]


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _alternatives(branches: list[Schema]) -> str:
    kinds = [branch["properties"]["distribution"]["const"] for branch in branches if _is_distribution(branch)]
    others = [described(branch) for branch in branches if not _is_distribution(branch)]
    return ", or ".join(others + ([f"a distribution ({', '.join(kinds)})"] if kinds else []))


def _is_distribution(schema: Schema) -> bool:
    return "distribution" in schema.get("properties", {})


def _none_of(value: Any, schema: Schema, path: Path) -> Iterator[Problem]:
    """Nothing where one alternative fits; else what is wrong with the one that was most likely meant."""
    tried = []
    for branch in schema["anyOf"]:
        found = list(problems(value, branch, path))
        if not found:
            return
        tried.append((_likeness(value, branch), found))
    likeness, found = max(tried, key=lambda one: one[0])
    if likeness > 0:
        yield from found
    else:
        yield Problem(path, _kind_of_distribution(value) or shown(value), described(schema))


def _likeness(value: Any, schema: Schema) -> int:
    """How surely this alternative was meant: 0 where it wasn't."""
    if isinstance(value, dict) and schema.get("type") == "object":
        properties = schema.get("properties", {})
        if any("const" in rule and value.get(key) != rule["const"] for key, rule in properties.items()):
            return 0
        return 1 + sum(2 for key in schema.get("required", ()) if key in value) + len(properties.keys() & value.keys())
    return int(isinstance(value, list) and schema.get("type") == "array")


def _kind_of_distribution(value: Any) -> str:
    kind = value.get("distribution") if isinstance(value, dict) else None
    return f"distribution = {shown(kind)}" if kind is not None else ""


def _fits(value: Any, schema: Schema) -> bool:
    """All of a schema but what concerns the inside of tables and lists."""
    if "type" in schema and not _is(value, schema["type"]):
        return False
    if "const" in schema and not _same(value, schema["const"]):
        return False
    if "enum" in schema and not any(_same(value, choice) for choice in schema["enum"]):
        return False
    if _is(value, "number"):
        above = value >= schema.get("minimum", -math.inf) and value > schema.get("exclusiveMinimum", -math.inf)
        return bool(above and value <= schema.get("maximum", math.inf))
    if isinstance(value, str):
        return "pattern" not in schema or re.search(_python(schema["pattern"]), value) is not None
    if isinstance(value, list):
        return _length_fits(len(value), schema, "Items")
    return not isinstance(value, dict) or _length_fits(len(value), schema, "Properties")


def _length_fits(length: int, schema: Schema, what: str) -> bool:
    return bool(schema.get(f"min{what}", 0) <= length <= schema.get(f"max{what}", math.inf))


def _in_table(value: dict[str, Any], schema: Schema, path: Path) -> Iterator[Problem]:
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, inner in value.items():
        rules = [known[name]] if name in known else []
        rules += [rule for pattern, rule in patterns.items() if re.search(_python(pattern), name)]
        for rule in rules:
            yield from problems(inner, rule, (*path, name))
        if not rules and schema.get("additionalProperties") is False:
            allowed = ", ".join(known) or "names that match " + " or ".join(patterns)
            yield Problem((*path, name), f"an unknown key{_perhaps(name, known)}", allowed)
    for name in schema.get("required", ()):
        if name not in value:
            yield Problem(path, f"no {name}", described(schema))


def _in_list(value: list[Any], schema: Schema, path: Path) -> Iterator[Problem]:
    if schema.get("uniqueItems"):
        for place, inner in enumerate(value):
            if any(_same(inner, other) for other in value[:place]):
                yield Problem((*path, place), f"{shown(inner)} twice", "each only once")
    for place, inner in enumerate(value):
        yield from problems(inner, schema.get("items", {}), (*path, place))


def _is(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        number = number and (isinstance(value, int) or math.isfinite(value))  # an int may be too large for a float
        return number and (kind == "number" or value == int(value))
    return isinstance(value, {"object": dict, "array": list, "string": str, "boolean": bool}[kind])


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: 1 is 1.0, but not true."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _perhaps(value: Any, choices: Any) -> str:
    near = get_close_matches(value, [c for c in choices if isinstance(c, str)], 1) if isinstance(value, str) else []
    return f" (did you mean {near[0]}?)" if near else ""


def _python(pattern: str) -> str:
    """A schema's regular expression for Python, where `$` also stands before a last line feed."""
    return pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
