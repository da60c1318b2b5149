"""What the user can do, one verb a function. Everything that changes the scene is one named step of its history."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from desktop.gui.model.document import Document, PlaceWanted
from desktop.gui.model.request import LARGEST_SEED
from desktop.gui.model.session import Session
from engine.errors import MoulageError
from engine.lesion import LesionLayer, Site
from engine.scene import Edit, Scene, Step


def open_path(session: Session, path: Path, scene_path: Path | None = None) -> None:
    """Open a scene or an avatar's file, in the background."""
    if session.busy or session.job is not None:
        session.told.emit("Wait until the present work is done, or cancel it, before you open another patient.", True)
        return
    former = session.document
    if former is not None and path.resolve() == former.path:
        return

    def opened(document: Document) -> None:
        session.set_busy("")
        session.set_document(document)
        session.remember(document.path)
        for warning in document.patient.avatar.warnings:
            session.told.emit(warning, False)

    def failed(error: Exception) -> None:
        session.set_busy("")
        if isinstance(error, PlaceWanted):
            session.place_wanted.emit(path, str(error))
        else:
            tell(session, error)

    session.set_busy(f"Opening {path.name} …")
    session.background.run(lambda: Document.open(path, scene_path), opened, failed)


def save_as(session: Session, path: Path) -> None:
    """Copy the scene to another file and go on in that one."""
    document = session.document
    if document is None:
        return

    def copy() -> Scene:
        document.scene.save_as(path)
        return Scene.open(path, write=True)

    def saved(scene: Scene) -> None:
        session.set_busy("")
        document.scene.close()
        document.scene = scene
        session.remember(scene.path)
        session.follow_scene()
        session.told.emit(f"Saved as {scene.path}; your work goes on in this file.", False)

    def failed(error: Exception) -> None:
        session.set_busy("")
        tell(session, error)

    session.set_busy(f"Saving {path.name} …")
    session.background.run(copy, saved, failed)


def point_at(session: Session, site: Site) -> None:
    """Point at the skin: select the lesion there, or mark the place of the next one."""
    if session.document is None:
        return
    found = session.document.lesion_at(site)
    session.set_selection(found)
    if found is None:
        session.set_site(site)


def roll_seed(session: Session) -> None:
    """Another seed: another lesion of the same kind."""
    session.set_request(replace(session.request, seed=secrets.randbelow(LARGEST_SEED)))


def select(session: Session, layer_id: str | None) -> None:
    """Select a lesion."""
    session.set_selection(layer_id)


def set_visible(session: Session, layer_id: str, visible: bool) -> None:
    """Show or hide a lesion."""
    layer = _layer(session, layer_id)
    if layer is not None and layer.visible != visible:
        name = f"{'Show' if visible else 'Hide'} {layer.spec.lesion_class}"
        edit(session, name, lambda step: step.set_visible(layer_id, visible))


def toggle_visible(session: Session) -> None:
    """Show the selected lesion if it is hidden, hide it if it is shown."""
    layer = _layer(session, session.selection)
    if layer is not None:
        set_visible(session, layer.id, not layer.visible)


def delete(session: Session) -> None:
    """Take the selected lesion away."""
    layer = _layer(session, session.selection)
    if layer is not None:
        edit(session, f"Delete {layer.spec.lesion_class}", lambda step: step.remove(layer.id))


def undo(session: Session) -> None:
    """Take the last step back."""
    _move(session, lambda scene: scene.undo(), "Undone")


def redo(session: Session) -> None:
    """Repeat the step that was undone last."""
    _move(session, lambda scene: scene.redo(), "Done again")


def step_names(session: Session) -> tuple[str, str]:
    """What undo would take back and redo repeat; empty where there is nothing."""
    if session.document is None:
        return "", ""
    behind, ahead = session.document.scene.history()
    return (behind[-1].name if behind else ""), (ahead[0].name if ahead else "")


def edit(session: Session, name: str, change: Callable[[Edit], None]) -> bool:
    """One step of the scene's history, on the disk when this returns; whether it was taken."""
    if session.document is None:
        return False
    try:
        with session.document.scene.edit(name) as step:
            change(step)
        session.follow_scene()
    except MoulageError as error:
        tell(session, error)
        return False
    return True


def tell(session: Session, error: Exception) -> None:
    """An error in one line."""
    known = isinstance(error, (MoulageError, OSError))
    text = str(error) if known else f"{type(error).__name__}: {error} (a fault of Moulage)"
    session.told.emit(" ".join(text.split()), True)


def _move(session: Session, move: Callable[[Scene], Step | None], did: str) -> None:
    if session.document is None:
        return
    try:
        step = move(session.document.scene)
        session.follow_scene()
    except MoulageError as error:
        tell(session, error)
        return
    if step is not None:
        session.told.emit(f"{did}: {step.name}", False)


def _layer(session: Session, layer_id: str | None) -> LesionLayer | None:
    return None if session.document is None else session.document.layer(layer_id)
