"""Atlases on the graphics card, uploaded piece by piece so that no frame waits for a large one."""

from collections.abc import Iterator, Sequence

import moderngl
import numpy as np
import shiboken6
from numpy.typing import NDArray
from PySide6.QtGui import QOpenGLContext, QOpenGLFunctions

from engine.atlas import Rect

_TEXTURE_2D = 0x0DE1
_RGBA, _UNSIGNED_BYTE, _SRGB8_ALPHA8 = 0x1908, 0x1401, 0x8C43
AT_ONCE = 2048
"""Textures up to this side are made in one go."""
PIECE_BYTES = 4 << 20


class AtlasTexture:
    """One pyramid's texture. Every method needs its context to be current. levels: uint8 [H, W, 4], not copied.

    A small one is made at once. For a large one a coarse stand-in is shown while memory is taken and filled, one step
    a frame.
    """

    def __init__(self, context: moderngl.Context, levels: Sequence[NDArray[np.uint8]]) -> None:
        self._context, self._levels = context, levels
        first = next(n for n, level in enumerate(levels) if max(level.shape[:2]) <= AT_ONCE)
        self._stand_in = _Mipmapped(context, levels[first:])
        for _ in self._stand_in.steps():
            pass
        self._offset = first
        self._whole = _Mipmapped(context, levels) if first else None
        self._rest = self._whole.steps() if self._whole is not None else iter(())

    @property
    def texture(self) -> moderngl.Texture:
        """What to draw with now."""
        shown = self._whole if self.complete and self._whole is not None else self._stand_in
        assert shown.texture is not None
        return shown.texture

    @property
    def complete(self) -> bool:
        """Whether the finest level is on the card."""
        return self._whole is None or self._whole.finest == 0

    def upload_piece(self) -> None:
        """Take memory or upload a few megabytes, where that is still to be done."""
        next(self._rest, None)
        if self.complete and self._stand_in.texture is not None and self._whole is not None:
            self._stand_in.release()

    def update(self, level: int, rect: Rect) -> None:
        """Upload a changed rectangle of a level. Levels that are not there yet come whole later."""
        if self._whole is not None:
            self._whole.update(level, rect)
        if self._stand_in.texture is not None and level >= self._offset:
            self._stand_in.update(level - self._offset, rect)

    def release(self) -> None:
        """Give the memory back."""
        self._rest = iter(())
        for made in (self._stand_in, self._whole):
            if made is not None:
                made.release()


class _Mipmapped:
    """A texture with all its levels, made step by step. finest: the finest level that holds its pixels."""

    def __init__(self, context: moderngl.Context, levels: Sequence[NDArray[np.uint8]]) -> None:
        self._context, self._levels = context, levels
        self.texture: moderngl.Texture | None = None
        self.finest = len(levels)

    def steps(self) -> Iterator[None]:
        """Each next() takes a few milliseconds on a card, some tens in software."""
        height, width = self._levels[0].shape[:2]
        self.texture = self._context.texture((width, height), 4, internal_format=_SRGB8_ALPHA8)
        self.texture.filter = moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR
        self.texture.repeat_x = self.texture.repeat_y = False
        if "llvmpipe" not in self._context.info["GL_RENDERER"]:
            self.texture.anisotropy = min(8.0, self._context.max_anisotropy)
        yield
        yield from self._allocated()
        for level in range(len(self._levels) - 1, -1, -1):
            pixels = self._levels[level]
            rows = max(PIECE_BYTES // (4 * pixels.shape[1]), 1)
            for top in range(0, len(pixels), rows):
                self._write(level, Rect(0, top, pixels.shape[1], min(rows, len(pixels) - top)))
                if pixels.shape[1] > AT_ONCE:
                    yield
            self.finest = level

    def _allocated(self) -> Iterator[None]:
        """Memory for the levels. moderngl makes levels only by filtering, a quarter of a second for 4096² in software.
        So it filters a single texel, and the levels get their sizes afterwards."""
        last = len(self._levels) - 1
        if last == 0:
            return
        self._sized(0, 1, 1)
        assert self.texture is not None
        self.texture.build_mipmaps(0, last)
        for level, pixels in enumerate(self._levels):
            self._sized(level, pixels.shape[1], pixels.shape[0])
            if pixels.shape[1] > AT_ONCE:
                yield

    def _sized(self, level: int, width: int, height: int) -> None:
        assert self.texture is not None
        calls = _functions()
        calls.glBindTexture(_TEXTURE_2D, self.texture.glo)
        nothing = shiboken6.VoidPtr(0)
        what = (_TEXTURE_2D, level, _SRGB8_ALPHA8, width, height, 0, _RGBA, _UNSIGNED_BYTE)
        calls.glTexImage2D(*what, nothing)  # type: ignore[arg-type]  # the stub wants a number where Qt takes a pointer

    def update(self, level: int, rect: Rect) -> None:
        if self.texture is not None and level >= self.finest - 1:
            self._write(level, rect)

    def _write(self, level: int, rect: Rect) -> None:
        assert self.texture is not None
        piece = np.ascontiguousarray(self._levels[level][rect.slices])
        self.texture.write(piece, viewport=(rect.x, rect.y, rect.width, rect.height), level=level, alignment=1)

    def release(self) -> None:
        if self.texture is not None:
            self.texture.release()
            self.texture = None


def _functions() -> QOpenGLFunctions:
    """Qt's table of OpenGL calls for what moderngl lacks."""
    current = QOpenGLContext.currentContext()
    assert current is not None
    return current.functions()
