"""Lesions while they are being painted: shown on the skin and in the dermatoscope as far as they have come."""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.choosing import PLACE
from desktop.gui.model.document import Document, Picture, Update
from desktop.gui.model.job import Job, Kind
from desktop.gui.model.session import Session
from desktop.gui.model.texts import tr
from engine import retouch
from engine.lesion import LesionLayer

_KEY = "live"
Shown = tuple[Update, list[LesionLayer], list[Picture]]


def connect(session: Session) -> None:
    """Let the session follow what its engine process paints."""
    session.engine.preview.connect(partial(_preview, session))


def _preview(session: Session, number: str, x0: NDArray[np.float32]) -> None:
    job, document = session.job, session.document
    if job is None or job.id != number or job.batch is None or job.cancelled or document is None:
        return
    batch = job.batch

    def work() -> Shown | None:
        return _drawn(document, job, x0) if session.job is job and job.batch is batch else None

    def shown(answer: Shown | None) -> None:
        if answer is not None and session.job is job and not job.cancelled:
            update, layers, thumbnails = answer
            session.take(document, update)
            session.set_live(layers, thumbnails)

    def failed(error: Exception) -> None:
        session.set_live_preview(False)
        session.told.emit(tr("The live preview was switched off: {}").format(error), True)

    session.background.run(work, shown, failed, _KEY)


def _drawn(document: Document, job: Job, x0: NDArray[np.float32]) -> Shown:
    """Background: layers of the batch, the canvas with them, their thumbnails where they shall be chosen among."""
    assert job.batch is not None
    layers = []
    for number, placement, picture in zip(job.batch.numbers, job.batch.placements, x0, strict=True):
        side = picture.shape[-1]
        painted = np.where(_at(placement.request.editable, side), picture[:3], _at(placement.request.skin, side))
        mask = np.clip(picture[3] / 2 + 0.5, 0, 1)
        layer = retouch.provisional(placement, np.clip(painted, -1, 1), mask, job.ids[number])
        layers.append(retouch.with_its_colour(layer))
    if job.kind is Kind.REPLACE:
        update = document.preview(_KEY, {layer.id: layer for layer in layers})
    else:
        update = document.preview(_KEY, {}, [replace(layers[0], id=PLACE)] if job.kind is Kind.CHOOSE else layers)
    return update, layers, [document.small(layer) for layer in layers] if job.kind is Kind.CHOOSE else []


def _at(values: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    """A picture [..., P, P] with `side` pixels along its sides, by the nearest."""
    rows = (np.arange(side) + 0.5) * values.shape[-1] / side
    chosen = rows.astype(int)
    return values[..., chosen, :][..., chosen]
