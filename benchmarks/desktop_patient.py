"""The patient of the window's benchmark: the parametric body with its longest edges split, for more triangles.

Each split halves an edge and the two triangles beside it, so the surface stays closed and keeps its shape.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.avatar import skin
from engine.avatar.body import Body, BodySpec, as_glb, shape
from engine.avatar.model import Skeleton


def refined_patient(spec: BodySpec, triangles: int) -> bytes:
    """A GLB of the patient with so many triangles, or one more."""
    spec = spec.completed()
    body = shape(spec)
    pixels = skin.paint(body, spec)
    while len(body.faces) < triangles:
        body = _split(body, (triangles - len(body.faces) + 1) // 2)
    return as_glb(body, pixels, spec)


def _split(body: Body, most: int) -> Body:
    """Split the longest edges within UV islands, each triangle once at most."""
    ends = np.sort(np.concatenate([body.faces[:, [0, 1]], body.faces[:, [1, 2]], body.faces[:, [2, 0]]]), axis=1)
    owner = np.tile(np.arange(len(body.faces)), 3)
    edges, number, count = np.unique(ends, axis=0, return_inverse=True, return_counts=True)
    by_edge = np.argsort(number, kind="stable")
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    length = np.linalg.norm(body.positions[edges[:, 0]] - body.positions[edges[:, 1]], axis=1)
    free, chosen = np.ones(len(body.faces), bool), []
    for edge in np.argsort(-length):
        beside = owner[by_edge[first[edge] : first[edge] + count[edge]]]
        if len(beside) == 2 and free[beside].all() and len(chosen) < most:
            free[beside] = False
            chosen.append((edge, *beside))
    return _halved(body, edges, np.array(chosen))


def _halved(body: Body, edges: NDArray[np.integer], chosen: NDArray[np.integer]) -> Body:
    """chosen: rows of an edge and its two triangles."""
    one, other = edges[chosen[:, 0]].T
    middles = np.arange(len(chosen)) + len(body.positions)
    faces, added = body.faces.copy(), []
    for (_, *beside), a, b, middle in zip(chosen, one, other, middles, strict=True):
        for face in beside:
            corners = body.faces[face]
            faces[face] = np.where(corners == a, middle, corners)
            added.append(np.where(corners == b, middle, corners))
    rigged = body.skeleton
    return replace(
        body,
        positions=_with_means(body.positions, one, other),
        normals=_with_means(body.normals, one, other, unit=True),
        uvs=_with_means(body.uvs, one, other),
        faces=np.vstack([faces, added]).astype(body.faces.dtype),
        skeleton=_longer(rigged, one),
    )


def _with_means(
    values: NDArray[np.floating], one: NDArray[np.integer], other: NDArray[np.integer], unit: bool = False
) -> NDArray[np.floating]:
    mean = (values[one] + values[other]) / 2
    if unit:
        mean = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return np.vstack([values, mean]).astype(values.dtype)


def _longer(skeleton: Skeleton, one: NDArray[np.integer]) -> Skeleton:
    """The new vertices move as one of their edge's ends."""
    return replace(
        skeleton,
        joints=np.vstack([skeleton.joints, skeleton.joints[one]]),
        weights=np.vstack([skeleton.weights, skeleton.weights[one]]),
    )
