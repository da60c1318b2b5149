"""What is open: a scene, its patient in memory, and what the views need beside it. Knows nothing of Qt."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.pyramid import Pyramid
from engine.atlas import Rect
from engine.colour import LINEAR_OF_BYTE, ita_degrees, linear_to_lab, phototype
from engine.errors import BadInput, SceneError
from engine.lesion import LesionLayer, Site
from engine.lighting import transfer, unshadowed
from engine.patient import Patient
from engine.scene import Scene
from engine.scene.document import SUFFIX
from engine.surface.density import texel_sides

_AROUND = 7
"""Half the side, in texels, of the square whose median tells the skin's tone."""


class PlaceWanted(BadInput):
    """An avatar's scene can't be kept beside it; the user must say where."""


@dataclass
class Changes:
    """Rectangles to draw anew: material → pyramid level → rectangles."""

    rects: dict[int, list[list[Rect]]] = field(default_factory=dict)


class Document:
    """An open patient. `open` is slow and may run in any thread; afterwards it belongs to one thread."""

    def __init__(self, scene: Scene, patient: Patient) -> None:
        """Use `Document.open`."""
        self.scene, self.patient = scene, patient
        surface, canvas = patient.surface, patient.canvas
        self.layers: tuple[LesionLayer, ...] = scene.layers()
        self.revision = scene.revision
        canvas.show(self.layers)
        made = {id(pixels): Pyramid(pixels) for pixels in canvas.pixels.values()}
        self.pyramids = {material: made[id(pixels)] for material, pixels in canvas.pixels.items()}
        sizes = {material: (pixels.shape[1], pixels.shape[0]) for material, pixels in canvas.pixels.items()}
        longer, shorter = texel_sides(surface, sizes)
        self.texel_mm = np.sqrt(longer * shorter)
        normals = np.asarray(surface.vertex_normals, np.float32)
        self.openness = np.clip(transfer(surface)[:, 0] / unshadowed(normals)[:, 0], 0, 1)
        self.island_material = np.zeros(int(surface.face_island.max(initial=-1)) + 1, np.int16)
        self.island_material[surface.face_island] = surface.face_material
        self._thumbnails: dict[str, tuple[LesionLayer, NDArray[np.uint8]]] = {}
        for layer in self.layers:
            self.thumbnail(layer)

    @classmethod
    def open(cls, path: Path, scene_path: Path | None = None) -> Self:
        """Open a scene, or an avatar's file with its scene beside it (or at `scene_path`), made where it is missing.

        PlaceWanted where the scene beside an avatar belongs to another, or can't be made there.
        """
        if path.suffix.lower() == SUFFIX:
            scene = Scene.open(path, write=True)
            try:
                return cls(scene, Patient(scene.avatar()))
            except BaseException:
                scene.close()
                raise
        from engine.avatar.load import load

        avatar = load(path)
        place = scene_path or path.with_suffix(SUFFIX)
        if place.exists() and scene_path is None:
            scene = Scene.open(place, write=True)
            if scene.avatar_glb()[0::2] != (avatar.glb, avatar.scale):
                scene.close()
                raise PlaceWanted(f"{place}: is the scene of another avatar; choose where to keep this one's")
        else:
            try:
                scene = Scene.create(place, avatar, overwrite=scene_path is not None)
            except (OSError, SceneError) as error:
                if scene_path is not None:
                    raise
                raise PlaceWanted(f"{place}: can't be made there ({error}); choose another place") from error
        try:
            return cls(scene, Patient(avatar))
        except BaseException:
            scene.close()
            raise

    @property
    def path(self) -> Path:
        """The scene's file."""
        return self.scene.path

    def close(self) -> None:
        """Let go of the file."""
        self.scene.close()

    def refresh(self) -> Changes:
        """Follow the scene to its present revision: layers, atlases, pyramids; what must be drawn anew."""
        changed = self.scene.changes_since(self.revision)
        known = {} if changed.everything else {layer.id: layer for layer in self.layers}
        kept = {key: layer for key, layer in known.items() if key not in changed.layers}
        self.layers = tuple(
            kept[entry.id] if entry.id in kept else self.scene.layer(entry.id) for entry in self.scene.entries()
        )
        self.revision = changed.revision
        changes = Changes()
        for material, rects in self.patient.canvas.show(self.layers).items():
            changes.rects[material] = self.pyramids[material].update(rects)
        return changes

    def layer(self, layer_id: str | None) -> LesionLayer | None:
        """A lesion by its id."""
        return next((layer for layer in self.layers if layer.id == layer_id), None)

    def number_of(self, layer: LesionLayer) -> int:
        """The lesion's number: 1, 2, … in the order in which they were first shown; 0 for one that never was."""
        return self.patient.canvas.number_of.get(layer.id, 0)

    def lesion_at(self, site: Site) -> str | None:
        """The id of the visible lesion that a site shows."""
        canvas = self.patient.canvas
        material, x, y = self._texel(site)
        number = int(canvas.index[material][y, x])
        return next((key for key, value in canvas.number_of.items() if value == number), None) if number else None

    def thumbnail(self, layer: LesionLayer) -> NDArray[np.uint8]:
        """The lesion on this patient's skin, uint8 [P, P, 3]; kept."""
        kept = self._thumbnails.get(layer.id)
        if kept is None or kept[0].spec != layer.spec or kept[0].rgb is not layer.rgb:
            picture = np.ascontiguousarray(self.patient.canvas.close_up(layer))
            self._thumbnails[layer.id] = (layer, picture)
        return self._thumbnails[layer.id][1]

    def described(self, site: Site) -> tuple[str, float, str]:
        """Body part (or an empty string), millimetres per texel, and the skin's tone about a site."""
        material, x, y = self._texel(site)
        base = self.patient.canvas.base[material]
        around = base[max(y - _AROUND, 0) : y + _AROUND + 1, max(x - _AROUND, 0) : x + _AROUND + 1, :3]
        colour = LINEAR_OF_BYTE[np.median(around.reshape(-1, 3), 0).astype(np.uint8)]
        ita = float(ita_degrees(linear_to_lab(colour)))
        tone = f"phototype {phototype(ita)} (ITA {ita:.0f}°)"
        return self.patient.body_part(site).replace("-", " "), float(self.texel_mm[site.face]), tone

    def _texel(self, site: Site) -> tuple[int, int, int]:
        material, u, v = self.patient.surface.uv(site)
        height, width = self.patient.canvas.pixels[material].shape[:2]
        return material, int(np.clip(u * width, 0, width - 1)), int(np.clip(v * height, 0, height - 1))
