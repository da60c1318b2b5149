"""What the user can do with a scene as a whole: open, save elsewhere, revert, edit, undo, redo, select.

Everything that changes the scene is one named step of its history, made in the background.
"""

import functools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from desktop.gui.model.document import Changes, Document, Update
from desktop.gui.model.opening import PlaceWanted
from desktop.gui.model.request import LARGEST_SEED
from desktop.gui.model.session import Session
from desktop.gui.model.texts import tr
from engine.errors import MoulageError
from engine.lesion import Site
from engine.scene import Edit, Scene

PREVIEW = "preview"
"""Key of the work that shows something on the canvas which is no step of the history."""
_P = ParamSpec("_P")


def in_turn(verb: Callable[Concatenate[Session, _P], object]) -> Callable[Concatenate[Session, _P], None]:
    """For verbs that start from what the scene holds: asked while a step is being written, they follow it."""

    def asked(session: Session, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        session.in_turn(lambda: verb(session, *args, **kwargs))

    functools.update_wrapper(asked, verb)
    return asked


def in_order(verb: Callable[Concatenate[Session, _P], object]) -> Callable[Concatenate[Session, _P], None]:
    """For verbs that choose what the next ones are for: asked while others wait their turn, they follow them."""

    def asked(session: Session, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        session.in_order(lambda: verb(session, *args, **kwargs))

    functools.update_wrapper(asked, verb)
    return asked


# files


@in_turn
def open_path(session: Session, path: Path, scene_path: Path | None = None) -> None:
    """Open a scene or an avatar's file, in the background."""
    if session.busy or session.job is not None:
        session.told.emit(
            tr("Wait until the present work is done, or cancel it, before you open another patient."), True
        )
        return
    former = session.document
    if former is not None and path.resolve() == former.path:
        return

    def opened(document: Document) -> None:
        session.set_busy("")
        session.set_document(document)
        session.remember(document.path)
        for note in document.notes:
            session.told.emit(note, False)

    def failed(error: Exception) -> None:
        session.set_busy("")
        if isinstance(error, PlaceWanted):
            session.place_wanted.emit(path, str(error))
        else:
            tell(session, error)

    session.set_busy(tr("Opening {} …").format(path.name))
    session.background.run(lambda: Document.open(path, scene_path), opened, failed)


@in_turn
def save_as(session: Session, path: Path) -> None:
    """Copy the scene to another file and go on in that one."""
    document = session.document
    if document is None or session.busy:
        return

    def copy() -> None:
        document.scene.save_as(path)
        scene = Scene.open(path, write=True)
        former, document.scene = document.scene, scene
        former.close()

    def saved(_: None) -> None:
        session.set_busy("")
        session.remember(document.path)
        session.set_pending(0, "")
        session.take(document, Update(document.state, Changes()))
        session.told.emit(tr("Saved as {}; your work goes on in this file.").format(document.path), False)

    def failed(error: Exception) -> None:
        session.set_busy("")
        tell(session, error)

    session.set_busy(tr("Saving {} …").format(path.name))
    session.background.run(copy, saved, failed)


@in_turn
def revert(session: Session) -> None:
    """Bring everything back to how it was when the file was opened; one step, which undo takes back."""
    document = session.document
    if document is not None and document.changed_since_opening:
        edit(session, "Revert", document.revert)


# the history


def edit(
    session: Session,
    name: str,
    change: Callable[[Edit], Any],
    then: Callable[[Update], Any] | None = None,
    otherwise: Callable[[], Any] | None = None,
) -> None:
    """One step of the scene's history, made in the background; `then` is called when it is on the disk and shown.

    change: runs in the background; whatever it raises is told, nothing is changed, and `otherwise` is called.
    """
    document = session.document
    if document is not None:
        perform(session, document, lambda: document.commit(name, change), then, otherwise)


def read(session: Session, work: Callable[[Scene], Any], then: Callable[[Any], None]) -> None:
    """Read something of the scene in the background."""
    document = session.document
    if document is not None:
        session.background.run(lambda: work(document.scene), then, lambda error: tell(session, error))


@in_turn
def undo(session: Session) -> None:
    """Take the last step back."""
    document = session.document
    if document is not None and step_names(session)[0]:
        perform(session, document, document.undo, lambda update: _tell_step(session, tr("Undone: {}"), update))


@in_turn
def redo(session: Session) -> None:
    """Repeat the step that was undone last."""
    document = session.document
    if document is not None and step_names(session)[1]:
        perform(session, document, document.redo, lambda update: _tell_step(session, tr("Done again: {}"), update))


def step_names(session: Session) -> tuple[str, str]:
    """What undo would take back and redo repeat; empty where there is nothing."""
    if session.document is None:
        return "", ""
    state = session.document.state
    return (state.undo[-1] if state.undo else ""), (state.redo[0] if state.redo else "")


def perform(
    session: Session,
    document: Document,
    work: Callable[[], Update],
    then: Callable[[Update], Any] | None = None,
    otherwise: Callable[[], Any] | None = None,
) -> None:
    """Change the scene in the background, show it here, and keep count of what is not on the disk yet."""

    def done(update: Update) -> None:
        try:
            session.take(document, update)
            if then is not None:
                then(update)
        finally:  # what waits its turn finds all of this step
            session.set_pending(-1, "")

    def failed(error: Exception) -> None:
        session.set_pending(-1, str(error))
        tell(session, error)
        show_as_saved(session)
        if otherwise is not None:
            otherwise()

    session.set_pending(1)
    session.background.drop(PREVIEW)
    session.background.run(work, done, failed)


def preview(session: Session, work: Callable[[], Update]) -> None:
    """Show something on the canvas that is no step; only the latest of several waiting ones is done."""
    document = session.document
    if document is not None:
        show = lambda update: session.take(document, update)  # noqa: E731
        session.background.run(work, show, lambda error: tell(session, error), PREVIEW)


def show_as_saved(session: Session) -> None:
    """Show what the scene holds, and no preview any more."""
    document = session.document
    if document is not None:
        session.background.drop(PREVIEW)
        session.background.run(
            document.refresh, lambda update: session.take(document, update), lambda error: tell(session, error)
        )


# pointing and choosing


@in_order
def point_at(session: Session, site: Site, add: bool = False) -> None:
    """Point at the skin: select the lesion there, or mark the place of the next one.

    add: the lesion joins the selected ones, or leaves them.
    """
    if session.document is None:
        return
    found = session.document.lesion_at(site)
    if add:
        if found is not None:
            kept = [key for key in session.selected if key != found]
            session.set_selected(kept if found in session.selected else [*kept, found])
        return
    session.set_selection(found)
    if found is None:
        if session.regions.keep_out(site, 0.5):
            session.told.emit(
                tr("This skin is protected: no lesion may enter it. Region, Keep lesions out opens it."), False
            )
            return
        session.set_site(site)


@in_order
def select(session: Session, layer_id: str | None) -> None:
    """Select a lesion."""
    session.set_selection(layer_id)


@in_order
def select_many(session: Session, layer_ids: Sequence[str]) -> None:
    """Select several lesions, the primary one last."""
    session.set_selected(layer_ids)


@in_order
def select_all(session: Session) -> None:
    """Select every lesion."""
    if session.document is not None:
        session.set_selected([layer.id for layer in session.document.layers])


def roll_seed(session: Session) -> None:
    """Another seed: another lesion of the same kind."""
    session.set_request(replace(session.request, seed=secrets.randbelow(LARGEST_SEED)))


def next_seed(session: Session) -> None:
    """The seed after this one."""
    session.set_request(replace(session.request, seed=(session.request.seed + 1) % LARGEST_SEED))


def tell(session: Session, error: Exception) -> None:
    """An error in one line."""
    if isinstance(error, MemoryError):
        error = OSError(
            tr("There is not enough memory for this. Close other programs, or use a smaller texture or detail.")
        )
    known = isinstance(error, (MoulageError, OSError))
    text = str(error) if known else tr("{}: {} (a fault of Moulage)").format(type(error).__name__, error)
    session.told.emit(" ".join(text.split()), True)


def _tell_step(session: Session, did: str, update: Update) -> None:
    if update.step is not None:
        session.told.emit(did.format(update.step.name), False)
