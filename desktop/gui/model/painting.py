"""A wish's way: skin cut out in the background, painted by the engine process, committed here.

It is painted batch by batch and becomes one step of the history when all of it is done. When the engine dies, what was
under way is lost, what waits is painted by the next one.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import takewhile

from desktop.gui.model import live, verbs
from desktop.gui.model.document import Document, Update
from desktop.gui.model.job import Job, Kind, Prepared
from desktop.gui.model.session import Session
from desktop.gui.model.texts import tr
from engine import place, retouch
from engine.generators.protocol import PatchResult
from engine.growth import BATCH
from engine.lesion import LesionLayer
from engine.scene import Edit

MOST_STARTS = 2
"""After so many starts of the engine that failed, the user is asked before the next one."""
MOST_VARIANTS = 12


def connect(session: Session) -> None:
    """Let the session follow its engine process."""
    engine = session.engine
    engine.ready.connect(partial(_ready, session))
    engine.progress.connect(partial(_progress, session))
    engine.painted.connect(partial(_painted, session))
    engine.cancelled.connect(partial(_cancelled, session))
    engine.failed.connect(partial(_refused, session))
    engine.died.connect(partial(_died, session))
    live.connect(session)


def begin_next(session: Session) -> None:
    """Begin with the next wish where none is under way."""
    if session.job is None and session.queue and session.engine.is_ready:
        job = session.queue.pop(0)
        session.set_job(job)
        _prepare(session, job)
    else:
        session.job_changed.emit()


def _prepare(session: Session, job: Job) -> None:
    """Cut the skin of the next batch out."""
    document = session.document
    if document is None:
        return
    numbers = _batch(job)

    def cut() -> list[place.Placement]:
        patient = document.patient
        return [place.prepare(patient.surface, patient.canvas.base, job.specs[number]) for number in numbers]

    def prepared(placements: list[place.Placement]) -> None:
        if session.job is not job:
            return
        if job.cancelled:
            _cancelled(session, job.id)
            return
        job.batch, job.done, job.total = Prepared(numbers, tuple(placements)), 0, 0
        session.engine.paint(job.id, [placement.request for placement in placements])
        session.job_changed.emit()

    session.background.run(cut, prepared, _failing(session, job))


def _batch(job: Job) -> tuple[int, ...]:
    """The next lesions that one batch of the network can hold: they share sampler, steps and detail."""
    first = len(job.layers)

    def alike(number: int) -> bool:
        one, other = job.specs[first], job.specs[number]
        return (one.sampler, one.steps, one.detail) == (other.sampler, other.steps, other.detail)

    return tuple(takewhile(alike, range(first, min(first + BATCH, job.count))))


def _progress(session: Session, number: str, done: int, total: int) -> None:
    job = session.job
    if job is None or job.id != number:
        return
    if job.painting_since is None:
        job.painting_since = time.monotonic()
    job.done, job.total = done, total
    session.job_changed.emit()


def _painted(session: Session, number: str, results: list[PatchResult]) -> None:
    job, document = session.job, session.document
    if job is None or job.id != number or job.batch is None or document is None:
        return
    if job.cancelled:
        _cancelled(session, number)
        return
    batch = job.batch

    def finish() -> list[LesionLayer]:
        triples = zip(batch.numbers, batch.placements, results, strict=True)
        return [_finished(document, job, *triple) for triple in triples]

    def finished(layers: list[LesionLayer]) -> None:
        if session.job is not job:
            return
        if job.cancelled:
            _cancelled(session, number)
            return
        job.layers |= dict(zip(batch.numbers, layers, strict=True))
        job.warnings += [warning for placement in batch.placements for warning in placement.patch.warnings]
        job.batch = None
        if len(job.layers) < job.count:
            _prepare(session, job)
        else:
            _commit(session, document, job)
        session.job_changed.emit()

    session.background.run(finish, finished, _failing(session, job))


def _finished(
    document: Document, job: Job, number: int, placement: place.Placement, result: PatchResult
) -> LesionLayer:
    """Background: the layer; recoloured, and sparing what is protected."""
    patient, spec = document.patient, job.specs[number]
    layer = place.finish(placement, result, job.ids[number], patient.body_part(spec.site))
    return retouch.sparing(patient.surface, retouch.with_its_colour(layer), job.protected)


def _commit(session: Session, document: Document, job: Job) -> None:
    """All lesions are painted: into the scene, or to where they wait to be chosen."""
    layers = [job.layers[number] for number in range(job.count)]

    def ended(_: object = None) -> None:
        session.set_job(None)
        sizes = [warning for layer in layers for warning in place.size_warnings(layer)]
        for warning in dict.fromkeys([*job.warnings, *sizes]):
            session.told.emit(warning, False)
        begin_next(session)

    def added(update: Update) -> None:
        if job.kind is Kind.ADD:
            session.set_selected([layer.id for layer in layers])
        ended()

    def wait_to_be_chosen() -> None:
        kept = [layer for layer in document.state.variants if layer.spec.site == layers[0].spec.site]
        waiting = [*kept, *layers][-MOST_VARIANTS:]
        verbs.perform(session, document, lambda: document.keep_variants(waiting), ended, ended)

    def keep_unsaved() -> None:
        session.told.emit(tr("What was painted waits among the variants until it can be saved."), False)
        wait_to_be_chosen()

    def change(step: Edit) -> None:
        for layer in layers:
            if job.kind is Kind.ADD:
                step.add(layer)
            elif (former := document.latest(layer.id)) is not None:
                step.replace(replace(layer, visible=former.visible))

    if job.kind is Kind.CHOOSE:
        wait_to_be_chosen()
    else:  # what can't be saved is not thrown away
        verbs.edit(session, job.name, change, added, keep_unsaved if job.kind is Kind.ADD else ended)


def _cancelled(session: Session, number: str) -> None:
    if session.job is not None and session.job.id == number:
        session.told.emit(tr("Cancelled; nothing was changed."), False)
        _end(session)


def _refused(session: Session, number: str, message: str) -> None:
    if session.job is not None and session.job.id == number:
        session.told.emit(tr("This lesion could not be grown: {}").format(message), True)
        _end(session)


def _failing(session: Session, job: Job) -> Callable[[Exception], None]:
    def failed(error: Exception) -> None:
        verbs.tell(session, error)
        if session.job is job:
            _end(session)

    return failed


def _end(session: Session) -> None:
    """The wish came to nothing; its place is marked again, and the next wish follows."""
    _mark_again(session)
    session.set_job(None)
    verbs.show_as_saved(session)
    begin_next(session)


def _mark_again(session: Session) -> None:
    job = session.job
    if job is not None and job.kind is Kind.ADD and job.count == 1 and session.site is None:
        session.set_site(job.specs[0].site)


# the engine


def _ready(session: Session) -> None:
    session.engine_fault, session.starts_failed = "", 0
    if session.request.lesion_class not in session.engine.classes and session.engine.classes:
        session.set_request(session.request.of_class(session.engine.classes[0]))
    session.engine_changed.emit()
    begin_next(session)


def _died(session: Session, why: str) -> None:
    """Tell in plain words what happened, and start the engine again unless that is hopeless."""
    was_growing = session.job is not None
    waiting = len(session.queue)
    _mark_again(session)
    session.set_job(None)
    session.starts_failed += 1
    hopeless = session.starts_failed >= MOST_STARTS
    told = [tr("The engine stopped: {}. It is being started again.").format(why)]
    if was_growing:
        told.append(tr("The lesion under way was lost; all others are saved. Grow it again."))
    if waiting:
        told.append(tr("More wishes in the queue wait for it: {}.").format(waiting))
    if hopeless:
        session.engine_fault = why
        told = [tr("The engine can't be started: {}. Mend this, then use Lesion, Restart engine.").format(why)]
    else:
        session.engine.start()
    session.told.emit(" ".join(told), True)
    verbs.show_as_saved(session)
    session.engine_changed.emit()
