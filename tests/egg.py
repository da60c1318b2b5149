"""An egg as tall as a body, whose every point and texture coordinate is known exactly."""

import numpy as np

from engine.lesion import Site
from engine.surface.surface import Surface

SKIN = (205, 160, 135, 255)
PIGMENT = (40, 120, 60, 255)
RADII = np.array([0.25, 0.85, 0.15])


def egg_surface(rings: int = 48, sectors: int = 64) -> Surface:
    """An egg as tall as a body, its UVs latitude by longitude with a seam at the back."""
    latitude = np.linspace(np.pi / 2, -np.pi / 2, rings + 1)
    longitude = np.linspace(-np.pi, np.pi, sectors + 1)[:-1]
    grid = np.stack(np.meshgrid(latitude, longitude, indexing="ij"), -1)
    x, y = np.cos(grid[..., 0]) * np.sin(grid[..., 1]), np.sin(grid[..., 0])
    z = np.cos(grid[..., 0]) * np.cos(grid[..., 1])
    vertices = np.stack([x, y, z], -1).reshape(-1, 3) * RADII + (0, 0.9, 0)
    faces, uvs = [], []
    for i in range(rings):
        for j in range(sectors):
            corner = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            for triangle in ((0, 1, 2), (0, 2, 3)):
                faces.append([corner[k][0] * sectors + corner[k][1] % sectors for k in triangle])
                uvs.append([(corner[k][1] / sectors, corner[k][0] / rings) for k in triangle])
    return Surface(vertices, np.array(faces, np.int32), np.array(uvs, np.float32), np.zeros(len(faces), np.int16))


def skin(size: int = 512) -> np.ndarray:
    return np.tile(np.array(SKIN, np.uint8), (size, size, 1))


def painted(surface: Surface, site: Site, radius_m: float, size: int = 1024) -> np.ndarray:
    """An atlas with a disc of pigment about the site."""
    atlas = skin(size)
    owners = surface.owners(0, size, size)
    centres = surface.vertices[surface.faces].mean(1)
    y, x = np.nonzero(np.linalg.norm(centres - surface.point(site), axis=1)[owners] < 0.2)
    uv = np.stack([(x + 0.5) / size, (y + 0.5) / size], -1)
    longitude, latitude = uv[:, 0] * 2 * np.pi - np.pi, np.pi / 2 - uv[:, 1] * np.pi
    points = np.stack(
        [np.cos(latitude) * np.sin(longitude), np.sin(latitude), np.cos(latitude) * np.cos(longitude)], -1
    )
    near = np.linalg.norm(points * RADII + (0, 0.9, 0) - surface.point(site), axis=1) < radius_m
    atlas[y[near], x[near]] = PIGMENT
    return atlas
