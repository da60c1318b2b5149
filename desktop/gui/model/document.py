"""What is open: a scene, its patient in memory, and what the views need beside it. Knows nothing of Qt.

Two threads share it. The window's thread reads `state`, the atlases and the pyramids, and calls `take`. Everything
marked "background" touches the scene or the canvas and runs in the background, one call at a time; it returns an
`Update` for the window's thread to take.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.mesh import BodyMesh
from desktop.gui.model.opening import PlaceWanted, open_scene
from desktop.gui.model.pyramid import Pyramid
from desktop.gui.model.texts import body_part, tr
from engine.atlas import Rect
from engine.colour import LINEAR_OF_BYTE, ita_degrees, linear_to_lab, phototype, to_bytes
from engine.lesion import LesionLayer, Site
from engine.lighting import transfer, unshadowed
from engine.patient import Patient
from engine.retouch import in_small
from engine.scene import Edit, Scene, Step
from engine.scene.records import Region
from engine.surface.density import density, texel_sides
from engine.surface.painting import SkinGrid

__all__ = ["Changes", "Document", "PlaceWanted", "State", "Update"]

THUMBNAIL_SIDE = 112
_AROUND = 7
"""Half the side, in texels, of the square whose median tells the skin's tone."""

Picture = NDArray[np.uint8]


@dataclass
class Changes:
    """Rectangles to draw anew: material → pyramid level → rectangles."""

    rects: dict[int, list[list[Rect]]] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """The scene at one moment. layers: from the bottom up. undo, redo: the names of the steps, the nearest last/first.

    variants: lesions that wait to be chosen. thumbnails: uint8 [P, P, 3] of layers and variants by id.
    """

    revision: int
    layers: tuple[LesionLayer, ...]
    undo: tuple[str, ...] = ()
    redo: tuple[str, ...] = ()
    variants: tuple[LesionLayer, ...] = ()
    thumbnails: Mapping[str, Picture] = field(default_factory=dict)
    exam: bool = False
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Update:
    """What a change of the scene or of what is shown brought. step: the step that was made, undone or redone."""

    state: State
    changes: Changes
    step: Step | None = None


class Document:
    """An open patient."""

    def __init__(self, scene: Scene, patient: Patient, notes: Sequence[str] = ()) -> None:
        """Use `Document.open`."""
        self.scene, self.patient = scene, patient
        self.notes = (*notes, *patient.avatar.warnings)
        surface, canvas = patient.surface, patient.canvas
        self._thumbnails: dict[str, tuple[LesionLayer, Picture]] = {}
        self._read_regions: dict[str, Region] = {}
        self._latest = State(-1, ())
        self._variants = scene.variants()
        self._overlays: dict[str, tuple[Mapping[str, LesionLayer], tuple[LesionLayer, ...]]] = {}
        self._latest = self._read()
        self._opening = (self._latest, scene.regions())
        canvas.show(self._latest.layers)
        self.state = self._latest
        made = {id(pixels): Pyramid(pixels) for pixels in canvas.pixels.values()}
        self.pyramids = {material: made[id(pixels)] for material, pixels in canvas.pixels.items()}
        sizes = {material: (pixels.shape[1], pixels.shape[0]) for material, pixels in canvas.pixels.items()}
        longer, shorter = texel_sides(surface, sizes)
        self.texel_mm = np.sqrt(longer * shorter)
        self.grid = SkinGrid(surface, sizes)
        for material in sizes:
            self.grid.owners(material)
        normals = np.asarray(surface.vertex_normals, np.float32)
        self.openness = np.clip(transfer(surface)[:, 0] / unshadowed(normals)[:, 0], 0, 1)
        self.island_material = np.zeros(int(surface.face_island.max(initial=-1)) + 1, np.int16)
        self.island_material[surface.face_island] = surface.face_material
        self.mesh = BodyMesh.of(surface, self.openness, self.texel_mm)
        self.density = density(surface, sizes)

    @classmethod
    def open(cls, path: Path, scene_path: Path | None = None) -> Self:
        """Background. See `opening.open_scene`."""
        opened = open_scene(path, scene_path)
        try:
            return cls(opened.scene, Patient(opened.avatar), opened.notes)
        except BaseException:
            opened.scene.close()
            raise

    # the window's thread

    @property
    def path(self) -> Path:
        """The scene's file."""
        return self.scene.path

    @property
    def layers(self) -> tuple[LesionLayer, ...]:
        """The lesions from the bottom up."""
        return self.state.layers

    @property
    def changed_since_opening(self) -> bool:
        """Whether anything was done since the file was opened, be it undone again."""
        return self._opening[0].revision != self.state.revision

    def take(self, update: Update) -> None:
        """Make what the background brought the present state."""
        self.state = update.state

    def layer(self, layer_id: str | None) -> LesionLayer | None:
        """A lesion by its id."""
        return next((layer for layer in self.state.layers if layer.id == layer_id), None)

    def number_of(self, layer: LesionLayer) -> int:
        """The lesion's number: 1, 2, … in the order in which they were first shown; 0 for one that never was."""
        return self.patient.canvas.number_of.get(layer.id, 0)

    def lesion_at(self, site: Site) -> str | None:
        """The id of the visible lesion that a site shows."""
        canvas = self.patient.canvas
        material, x, y = self._texel(site)
        number = int(canvas.index[material][y, x])
        if not number and canvas.owners[material][y, x] < 0:
            # On a seam the texel's centre lies beside the skin; its neighbours tell.
            number = int(canvas.index[material][max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max())
        known = {canvas.number_of.get(layer.id): layer.id for layer in self.state.layers}
        return known.get(number) if number else None

    def thumbnail(self, layer: LesionLayer) -> Picture | None:
        """The lesion on this patient's skin, uint8 [P, P, 3]."""
        return self.state.thumbnails.get(layer.id)

    def described(self, site: Site) -> tuple[str, float, str]:
        """Body part (or an empty string), millimetres per texel, and the skin's tone about a site."""
        material, x, y = self._texel(site)
        base = self.patient.canvas.base[material]
        around = base[max(y - _AROUND, 0) : y + _AROUND + 1, max(x - _AROUND, 0) : x + _AROUND + 1, :3]
        colour = LINEAR_OF_BYTE[np.median(around.reshape(-1, 3), 0).astype(np.uint8)]
        ita = float(ita_degrees(linear_to_lab(colour)))
        tone = tr("phototype {} (ITA {:.0f}°)").format(phototype(ita), ita)
        return body_part(self.patient.body_part(site)), float(self.texel_mm[site.face]), tone

    def _texel(self, site: Site) -> tuple[int, int, int]:
        material, u, v = self.patient.surface.uv(site)
        height, width = self.patient.canvas.pixels[material].shape[:2]
        return material, int(np.clip(u * width, 0, width - 1)), int(np.clip(v * height, 0, height - 1))

    # background

    def close(self) -> None:
        """Let go of the file. Background, or after it was closed."""
        self.scene.close()

    def commit(self, name: str, change: Callable[[Edit], Any]) -> Update:
        """Background: one step of the history, on the disk when this returns."""
        with self.scene.edit(name) as edit:
            change(edit)
        return self.refresh(edit.step)

    def undo(self) -> Update:
        """Background: take the last step back."""
        return self.refresh(self.scene.undo())

    def redo(self) -> Update:
        """Background: repeat the step that was undone last."""
        return self.refresh(self.scene.redo())

    def keep_variants(self, layers: Sequence[LesionLayer]) -> Update:
        """Background: replace the lesions that wait to be chosen. Where that fails, they wait in memory only."""
        self._variants = tuple(layers)
        self.scene.keep_variants(layers)
        return self.refresh()

    def revert(self, edit: Edit) -> None:
        """Background: within an edit, bring everything back to how it was when the file was opened."""
        state, regions = self._opening
        present, wanted = {layer.id for layer in self._latest.layers}, {layer.id for layer in state.layers}
        for layer_id in present - wanted:
            edit.remove(layer_id)
        for layer in state.layers:
            (edit.replace if layer.id in present else edit.add)(layer)
        edit.reorder([layer.id for layer in state.layers])
        for name in {region.name for region in self._latest.regions} - {region.name for region in regions}:
            edit.remove_region(name)
        for region in regions:
            edit.set_region(region)
        edit.set_exam(state.exam)

    def refresh(self, step: Step | None = None) -> Update:
        """Background: follow the scene to its present revision; previews end."""
        self._latest = self._read()
        self._overlays.clear()
        return Update(self._latest, self._shown(self._latest.layers), step)

    def preview(self, kind: str, instead: Mapping[str, LesionLayer], beside: Sequence[LesionLayer] = ()) -> Update:
        """Background: show some layers otherwise, and others on top, until `refresh`.

        kind: a preview takes the place of a former one of its kind; those of other kinds stay.
        """
        self._overlays[kind] = (instead, tuple(beside))
        changed = {key: layer for overlay, _ in self._overlays.values() for key, layer in overlay.items()}
        on_top = [layer for _, overlay in self._overlays.values() for layer in overlay]
        layers = (*(changed.get(layer.id, layer) for layer in self._latest.layers), *on_top)
        return Update(self._latest, self._shown(layers))

    def close_up(self, layer: LesionLayer) -> Picture:
        """Background: a lesion at its own resolution on the skin around it, with its neighbours; uint8 [P, P, 3]."""
        canvas = self.patient.canvas
        own = canvas.close_up(layer if layer.visible else replace(layer, alpha=np.zeros_like(layer.alpha)))
        patch = canvas.patch_of(layer)
        number, others = canvas.number_of.get(layer.id, 0), np.zeros(own.shape[:2], np.float32)
        for material, index in canvas.index.items():
            height, width = index.shape[:2]
            columns = np.clip((patch.uv[..., 0] * width).astype(int), 0, width - 1)
            rows = np.clip((patch.uv[..., 1] * height).astype(int), 0, height - 1)
            found = index[rows, columns]
            others[(patch.material == material) & (found != 0) & (found != number)] = 1
        if not others.any():
            return own
        others = cv2.GaussianBlur(cv2.dilate(others, np.ones((5, 5), np.uint8)), (0, 0), 2)[..., None]
        shown, _ = patch.sample(canvas.pixels)
        linear = LINEAR_OF_BYTE[own]
        return to_bytes(linear + others * (shown - linear))

    def small(self, layer: LesionLayer) -> Picture:
        """Background: a thumbnail of a layer that need not be in the scene, uint8 [P, P, 3]."""
        return np.ascontiguousarray(self.patient.canvas.close_up(in_small(layer, THUMBNAIL_SIDE)))

    def latest(self, layer_id: str) -> LesionLayer | None:
        """Background: a layer as the scene has it now."""
        return next((layer for layer in self._latest.layers if layer.id == layer_id), None)

    def _shown(self, layers: Sequence[LesionLayer]) -> Changes:
        changes = Changes()
        for material, rects in self.patient.canvas.show(layers).items():
            changes.rects[material] = self.pyramids[material].update(rects)
        return changes

    def _read(self) -> State:
        scene, former = self.scene, self._latest
        changed = scene.changes_since(max(former.revision, 0)) if former.revision >= 0 else None
        known = {} if changed is None or changed.everything else {layer.id: layer for layer in former.layers}
        if changed is None:
            layers = scene.layers()
        else:
            kept = {key: layer for key, layer in known.items() if key not in changed.layers}
            layers = tuple(kept[e.id] if e.id in kept else scene.layer(e.id) for e in scene.entries())
        behind, ahead = scene.history()
        variants = self._variants
        return State(
            revision=scene.revision if changed is None else changed.revision,
            layers=layers,
            undo=tuple(step.name for step in behind),
            redo=tuple(step.name for step in ahead),
            variants=variants,
            thumbnails={layer.id: self._thumbnail(layer) for layer in (*layers, *variants)},
            exam=scene.exam,
            regions=self._regions(),
        )

    def _regions(self) -> tuple[Region, ...]:
        """All regions; those whose checksum is known are not read again."""
        seals = self.scene.region_seals()
        self._read_regions = {
            seal: self._read_regions.get(seal) or self.scene.region(name) for name, seal in seals.items()
        }
        return tuple(self._read_regions[seal] for seal in seals.values())

    def _thumbnail(self, layer: LesionLayer) -> Picture:
        kept = self._thumbnails.get(layer.id)
        if kept is None or kept[0] is not layer:
            alike = kept is not None and kept[0].spec == layer.spec and np.array_equal(kept[0].rgb, layer.rgb)
            picture = kept[1] if kept is not None and alike else self.small(layer)
            self._thumbnails[layer.id] = (layer, picture)
        return self._thumbnails[layer.id][1]
