"""Small pictures of scenes, kept in the scenes themselves, for the list of recent patients."""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path

from engine.errors import MoulageError
from engine.scene import Scene

_SETTING = "thumbnail"
LARGEST = 100_000


def keep(scene: Scene, picture: bytes) -> None:
    """Keep a JPEG or PNG with a scene; in neither its history nor its revision."""
    if len(picture) <= LARGEST:
        scene.set_setting(_SETTING, base64.b64encode(picture).decode())


def pictures(paths: Sequence[Path]) -> list[bytes]:
    """A picture for each scene; empty where there is none, or where the scene can't be read."""
    return [_picture(path) for path in paths]


def _picture(path: Path) -> bytes:
    try:
        with Scene.open(path) as scene:
            kept = scene.setting(_SETTING, "")
        return base64.b64decode(kept, validate=True) if isinstance(kept, str) and len(kept) < 2 * LARGEST else b""
    except (MoulageError, OSError, binascii.Error):
        return b""  # opening it will tell what is wrong with it
