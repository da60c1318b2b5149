"""The marks as the body's camera sees them: hidden where the body stands before them."""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage

from desktop.gui.model.ring import Ring
from desktop.gui.views import strokes
from desktop.gui.views.body_picture import Shot
from desktop.gui.views.marks import QUARTER, Marks, runs
from desktop.gui.views.strokes import Mark, Stain, Stroke
from engine.lesion import Site
from engine.render import visible
from engine.surface import Surface

if TYPE_CHECKING:
    from desktop.gui.views.body import BodyView

_LIFT_M = 4e-4
"""Marks float this far above the skin, so that they don't sink into it."""
_GHOST = 0.28
_GHOST_PIXELS = 60_000
"""The ghost is worked out for so many places at most, and enlarged."""


class BodyMarks(Marks):
    """Marks of the view of the body."""

    def __init__(self, view: BodyView) -> None:
        super().__init__(view)
        self.view = view

    def ring_marks(self, outline: Ring, colour: str, alpha: float = 1.0) -> list[Mark]:
        """See `Marks`."""
        if self.view.shot is None:
            return []
        places, shown = self._seen(outline.points + _LIFT_M * outline.normals)
        return [Stroke(strokes.line(piece), colour, alpha) for piece in runs(places, shown)]

    def place_of(self, site: Site) -> QPointF | None:
        """See `Marks`."""
        if self._surface is None or self.view.camera is None:
            return None
        point, eye = self._surface.point(site), self.view.camera.eye
        toward = (eye - point) / np.linalg.norm(eye - point)
        if self._surface.normal(site) @ toward <= 0:
            return None
        places, shown = self._seen((point + 1e-3 * toward)[None])
        return QPointF(*places[0]) if shown[0] else None

    def points_per_mm(self, site: Site) -> float:
        """See `Marks`."""
        if self._surface is None or self.view.camera is None:
            return 0.0
        camera = self.view.camera
        away = float((camera.eye - self._surface.point(site)) @ camera.view.axes[2])
        return self.view.height() * camera.distance_m / (camera.view.height_m * max(away, 1e-6)) / 1000

    def handle_places(self, site: Site, outline: Ring) -> dict[str, tuple[QPointF, QPointF]]:
        """See `Marks`; none behind the body."""
        surface, view = self._surface, self.view
        if surface is None or view.camera is None:
            return {}
        point = surface.point(site)
        if not visible(surface, view.camera.view, point)[0]:
            return {}
        centre, right, up = (view.position_of(tuple(p)) for p in (point, outline.points[QUARTER], outline.points[0]))
        return {"size": (centre, right), "turn": (centre, up)}

    def ghost(self, outline: Ring, site: Site, diameter_mm: float, colour: str) -> list[Mark]:
        """See `Marks`: skin within a ball about the site, as the picture's depths tell it."""
        shot, surface = self.view.shot, self._surface
        found = None if shot is None or surface is None else ball(shot, surface.point(site), diameter_mm / 2000)
        if shot is None or found is None:
            return []
        (left, top, right, bottom), covered = found
        shade, pixels = QColor(colour), np.zeros((*covered.shape, 4), np.float32)
        pixels[..., 3] = _GHOST * covered
        pixels[..., :3] = np.array([shade.redF(), shade.greenF(), shade.blueF()]) * pixels[..., 3:]
        image = _image(np.rint(255 * pixels).astype(np.uint8))
        across, down = self.view.width() / shot.depths.shape[1], self.view.height() / shot.depths.shape[0]
        place = QRectF(left * across, top * down, (right - left) * across, (bottom - top) * down)
        return [Stain(image, place), *self.ring_marks(outline, colour, 0.8)]

    @property
    def _surface(self) -> Surface | None:
        document = self.session.document
        return None if document is None or self.view.shot is None else document.patient.surface

    def _seen(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Where points [N, 3] are seen in the view, [N, 2], and which of them nothing hides, bool [N]."""
        shot = self.view.shot
        assert shot is not None
        clip = projected(shot.matrix, points)
        share = clip[:, :2] * (0.5, -0.5) + 0.5
        rows, columns = shot.depths.shape
        x, y = np.floor(share[:, 0] * columns).astype(int), np.floor(share[:, 1] * rows).astype(int)
        inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        farthest = np.zeros(len(points))
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                near = shot.depths[np.clip(y + dy, 0, rows - 1), np.clip(x + dx, 0, columns - 1)]
                farthest = np.maximum(farthest, near)
        shown = inside & (clip[:, 2] * 0.5 + 0.5 <= farthest + 1e-6)
        return share * (self.view.width(), self.view.height()), shown


def projected(matrix: NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [N, 3] in metres as they lie in clip space, [N, 3]."""
    placed = np.column_stack([points, np.ones(len(points))]) @ matrix.astype(np.float64)
    w = np.where(np.abs(placed[:, 3:]) < 1e-6, 1e-6, placed[:, 3:])
    return np.asarray(placed[:, :3] / w)


def ball(
    shot: Shot, centre: NDArray[np.float64], radius_m: float
) -> tuple[tuple[int, int, int, int], NDArray[np.float32]] | None:
    """What of the picture lies within a ball: its box in pixels, and how far each place of it is covered, 0 to 1.

    A large box is told by fewer places than it has pixels. None beside the picture.
    """
    height, width = shot.depths.shape
    camera = shot.pose.camera
    away = float((camera.eye - centre) @ camera.view.axes[2])
    middle = projected(shot.matrix, centre[None])[0]
    per_metre = height * camera.distance_m / (camera.view.height_m * max(away - radius_m, 1e-3))
    reach = 1.1 * radius_m * per_metre + 2
    x, y = (middle[0] * 0.5 + 0.5) * width, (0.5 - middle[1] * 0.5) * height
    left, right = (int(np.clip(edge, 0, width)) for edge in (x - reach, x + reach + 1))
    top, bottom = (int(np.clip(edge, 0, height)) for edge in (y - reach, y + reach + 1))
    if left >= right or top >= bottom or away <= 0:
        return None
    step = ceil(sqrt((right - left) * (bottom - top) / _GHOST_PIXELS))
    rows, columns = np.arange(top, bottom, step), np.arange(left, right, step)
    depths = shot.depths[top:bottom:step, left:right:step].astype(np.float64)
    back = np.linalg.inv(shot.matrix.astype(np.float64))
    across = ((columns + 0.5) / width * 2 - 1)[:, None] * back[0]
    down = (1 - (rows + 0.5) / height * 2)[:, None] * back[1]
    world = across[None] + down[:, None] + (depths * 2 - 1)[..., None] * back[2] + back[3]
    distance = np.linalg.norm(world[..., :3] / world[..., 3:] - centre, axis=-1)
    feather = max(0.7 * step / per_metre, 1e-6)
    covered = np.clip((radius_m + feather - distance) / (2 * feather), 0, 1)
    covered[depths >= 1] = 0
    return (left, top, left + step * len(columns), top + step * len(rows)), covered.astype(np.float32)


def _image(pixels: NDArray[np.uint8]) -> QImage:
    """Premultiplied pixels [H, W, 4] as an image of its own."""
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888_Premultiplied).copy()
