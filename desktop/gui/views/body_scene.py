"""The body on the graphics card: mesh, textures, region overlay, marks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from desktop.gui import theme
from desktop.gui.model.camera import Camera
from desktop.gui.model.document import Changes, Document
from desktop.gui.model.tools import Light, Looks, Tint
from desktop.gui.views import shaders
from desktop.gui.views.kept import Ghost, Kept, Sheet
from desktop.gui.views.legend import VIRIDIS, density_range
from desktop.gui.views.textures import AtlasTexture
from engine.atlas import Rect
from engine.lighting import lighting, unshadowed

_TINTS = {Tint.NONE: 0, Tint.ISLANDS: 1, Tint.DENSITY: 2}
_COSINE = np.array([np.pi, 2 * np.pi / 3, np.pi / 4])
"""The clamped cosine's weight at each degree (Ramamoorthi & Hanrahan 2001, eq. 8)."""


@dataclass(frozen=True)
class Mark:
    """A line on the picture: points float32 [N, 3] in clip space (−1 to 1), width in pixels, sRGB colour and alpha.

    hidden: drawn even where the body stands before it.
    """

    points: NDArray[np.float32]
    width: float
    colour: tuple[float, float, float, float]
    hidden: bool = False


class BodyScene:
    """One document's mesh and textures in one OpenGL context; every method needs that context to be current."""

    def __init__(self, context: moderngl.Context, document: Document) -> None:
        self.context = context
        self._document = document
        surface = document.patient.surface
        mesh = document.mesh
        self.place_of, self.centre, self.radius = mesh.place_of, mesh.centre, mesh.radius
        self.program = context.program(shaders.BODY_VERTEX, shaders.BODY_FRAGMENT)
        self._marks = context.program(shaders.MARK_VERTEX, shaders.MARK_FRAGMENT)
        self._sheet = Sheet(context)
        self.buffer = context.buffer(mesh.corners.tobytes())
        layout = [(self.buffer, "3f 3f 2f 1f 1f 1f", "position", "normal", "uv", "openness", "island", "side_mm")]
        self._body = context.vertex_array(self.program, layout)
        counts = np.bincount(surface.face_material, minlength=len(document.patient.avatar.materials))
        starts = np.concatenate([[0], np.cumsum(counts)])
        self.ranges = {m: (3 * int(starts[m]), 3 * int(counts[m])) for m in range(len(counts)) if counts[m]}
        shared = {id(pyramid): AtlasTexture(context, pyramid.levels) for pyramid in document.pyramids.values()}
        self._atlases = {material: shared[id(pyramid)] for material, pyramid in document.pyramids.items()}
        self._painted: dict[int, moderngl.Texture] = {}
        self._heat = context.texture((len(VIRIDIS), 1), 3, VIRIDIS.tobytes(), alignment=1)
        self._nothing = context.texture((1, 1), 1, b"\0", dtype="u1", alignment=1)
        self.heat_range = density_range(document)
        self._lights = {light: _lamp(light) for light in Light}
        self.kept: Kept | None = None
        self._drawn: tuple[object, ...] | None = None
        self._stale = 0
        self._software = "llvmpipe" in context.info["GL_RENDERER"]

    @property
    def textures(self) -> dict[int, moderngl.Texture]:
        """The atlases on the card by material."""
        return {material: atlas.texture for material, atlas in self._atlases.items()}

    def release(self) -> None:
        """Give the graphics memory back."""
        for atlas in {id(a): a for a in self._atlases.values()}.values():
            atlas.release()
        for texture in (*self._painted.values(), self._heat, self._nothing):
            texture.release()
        if self.kept is not None:
            self.kept.release()
        for owned in (self._body, self.buffer, self.program, self._marks, self._sheet):
            owned.release()

    # textures

    def upload(self) -> bool:
        """Upload a piece of the atlases; whether more is to come."""
        for atlas in self._atlases.values():
            if not atlas.complete:
                atlas.upload_piece()
                self._stale += atlas.complete
                return True
        return False

    def update(self, changes: Changes) -> None:
        """Upload the changed rectangles, level by level; the rest of the textures is not touched."""
        for material, levels in changes.rects.items():
            for level, rects in enumerate(levels):
                for rect in rects:
                    self._atlases[material].update(level, rect)
                    self._stale += 1

    def paint(self, overlay: Mapping[int, NDArray[np.uint8]], dirty: Mapping[int, Sequence[Rect]] | None) -> None:
        """Follow the region overlay, in some rectangles or (None) everywhere."""
        self._stale += 1
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

    # drawing

    def draw_body(
        self, camera: Camera, looks: Looks, size: tuple[int, int], ratio: float, in_motion: bool = False
    ) -> None:
        """Bring the kept picture up to date; costs nothing where nothing changed.

        size: pixels. ratio: pixels per point. in_motion: quickly where there is no graphics card.
        """
        smooth = not (in_motion and self._software)
        wanted = (camera, looks, size, ratio, theme.BACKDROP, self._stale, smooth)
        if wanted == self._drawn and self.kept is not None:
            return
        if self.kept is None or self.kept.size != size:
            if self.kept is not None:
                self.kept.release()
            self.kept = Kept(self.context, size)
        self._drawn = wanted
        target = self.kept.begin(smooth)
        target.use()
        target.clear(*theme.BACKDROP, 1.0, depth=1.0)
        self.context.enable_only(moderngl.DEPTH_TEST)
        self.context.depth_func = "<"
        self._set("camera", self.matrix(camera, size))
        self._set("axes", np.ascontiguousarray(camera.view.axes.T, np.float32))
        self._set("light", self._lights[looks.light])
        self._value("tint", _TINTS[looks.tint])
        self._value("wires", looks.wires)
        self._value("heat_range", self.heat_range)
        self._value("dot_px", ratio)
        for unit, name in enumerate(("albedo", "heat", "painted")):
            self._value(name, unit)
        self._heat.use(1)
        for material, (first, count) in self.ranges.items():
            self._atlases[material].texture.use(0)
            self._value("has_paint", material in self._painted)
            self._painted.get(material, self._nothing).use(2)
            self._body.render(moderngl.TRIANGLES, vertices=count, first=first)
        self.kept.end(smooth)

    def show(self, camera: Camera, marks: Sequence[Mark], ghost: Ghost | None) -> None:
        """The kept picture with marks into the bound framebuffer."""
        assert self.kept is not None
        self.context.disable(moderngl.DEPTH_TEST)
        self.context.disable(moderngl.BLEND)
        self._sheet.draw(self.kept, self.matrix(camera, self.kept.size), ghost)
        self.context.enable(moderngl.BLEND)
        # The picture stays opaque: what shines through it would be the window's own colour.
        over = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        self.context.blend_func = *over, moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        self.kept.depths.use(0)
        self._marks["depths"].value = 0
        for mark in marks:
            self._draw_mark(mark, self.kept.size)
        self.context.disable(moderngl.BLEND)

    def matrix(self, camera: Camera, size: tuple[int, int]) -> NDArray[np.float32]:
        """World → clip space of this body."""
        return camera.matrix(size[0] / max(size[1], 1), self.centre, self.radius)

    def _draw_mark(self, mark: Mark, size: tuple[int, int]) -> None:
        self._marks["tint"].value = mark.colour
        self._marks["half_px"].value = mark.width / 2 + 0.5
        self._marks["hidden"].value = mark.hidden
        strip = ribbon(mark.points, mark.width + 1.0, size)
        sides = np.tile(np.array([1, -1], np.float32), len(mark.points))[:, None]
        buffer = self.context.buffer(np.hstack([strip, sides]).astype(np.float32).tobytes())
        array = self.context.vertex_array(self._marks, [(buffer, "3f 1f", "place", "side")])
        array.render(moderngl.TRIANGLE_STRIP)
        array.release()
        buffer.release()

    def _set(self, name: str, values: NDArray[np.float32]) -> None:
        self.program[name].write(values.tobytes())

    def _value(self, name: str, value: object) -> None:
        self.program[name].value = value


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


def ribbon(points: NDArray[np.float32], width: float, size: tuple[int, int]) -> NDArray[np.float32]:
    """A line in clip space as a triangle strip `width` pixels wide, float32 [2 N, 3]."""
    scale = np.array(size, np.float32) / 2
    pixels = points[:, :2] * scale
    along = np.gradient(pixels, axis=0)
    if np.array_equal(points[0], points[-1]):
        along[0] = along[-1] = pixels[1] - pixels[-2]
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    side = np.column_stack([-along[:, 1], along[:, 0]]) / length * (width / 2)
    strip = np.repeat(points, 2, axis=0).astype(np.float32)
    strip[0::2, :2] += (side / scale).astype(np.float32)
    strip[1::2, :2] -= (side / scale).astype(np.float32)
    return strip
