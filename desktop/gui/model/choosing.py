"""Variants: lesions that were painted for one place and wait to be chosen. They are looked at on the skin, then one
is kept, or none."""

from dataclasses import replace

from desktop.gui.model import verbs
from desktop.gui.model.session import Session
from engine.lesion import LesionLayer

PLACE = "variant"
"""The id under which each variant is shown: only one is kept, so that no number is lost to the others."""


def waiting(session: Session) -> tuple[LesionLayer, ...]:
    """The variants, in the order in which they were painted."""
    return session.document.state.variants if session.document is not None else ()


def show(session: Session, layer_id: str | None) -> None:
    """Show a variant in its place, in all views; None shows the scene without."""
    document = session.document
    if document is None:
        return
    found = [layer for layer in waiting(session) if layer.id == layer_id]
    if found:
        shown = replace(found[0], id=PLACE, visible=True)
        verbs.preview(session, lambda: document.preview("variant", {}, [shown]))
    else:
        verbs.show_as_saved(session)
    session.set_live(found)


@verbs.in_turn
def keep(session: Session, layer_id: str) -> None:
    """This one becomes a lesion of the scene; the others are forgotten."""
    document = session.document
    found = [layer for layer in waiting(session) if layer.id == layer_id]
    if document is None or not found:
        return
    layer = replace(found[0], visible=True)

    def added(_: object) -> None:
        session.set_live(())
        session.set_selection(layer.id)
        discard(session)  # as soon as this step is counted as written

    verbs.edit(session, f"Add {layer.spec.lesion_class}", lambda step: step.add(layer), added)


@verbs.in_turn
def discard(session: Session) -> None:
    """Forget all variants."""
    document = session.document
    if document is not None and document.state.variants:
        session.set_live(())
        verbs.perform(session, document, lambda: document.keep_variants(()))
