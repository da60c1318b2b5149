"""Lesions that are on their way: asked for, but not in the scene yet."""

from collections.abc import Iterator
from dataclasses import dataclass

from desktop.gui.model.job import Job, Kind
from desktop.gui.model.session import Session
from engine.lesion import Site


@dataclass(frozen=True)
class Waiting:
    """Where one will be, and how large. share: how much of it is painted; None where it has not begun."""

    site: Site
    diameter_mm: float
    share: float | None


def waiting(session: Session) -> list[Waiting]:
    """All of them, those that are nearest to being done first; several variants for one place count once."""
    jobs = [session.job, *session.queue] if session.job is not None else session.queue
    return [found for job in jobs if not job.cancelled for found in _of(job)]


def _of(job: Job) -> Iterator[Waiting]:
    under_way = job.batch.numbers if job.batch is not None else ()
    for number, spec in enumerate(job.specs):
        share = None
        if number in job.layers:
            share = 1.0
        elif number in under_way:
            share = job.done / job.total if job.total else 0.0
        if job.kind is not Kind.CHOOSE:
            yield Waiting(spec.site, spec.diameter_mm, share)
        elif number == 0:
            yield Waiting(spec.site, spec.diameter_mm, job.share if job.batch is not None or job.layers else None)
