"""A patient on the live link: atlases, instance maps, close-ups and the lesions' data, published as they change.

docs/protocol.md §11 says how they are named. `LivePatient` serves whoever holds a canvas (the program, a demonstration,
`moulage serve`); `SceneFollower` turns the commits that another process writes into a scene file into its layers.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.protocol import MapSpec
from bridge.server import AtlasServer
from engine.atlas import Rect
from engine.errors import SceneError
from engine.lesion import LesionLayer
from engine.output.provenance import NOTICE
from engine.patient import Patient
from engine.scene import Scene

SCHEMA = "moulage.lesions/1"
_NAME_BYTES = 100


class LivePatient:
    """Publishes one patient to a server; `show` makes a revision, whose document is this patient's alone.

    Use it from one thread.
    """

    def __init__(self, server: AtlasServer, patient: Patient) -> None:
        self.server = server
        self.patient = patient
        self.avatar = _name(patient.avatar.name, "avatar")
        self.materials = _unique([_name(m.name, "material") for m in patient.avatar.materials])
        self._close_ups: dict[str, LesionLayer] = {}
        for index in sorted(patient.canvas.pixels):
            for spec, pixels in self._maps(index):
                server.add_map(spec)
                server.publish(spec.key, (0, 0, spec.width, spec.height), pixels)

    def _maps(self, material: int) -> Iterable[tuple[MapSpec, NDArray[Any]]]:
        """The albedo and the instance map of a material, as they are now."""
        canvas, name = self.patient.canvas, self.materials[material]
        for kind, pixels, format_, space in (
            ("albedo", canvas.pixels[material], "rgba8", "srgb"),
            ("instance", canvas.index[material], "r16", "linear"),
        ):
            height, width = pixels.shape[:2]
            yield MapSpec(self.avatar, name, kind, width, height, format_, space), pixels

    def show(self, layers: Sequence[LesionLayer], exam: bool = False) -> int:
        """Show exactly the visible ones of these layers, the last on top; the revision. An exam sends no class."""
        dirty = self.patient.canvas.show(layers)
        for material, rects in dirty.items():
            for spec, pixels in self._maps(material):
                for rect in _apart(rects):
                    area = (rect.x, rect.y, rect.width, rect.height)
                    self.server.publish(spec.key, area, pixels[rect.slices])
        visible = [layer for layer in layers if layer.visible]
        self._publish_close_ups(visible)
        return self.server.commit(json.dumps(self._document(visible, exam), ensure_ascii=False))

    def _publish_close_ups(self, visible: Sequence[LesionLayer]) -> None:
        """One map for each visible lesion, sent anew where its layer is another."""
        present = {layer.id: layer for layer in visible}
        for gone in set(self._close_ups) - set(present):
            self.server.remove_map(self._close_up_key(self._close_ups.pop(gone)))
        for layer in visible:
            former = self._close_ups.get(layer.id)
            if former is layer:
                continue
            if former is not None and self._close_up_key(former) != self._close_up_key(layer):
                self.server.remove_map(self._close_up_key(former))
            rgba = self._close_up(layer)
            side = rgba.shape[0]
            self.server.add_map(MapSpec(*self._close_up_key(layer), side, side))
            self.server.publish(self._close_up_key(layer), (0, 0, side, side), rgba)
            self._close_ups[layer.id] = layer

    def maps(self) -> dict[tuple[str, str, str], NDArray[Any]]:
        """What is published, by (avatar, material, map), from the canvas and not from what was sent."""
        atlases = {spec.key: pixels for index in self.patient.canvas.pixels for spec, pixels in self._maps(index)}
        close_ups = {self._close_up_key(layer): self._close_up(layer) for layer in self._close_ups.values()}
        return atlases | close_ups

    def _close_up(self, layer: LesionLayer) -> NDArray[np.uint8]:
        rgb = self.patient.canvas.close_up(layer)
        return np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], axis=2)

    def _close_up_key(self, layer: LesionLayer) -> tuple[str, str, str]:
        material = int(self.patient.surface.face_material[layer.spec.site.face])
        return self.avatar, self.materials[material], f"close-up/{layer.id}"

    def _document(self, visible: Sequence[LesionLayer], exam: bool) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "exam": exam,
            "notice": NOTICE,
            "lesions": [self._lesion(layer, exam) for layer in visible],
        }

    def _lesion(self, layer: LesionLayer, exam: bool) -> dict[str, Any]:
        material, u, v = self.patient.surface.uv(layer.spec.site)
        lesion = {
            "id": layer.id,
            "index": self.patient.canvas.number_of[layer.id],
            "avatar": self.avatar,
            "material": self.materials[material],
            "u": round(float(u), 6),
            "v": round(float(v), 6),
            "body_part": layer.body_part,
            "diameter_mm": round(layer.diameter_mm, 3),
            "close_up": self._close_up_key(layer)[2],
            "close_up_mm": round(layer.width_mm, 3),
        }
        return lesion if exam else {**lesion, "class": layer.spec.lesion_class}


class SceneFollower:
    """The layers of a scene file, read again when another process has committed. Only what changed is read."""

    def __init__(self, path: Path) -> None:
        self._scene = Scene.open(path)
        self._data_version = -1
        self._revision = -1
        self._layers: dict[str, LesionLayer] = {}

    @property
    def scene(self) -> Scene:
        return self._scene

    def changed(self) -> tuple[tuple[LesionLayer, ...], bool] | None:
        """The layers from the bottom up and whether this is an exam, if they changed since the last call; else None.

        SceneError where the file was replaced, removed or damaged.
        """
        if self._data_version >= 0 and not self._scene.changed_since(self._data_version):
            return None
        self._data_version = self._scene.data_version
        with self._scene.reading():
            revision = self._scene.revision
            if revision == self._revision:
                return None
            touched = self._touched()
            self._layers = {
                entry.id: self._scene.layer(entry.id)
                if touched is None or entry.id in touched or entry.id not in self._layers
                else self._layers[entry.id]
                for entry in self._scene.entries()
            }
            self._revision = revision
            return tuple(self._layers.values()), self._scene.exam

    def _touched(self) -> frozenset[str] | None:
        """Ids of layers that changed since the revision known here; None where all may have."""
        if self._revision < 0:
            return None
        changes = self._scene.changes_since(self._revision)
        return None if changes.everything else changes.layers

    def close(self) -> None:
        self._scene.close()


def is_scene(path: Path) -> bool:
    """Whether a file is a scene, by its first bytes, or by its name where it can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError as error:
        raise SceneError(f"{path}: can't be read ({error.strerror or error})") from None


def _apart(rects: Sequence[Rect]) -> list[Rect]:
    """The rectangles with overlapping ones united, so that no texel is published twice."""
    merged: list[Rect] = []
    for rect in rects:
        while touching := [other for other in merged if other.overlaps(rect)]:
            for other in touching:
                merged.remove(other)
                rect = rect.union(other)
        merged.append(rect)
    return merged


def _name(text: str, otherwise: str) -> str:
    """A name as the protocol carries it: printable, not empty, not too long."""
    plain = "".join(c if c.isprintable() else " " for c in text).strip()
    return plain.encode("utf-8", "replace")[:_NAME_BYTES].decode("utf-8", "ignore") or otherwise


def _unique(names: Sequence[str]) -> Mapping[int, str]:
    """The names by their index; repeated ones get a number."""
    taken: dict[int, str] = {}
    for index, name in enumerate(names):
        unique, number = name, 2
        while unique in taken.values():
            unique, number = f"{name} {number}", number + 1
        taken[index] = unique
    return taken
