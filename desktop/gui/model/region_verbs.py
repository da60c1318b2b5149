"""What can be done with the region as a whole: body parts, inside out, wider and narrower, a lesion's outline."""

from collections.abc import Callable
from dataclasses import replace

from desktop.gui.model import verbs
from desktop.gui.model.session import Session
from desktop.gui.model.texts import tr
from engine.lesion import Site
from engine.painted_shape import painted_shape
from engine.surface.painting import Mask, Masks, SkinGrid

MOST_GROWTH_MM = 100.0


def can_change(session: Session) -> bool:
    """Whether there is a region with skin in it, and time to change it."""
    return session.document is not None and not session.busy and not session.regions.is_empty


def body_parts(session: Session) -> tuple[str, ...]:
    """Names that `take_body_part` knows; none for an avatar without a skeleton."""
    parts = session.document.patient.parts if session.document is not None else None
    return parts.choices if parts is not None else ()


def take_body_part(session: Session, name: str, add: bool = True) -> None:
    """Add a part of the body to the region, or take it out of it."""
    document = session.document
    if document is None or session.busy:
        return
    faces = document.patient.region(name).faces

    def change(grid: SkinGrid, masks: Masks) -> Masks:
        grid.paint(masks, grid.of_faces(faces), add)
        return masks

    _change(session, "Add to" if add else "Take from", change)


def invert(session: Session) -> None:
    """All skin that is not in the region."""
    document = session.document
    if document is None or session.busy:
        return
    parts = document.patient.parts
    skin: Mask | None = None if parts is None else parts.of_face >= 0
    _change(session, "Invert", lambda grid, masks: grid.inverted(masks, skin))


def grow(session: Session, by_mm: float) -> None:
    """Move the region's rim outwards, inwards where negative."""
    if can_change(session):
        _change(session, "Widen" if by_mm > 0 else "Narrow", lambda grid, masks: grid.grown(masks, by_mm))


def clear(session: Session) -> None:
    """Take all skin out of the region."""
    if can_change(session):
        session.regions.replace({}, "Clear")


def use_as_shape(session: Session) -> None:
    """Let the next lesion have the region's outline, size and place."""
    regions, grid = session.regions, session.regions.grid
    if grid is None or session.busy:
        return
    masks = {material: mask.copy() for material, mask in regions.masks().items()}
    name = regions.active

    def found(shape: tuple[Site, float, Mask]) -> None:
        session.set_busy("")
        site, diameter, outline = shape
        try:
            request = session.request.with_outline(outline, "painted", name)
        except ValueError as error:
            verbs.tell(session, error)
            return
        session.set_selection(None)
        session.set_request(replace(request, diameter_mm=round(diameter, 1)))
        session.set_site(site)
        session.told.emit(tr("The next lesion has the outline of {}, {:.1f} mm across.").format(name, diameter), False)

    session.set_busy(tr("Reading the outline …"))
    session.background.run(lambda: painted_shape(grid, masks), found, _failing(session))


def _change(session: Session, step: str, change: Callable[[SkinGrid, Masks], Masks]) -> None:
    """Make the active region what `change` makes of a copy of it, in the background; one step."""
    regions, grid = session.regions, session.regions.grid
    if grid is None:
        return
    masks = {material: mask.copy() for material, mask in regions.masks().items()}

    def changed(result: Masks) -> None:
        session.set_busy("")
        if grid is regions.grid:
            regions.replace(result, step)

    session.set_busy(tr("Changing the region …"))
    session.background.run(lambda: change(grid, masks), changed, _failing(session))


def _failing(session: Session) -> Callable[[Exception], None]:
    def failed(error: Exception) -> None:
        session.set_busy("")
        verbs.tell(session, error)

    return failed
