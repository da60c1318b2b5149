"""What the body is drawn into: colours and depths that stay, so that a part of them can be drawn anew."""

import moderngl
import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.mesh import Box

SAMPLES = 4


def uniform(program: moderngl.Program, name: str) -> moderngl.Uniform:
    """A value that a program takes, by its name."""
    found = program[name]
    assert isinstance(found, moderngl.Uniform), name
    return found


class Kept:
    """Colours and depths of `size` pixels; with `samples`, a target of several samples a pixel is resolved into them.

    samples: what is asked for; 0 for one a pixel, which takes software a third of the time.
    """

    def __init__(self, context: moderngl.Context, size: tuple[int, int], samples: int = SAMPLES) -> None:
        self.size = size
        self._context = context
        self.colours, self.depths = context.texture(size, 4), context.depth_texture(size)
        self.depths.filter = moderngl.NEAREST, moderngl.NEAREST
        self.depths.compare_func = ""
        self.depths.repeat_x = self.depths.repeat_y = False
        self._flat = context.framebuffer([self.colours], self.depths)
        self._fine: moderngl.Framebuffer | None = None
        samples = min(samples, context.max_samples)
        if samples:
            self._fine = context.framebuffer(
                [context.renderbuffer(size, 4, samples=samples)], context.depth_renderbuffer(size, samples=samples)
            )

    def begin(self, box: Box) -> moderngl.Framebuffer:
        """What to draw into, within a box of pixels, rows from the top."""
        target = self._fine or self._flat
        target.scissor = self._rect(box)
        target.use()
        return target

    def read(self, box: Box) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Colours [H, W, 4] and depths [H, W] (0 near, 1 far) in a box, rows from the top."""
        if self._fine is not None:
            self._flat.scissor = None  # type: ignore[assignment]  # moderngl takes None for the whole
            self._flat.use()  # else the box in which was drawn last would bound what is copied
            self._context.copy_framebuffer(self._flat, self._fine)
        there, shape = self._rect(box), (box[3] - box[1], box[2] - box[0])
        colours = np.frombuffer(self._flat.read(there, components=4, alignment=1), np.uint8)
        depths = self._flat.read(there, components=1, attachment=-1, dtype="f4", alignment=1)
        return colours.reshape(*shape, 4)[::-1], np.frombuffer(depths, np.float32).reshape(shape)[::-1]

    def release(self) -> None:
        """Give the memory back."""
        if self._fine is not None:
            for owned in (*self._fine.color_attachments, self._fine.depth_attachment, self._fine):
                owned.release()
        for owned in (self._flat, self.colours, self.depths):
            owned.release()

    def _rect(self, box: Box) -> tuple[int, int, int, int]:
        left, top, right, bottom = box
        return left, self.size[1] - bottom, right - left, bottom - top
