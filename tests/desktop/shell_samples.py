"""A small patient for tests of the window that need no real body, and lesions that no network painted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from egg import egg_surface

from engine.avatar.load import load
from engine.lesion import LesionLayer, LesionSpec
from engine.patient import Patient
from engine.scene import Scene

if TYPE_CHECKING:
    from desktop.gui.window import Window

LOADING_MS = 90_000


def write_egg(path: Path) -> Path:
    """A scene of the egg without lesions."""
    egg = egg_surface(24, 32)
    lines = [f"v {x} {y} {z}" for x, y, z in egg.vertices]
    lines += [f"vt {u} {1 - v}" for u, v in egg.corner_uvs.reshape(-1, 2)]
    for index, (a, b, c) in enumerate(egg.faces + 1):
        t = 3 * index + 1
        lines.append(f"f {a}/{t} {b}/{t + 1} {c}/{t + 2}")
    path.with_suffix(".obj").write_text("\n".join(lines) + "\n")
    with Scene.create(path, load(path.with_suffix(".obj"), unit="m")):
        pass
    return path


def disc(patient: Patient, name: str, u: float, v: float, lesion_class: str = "nevus") -> LesionLayer:
    """A dark disc of 20 mm."""
    side = 48
    y, x = np.mgrid[0:side, 0:side]
    distance = np.hypot(x - side / 2, y - side / 2) / side
    alpha = (np.clip((0.42 - distance) * 20, 0, 1) * 255).astype(np.uint8)
    return LesionLayer(
        id=name,
        spec=LesionSpec(lesion_class, patient.surface.site_at_uv(0, u, v), 20.0, 1),
        rgb=np.full((side, side, 3), (90, 60, 40), np.uint8),
        mask=alpha,
        alpha=alpha,
        width_mm=44.0,
        diameter_mm=20.1,
        model="0f" * 32,
        precision="float32",
        threads=1,
        batch_size=1,
        body_part="chest",
    )


def open_egg(qtbot: Any, window: "Window", folder: Path, name: str = "egg") -> None:
    """Open the egg in a window."""
    from desktop.gui.model import verbs

    verbs.open_path(window.session, write_egg(folder / f"{name}.moulage"))
    qtbot.waitUntil(lambda: window.session.document is not None, timeout=LOADING_MS)


def add(qtbot: Any, window: "Window", *layers: LesionLayer) -> None:
    """Lesions into the open scene, as one step."""
    from desktop.gui.model import verbs

    session = window.session
    verbs.edit(session, "Add", lambda edit: [edit.add(layer) for layer in layers])
    qtbot.waitUntil(lambda: not session.pending, timeout=LOADING_MS)


def trigger(qtbot: Any, window: "Window", name: str) -> None:
    """Choose an action as soon as it can be chosen; one that is disabled would swallow it without a word."""
    action = window.actions_by_name[name]

    def can_be_chosen() -> None:
        assert action.isEnabled(), f"{name!r} stays disabled; last told: {window.notes.text.text()!r}"

    qtbot.waitUntil(can_be_chosen, timeout=LOADING_MS)
    action.trigger()
