"""Which line of a TOML file a key stands on. `tomllib` doesn't say; this finds keys again in a text that it has read.

Only as exact as an error message needs: the innermost key that is found names the line.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Sequence

_STRING = re.compile(r'"""(?:\\[\s\S]|[^\\])*?"{3,5}|\'\'\'[\s\S]*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'')
_TOKEN = re.compile(rf"{_STRING.pattern}|#[^\n]*|\n|[\[\]{{}},=]|[^\s\[\]{{}},=#\"']+")

DEEPEST = 20
"""Keys nested deeper than any job's are not looked for."""


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line, from 1, of the innermost part of `path` that is found; 1 where none is.

    path: keys, and places in lists. text: TOML without errors.
    """
    places = _places(text)
    for length in range(len(path), 0, -1):
        if (line := places.get(tuple(path[:length]))) is not None:
            return line
    return 1


def _places(text: str) -> dict[tuple[str | int, ...], int]:
    """The first line of every key, and of every table of a list of tables."""
    return _Reader(text).read()


class _Reader:
    """One pass over the tokens; a stack says in which tables and lists it is."""

    def __init__(self, text: str) -> None:
        self.tokens = [(m.group(), m.start()) for m in _TOKEN.finditer(text)]
        self.text = text
        self.ends = [m.start() for m in re.finditer("\n", text)]
        self.places: dict[tuple[str | int, ...], int] = {}
        self.counts: dict[tuple[str | int, ...], int] = {}

    def read(self) -> dict[tuple[str | int, ...], int]:
        lines = self._statements()
        table: tuple[str | int, ...] = ()
        for statement in lines:
            head = statement[0][0]
            if head == "[":
                table = self._header(statement)
            else:
                self._assignment(statement, table)
        return self.places

    def _statements(self) -> list[list[tuple[str, int]]]:
        """Tokens from one logical line to the next: line feeds within brackets don't end it."""
        statements: list[list[tuple[str, int]]] = [[]]
        depth = 0
        for token, start in self.tokens:
            if token == "\n" and depth == 0:
                statements.append([])
            elif token != "\n" and not token.startswith("#"):
                depth += (token in "[{") - (token in "]}")
                statements[-1].append((token, start))
        return [statement for statement in statements if statement]

    def _header(self, statement: list[tuple[str, int]]) -> tuple[str | int, ...]:
        double = len(statement) > 1 and statement[1][0] == "[" and statement[1][1] == statement[0][1] + 1
        keys = self._keys([token for token in statement if token[0] not in "[]"])
        path: tuple[str | int, ...] = ()
        for key in keys[:-1]:
            path = self._current((*path, key))
        path = (*path, keys[-1])
        line = self._line(statement[0][1])
        self.places.setdefault(path, line)
        if not double:
            return path
        self.counts[path] = self.counts.get(path, -1) + 1
        path = (*path, self.counts[path])
        self.places.setdefault(path, line)
        return path

    def _current(self, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """A key that names a list of tables means its last one."""
        return (*path, self.counts[path]) if path in self.counts else path

    def _assignment(self, tokens: list[tuple[str, int]], table: tuple[str | int, ...]) -> None:
        equals = next((place for place, (token, _) in enumerate(tokens) if token == "="), None)
        if equals is None:
            return
        path = table
        for key in self._keys(tokens[:equals]):
            path = (*path, key)
            self.places.setdefault(path, self._line(tokens[0][1]))
        self._value(tokens[equals + 1 :], path)

    def _value(self, tokens: list[tuple[str, int]], path: tuple[str | int, ...]) -> None:
        if not tokens or tokens[0][0] not in "[{" or len(path) > DEEPEST:
            return
        for place, part in enumerate(_parts(tokens[1:-1])):
            if tokens[0][0] == "{":
                self._assignment(part, path)
            else:
                self.places.setdefault((*path, place), self._line(part[0][1]))
                self._value(part, (*path, place))

    def _keys(self, tokens: list[tuple[str, int]]) -> list[str]:
        """A dotted key's parts, as tomllib reads them."""
        written = self.text[tokens[0][1] : tokens[-1][1] + len(tokens[-1][0])]
        keys = []
        nested = tomllib.loads(f"{written} = 0")
        while isinstance(nested, dict):
            key, nested = next(iter(nested.items()))
            keys.append(key)
        return keys

    def _line(self, start: int) -> int:
        return bisect_left(self.ends, start) + 1


def _parts(tokens: list[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    """The tokens between commas of the outermost level; empty parts (a last comma) are left out."""
    parts: list[list[tuple[str, int]]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token[0] in "[{") - (token[0] in "]}")
        if token[0] == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]
