"""Surfaces whose geometry is known exactly: a sheet, a cylinder whose texture is cut, a sphere."""

import numpy as np

from engine.surface import Surface


def sheet(width=0.1, height=0.1, columns=10, rows=10, uv=(0.1, 0.1, 0.9, 0.9), jitter=0.0) -> Surface:
    """A flat rectangle in the plane z = 0 that looks along +Z; uv: left, top, right, bottom of its place in the map."""
    x, y, faces = _grid(columns, rows)
    if jitter:
        rng = np.random.default_rng(0)
        inner = (x > 0) & (x < 1) & (y > 0) & (y < 1)
        x = x + inner * rng.uniform(-jitter, jitter, x.shape) / columns
        y = y + inner * rng.uniform(-jitter, jitter, y.shape) / rows
    vertices = np.stack([(x - 0.5) * width, (y - 0.5) * height, np.zeros_like(x)], 1)
    uvs = np.stack([uv[0] + x * (uv[2] - uv[0]), uv[3] + y * (uv[1] - uv[3])], 1)
    return surface_of(vertices, faces, uvs)


def cylinder(radius=0.02, height=0.12, columns=256, rows=24, islands=2, gap=0.02) -> Surface:
    """An open cylinder about the y axis, its texture cut lengthwise into `islands` strips that lie `gap` apart.

    The first strip begins at angle 0, where +Z is, and goes towards +X.
    """
    x, y, faces = _grid(columns, rows)
    angle = 2 * np.pi * x
    vertices = np.stack([radius * np.sin(angle), (y - 0.5) * height, radius * np.cos(angle)], 1)
    column = np.minimum(x[faces].min(1) * islands + 1e-9, islands - 1e-9).astype(int)
    within = x[faces] * islands - column[:, None]
    strip = (1 - gap * (islands + 1)) / islands
    corner_uvs = np.stack([gap + column[:, None] * (strip + gap) + within * strip, 0.95 - 0.9 * y[faces]], -1)
    wrapped = np.arange(len(x))
    last = np.flatnonzero(x == 1.0)
    wrapped[last] = last - columns
    return Surface(
        vertices, wrapped[faces].astype(np.int32), corner_uvs.astype(np.float32), np.zeros(len(faces), np.int16)
    )


def sphere(radius=0.05, columns=96, rows=48) -> Surface:
    """A sphere, poles on the y axis, texture cut along one meridian; poles have zero-area faces as such files do."""
    x, y, faces = _grid(columns, rows)
    polar, around = np.pi * (1 - y), 2 * np.pi * x
    vertices = radius * np.stack(
        [np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], 1
    ).round(12)
    _, merged = np.unique(vertices.round(9), axis=0, return_inverse=True)
    first = np.unique(merged, return_index=True)[1]
    corner_uvs = np.stack([0.02 + 0.96 * x, 0.98 - 0.96 * y], 1)[faces]
    return Surface(
        vertices[first],
        merged.reshape(-1)[faces].astype(np.int32),
        corner_uvs.astype(np.float32),
        np.zeros(len(faces), np.int16),
    )


def surface_of(vertices, faces, uvs, material=None) -> Surface:
    """A surface with one UV per vertex."""
    material = np.zeros(len(faces), np.int16) if material is None else np.asarray(material, np.int16)
    return Surface(
        np.asarray(vertices, float), np.asarray(faces, np.int32), np.asarray(uvs, np.float32)[faces], material
    )


def disc(size: int, width_mm: float, diameter_mm: float) -> np.ndarray:
    """An antialiased disc in the middle of a patch, float32 [size, size]."""
    y, x = (np.indices((size, size)) + 0.5 - size / 2) * width_mm / size
    pixel = width_mm / size
    return np.clip((diameter_mm / 2 - np.hypot(x, y)) / pixel + 0.5, 0, 1).astype(np.float32)


def _grid(columns, rows):
    """Places in the unit square, y upwards, and counter-clockwise triangles."""
    x, y = np.meshgrid(np.arange(columns + 1) / columns, np.arange(rows + 1) / rows)
    index = np.arange(x.size).reshape(x.shape)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    return x.ravel(), y.ravel(), np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
