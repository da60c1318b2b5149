"""From a path to an open scene: an avatar's scene beside it, a scene that can't be written, a damaged one."""

import os
from dataclasses import dataclass
from pathlib import Path

from desktop.gui.model.texts import tr
from engine.avatar.model import Avatar
from engine.errors import BadInput, MoulageError, SceneError
from engine.scene import Scene
from engine.scene.document import SUFFIX
from engine.scene.recovery import recover


class PlaceWanted(BadInput):
    """A scene can't be kept where it lies; the user must say where else."""


@dataclass(frozen=True)
class Opened:
    """A scene that is open for writing, its avatar loaded. notes: what the user should know of the opening."""

    scene: Scene
    avatar: Avatar
    notes: tuple[str, ...] = ()


def open_scene(path: Path, scene_path: Path | None = None) -> Opened:
    """Open a scene, or an avatar's file with its scene beside it, made where it is missing.

    scene_path: where to keep the scene instead; a copy is made there. PlaceWanted where that must be said. A damaged
    scene is never touched: what can be read of it opens as NAME-recovered.moulage beside it, or at `scene_path`.
    """
    if path.suffix.lower() != SUFFIX:
        return _of_avatar(path, scene_path)
    if scene_path is not None and scene_path.resolve() != path.resolve():
        return _copied(path, scene_path)
    try:
        return _sound(Scene.open(path, write=True))
    except SceneError as error:
        if _tells_damage(error):
            return _recovered(path, _free_name(path), error)
        if path.is_file() and not _writable(path):
            raise PlaceWanted(
                tr("{}: can't be written to; choose where to keep a copy to work in").format(path)
            ) from error
        raise


def _of_avatar(path: Path, scene_path: Path | None) -> Opened:
    from engine.avatar.load import load

    avatar = load(path, unwrap=True)
    place = scene_path or path.with_suffix(SUFFIX)
    if place.exists() and scene_path is None:
        opened = open_scene(place)
        if opened.scene.avatar_glb()[0::2] != (avatar.glb, avatar.scale):
            opened.scene.close()
            raise PlaceWanted(tr("{}: is the scene of another avatar; choose where to keep this one's").format(place))
        return opened
    try:
        return Opened(Scene.create(place, avatar, overwrite=scene_path is not None), avatar)
    except (OSError, MoulageError) as error:
        if scene_path is not None:
            raise
        raise PlaceWanted(tr("{}: can't be made there ({}); choose another place").format(place, error)) from error


def _sound(scene: Scene, notes: tuple[str, ...] = ()) -> Opened:
    """The scene, where all that is shown of it can be read."""
    try:
        avatar = scene.avatar()
        for check in (scene.layers, scene.regions, scene.variants, scene.history):
            check()
        return Opened(scene, avatar, notes)
    except BaseException:
        scene.close()
        raise


def _copied(path: Path, scene_path: Path) -> Opened:
    """A copy of the scene elsewhere, open; of a damaged one, what can be read."""
    try:
        with Scene.open(path) as scene:
            scene.layers()
            scene.save_as(scene_path)
    except SceneError as error:
        if not _tells_damage(error):
            raise
        return _recovered(path, scene_path, error)
    return _sound(Scene.open(scene_path, write=True), (tr("You work in a copy: {}").format(scene_path),))


def _recovered(path: Path, new_path: Path, error: SceneError) -> Opened:
    try:
        told = recover(path, new_path)
    except MoulageError:
        if path.is_file() and not os.access(new_path.parent, os.W_OK):
            raise PlaceWanted(tr("{}: is damaged; choose where to keep what can be read of it").format(path)) from error
        raise
    what = tr("lesions: {}, regions: {}").format(told.layers, told.regions)
    damaged = tr("{} is damaged and stays as it is. What can be read of it ({}) is open as {}.")
    notes = (damaged.format(path.name, what, new_path.name),)
    lost = tuple(tr("Lost: {}").format(line) for line in told.lost)
    return _sound(Scene.open(new_path, write=True), (*notes, *lost))


def _free_name(path: Path) -> Path:
    """NAME-recovered.moulage, or with the first number that is free."""
    names = [f"{path.stem}-recovered{number or ''}{SUFFIX}" for number in ("", *range(2, 1000))]
    return next(place for name in names if not (place := path.with_name(name)).exists())


def _tells_damage(error: SceneError) -> bool:
    """Everything in `engine.scene` tells damage as such; other faults (locked, newer, no scene) can't be mended."""
    return "damaged" in str(error)


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
