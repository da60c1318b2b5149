"""The body's picture, kept with its depths, so that marks can move over it without drawing the body anew."""

import moderngl
import numpy as np

from desktop.gui.views import shaders

SAMPLES = 4
_TRIANGLE = np.array([-1, -1, 3, -1, -1, 3], np.float32)


class Kept:
    """A multisampled target to draw into, and its resolved colours and depths. size: pixels."""

    def __init__(self, context: moderngl.Context, size: tuple[int, int]) -> None:
        self.size = size
        self._context = context
        samples = min(SAMPLES, context.max_samples)
        self.target = context.framebuffer(
            [context.renderbuffer(size, 4, samples=samples)], context.depth_renderbuffer(size, samples=samples)
        )
        self.colours, self.depths = context.texture(size, 4), context.depth_texture(size)
        self.colours.filter = self.depths.filter = moderngl.NEAREST, moderngl.NEAREST
        self.depths.compare_func = ""
        self.depths.repeat_x = self.depths.repeat_y = False
        self._flat = context.framebuffer([self.colours], self.depths)

    def begin(self, smooth: bool) -> moderngl.Framebuffer:
        """What to draw into. smooth: with several samples a pixel, which takes software four times as long."""
        return self.target if smooth else self._flat

    def end(self, smooth: bool) -> None:
        """Make what was drawn readable."""
        if smooth:
            self._context.copy_framebuffer(self._flat, self.target)

    def release(self) -> None:
        """Give the memory back."""
        for attached in (*self.target.color_attachments, self.target.depth_attachment):
            attached.release()
        for owned in (self.target, self._flat, self.colours, self.depths):
            owned.release()


class Sheet:
    """Lays a kept picture into the bound framebuffer, with a disc of true size on the skin."""

    def __init__(self, context: moderngl.Context) -> None:
        self._program = context.program(shaders.SHEET_VERTEX, shaders.SHEET_FRAGMENT)
        self._buffer = context.buffer(_TRIANGLE.tobytes())
        self._array = context.vertex_array(self._program, [(self._buffer, "2f", "place")])
        self._program["kept"].value, self._program["depths"].value = 0, 1

    def draw(self, kept: Kept, matrix: np.ndarray, ghost: "Ghost | None") -> None:
        """matrix: the camera's, as it was when the picture was drawn."""
        kept.colours.use(0)
        kept.depths.use(1)
        back = np.linalg.inv(matrix.astype(np.float64)).astype(np.float32)
        self._program["back"].write(np.ascontiguousarray(back).tobytes())
        self._program["ghost"].value = (0.0, 0.0, 0.0, 0.0) if ghost is None else (*ghost.centre, ghost.radius_m)
        self._program["ghost_colour"].value = (0.0, 0.0, 0.0, 0.0) if ghost is None else ghost.colour
        self._program["feather"].value = 1e-6 if ghost is None else ghost.feather_m
        self._array.render(moderngl.TRIANGLES)

    def release(self) -> None:
        """Give the memory back."""
        for owned in (self._array, self._buffer, self._program):
            owned.release()


class Ghost:
    """A disc on the skin: what a click would mark or paint. colour: sRGB and alpha."""

    def __init__(
        self, centre: np.ndarray, radius_m: float, colour: tuple[float, float, float, float], feather_m: float
    ) -> None:
        self.centre = (float(centre[0]), float(centre[1]), float(centre[2]))
        self.radius_m, self.colour, self.feather_m = radius_m, colour, max(feather_m, 1e-6)
