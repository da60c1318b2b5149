"""The neighbourhood of a site as a small mesh of its own: cropped by distance, other sheets left out, evenly fine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_FACES = 60_000
"""A neighbourhood is not subdivided beyond this."""


@dataclass(frozen=True)
class LocalMesh:
    """A piece of a surface, subdivided without changing its shape.

    vertices: float64 [n, 3], metres. faces: int32 [m, 3] into vertices.
    parent: int32 [m], the surface's face that each face is a part of.
    corners: float64 [m, 3 (corner), 3], barycentric coordinates of each face's corners in its parent.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    parent: NDArray[np.int32]
    corners: NDArray[np.float64]

    def select(self, keep: NDArray[np.bool_]) -> "LocalMesh":
        """The faces where `keep` [m], without the vertices that only others use."""
        used, faces = np.unique(self.faces[keep], return_inverse=True)
        return LocalMesh(
            self.vertices[used], faces.reshape(-1, 3).astype(np.int32), self.parent[keep], self.corners[keep]
        )


def cut_out(vertices: NDArray[np.float64], faces: NDArray[np.int32], chosen: NDArray[np.integer]) -> LocalMesh:
    """The faces `chosen` of a surface as a mesh of its own; of faces over the same three vertices the first stays,
    and faces without three different vertices go."""
    triples = np.sort(faces[chosen], 1)
    _, first = np.unique(triples, axis=0, return_index=True)
    triples = triples[first]
    distinct = (triples[:, 0] != triples[:, 1]) & (triples[:, 1] != triples[:, 2])
    parent = np.sort(chosen[first[distinct]])
    used, local = np.unique(faces[parent], return_inverse=True)
    corners = np.broadcast_to(np.eye(3), (len(parent), 3, 3))
    return LocalMesh(vertices[used], local.reshape(-1, 3).astype(np.int32), parent.astype(np.int32), corners)


def subdivide(mesh: LocalMesh, longest: float, centre: NDArray[np.float64], radius: float) -> LocalMesh:
    """Halve edges until none is longer than `longest` (metres) or the mesh has MOST_FACES faces.

    Neighbours split a shared edge alike, so no cracks appear; new vertices lie on the old faces. Faces that don't come
    within `radius` metres of `centre` [3] are left out on the way.
    """
    while True:
        mesh = mesh.select(_comes_near(mesh, centre, radius))
        ends = np.sort(mesh.faces[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2), 1)
        key = ends[:, 0].astype(np.int64) * len(mesh.vertices) + ends[:, 1]
        _, first, edge = np.unique(key, return_index=True, return_inverse=True)
        ends = ends[first]
        split = np.linalg.norm(mesh.vertices[ends[:, 0]] - mesh.vertices[ends[:, 1]], axis=1) > longest
        if not split.any() or len(mesh.faces) > MOST_FACES:
            return mesh
        middle = np.full(len(ends), -1)
        middle[split] = len(mesh.vertices) + np.arange(split.sum())
        added = mesh.vertices[ends[split]].mean(1)
        mesh = _split(mesh, np.concatenate([mesh.vertices, added]), middle[edge].reshape(-1, 3))


def _comes_near(mesh: LocalMesh, centre: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    corners = mesh.vertices[mesh.faces]
    middles = corners.mean(1)
    extent = np.linalg.norm(corners - middles[:, None], axis=2).max(1)
    return np.asarray(np.linalg.norm(middles - centre, axis=1) <= radius + extent)


def _split(mesh: LocalMesh, vertices: NDArray[np.float64], middle: NDArray[np.int64]) -> LocalMesh:
    """Replace faces by their parts. middle [m, 3]: the vertex that halves the edge opposite of each corner, or -1."""
    count = (middle >= 0).sum(1)
    parts = [(mesh.faces[count == 0], np.flatnonzero(count == 0), mesh.corners[count == 0])]
    for number, pattern in _PATTERNS.items():
        rows = np.flatnonzero(count == number)
        # Turn each face so that the pattern fits: its lone split (1), lone whole edge (2) is opposite of corner 0.
        lone = np.argmax((middle[rows] >= 0) == (number == 1), axis=1) if number < 3 else np.zeros(len(rows), int)
        turn = (lone[:, None] + np.arange(3)) % 3
        ids = np.concatenate(
            [np.take_along_axis(mesh.faces[rows], turn, 1), np.take_along_axis(middle[rows], turn, 1)], 1
        )
        corner = np.take_along_axis(mesh.corners[rows], turn[..., None], 1)
        halves = (corner[:, [1, 2, 0]] + corner[:, [2, 0, 1]]) / 2
        six = np.concatenate([corner, halves], 1)
        for triangle in pattern:
            parts.append((ids[:, triangle], rows, six[:, triangle]))
    rows = np.concatenate([part[1] for part in parts])
    return LocalMesh(
        vertices,
        np.concatenate([part[0] for part in parts]).astype(np.int32),
        mesh.parent[rows],
        np.concatenate([part[2] for part in parts]),
    )


# Corners 0-2; 3-5 halve the edges opposite of corners 0-2.
_PATTERNS = {
    1: ([0, 1, 3], [0, 3, 2]),
    2: ([0, 5, 4], [5, 1, 4], [1, 2, 4]),
    3: ([0, 5, 4], [5, 1, 3], [4, 3, 2], [5, 3, 4]),
}
