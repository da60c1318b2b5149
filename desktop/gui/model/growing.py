"""What the user can wish for: a lesion, variants to choose from, a lesion painted anew; and taking wishes back.

Wishes wait in a queue; `painting` takes them through the engine.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from desktop.gui.model import lesions, painting, verbs
from desktop.gui.model.engine_process import EngineOptions
from desktop.gui.model.job import Job, Kind
from desktop.gui.model.session import Session
from engine.errors import BadInput
from engine.lesion import LesionSpec


def can_grow(session: Session) -> bool:
    """Whether `grow` has all that it needs."""
    return can_paint(session) and session.site is not None


def can_paint(session: Session) -> bool:
    """Whether the engine could take a wish, if only into the queue."""
    return session.document is not None and not session.busy and session.engine.is_ready


def grow(session: Session) -> None:
    """Have a lesion painted at the marked site; it becomes one step of the scene when it is done."""
    if session.site is not None and can_grow(session):
        specs = _specs(session, [session.request.seed])
        if specs:
            ask(session, Kind.ADD, specs)
            session.set_site(None)
            if not session.request.keep_seed:
                verbs.roll_seed(session)


def variants(session: Session, count: int) -> None:
    """Have several lesions painted for the marked site, with one seed after the other, to choose from."""
    if session.site is not None and can_grow(session):
        seed = session.request.seed
        specs = _specs(session, [seed + number for number in range(min(count, painting.MOST_VARIANTS))])
        if specs:
            ask(session, Kind.CHOOSE, specs)


@verbs.in_turn
def regenerate(session: Session) -> None:
    """Have the selected lesions painted anew as they are now: at their size, at their place."""
    layers = lesions.unlocked(session)
    if layers and can_paint(session):
        ask(session, Kind.REPLACE, [layer.spec for layer in layers], [layer.id for layer in layers])


def ask(session: Session, kind: Kind, specs: Sequence[LesionSpec], ids: Sequence[str] = ()) -> Job:
    """Put a wish into the queue. ids: of the lesions that shall be painted anew; new ones where empty."""
    verb = {Kind.ADD: "Add", Kind.CHOOSE: "Variants of", Kind.REPLACE: "Paint anew"}[kind]
    names = [spec.lesion_class for spec in specs]
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    what = names[0] if len(names) == 1 else ", ".join(f"{count} {name}" for name, count in counts.items())
    chosen = tuple(ids) or tuple(uuid.uuid4().hex[:12] for _ in specs)
    job = Job(uuid.uuid4().hex[:12], kind, f"{verb} {what}", tuple(specs), chosen, session.protected)
    session.queue.append(job)
    painting.begin_next(session)
    return job


def cancel(session: Session) -> None:
    """Stop the wish under way before the network's next evaluation; the next in the queue follows."""
    job = session.job
    if job is not None and not job.cancelled:
        job.cancelled = True
        if job.batch is not None:
            session.engine.cancel(job.id)
        session.job_changed.emit()


def cancel_all(session: Session) -> None:
    """Stop the wish under way and forget those that wait."""
    session.queue.clear()
    cancel(session)
    session.job_changed.emit()


def restart_engine(session: Session, options: EngineOptions | None = None) -> None:
    """Start the engine again after it could not be started, or with other options. What was painted is lost."""
    session.engine_fault, session.starts_failed = "", 0
    if options is not None:
        session.engine.options = options
    session.queue.clear()
    session.engine.close()
    session.set_job(None)
    verbs.show_as_saved(session)
    session.engine.start()
    session.engine_changed.emit()


def _specs(session: Session, seeds: Sequence[int]) -> list[LesionSpec]:
    assert session.site is not None
    try:
        return [replace(session.request, seed=seed).at(session.site) for seed in seeds]
    except BadInput as error:
        verbs.tell(session, error)
        return []
