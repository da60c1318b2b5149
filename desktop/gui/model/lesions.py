"""What the user can do with the selected lesions: move, turn, resize, recolour, copy, delete, order, hide, lock.

Changes are shown while they are made (`adjust` with commit=False) and become one named step at the gesture's end.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from desktop.gui.model import verbs
from desktop.gui.model.document import Document, Update
from desktop.gui.model.session import Session
from desktop.gui.model.texts import lesion_class, tr
from engine import retouch
from engine.errors import SceneError
from engine.lesion import LesionLayer, Site
from engine.scene import Edit

Alter = Callable[[LesionLayer], LesionLayer]
_APART = 1.3
"""How many diameters a copy lies beside its original."""


def unlocked(session: Session, layer_ids: Sequence[str] | None = None) -> list[LesionLayer]:
    """The selected lesions (or these) that may be changed; what is locked is told."""
    document = session.document
    if document is None:
        return []
    found = [document.layer(key) for key in (session.selected if layer_ids is None else layer_ids)]
    layers = [layer for layer in found if layer is not None]
    locked = [layer for layer in layers if layer.locked]
    if locked:
        names = ", ".join(
            f"{document.number_of(layer) or ''} {lesion_class(layer.spec.lesion_class)}".strip() for layer in locked
        )
        session.told.emit(tr("Locked and left as it is: {}. Unlock it to change it.").format(names), False)
    return [layer for layer in layers if not layer.locked]


def adjust(
    session: Session, verb: str, alter: Alter, commit: bool = True, layer_ids: Sequence[str] | None = None
) -> bool:
    """Change the selected lesions (or these), as one step, or only to look at; whether there is anything to change."""
    document, layers = session.document, unlocked(session, layer_ids)
    if document is None or not layers:
        return False
    ids = [layer.id for layer in layers]
    if commit:
        verbs.edit(session, f"{verb} {named(layers)}", lambda step: _replace(document, step, ids, alter))
    else:
        verbs.preview(session, lambda: _preview(document, ids, alter))
    return True


def turn(session: Session, turn_deg: float, commit: bool = True, layer_ids: Sequence[str] | None = None) -> None:
    """Turn lesions to this angle about the skin's normal."""
    adjust(session, "Turn", lambda layer: retouch.turned(layer, turn_deg), commit, layer_ids)


def resize(session: Session, diameter_mm: float, commit: bool = True, layer_ids: Sequence[str] | None = None) -> None:
    """Scale lesions to this longest diameter."""
    if session.document is not None:
        surface = session.document.patient.surface
        adjust(session, "Resize", lambda layer: retouch.resized(surface, layer, diameter_mm), commit, layer_ids)


def recolour(
    session: Session, shift: retouch.ColourShift, commit: bool = True, layer_ids: Sequence[str] | None = None
) -> None:
    """Shift lesions' colour."""
    adjust(session, "Recolour", lambda layer: retouch.recoloured(layer, shift), commit, layer_ids)


def move(session: Session, layer_id: str, site: Site, commit: bool = True) -> bool:
    """Lay a lesion elsewhere; whether it may be moved."""
    document = session.document
    if document is None or not (layers := unlocked(session, [layer_id])):
        return False
    surface, part = document.patient.surface, document.patient.body_part(site)

    def alter(layer: LesionLayer) -> LesionLayer:
        return retouch.moved(surface, layer, site, part)

    if commit:
        verbs.edit(session, f"Move {named(layers)}", lambda step: _replace(document, step, [layer_id], alter))
    else:
        verbs.preview(session, lambda: _preview(document, [layer_id], alter))
    return True


@verbs.in_turn
def duplicate(session: Session) -> None:
    """A copy of each selected lesion beside it, selected."""
    document = session.document
    if document is None or not session.selected:
        return
    originals = [layer for key in session.selected if (layer := document.layer(key)) is not None]
    copies = {layer.id: uuid.uuid4().hex[:12] for layer in originals}

    def change(step: Edit) -> None:
        for layer in originals:
            step.add(_copy_beside(document, layer, copies[layer.id]))

    name = f"Duplicate {named(originals)}"
    verbs.edit(session, name, change, lambda update: session.set_selected(list(copies.values())))


@verbs.in_turn
def delete(session: Session) -> None:
    """Take the selected lesions away."""
    layers = unlocked(session)
    if layers:
        _each(session, "Delete", layers, lambda step, layer: step.remove(layer.id))


@verbs.in_turn
def set_visible(session: Session, layer_ids: Sequence[str], visible: bool) -> None:
    """Show or hide lesions."""
    document = session.document
    if document is None:
        return
    found = [layer for key in layer_ids if (layer := document.layer(key)) is not None and layer.visible != visible]
    if found:
        verb = "Show" if visible else "Hide"
        _each(session, verb, found, lambda step, layer: step.set_visible(layer.id, visible))


@verbs.in_turn
def toggle_visible(session: Session) -> None:
    """Show the selected lesions if the primary one is hidden, hide them if it is shown."""
    layer = session.document.layer(session.selection) if session.document is not None else None
    if layer is not None:
        set_visible(session, session.selected, not layer.visible)


@verbs.in_turn
def set_locked(session: Session, layer_ids: Sequence[str], locked: bool) -> None:
    """Keep lesions from being changed, or allow it again."""
    document = session.document
    if document is None:
        return
    found = [layer for key in layer_ids if (layer := document.layer(key)) is not None and layer.locked != locked]
    if found:
        verb = "Lock" if locked else "Unlock"
        _each(session, verb, found, lambda step, layer: step.set_locked(layer.id, locked))


@verbs.in_turn
def toggle_locked(session: Session) -> None:
    """Lock the selected lesions, or unlock them where the primary one is locked."""
    layer = session.document.layer(session.selection) if session.document is not None else None
    if layer is not None:
        set_locked(session, session.selected, not layer.locked)


@verbs.in_turn
def shift_order(session: Session, up: bool) -> None:
    """Lay the selected lesion one higher or lower among all."""
    document, layers = session.document, unlocked(session, [session.selection] if session.selection else [])
    if document is None or not layers:
        return
    order = [layer.id for layer in document.layers]
    place = order.index(layers[0].id)
    other = place + (1 if up else -1)
    if 0 <= other < len(order):
        order[place], order[other] = order[other], order[place]
        reorder(session, order, f"{'Raise' if up else 'Lower'} {named(layers)}")


def reorder(session: Session, layer_ids: Sequence[str], name: str = "Reorder lesions") -> None:
    """Stack the lesions in this order, from the bottom up."""
    document = session.document
    if document is not None and list(layer_ids) != [layer.id for layer in document.layers]:
        verbs.edit(session, name, lambda step: step.reorder(layer_ids))


def named(layers: Sequence[LesionLayer]) -> str:
    """What a step calls these lesions."""
    counts: dict[str, int] = {}
    for layer in layers:
        counts[layer.spec.lesion_class] = counts.get(layer.spec.lesion_class, 0) + 1
    if len(layers) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _each(
    session: Session, verb: str, layers: Sequence[LesionLayer], change: Callable[[Edit, LesionLayer], object]
) -> None:
    """Do the same to several lesions, as one step."""

    def change_all(step: Edit) -> None:
        for layer in layers:
            change(step, layer)

    verbs.edit(session, f"{verb} {named(layers)}", change_all)


def _replace(document: Document, step: Edit, layer_ids: Sequence[str], alter: Alter) -> None:
    for layer_id in layer_ids:
        layer = document.latest(layer_id)
        if layer is None:
            raise SceneError("the lesion is not there any more; nothing was changed")
        step.replace(alter(layer))


def _preview(document: Document, layer_ids: Sequence[str], alter: Alter) -> Update:
    found = [layer for key in layer_ids if (layer := document.latest(key)) is not None]
    return document.preview("gesture", {layer.id: alter(layer) for layer in found})


def _copy_beside(document: Document, layer: LesionLayer, new_id: str) -> LesionLayer:
    """The copy lies to the right where there is skin, else to the left, else on the original."""
    patient, spec = document.patient, layer.spec
    patch = patient.surface.patch(spec.site, 2 * (_APART + 0.5) * spec.diameter_mm, 64, spec.turn_deg)
    reach = round(_APART / (2 * (_APART + 0.5)) * 64)
    for row, column in ((32, 32 + reach), (32, 31 - reach), (32 + reach, 32), (31 - reach, 32)):
        face = int(patch.face[row, column])
        if face >= 0:
            b0, b1, b2 = (float(b) for b in patch.barycentric[row, column])
            site = Site(face, (b0, b1, b2))
            copy = replace(layer, id=new_id, locked=False)
            return retouch.moved(patient.surface, copy, site, patient.body_part(site))
    return replace(layer, id=new_id, locked=False)
