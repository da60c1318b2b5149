"""The body on the graphics card: mesh, textures, marks. Lit by the engine's studio light, which stands with the camera.

Irradiance is that of `engine.lighting` (Ramamoorthi & Hanrahan 2001), evaluated per pixel in the camera's frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.camera import Camera
from desktop.gui.model.document import Changes, Document
from engine.lighting import lighting, unshadowed

_SRGB8_ALPHA8 = 0x8C43

_VERTEX = """
#version 330
uniform mat4 camera;
in vec3 position; in vec3 normal; in vec2 uv; in float openness;
out vec3 n; out vec2 t; out float o;
void main() { gl_Position = camera * vec4(position, 1.0); n = normal; t = uv; o = openness; }
"""

_FRAGMENT = """
#version 330
uniform sampler2D albedo; uniform mat3 axes; uniform float light[9];
in vec3 n; in vec2 t; in float o;
out vec4 colour;
void main() {
    vec3 d = axes * normalize(n);
    float b[9] = float[9](0.282095, 0.488603 * d.y, 0.488603 * d.z, 0.488603 * d.x, 1.092548 * d.x * d.y,
        1.092548 * d.y * d.z, 0.315392 * (3.0 * d.z * d.z - 1.0), 1.092548 * d.x * d.z,
        0.546274 * (d.x * d.x - d.y * d.y));
    float received = 0.0;
    for (int i = 0; i < 9; i++) received += b[i] * light[i];
    vec3 skin = texture(albedo, t).rgb;
    vec3 linear = skin * max(received, 0.05) * (o + 0.7 * (1.0 - o) * skin);
    vec3 low = linear * 12.92, high = 1.055 * pow(max(linear, vec3(1e-6)), vec3(1.0 / 2.4)) - 0.055;
    colour = vec4(mix(high, low, lessThan(linear, vec3(0.0031308))), 1.0);
}
"""

_MARK_VERTEX = "#version 330\nin vec3 place; void main() { gl_Position = vec4(place, 1.0); }"
_MARK_FRAGMENT = "#version 330\nuniform vec4 tint; out vec4 colour; void main() { colour = tint; }"


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
        surface = document.patient.surface
        order = np.argsort(surface.face_material, kind="stable")
        corners = surface.faces[order].reshape(-1)
        vertices = np.column_stack(
            [
                surface.vertices[corners],
                surface.vertex_normals[corners],
                surface.corner_uvs[order].reshape(-1, 2),
                document.openness[corners],
            ]
        ).astype(np.float32)
        body = surface.vertices[np.unique(surface.faces)]
        self.centre = (body.min(0) + body.max(0)) / 2
        self.radius = float(np.linalg.norm(body - self.centre, axis=1).max()) * 1.01
        self._program = context.program(_VERTEX, _FRAGMENT)
        self._marks = context.program(_MARK_VERTEX, _MARK_FRAGMENT)
        self._buffer = context.buffer(vertices.tobytes())
        layout = [(self._buffer, "3f 3f 2f 1f", "position", "normal", "uv", "openness")]
        self._body = context.vertex_array(self._program, layout)
        counts = np.bincount(surface.face_material, minlength=len(document.patient.avatar.materials))
        starts = np.concatenate([[0], np.cumsum(counts)])
        self._ranges = {m: (3 * int(starts[m]), 3 * int(counts[m])) for m in range(len(counts)) if counts[m]}
        self._document = document
        shared = {id(pyramid): self._texture(pyramid.levels) for pyramid in document.pyramids.values()}
        self.textures = {material: shared[id(pyramid)] for material, pyramid in document.pyramids.items()}
        self._light = self._lamp()

    def release(self) -> None:
        """Give the graphics memory back."""
        for texture in {id(t): t for t in self.textures.values()}.values():
            texture.release()
        for owned in (self._body, self._buffer, self._program, self._marks):
            owned.release()

    def update(self, changes: Changes) -> None:
        """Upload the changed rectangles, level by level; the rest of the textures is not touched."""
        for material, levels in changes.rects.items():
            pyramid, texture = self._document.pyramids[material], self.textures[material]
            for level, rects in enumerate(levels):
                for rect in rects:
                    piece = np.ascontiguousarray(pyramid.levels[level][rect.slices])
                    viewport = (rect.x, rect.y, rect.width, rect.height)
                    texture.write(piece, viewport=viewport, level=level, alignment=1)

    def draw(self, camera: Camera, aspect: float, marks: Sequence[Mark], size: tuple[int, int]) -> None:
        """The body and the marks into the bound framebuffer. size: in pixels."""
        self.context.enable_only(moderngl.DEPTH_TEST)
        self._program["camera"].write(camera.matrix(aspect, self.centre, self.radius).tobytes())
        self._program["axes"].write(np.ascontiguousarray(camera.view.axes.T, np.float32).tobytes())
        self._program["light"].write(self._light.tobytes())
        for material, (first, count) in self._ranges.items():
            self.textures[material].use(0)
            self._body.render(moderngl.TRIANGLES, vertices=count, first=first)
        self.context.enable(moderngl.BLEND)
        self.context.depth_func = "<="  # a line lies exactly on its dark border
        self.context.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        for mark in marks:
            self._draw_mark(mark, size)
        self.context.disable(moderngl.BLEND)
        self.context.depth_func = "<"

    def _draw_mark(self, mark: Mark, size: tuple[int, int]) -> None:
        if mark.hidden:
            self.context.disable(moderngl.DEPTH_TEST)
        else:
            self.context.enable(moderngl.DEPTH_TEST)
        self._marks["tint"].value = mark.colour
        strip = ribbon(mark.points, mark.width, size)
        buffer = self.context.buffer(strip.tobytes())
        array = self.context.vertex_array(self._marks, [(buffer, "3f", "place")])
        array.render(moderngl.TRIANGLE_STRIP)
        array.release()
        buffer.release()

    def _texture(self, levels: Sequence[NDArray[np.uint8]]) -> moderngl.Texture:
        height, width = levels[0].shape[:2]
        texture = self.context.texture((width, height), 4, internal_format=_SRGB8_ALPHA8)
        texture.build_mipmaps(0, len(levels) - 1)
        for level, pixels in enumerate(levels):
            texture.write(np.ascontiguousarray(pixels), level=level, alignment=1)
        texture.filter = moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR
        texture.repeat_x = texture.repeat_y = False
        if "llvmpipe" not in self.context.info["GL_RENDERER"]:
            texture.anisotropy = min(8.0, self.context.max_anisotropy)
        return texture

    def _lamp(self) -> NDArray[np.float32]:
        """The studio's light times the cosine's weights, for a normal in the camera's frame."""
        north = np.array([[0.0, 0.0, 1.0]])
        basis = np.array([0.282095, 0, 0.488603, 0, 0, 0, 0.315392 * 2, 0, 0])
        weights = np.divide(unshadowed(north)[0], basis, out=np.zeros(9), where=basis > 0)
        by_degree = [weights[0]] + [weights[2]] * 3 + [weights[6]] * 5
        return (np.array(by_degree) * lighting(np.eye(3))).astype(np.float32)


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
