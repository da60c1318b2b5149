"""Control JSON: one small flat object per message, every field checked (docs/protocol.md §3.1)."""

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

from bridge.errors import ProtocolError

CONTROL_BYTES = 4096
LARGEST_INTEGER = 2**53 - 1

_CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f]")
_HASH = re.compile(r"[0-9a-f]{16}")
_INTEGER = re.compile(r"0|[1-9][0-9]*")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]{1,3})?")


class Field(Protocol):
    """How one field's JSON value is read and written; `read` raises ValueError with the reason."""

    def read(self, value: Any) -> Any: ...
    def write(self, value: Any) -> Any: ...


class Whole:
    """An integer from `low` to `high`."""

    def __init__(self, low: int = 0, high: int = LARGEST_INTEGER) -> None:
        self._low, self._high = low, high

    def read(self, value: Any) -> int:
        if type(value) is not int:
            raise ValueError("must be an integer")
        if not self._low <= value <= self._high:
            raise ValueError(f"is {value}; it must lie in {self._low} to {self._high}")
        return value

    def write(self, value: int) -> int:
        return self.read(value)


class Text:
    """A string of `low` to `high` bytes in UTF-8 without control characters."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def read(self, value: Any) -> str:
        if type(value) is not str:
            raise ValueError("must be a string")
        try:
            size = len(value.encode("utf-8"))
        except UnicodeEncodeError:
            raise ValueError("has half a surrogate pair") from None
        if not self._low <= size <= self._high:
            raise ValueError(f"has {size} bytes; it must have {self._low} to {self._high}")
        if _CONTROL_CHARACTER.search(value):
            raise ValueError("has a control character")
        return value

    def write(self, value: str) -> str:
        return self.read(value)


class Choice:
    """One of a few strings."""

    def __init__(self, *choices: str) -> None:
        self._choices = choices

    def read(self, value: Any) -> str:
        if type(value) is not str or value not in self._choices:
            raise ValueError(f"must be one of {', '.join(self._choices)}")
        return value

    def write(self, value: str) -> str:
        return self.read(value)


class Hash:
    """A 64-bit number, on the wire as 16 hexadecimal digits."""

    def read(self, value: Any) -> int:
        if type(value) is not str or not _HASH.fullmatch(value):
            raise ValueError("must be 16 digits of 0-9a-f")
        return int(value, 16)

    def write(self, value: int) -> str:
        if not 0 <= value < 2**64:
            raise ValueError("must be a 64-bit number")
        return f"{value:016x}"


class Flag:
    """A boolean."""

    def read(self, value: Any) -> bool:
        if type(value) is not bool:
            raise ValueError("must be true or false")
        return value

    def write(self, value: bool) -> bool:
        return self.read(value)


class Decimal:
    """A number from 0 to `high` with at most three decimals."""

    def __init__(self, high: float) -> None:
        self._high = high

    def read(self, value: Any) -> float:
        if type(value) not in (int, float):
            raise ValueError("must be a number")
        if not 0 <= value <= self._high:
            raise ValueError(f"is {value}; it must lie in 0 to {self._high:g}")
        return float(value)

    def write(self, value: float) -> float:
        return round(self.read(value), 3)


def write_control(values: Mapping[str, Any], fields: Mapping[str, Field]) -> bytes:
    """The JSON of a message; ValueError names the field that can't be written."""
    document = {}
    for name, field in fields.items():
        try:
            document[name] = field.write(values[name])
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    # Shortest exact decimals below 1e16 are what Python writes; Decimal.high keeps clear of exponents.
    encoded = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    if len(encoded) > CONTROL_BYTES:
        raise ValueError(f"the message takes {len(encoded)} bytes; at most {CONTROL_BYTES} may be sent")
    return encoded


def read_control(body: memoryview | bytes, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The checked fields of a control message. ProtocolError names what is wrong."""
    if len(body) > CONTROL_BYTES:
        raise ProtocolError(f"control JSON of {len(body)} bytes; at most {CONTROL_BYTES} are allowed")
    try:
        document = json.loads(
            bytes(body).decode("utf-8"),
            object_pairs_hook=_flat_object,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_constant,
        )
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not flat JSON: {error}") from None
    if not isinstance(document, dict):
        raise ProtocolError("not a JSON object")
    values = {}
    for name, field in fields.items():
        if name not in document:
            raise ProtocolError(f"{name} is missing")
        try:
            values[name] = field.read(document[name])
        except ValueError as error:
            raise ProtocolError(f"{name} {error}") from None
    return values


def _flat_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in pairs:
        if name in document:
            raise ValueError(f"the key {name!r} is there twice")
        if value is None or isinstance(value, (dict, list)):
            raise ValueError(f"{name!r} is neither a string, a number nor a boolean")
        document[name] = value
    return document


def _integer(digits: str) -> int:
    if not _INTEGER.fullmatch(digits) or len(digits) > 16 or int(digits) > LARGEST_INTEGER:
        raise ValueError(f"{digits[:24]} is no integer from 0 to 2^53 - 1")
    return int(digits)


def _decimal(digits: str) -> float:
    if not _DECIMAL.fullmatch(digits) or len(digits) > 20:
        raise ValueError(f"{digits[:24]} is no decimal number with at most three decimals")
    return float(digits)


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
