"""The body on the graphics card: mesh, textures, region overlay; it draws all of itself or a part of the picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.camera import Camera
from desktop.gui.model.document import Changes, Document
from desktop.gui.model.mesh import Box
from desktop.gui.model.tools import Light, Looks, Tint
from desktop.gui.views import shaders
from desktop.gui.views.kept import Kept, uniform
from desktop.gui.views.legend import VIRIDIS, density_range
from desktop.gui.views.textures import AtlasTexture
from engine.atlas import Rect
from engine.lighting import lighting, unshadowed

_TINTS = {Tint.NONE: 0, Tint.ISLANDS: 1, Tint.DENSITY: 2}
_MARGIN_PX = 3
"""How far a texel may be seen beside its face, by filtering and by samples."""
_COSINE = np.array([np.pi, 2 * np.pi / 3, np.pi / 4])
"""The clamped cosine's weight at each degree (Ramamoorthi & Hanrahan 2001, eq. 8)."""


@dataclass(frozen=True)
class Pose:
    """What a picture of the body depends on, besides its textures. size: pixels. ratio: pixels per point."""

    camera: Camera
    looks: Looks
    size: tuple[int, int]
    ratio: float
    backdrop: tuple[float, float, float]

    @property
    def whole(self) -> Box:
        """All of its pixels."""
        return 0, 0, *self.size


class BodyScene:
    """One document's mesh and textures in one OpenGL context; every method needs that context to be current."""

    def __init__(self, context: moderngl.Context, document: Document) -> None:
        self.context = context
        self.mesh = document.mesh
        self.place_of, self.centre, self.radius = self.mesh.place_of, self.mesh.centre, self.mesh.radius
        self.buffer = context.buffer(self.mesh.corners.tobytes())
        self._bodies: dict[tuple[int, bool, bool], moderngl.VertexArray] = {}
        shared = {id(pyramid): AtlasTexture(context, pyramid.levels) for pyramid in document.pyramids.values()}
        self._atlases = {material: shared[id(pyramid)] for material, pyramid in document.pyramids.items()}
        self._painted: dict[int, moderngl.Texture] = {}
        self._heat = context.texture((len(VIRIDIS), 1), 3, VIRIDIS.tobytes(), alignment=1)
        self.heat_range = density_range(document)
        self._lights = {light: _lamp(light) for light in Light}

    @property
    def textures(self) -> dict[int, moderngl.Texture]:
        """The atlases on the card by material."""
        return {material: atlas.texture for material, atlas in self._atlases.items()}

    def release(self) -> None:
        """Give the graphics memory back."""
        for atlas in {id(a): a for a in self._atlases.values()}.values():
            atlas.release()
        for texture in (*self._painted.values(), self._heat):
            texture.release()
        for body in self._bodies.values():
            body.program.release()
            body.release()
        self.buffer.release()

    # textures

    @property
    def complete(self) -> bool:
        """Whether all atlases are on the card as fine as they are."""
        return all(atlas.complete for atlas in self._atlases.values())

    def upload(self) -> bool:
        """Upload a piece of the atlases; whether one got finer by it."""
        for atlas in self._atlases.values():
            if not atlas.complete:
                atlas.upload_piece()
                return atlas.complete
        return False

    def update(self, changes: Changes) -> None:
        """Upload the changed rectangles, level by level; the rest of the textures is not touched."""
        for material, levels in changes.rects.items():
            for level, rects in enumerate(levels):
                for rect in rects:
                    self._atlases[material].update(level, rect)

    def paint(self, overlay: Mapping[int, NDArray[np.uint8]], dirty: Mapping[int, Sequence[Rect]] | None) -> None:
        """Follow the region overlay, in some rectangles or (None) everywhere."""
        for material in list(self._painted):
            bits = overlay.get(material)
            if bits is None or self._painted[material].size != bits.shape[::-1]:
                self._painted.pop(material).release()
        for material, bits in overlay.items():
            if material not in self._painted:
                texture = self.context.texture(bits.shape[::-1], 1, bits.tobytes(), dtype="u1", alignment=1)
                texture.filter = moderngl.NEAREST, moderngl.NEAREST
                texture.repeat_x = texture.repeat_y = False
                self._painted[material] = texture
                continue
            height, width = bits.shape
            for rect in [Rect(0, 0, width, height)] if dirty is None else dirty.get(material, ()):
                piece = np.ascontiguousarray(bits[rect.slices])
                viewport = (rect.x, rect.y, rect.width, rect.height)
                self._painted[material].write(piece, viewport=viewport, alignment=1)

    def boxes_of(
        self, pose: Pose, changed: Mapping[int, Sequence[Rect]], sizes: Mapping[int, tuple[int, int]]
    ) -> list[Box]:
        """Where texels that changed are seen. changed: rectangles by material. sizes: width and height of its map."""
        found = []
        for material, rects in changed.items():
            width, height = sizes[material]
            scale = np.array([width, height, width, height])
            beside = [np.array([r.x - 1, r.y - 1, r.x + r.width + 1, r.y + r.height + 1]) / scale for r in rects]
            same = [other for other, atlas in self._atlases.items() if atlas is self._atlases[material]]
            for uv_box in beside:  # rectangles of a seam lie far apart on the body, or close to each other
                for other in same:
                    box = _seen(self.matrix(pose), self.mesh.corners_within(other, [uv_box]), pose.size)
                    if box is not None:
                        found.append(box)
        return joined(found)

    # drawing

    def draw(self, pose: Pose, kept: Kept, box: Box) -> None:
        """Draw what lies in a box of the picture, given in pixels of `kept`."""
        target = kept.begin(box)
        target.clear(*pose.backdrop, 1.0, depth=1.0)
        self.context.enable_only(moderngl.DEPTH_TEST)
        self.context.depth_func = "<"
        self._heat.use(1)
        for part in self.mesh.parts:
            painted = self._painted.get(part.material)
            body = self._prepared(pose, kept, painted is not None)
            self._atlases[part.material].texture.use(0)
            if painted is not None:
                painted.use(2)
            if part.closed:
                self.context.enable(moderngl.CULL_FACE)
            else:
                self.context.disable(moderngl.CULL_FACE)
            body.render(moderngl.TRIANGLES, vertices=3 * part.count, first=3 * part.first)
        self.context.disable(moderngl.CULL_FACE)

    def matrix(self, pose: Pose) -> NDArray[np.float32]:
        """World → clip space."""
        return pose.camera.matrix(pose.size[0] / max(pose.size[1], 1), self.centre, self.radius)

    def _prepared(self, pose: Pose, kept: Kept, painted: bool) -> moderngl.VertexArray:
        """The body with the program for these looks, its values set."""
        key = _TINTS[pose.looks.tint], pose.looks.wires, painted
        if key not in self._bodies:
            program = self.context.program(shaders.BODY_VERTEX, shaders.body_fragment(*key))
            layout = (self.buffer, "3f 3f 2f 1f 1f 1f", "position", "normal", "uv", "openness", "island", "side_mm")
            self._bodies[key] = self.context.vertex_array(program, [layout], skip_errors=True)
        program = self._bodies[key].program
        values: dict[str, object] = {"albedo": 0, "heat": 1, "painted": 2, "heat_range": self.heat_range}
        values["dot_px"] = pose.ratio * kept.size[0] / pose.size[0]
        for name, value in values.items():
            if name in program:
                uniform(program, name).value = value
        uniform(program, "camera").write(self.matrix(pose).tobytes())
        uniform(program, "axes").write(np.ascontiguousarray(pose.camera.view.axes.T, np.float32).tobytes())
        uniform(program, "light").write(self._lights[pose.looks.light].tobytes())
        return self._bodies[key]


def joined(boxes: Sequence[Box]) -> list[Box]:
    """The same pixels in boxes that don't overlap."""
    found: list[Box] = []
    for box in boxes:
        while hit := next((other for other in found if _overlap(other, box)), None):
            found.remove(hit)
            box = (min(hit[0], box[0]), min(hit[1], box[1]), max(hit[2], box[2]), max(hit[3], box[3]))
        found.append(box)
    return found


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _seen(matrix: NDArray[np.float32], points: NDArray[np.float32], size: tuple[int, int]) -> Box | None:
    """The box of pixels in which points [N, 3] are seen, with a margin for filtering; None beside the picture."""
    if not len(points):
        return None
    placed = np.column_stack([points, np.ones(len(points), np.float32)]) @ matrix
    if (placed[:, 3] <= 0).any():
        return 0, 0, *size
    pixels = (placed[:, :2] / placed[:, 3:] * (0.5, -0.5) + 0.5) * size
    low = np.clip(np.floor(pixels.min(0)) - _MARGIN_PX, 0, size).astype(int)
    high = np.clip(np.ceil(pixels.max(0)) + _MARGIN_PX, 0, size).astype(int)
    return None if (low >= high).any() else (int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _lamp(light: Light) -> NDArray[np.float32]:
    """A light times the cosine's weights, as harmonics [9] for a normal in the camera's frame."""
    if light is Light.THREE_POINT:
        north = np.array([[0.0, 0.0, 1.0]])
        basis = np.array([0.282095, 0, 0.488603, 0, 0, 0, 0.315392 * 2, 0, 0])
        weights = np.divide(unshadowed(north)[0], basis, out=np.zeros(9), where=basis > 0)
        by_degree = [weights[0]] + [weights[2]] * 3 + [weights[6]] * 5
        return (np.array(by_degree) * lighting(np.eye(3))).astype(np.float32)
    # A lamp at the eye: radiance 1 from +z, some of it from everywhere so that no fold is black.
    toward = np.array([0.282095, 0, 0.488603, 0, 0, 0, 0.315392 * 2, 0, 0])
    total = 0.72 * toward * np.repeat(_COSINE, (1, 3, 5))
    total[0] += 0.33 / 0.282095
    facing = float((total * toward).sum())
    return np.asarray(total / facing * 1.02, np.float32)
