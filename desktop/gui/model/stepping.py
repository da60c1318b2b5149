"""Small steps for the keyboard: sizes, and the place and angle of the selected lesion."""

from dataclasses import replace

from desktop.gui.model import lesions, verbs
from desktop.gui.model.session import Session
from desktop.gui.model.texts import tr
from desktop.gui.model.tools import Tool, stepped
from engine.lesion import DIAMETER_MM, LesionLayer, Site

_TURN_DEG = 5.0


def size_step(session: Session, larger: bool) -> None:
    """The brush where one is in hand, else the selected lesion, else the next lesion: one usual size up or down."""
    tools = session.tools
    if tools.tool is not Tool.POINT:
        tools.set_brush(stepped(tools.brush_mm, larger))
    elif _selected(session) is not None:
        _resize(session, larger)
    else:
        wanted = _bounded(stepped(session.request.diameter_mm, larger))
        session.set_request(replace(session.request, diameter_mm=wanted))


@verbs.in_turn
def _resize(session: Session, larger: bool) -> None:
    layer = _selected(session)
    if layer is not None:
        lesions.resize(session, _bounded(stepped(layer.spec.diameter_mm, larger)))


@verbs.in_turn
def nudge(session: Session, right_mm: float, up_mm: float) -> None:
    """Move the selected lesion a little along the skin, as its own up and right are: for the keyboard."""
    document, layer = session.document, _selected(session)
    if document is None or layer is None:
        return
    surface = document.patient.surface
    width = 4 * max(abs(right_mm), abs(up_mm), 0.5)
    patch = surface.patch(layer.spec.site, width, 65)
    row, column = 32 - round(up_mm / width * 65), 32 + round(right_mm / width * 65)
    face = int(patch.face[row, column])
    if face < 0:
        session.told.emit(tr("There is no skin in this direction."), False)
        return
    b0, b1, b2 = (float(b) for b in patch.barycentric[row, column] / patch.barycentric[row, column].sum())
    site = Site(face, (b0, b1, b2))
    if session.regions.keep_out(site, layer.spec.diameter_mm):
        session.told.emit(tr("There is a protected area; the lesion stays where it is."), False)
        return
    lesions.move(session, layer.id, site)


@verbs.in_turn
def turn_by(session: Session, steps: int) -> None:
    """Turn the selected lesion by some steps of five degrees."""
    layer = _selected(session)
    if layer is not None:
        lesions.turn(session, layer.spec.turn_deg + steps * _TURN_DEG)


def _selected(session: Session) -> LesionLayer | None:
    return session.document.layer(session.selection) if session.document is not None else None


def _bounded(diameter_mm: float) -> float:
    return min(max(diameter_mm, DIAMETER_MM[0]), DIAMETER_MM[1])
