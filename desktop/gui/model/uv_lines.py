"""Lines of the texture: borders of UV islands, the mesh's edges, and the lesions' outlines in texels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.gui.model.document import Document
from desktop.gui.model.ring import ring, strokes
from engine.lesion import LesionLayer
from engine.surface import Surface

Segments = NDArray[np.float32]
"""float32 [N, 2, 2]: both ends' UV, origin top left."""


class UvLines:
    """One material's edges, sorted out once. borders: where islands end. wires: every edge once."""

    def __init__(self, surface: Surface, material: int) -> None:
        uvs = surface.corner_uvs[surface.face_material == material]
        ends = np.concatenate([uvs[:, [0, 1]], uvs[:, [1, 2]], uvs[:, [2, 0]]])
        turned = (ends[:, 0, 0] > ends[:, 1, 0]) | ((ends[:, 0, 0] == ends[:, 1, 0]) & (ends[:, 0, 1] > ends[:, 1, 1]))
        ends[turned] = ends[turned][:, ::-1]
        rows = np.ascontiguousarray(ends.reshape(-1, 4) + np.float32(0.0)).view(np.dtype((np.void, 16))).reshape(-1)
        _, first, count = np.unique(rows, return_index=True, return_counts=True)
        self.wires: Segments = ends[first]
        self.borders: Segments = ends[first[count == 1]]


def within(segments: Segments, low: tuple[float, float], high: tuple[float, float]) -> Segments:
    """The segments whose boxes meet a rectangle."""
    inside = (segments.max(1) >= low).all(1) & (segments.min(1) <= high).all(1)
    return np.asarray(segments[inside])


def lesion_outlines(document: Document, layer: LesionLayer, material: int) -> list[NDArray[np.float64]]:
    """Closed outlines of the texels that show a lesion, UV [K, 2] each; the corners of texels, not their centres."""
    surface, number = document.patient.surface, document.number_of(layer)
    index = document.patient.canvas.index.get(material)
    if index is None or not number:
        return []
    height, width = index.shape[:2]
    found = []
    around = ring(surface, layer.spec.site, 1.3 * layer.spec.diameter_mm)
    for stroke in _windows(strokes(around, document.island_material, material), (width, height)):
        left, top, right, bottom = stroke
        own = (index[top:bottom, left:right] == number).astype(np.uint8)
        if not own.any():
            continue
        # At twice the size contours run along the texels' edges.
        doubled = cv2.copyMakeBorder(cv2.resize(own, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST), *4 * (1,), 0)
        contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            texels = (contour.reshape(-1, 2) - 1 + 0.5) / 2 + (left, top)
            found.append(texels / (width, height))
    return found


def _windows(pieces: list[NDArray[np.float64]], size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Boxes in texels around strokes; those that overlap become one, so that no outline is found twice."""
    boxes: list[tuple[int, int, int, int]] = []
    for piece in pieces:
        low = np.clip(np.floor(piece.min(0) * size) - 2, 0, size).astype(int)
        high = np.clip(np.ceil(piece.max(0) * size) + 2, 0, size).astype(int)
        box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        while hit := next((b for b in boxes if _overlap(b, box)), None):
            boxes.remove(hit)
            box = (min(hit[0], box[0]), min(hit[1], box[1]), max(hit[2], box[2]), max(hit[3], box[3]))
        boxes.append(box)
    return boxes


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
