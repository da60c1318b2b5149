"""What the pointer does in both views, and how the views look."""

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QObject, Signal

BRUSH_MM = (0.5, 150.0)
_STEPS_MM = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150)


class Tool(Enum):
    """POINT chooses lesions and marks places; the others paint the region."""

    POINT = "point"
    BRUSH = "brush"
    ERASER = "eraser"
    LASSO = "lasso"
    POLYGON = "polygon"
    RECTANGLE = "rectangle"

    @property
    def brushes(self) -> bool:
        """Whether it paints by its own size."""
        return self in (Tool.BRUSH, Tool.ERASER)

    @property
    def outlines(self) -> bool:
        """Whether it fills an outline."""
        return self in (Tool.LASSO, Tool.POLYGON, Tool.RECTANGLE)


class Light(Enum):
    """HEAD shines from the eye and shows relief least; THREE_POINT is the studio's key, fill and dome."""

    THREE_POINT = "three-point"
    HEAD = "head"


class Tint(Enum):
    """What is laid over the skin's colours."""

    NONE = "none"
    ISLANDS = "islands"
    DENSITY = "density"


@dataclass(frozen=True)
class Looks:
    """wires: the mesh's edges; in the texture they appear when a triangle is large enough."""

    light: Light = Light.THREE_POINT
    tint: Tint = Tint.NONE
    wires: bool = False
    outlines: bool = True


class Tools(QObject):
    """The chosen tool with its size, and the looks of the views.

    tool_changed: tool or size. looks_changed: anything of `looks`.
    """

    tool_changed = Signal()
    looks_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tool = Tool.POINT
        self.brush_mm = 10.0
        self.looks = Looks()

    def choose(self, tool: Tool) -> None:
        """Take another tool."""
        if tool is not self.tool:
            self.tool = tool
            self.tool_changed.emit()

    def set_brush(self, diameter_mm: float) -> None:
        """The brush's diameter on the skin."""
        wanted = min(max(float(diameter_mm), BRUSH_MM[0]), BRUSH_MM[1])
        if wanted != self.brush_mm:
            self.brush_mm = wanted
            self.tool_changed.emit()

    def show(
        self,
        light: Light | None = None,
        tint: Tint | None = None,
        wires: bool | None = None,
        outlines: bool | None = None,
    ) -> None:
        """Change what is given of the looks."""
        now = self.looks
        looks = Looks(
            now.light if light is None else light,
            now.tint if tint is None else tint,
            now.wires if wires is None else wires,
            now.outlines if outlines is None else outlines,
        )
        if looks != self.looks:
            self.looks = looks
            self.looks_changed.emit()


def stepped(size_mm: float, larger: bool) -> float:
    """The next larger or smaller of the usual sizes."""
    if larger:
        return next((float(step) for step in _STEPS_MM if step > size_mm + 1e-6), size_mm)
    return next((float(step) for step in reversed(_STEPS_MM) if step < size_mm - 1e-6), size_mm)
