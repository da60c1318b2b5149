"""What skin lies inside an outline on the picture of the body, texel by texel.

The mesh is drawn in UV space; each texel looks itself up in the outline and in the picture's depths, so that hidden
skin stays out and nothing between the pixels is missed.
"""

from collections.abc import Sequence
from math import radians, tan

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.camera import FIELD_DEG
from desktop.gui.views import shaders
from desktop.gui.views.body_scene import BodyScene, Pose
from desktop.gui.views.kept import Kept, uniform
from engine.atlas import Rect
from engine.surface import Surface
from engine.surface.painting import Piece, SkinGrid


def texels_inside(
    scene: BodyScene, kept: Kept, pose: Pose, surface: Surface, grid: SkinGrid, outline: Sequence[tuple[float, float]]
) -> list[Piece]:
    """Visible skin inside a closed outline, in pixels from the picture's top left.

    Needs the scene's context to be current. kept: the picture of this pose, up to date.
    """
    if len(outline) < 3:
        return []
    polygon = np.asarray(outline, np.float64)
    faces = _candidates(surface, scene.matrix(pose), kept.size, polygon)
    context = scene.context
    program = context.program(shaders.SELECT_VERTEX, shaders.SELECT_FRAGMENT)
    inside = context.texture(kept.size, 1, _filled(polygon, kept.size).tobytes(), alignment=1)
    inside.filter = moderngl.NEAREST, moderngl.NEAREST
    inside.use(0)
    kept.depths.use(1)
    uniform(program, "outline").value, uniform(program, "depths").value = 0, 1
    uniform(program, "camera").write(scene.matrix(pose).tobytes())
    uniform(program, "eye").value = tuple(float(x) for x in pose.camera.eye)
    uniform(program, "planes").value = pose.camera.planes(scene.centre, scene.radius)
    uniform(program, "size").value = tuple(float(x) for x in kept.size)
    uniform(program, "pixel").value = 2 * tan(radians(FIELD_DEG / 2)) / kept.size[1]
    found: list[Piece] = []
    context.disable(moderngl.DEPTH_TEST)
    context.disable(moderngl.BLEND)
    for material in sorted({part.material for part in scene.mesh.parts} & set(grid.sizes)):
        own = faces[surface.face_material[faces] == material]
        if len(own):
            found += _drawn(scene, program, surface, grid, material, own)
    inside.release()
    program.release()
    return found


def _drawn(
    scene: BodyScene,
    program: moderngl.Program,
    surface: Surface,
    grid: SkinGrid,
    material: int,
    faces: NDArray[np.intp],
) -> list[Piece]:
    context, (width, height) = scene.context, grid.sizes[material]
    uvs = surface.corner_uvs[faces].reshape(-1, 2) * (width, height)
    low = np.clip(np.floor(uvs.min(0)), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(uvs.max(0)), 1, (width, height)).astype(int)
    rect = Rect(int(low[0]), int(low[1]), int(max(high[0] - low[0], 1)), int(max(high[1] - low[1], 1)))
    corners = (3 * scene.place_of[faces][:, None] + np.arange(3)).astype(np.int32)
    index = context.buffer(corners.tobytes())
    layout = [(scene.buffer, "3f 3f 2f 12x", "position", "normal", "uv")]
    array = context.vertex_array(program, layout, index_buffer=index, index_element_size=4)
    target = context.framebuffer([context.renderbuffer((width, height), 1)])
    target.use()
    target.clear()
    array.render(moderngl.TRIANGLES)
    read = target.read((rect.x, rect.y, rect.width, rect.height), components=1, alignment=1)
    for owned in (*target.color_attachments, target, array, index):
        owned.release()
    chosen = np.frombuffer(read, np.uint8).reshape(rect.height, rect.width) > 127
    chosen &= grid.owners(material)[rect.slices] >= 0
    return [Piece(material, rect, chosen)] if chosen.any() else []


def _candidates(
    surface: Surface, matrix: NDArray[np.float32], size: tuple[int, int], polygon: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Faces whose corners' box on the picture meets the outline's."""
    placed = np.column_stack([surface.vertices, np.ones(len(surface.vertices))]) @ matrix
    depth = np.where(np.abs(placed[:, 3:]) < 1e-9, 1e-9, placed[:, 3:])
    pixels = (placed[:, :2] / depth * (0.5, -0.5) + 0.5) * size
    corners = pixels[surface.faces]
    ahead = (placed[:, 3] > 0)[surface.faces].any(1)
    meets = (corners.min(1) <= polygon.max(0)).all(1) & (corners.max(1) >= polygon.min(0)).all(1)
    return np.flatnonzero(meets & ahead)


def _filled(polygon: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The outline's inside as 0 and 255, uint8 [H, W], rows from the bottom as OpenGL counts them."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(mask, [np.rint((polygon - 0.5) * 16).astype(np.int32)], 255, shift=4)
    return np.ascontiguousarray(mask[::-1])
