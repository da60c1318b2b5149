"""Many lesions at once: spread over a region of the skin, apart from each other and from what is there already."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from desktop.gui.model import growing, verbs
from desktop.gui.model.document import Document
from desktop.gui.model.job import Kind
from desktop.gui.model.session import Session
from desktop.gui.model.texts import tr
from engine.lesion import LesionSpec
from engine.plan import Wish, plan, taken_by
from engine.scatter import SkinRegion

MOST = 200


def can_scatter(session: Session) -> bool:
    """Whether there is a region, and an engine that could take the wish."""
    return growing.can_paint(session) and session.region is not None


def has_body_parts(session: Session) -> bool:
    """Whether the patient's body has named parts, so that lesions can be denser on some of them."""
    return session.document is not None and session.document.patient.parts is not None


def scatter(
    session: Session, count: int, gap_mm: float = 0.0, as_they_occur: bool = True, by_body_part: bool = False
) -> None:
    """Have lesions painted in the region; one step of the history.

    gap_mm: how much farther apart than so that they don't touch. as_they_occur: sizes drawn as they are usual for the
    class; the panel's diameter for each where not. by_body_part: as dense on each part of the body as is usual for the
    class (`engine.clinic`); evenly over the region's area where not.
    """
    document, region, request = session.document, session.region, session.request
    if document is None or region is None or not can_scatter(session):
        return
    spared = _spared(document, region, session.protected)
    wish = Wish(
        request.lesion_class,
        min(count, MOST),
        request.seed,
        None if as_they_occur else request.diameter_mm,
        region=document.patient.as_usual(spared, request.lesion_class) if by_body_part else spared,
        settings=request.settings(),
        gap_mm=gap_mm,
    )
    existing = [layer.spec for layer in document.layers]
    under_way = [spec for job in (session.job, *session.queue) if job is not None for spec in job.specs]

    def planned(specs: list[LesionSpec]) -> None:
        session.set_busy("")
        if not specs:
            session.told.emit(
                tr("No lesion of this size fits into the region; paint a larger one, or ask for less."), True
            )
            return
        if len(specs) < wish.count:
            session.told.emit(tr("{} of {} lesions fit into the region.").format(len(specs), wish.count), False)
        growing.ask(session, Kind.ADD, specs)
        if not request.keep_seed:
            verbs.roll_seed(session)

    def failed(error: Exception) -> None:
        session.set_busy("")
        verbs.tell(session, error)

    surface = document.patient.surface
    session.set_busy(tr("Looking for places …"))
    session.background.run(lambda: plan(surface, wish, taken_by(surface, [*existing, *under_way])), planned, failed)


def _spared(document: Document, region: SkinRegion, protected: Mapping[int, NDArray[np.bool_]]) -> SkinRegion:
    """The region without what is protected."""
    if not protected:
        return region
    sizes = {material: pixels.shape[:2] for material, pixels in document.patient.canvas.base.items()}
    sizes |= {material: mask.shape for material, mask in protected.items()}
    whole = region.masks if region.masks is not None else {m: np.ones(size, bool) for m, size in sizes.items()}
    return replace(region, masks={m: mask & ~protected[m] if m in protected else mask for m, mask in whole.items()})
