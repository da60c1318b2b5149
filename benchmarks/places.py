"""Six places on a body that together have all that is hard about surfaces: flat, seam, bump, fold, tip, arch."""

import numpy as np
from numpy.typing import NDArray

from engine.lesion import Site
from engine.surface import Surface, site_of

NAMES = ("back", "spine seam", "nose", "ear", "fingertip", "sole")


def places(surface: Surface) -> dict[str, Site]:
    """The sites of NAMES on a standing body in a T or A pose that looks along +Z."""
    points = surface.vertices
    bottom, top = points[:, 1].min(), points[:, 1].max()
    height = top - bottom
    head = points[:, 1] > bottom + 0.88 * height
    middle = head & (np.abs(points[:, 0]) < 0.008)
    nose = points[middle][points[middle][:, 2].argmax()]
    ear = points[head][points[head][:, 0].argmax()]
    finger = points[points[:, 0].argmax()]
    foot = points[(points[:, 1] < bottom + 0.02 * height) & (points[:, 0] > 0)].mean(0)
    back = np.array([0.06, bottom + 0.74 * height, -0.5])
    return {
        "back": _seen(surface, back, (0, 0, 1)),
        "spine seam": _on_seam(surface, bottom + 0.72 * height),
        "nose": _seen(surface, nose + np.array([0, 0, 0.1]), (0, 0, -1)),
        "ear": _seen(surface, ear + np.array([0.1, 0, 0]), (-1, 0, 0)),
        "fingertip": _nearest(surface, finger - (0.003, 0, 0), (0, -1, 0)),
        "sole": _seen(surface, np.array([foot[0], bottom - 0.1, foot[2]]), (0, 1, 0)),
    }


def _seen(surface: Surface, origin: NDArray[np.float64], direction: tuple[float, float, float]) -> Site:
    """Where a ray meets the body; beside the ray where it slips through by a hair."""
    for shift in (0.0, 2e-4, -2e-4, 1e-3, -1e-3):
        start = origin + shift * np.array([1.0, 0.7, 0.3])
        faces, barycentric, _ = surface.cast(start[None], np.array([direction], float))
        if faces[0] >= 0:
            return site_of(int(faces[0]), barycentric[0])
    raise ValueError(f"no skin is met from {origin} along {direction}")


def _on_seam(surface: Surface, level: float) -> Site:
    """A point 1 mm beside the UV seam of the back's midline."""
    faces, barycentric, _ = surface.cast(np.array([[0.001, level, -0.5]]), np.array([[0.0, 0.0, 1.0]]))
    return site_of(int(faces[0]), barycentric[0])


def _nearest(surface: Surface, point: NDArray[np.float64], facing: tuple[float, float, float]) -> Site:
    """The middle of the face nearest to a point, among those that look a given way."""
    distance = np.linalg.norm(surface.face_spheres[0] - point, axis=1)
    distance[surface.face_normals @ np.asarray(facing, float) < 0.6] = np.inf
    return Site(int(distance.argmin()), (0.36, 0.33, 0.31))
