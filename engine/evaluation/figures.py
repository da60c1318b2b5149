"""The figures of an evaluation: one line each, real pictures beside it; merged over seeds; as a table."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.evaluation.estimate import Estimate

HEADINGS = ("measure", "of", "generated", "real", "what real is")


@dataclass(frozen=True)
class Figure:
    """measure: in the words of the table. group: a class, a diet, a phototype. generated: None where there is none.

    real: the same measured on real pictures, the floor or ceiling. beside: what those real pictures are.
    best: `low`, `high`, `real` (as near to the real value as can be) or "" (only told).
    """

    measure: str
    group: str
    generated: Estimate | None
    real: Estimate | None
    beside: str
    best: str
    digits: int = 3


def merged(runs: Sequence[Sequence[Figure]]) -> list[Figure]:
    """One line per figure over all seeds: the mean value, the outermost ends of the intervals.

    A figure that a seed lacks is merged over the seeds that have it.
    """
    if len(runs) == 1:
        return list(runs[0])
    by_name: dict[tuple[str, str], list[Figure]] = {}
    for run in runs:
        for figure in run:
            by_name.setdefault((figure.measure, figure.group), []).append(figure)
    return [
        Figure(
            *(first.measure, first.group, _merged([f.generated for f in own]), _merged([f.real for f in own])),
            *(first.beside, first.best, first.digits),
        )
        for own in by_name.values()
        for first in own[:1]
    ]


def rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """Cells in the order of `HEADINGS`."""
    return [
        (f.measure, f.group, *("" if e is None else e.text(f.digits) for e in (f.generated, f.real)), f.beside)
        for f in figures
    ]


def markdown(figures: Sequence[Figure]) -> str:
    """The table for a model card."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *rows(figures)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def to_json(figure: Figure) -> dict[str, Any]:
    """JSON has no NaN: what could not be measured is null."""
    document = asdict(figure)
    del document["digits"]
    for name in ("generated", "real"):
        if document[name] is not None:
            document[name] = {key: _number(value) for key, value in document[name].items()}
    return document


def _merged(estimates: Sequence[Estimate | None]) -> Estimate | None:
    found = [e for e in estimates if e is not None and not math.isnan(e.value)]
    if not found:
        return next((e for e in estimates if e is not None), None)
    known = [e for e in found if not math.isnan(e.low)]
    return Estimate(
        float(np.mean([e.value for e in found])),
        min((e.low for e in known), default=math.nan),
        max((e.high for e in known), default=math.nan),
        min(e.count for e in found),
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
