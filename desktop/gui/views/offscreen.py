"""OpenGL beside the window: the body is drawn off screen and laid into the window as a picture.

A widget of OpenGL's own would have the whole window composed by OpenGL, which takes software some 45 ms for whatever
changes anywhere in it.
"""

from types import TracebackType

import moderngl
from PySide6.QtGui import QOffscreenSurface, QOpenGLContext, QSurfaceFormat

_SOFTWARE = ("llvmpipe", "softpipe", "SWR", "SwiftShader", "Software Renderer", "Basic Render")
"""Parts of the names by which OpenGL calls its software: Mesa's and Google's, Apple's, Microsoft's."""


class Offscreen:
    """A context of its own, current within `with`. OSError, with the reason, where there is no OpenGL 3.3."""

    def __init__(self) -> None:
        wanted = QSurfaceFormat()
        wanted.setVersion(3, 3)
        wanted.setProfile(QSurfaceFormat.OpenGLContextProfile.CoreProfile)
        self._qt = QOpenGLContext()
        self._qt.setFormat(wanted)
        if not self._qt.create():
            raise OSError("no context could be made")
        self._surface = QOffscreenSurface()
        self._surface.setFormat(self._qt.format())
        self._surface.create()
        self._depth = 0
        with self:
            try:
                self.context = moderngl.create_context(require=330)
            except Exception as error:  # moderngl raises what its backend raises
                raise OSError(str(error)) from error

    @property
    def in_software(self) -> bool:
        """Whether the processor draws."""
        return any(name in self.context.info["GL_RENDERER"] for name in _SOFTWARE)

    @property
    def usable(self) -> bool:
        """Whether the context can still be made current; a driver that was reset takes contexts away."""
        if not self._depth:
            if not self._qt.makeCurrent(self._surface):
                return False
            self._qt.doneCurrent()
        return True

    def __enter__(self) -> "Offscreen":
        if not self._depth and not self._qt.makeCurrent(self._surface):
            raise OSError("its context can't be used")
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self._qt.doneCurrent()
