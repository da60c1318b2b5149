"""A lesion's way through the window: skin cut out in the background, painted by the engine process, committed here."""

import time
import uuid
from collections.abc import Callable
from functools import partial

from desktop.gui.model import verbs
from desktop.gui.model.session import Job, Session
from engine import place
from engine.errors import BadInput
from engine.generators.protocol import PatchResult
from engine.lesion import LesionLayer

MOST_STARTS = 2
"""After so many starts of the engine that failed, the user is asked before the next one."""


def connect(session: Session) -> None:
    """Let the session follow its engine process."""
    engine = session.engine
    engine.ready.connect(partial(_ready, session))
    engine.progress.connect(partial(_progress, session))
    engine.painted.connect(partial(_painted, session))
    engine.cancelled.connect(partial(_cancelled, session))
    engine.failed.connect(partial(_refused, session))
    engine.died.connect(partial(_died, session))


def can_grow(session: Session) -> bool:
    """Whether `grow` has all that it needs."""
    free = session.job is None and not session.busy
    return free and session.document is not None and session.site is not None and session.engine.is_ready


def grow(session: Session) -> None:
    """Have a lesion painted at the marked site; it becomes one step of the scene when it is done."""
    document, site = session.document, session.site
    if document is None or site is None or not can_grow(session):
        return
    try:
        job = Job(uuid.uuid4().hex[:12], session.request.at(site))
    except BadInput as error:
        verbs.tell(session, error)
        return
    session.set_job(job)
    surface, base = document.patient.surface, document.patient.canvas.base

    def prepared(placement: place.Placement) -> None:
        if session.job is not job:
            return
        if job.cancelled:
            _cancelled(session, job.id)
            return
        job.placement = placement
        session.engine.paint(job.id, placement.request)

    session.background.run(lambda: place.prepare(surface, base, job.spec), prepared, _failing(session, job))


def cancel(session: Session) -> None:
    """Stop the lesion under way before the network's next evaluation."""
    job = session.job
    if job is not None and not job.cancelled:
        job.cancelled = True
        if job.placement is not None:
            session.engine.cancel(job.id)
        session.job_changed.emit()


def restart_engine(session: Session) -> None:
    """Start the engine again after it could not be started."""
    session.engine_fault, session.starts_failed = "", 0
    session.engine.start()
    session.engine_changed.emit()


def _ready(session: Session) -> None:
    session.engine_fault, session.starts_failed = "", 0
    if session.request.lesion_class not in session.engine.classes and session.engine.classes:
        session.set_request(session.request.of_class(session.engine.classes[0]))
    session.engine_changed.emit()


def _progress(session: Session, number: str, done: int, total: int) -> None:
    job = session.job
    if job is None or job.id != number:
        return
    if job.painting_since is None:
        job.painting_since = time.monotonic()
    job.done, job.total = done, total
    session.job_changed.emit()


def _painted(session: Session, number: str, result: PatchResult) -> None:
    job, document = session.job, session.document
    if job is None or job.id != number or job.placement is None or document is None:
        return
    if job.cancelled:
        _cancelled(session, number)
        return
    placement, part = job.placement, document.patient.body_part(job.spec.site)

    def finished(layer: LesionLayer) -> None:
        if session.job is not job:
            return
        if job.cancelled:
            _cancelled(session, number)
            return
        session.set_job(None)
        if verbs.edit(session, f"Add {layer.spec.lesion_class}", lambda step: step.add(layer)):
            _added(session, layer, placement.patch.warnings)

    session.background.run(lambda: place.finish(placement, result, job.id, part), finished, _failing(session, job))


def _added(session: Session, layer: LesionLayer, warnings: tuple[str, ...]) -> None:
    session.set_site(None)
    session.set_selection(layer.id)
    if not session.request.keep_seed:
        verbs.roll_seed(session)
    for warning in warnings:
        session.told.emit(warning, False)


def _cancelled(session: Session, number: str) -> None:
    if session.job is not None and session.job.id == number:
        session.set_job(None)
        session.told.emit("Cancelled; nothing was changed.", False)


def _refused(session: Session, number: str, message: str) -> None:
    if session.job is not None and session.job.id == number:
        session.set_job(None)
        session.told.emit(f"This lesion could not be grown: {message}", True)


def _failing(session: Session, job: Job) -> Callable[[Exception], None]:
    def failed(error: Exception) -> None:
        if session.job is job:
            session.set_job(None)
        verbs.tell(session, error)

    return failed


def _died(session: Session, why: str) -> None:
    """Tell in plain words what happened, and start the engine again unless that is hopeless."""
    was_growing, session.job = session.job is not None, None
    session.starts_failed += 1
    hopeless = session.starts_failed >= MOST_STARTS
    lost = " The lesion under way was lost; all others are saved. Grow it again." if was_growing else ""
    if hopeless:
        session.engine_fault = why
        session.told.emit(f"The engine can't be started: {why}. Mend this, then use Lesion, Restart engine.", True)
    else:
        session.engine.start()
        session.told.emit(f"The engine stopped: {why}. It is being started again.{lost}", True)
    session.job_changed.emit()
    session.engine_changed.emit()
