"""Which avatar files a job's paths and patterns mean. Links that lead back and huge trees are refused."""

import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from engine.errors import BadInput

MOST_ENTRIES = 200_000
"""Files and folders that one pattern may look at."""
SUFFIXES = (".glb", ".vrm", ".gltf", ".obj")


def named(base: Path, name: str) -> Path:
    """A file by its path, relative ones from `base`. BadInput where there is none, or it is no body."""
    path = base / name
    try:
        found = path.is_file()
    except OSError as error:
        raise BadInput(f"{name!r} can't be looked for ({error.strerror})") from error
    if not found:
        raise BadInput(f"there is no file {path}")
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{path} is no body; it must end in {', '.join(SUFFIXES)}")
    return path


def matching(base: Path, pattern: str, most: int) -> list[Path]:
    """The bodies that a pattern means, sorted; `**` stands for any folders. BadInput for none, or more than `most`.

    Links to folders are followed; one that leads back to where it lies is refused.
    """
    parts = PurePath(pattern).parts
    root = base
    if PurePath(pattern).is_absolute():
        root, parts = Path(parts[0]), parts[1:]
    found: set[Path] = set()
    for path in _Search().walk(root, parts, (os.path.realpath(root),)):
        if path.suffix.lower() in SUFFIXES:
            found.add(path)
        if len(found) > most:
            raise BadInput(f"{pattern!r} means more than {most} files; narrow it")
    if not found:
        raise BadInput(f"{pattern!r} means no body (a file that ends in {', '.join(SUFFIXES)})")
    return sorted(found, key=lambda path: path.as_posix())


class _Search:
    """Counts what it looked at, whatever the pattern."""

    def __init__(self) -> None:
        self.entries = 0

    def walk(self, folder: Path, parts: tuple[str, ...], above: tuple[str, ...]) -> Iterator[Path]:
        """Files below `folder` that match `parts`; `above`: the real paths of the folders that lead here."""
        if not parts:
            return
        first, rest = parts[0], parts[1:]
        if first == "..":
            yield from self.walk(folder / "..", rest, (*above, os.path.realpath(folder / "..")))
        elif first == "**":
            yield from self.walk(folder, rest, above)
            for inner in self._folders(folder, "*"):
                yield from self.walk(inner, parts, self._below(inner, above))
        elif rest:
            for inner in self._folders(folder, first):
                yield from self.walk(inner, rest, self._below(inner, above))
        else:
            yield from (Path(entry) for entry in self._entries(folder, first) if _leads_to(entry.is_file))

    def _folders(self, folder: Path, pattern: str) -> Iterator[Path]:
        return (Path(entry) for entry in self._entries(folder, pattern) if _leads_to(entry.is_dir))

    def _entries(self, folder: Path, pattern: str) -> Iterator["os.DirEntry[str]"]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self.entries += 1
                    if self.entries > MOST_ENTRIES:
                        raise BadInput(f"looking for bodies met more than {MOST_ENTRIES} files; narrow the pattern")
                    if fnmatchcase(entry.name, pattern):
                        yield entry
        except NotADirectoryError:
            return
        except OSError as error:
            raise BadInput(f"{folder} can't be looked into ({error.strerror})") from error

    def _below(self, folder: Path, above: tuple[str, ...]) -> tuple[str, ...]:
        real = os.path.realpath(folder)
        if real in above and folder.is_symlink():
            raise BadInput(
                f"{folder} is a link that leads back to a folder above it; remove the link or narrow the pattern"
            )
        return (*above, real)


def _leads_to(kind: Callable[[], bool]) -> bool:
    """Whether an entry is of that kind. A link to itself, or into a folder that is closed to us, is of none."""
    try:
        return kind()
    except OSError:
        return False
