"""Folder layouts of dermatoscopic data sets. One module each, with `recognises(folder)` and `read(folder)`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from engine.errors import DataError
from engine.training.dataset import Dataset
from engine.training.layouts import ham10000, isic, simple


class Layout(Protocol):
    """What a layout's module offers."""

    NAME: str

    def recognises(self, folder: Path) -> bool:
        """Whether the folder looks like this layout."""
        ...

    def read(self, folder: Path) -> Dataset:
        """All samples whose files are there. DataError where nothing can be listed at all."""
        ...


LAYOUTS: tuple[Layout, ...] = (simple, ham10000, isic)


def read(folders: Sequence[Path]) -> Dataset:
    """The samples of all folders, each in whichever layout it has.

    DataError where a folder is in none, or nothing at all is left.
    """
    whole = Dataset(())
    for folder in folders:
        whole += _layout_of(folder).read(folder)
    if not whole.samples:
        skipped = f" ({len(whole.problems)} were skipped, such as {_first(whole)})" if whole.problems else ""
        raise DataError(f"--data: no usable image in {', '.join(map(str, folders))}{skipped}")
    return whole


def _layout_of(folder: Path) -> Layout:
    if not folder.is_dir():
        raise DataError(f"--data: {folder} is no folder")
    for layout in LAYOUTS:
        if layout.recognises(folder):
            return layout
    wanted = "; ".join(layout.NAME for layout in LAYOUTS)
    raise DataError(f"--data: {folder} is in no layout that is known: {wanted}")


def _first(dataset: Dataset) -> str:
    problem = dataset.problems[0]
    return f"{Path(problem.where).name}: {problem.reason}"
