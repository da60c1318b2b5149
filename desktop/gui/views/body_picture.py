"""The body's picture: kept while nothing changes, drawn anew only where texels did, quickly first where software draws.

Software takes about a third of the time for a picture with one sample a pixel. So it shows that at once, and the smooth
one when the body has come to rest, drawn band by band so that the window goes on meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from desktop.gui.model.document import Changes, Document
from desktop.gui.model.mesh import Box
from desktop.gui.views.body_scene import BodyScene, Pose, joined
from desktop.gui.views.kept import Kept
from desktop.gui.views.offscreen import Offscreen
from engine.atlas import Rect

QUICK_PIXELS = 360_000
"""What a quick picture has at most."""
_BAND_PIXELS = 80_000
_AT_ONCE_PIXELS = 80_000
"""Where less has changed, software draws it smoothly at once."""
_MOST_RECTS = 40


@dataclass
class Shot:
    """A picture as it is shown. colours: uint8 [H, W, 4], blue first. depths: float32 [H, W], 0 near to 1 far.

    matrix: world → clip space (points as rows). smooth: not a quick one.
    """

    pose: Pose
    colours: NDArray[np.uint8]
    depths: NDArray[np.float32]
    matrix: NDArray[np.float32]
    smooth: bool

    @property
    def image(self) -> QImage:
        """The colours, not copied."""
        height, width = self.depths.shape
        return QImage(self.colours.data, width, height, 4 * width, QImage.Format.Format_RGB32)

    def take(self, box: Box, colours: NDArray[np.uint8], depths: NDArray[np.float32]) -> None:
        """Lay a piece into its place."""
        place = slice(box[1], box[3]), slice(box[0], box[2])
        self.colours[place] = cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGBA2BGRA)
        self.depths[place] = depths


class BodyPicture:
    """One document's picture. scene: what draws it; see `Offscreen` for its context."""

    def __init__(self, offscreen: Offscreen, document: Document) -> None:
        self._offscreen = offscreen
        self._sizes = {m: (p.levels[0].shape[1], p.levels[0].shape[0]) for m, p in document.pyramids.items()}
        with offscreen:
            self.scene = BodyScene(offscreen.context, document)
        self.shot: Shot | None = None
        self._fine: Kept | None = None
        self._quick: Kept | None = None
        self._pose: Pose | None = None
        self._bands: list[Box] = []

    def release(self) -> None:
        """Give the graphics memory back."""
        with self._offscreen:
            for kept in (self._fine, self._quick):
                if kept is not None:
                    kept.release()
            self.scene.release()

    # what changes it

    def upload(self) -> bool:
        """Bring a piece of the textures onto the card; whether the picture is another by it."""
        with self._offscreen:
            finer = self.scene.upload()
        if finer:
            self.renew()
        return finer

    def renew(self) -> None:
        """All of it is drawn anew with the next drawing."""
        self._pose = None

    def follow(self, changes: Changes) -> list[Box]:
        """Take over texels that changed; where they are seen, in pixels."""
        with self._offscreen:
            self.scene.update(changes)
        return self._spoil({material: levels[0] for material, levels in changes.rects.items() if levels[0]})

    def paint(self, overlay: Mapping[int, NDArray[np.uint8]], dirty: Mapping[int, Sequence[Rect]] | None) -> list[Box]:
        """Follow the region overlay; where it is seen, in pixels."""
        with self._offscreen:
            self.scene.paint(overlay, dirty)
        return self._spoil(None if dirty is None else {material: list(rects) for material, rects in dirty.items()})

    def _spoil(self, changed: Mapping[int, Sequence[Rect]] | None) -> list[Box]:
        if self._pose is None or self.shot is None:
            return []
        many = changed is None or sum(len(rects) for rects in changed.values()) > _MOST_RECTS
        boxes = [self._pose.whole] if many else self.scene.boxes_of(self._pose, changed or {}, self._sizes)
        if not boxes:
            return []
        pixels = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
        if self.shot.smooth and (pixels <= _AT_ONCE_PIXELS or not self._offscreen.in_software):
            self._bands = joined([*self._bands, *boxes])
            return boxes
        whole, self._pose = self._pose.whole, None  # all of it quickly, then smoothly
        return [whole]

    # drawing

    def draw(self, pose: Pose, quickly: bool) -> Shot:
        """The picture of a pose. quickly: with one sample a pixel, where the whole has to be drawn."""
        if pose != self._pose:
            self._pose, self.shot = pose, None
            self._bands = _bands(pose) if quickly else [pose.whole]
            if quickly:
                return self._drawn_quickly(pose)
        if self.shot is None or self.shot.smooth or not quickly:
            while self._bands:
                self.sharpen()
        assert self.shot is not None
        return self.shot

    @property
    def sharpens(self) -> bool:
        """Whether a quick picture is shown, and bands of the smooth one are still to be drawn."""
        return self._pose is not None and self.shot is not None and not self.shot.smooth

    def sharpen(self) -> None:
        """Draw the next band of the smooth picture; with the last one it is shown."""
        pose = self._pose
        if pose is None or not self._bands:
            return
        with self._offscreen:
            if self._fine is None or self._fine.size != pose.size:
                self._fine = self._remade(self._fine, pose.size)
            if self.shot is not None and self.shot.smooth:
                for box in self._bands:
                    self.scene.draw(pose, self._fine, box)
                for box in self._bands:
                    self.shot.take(box, *self._fine.read(box))
                self._bands = []
                return
            self.scene.draw(pose, self._fine, self._bands.pop(0))
            self.scene.context.finish()
            if not self._bands:
                self.shot = self._taken(pose, self._fine, smooth=True)

    def kept(self, pose: Pose) -> Kept:
        """The smooth picture of a pose on the card, for whoever asks what is seen where."""
        self.draw(pose, quickly=False)
        assert self._fine is not None
        return self._fine

    def _drawn_quickly(self, pose: Pose) -> Shot:
        share = min(sqrt(QUICK_PIXELS / (pose.size[0] * pose.size[1])), 1.0)
        size = max(round(share * pose.size[0]), 1), max(round(share * pose.size[1]), 1)
        with self._offscreen:
            if self._quick is None or self._quick.size != size:
                self._quick = self._remade(self._quick, size, samples=0)
            self.scene.draw(pose, self._quick, (0, 0, *size))
            self.shot = self._taken(pose, self._quick, smooth=False)
        return self.shot

    def _remade(self, former: Kept | None, size: tuple[int, int], **how: int) -> Kept:
        if former is not None:
            former.release()
        return Kept(self.scene.context, size, **how)

    def _taken(self, pose: Pose, kept: Kept, smooth: bool) -> Shot:
        width, height = kept.size
        shot = Shot(
            pose,
            np.empty((height, width, 4), np.uint8),
            np.empty((height, width), np.float32),
            self.scene.matrix(pose),
            smooth,
        )
        shot.take((0, 0, width, height), *kept.read((0, 0, width, height)))
        return shot


def _bands(pose: Pose) -> list[Box]:
    width, height = pose.size
    count = max(ceil(width * height / _BAND_PIXELS), 1)
    edges = np.linspace(0, height, count + 1).astype(int)
    return [(0, int(top), width, int(bottom)) for top, bottom in pairwise(edges) if bottom > top]
