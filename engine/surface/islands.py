"""UV islands, and the seams between them."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def label_islands(
    faces: NDArray[np.int32], corner_uvs: NDArray[np.float32], face_material: NDArray[np.int16]
) -> NDArray[np.int32]:
    """The UV island of each face: faces that share an edge on the body, its UVs and the material are one island.

    faces: int32 [F, 3], merged across seams. Returns int32 [F], counted from 0 in the order of the faces.
    """
    edges = _uv_edges(faces, corner_uvs, face_material)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.argsort(edges, kind="stable")
    same = edges[order[1:]] == edges[order[:-1]]
    a, b = owner[order[:-1][same]], owner[order[1:][same]]
    graph = coo_array((np.ones(len(a), bool), (a, b)), shape=(len(faces), len(faces)))
    _, labels = connected_components(graph, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int32)


def seam_length(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int32],
    corner_uvs: NDArray[np.float32],
    face_material: NDArray[np.int16],
) -> float:
    """Length, in the vertices' unit, of the edges where the texture is cut but the body goes on."""
    ends = np.sort(_edge_corners(faces), 1)
    uv_edges = _uv_edges(faces, corner_uvs, face_material)
    pairs = np.unique(np.column_stack([ends, uv_edges]), axis=0)
    edges, count = np.unique(pairs[:, :2], axis=0, return_counts=True)
    seams = edges[count > 1]
    return float(np.linalg.norm(vertices[seams[:, 0]] - vertices[seams[:, 1]], axis=1).sum())


def _uv_edges(
    faces: NDArray[np.int32], corner_uvs: NDArray[np.float32], face_material: NDArray[np.int16]
) -> NDArray[np.int64]:
    """One number per edge, int64 [3F], equal where two faces meet on the body and in the texture."""
    bits = np.ascontiguousarray(corner_uvs + np.float32(0.0), np.float32).view(np.int32).reshape(-1, 2)
    material = np.repeat(face_material.astype(np.int64), 3)
    corners = np.column_stack([faces.reshape(-1), bits, material])
    _, index = np.unique(corners, axis=0, return_inverse=True)
    ends = np.sort(_edge_corners(index.reshape(-1, 3)), 1).astype(np.int64)
    return ends[:, 0] * (int(ends.max(initial=0)) + 1) + ends[:, 1]


def _edge_corners(faces: NDArray[np.integer]) -> NDArray[np.integer]:
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
