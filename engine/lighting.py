"""A studio's light on a body: soft shadows without shadow rays per picture.

Precomputed radiance transfer (Sloan, Kautz & Snyder 2002): each vertex keeps how much light of every low frequency
reaches it past the rest of the body, so one pass of rays serves every camera and its lights. The irradiance of an
unshadowed normal is that of Ramamoorthi & Hanrahan 2001, eq. 12.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.surface.surface import Surface

Floats = NDArray[np.float64]

_SHADOW_RAYS = 1_500_000
_KEY, _FILL = np.array([-0.55, 0.55, 0.63]), np.array([0.70, 0.05, 0.71])
"""Where the softboxes stand, as the camera sees it: right, up, towards the eye."""


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors [N, 3] at length 1."""
    length = np.sqrt(np.einsum("nc,nc->n", vectors, vectors))
    unit: NDArray[np.float32] = vectors / np.maximum(length, np.float32(1e-9))[:, None]
    return unit


def _harmonics(directions: NDArray[np.floating]) -> NDArray[np.float32]:
    """Real spherical harmonics of degrees 0 to 2 at unit directions [N, 3]: float32 [N, 9]."""
    x, y, z = directions.astype(np.float32).T
    return np.stack(
        [
            np.full_like(x, 0.282095),
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3 * z * z - 1),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ],
        -1,
    )


_COSINE = np.array([np.pi] + [2 * np.pi / 3] * 3 + [np.pi / 4] * 5, np.float32)
"""The clamped cosine's weight at each harmonic (Ramamoorthi & Hanrahan 2001, eq. 8)."""


def unshadowed(normals: NDArray[np.floating]) -> NDArray[np.float32]:
    """How much of each harmonic reaches an open surface with these unit normals [N, 3]: float32 [N, 9]."""
    open_to_all: NDArray[np.float32] = _harmonics(normals) * _COSINE
    return open_to_all


def irradiance(normals: NDArray[np.floating], light: NDArray[np.float32]) -> NDArray[np.float32]:
    """What an open surface with these unit normals [N, 3] receives; 1 shows the albedo as it is."""
    received: NDArray[np.float32] = np.maximum(unshadowed(normals) @ light, 0.05)
    return received


def _sphere(count: int) -> Floats:
    """Directions spread evenly over the sphere (Fibonacci lattice): float64 [count, 3]."""
    z = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], -1)


def transfer(surface: "Surface") -> NDArray[np.float32]:
    """How much of each harmonic of the light reaches each vertex past the body: float32 [M, 9]."""
    normals = np.asarray(surface.vertex_normals, np.float32)
    count = int(np.clip(2 * _SHADOW_RAYS / max(len(normals), 1), 24, 192))
    directions = _sphere(count)
    basis = _harmonics(directions)
    result = np.zeros((len(normals), 9), np.float32)
    start = np.asarray(surface.vertices) + 1e-3 * normals
    for direction, harmonics in zip(directions, basis, strict=True):
        cosine = normals @ direction.astype(np.float32)
        ahead = np.flatnonzero(cosine > 0)
        free = ahead[~surface.hidden(start[ahead], np.broadcast_to(direction, (len(ahead), 3)))]
        result[free] += cosine[free, None] * harmonics
    return result * np.float32(4 * np.pi / count)


def lighting(axes: Floats) -> NDArray[np.float32]:
    """The studio's light as harmonics [9]: two wide softboxes and a dome, fixed to the camera.

    axes: the camera's right, up and towards the eye, one a row.
    """
    directions = _sphere(2048)
    seen = directions @ axes.T
    radiance = 0.55 + 0.20 * seen[:, 1] + 2.7 * np.maximum(seen @ _KEY, 0) ** 3 + 0.8 * np.maximum(seen @ _FILL, 0) ** 2
    light = (4 * np.pi / len(directions)) * (_harmonics(directions) * radiance[:, None]).sum(0)
    facing = float((unshadowed(axes[2:])[0] * light).sum())
    scaled: NDArray[np.float32] = (light * (1.04 / facing)).astype(np.float32)
    return scaled


def sheen(
    axes: Floats, normals: NDArray[np.float32], directions: Floats, lit: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The softboxes' reflection in the skin's oily film (Blinn-Phong with Schlick's Fresnel term)."""
    eye = -directions.astype(np.float32)
    total = np.zeros(len(normals), np.float32)
    for lamp, strength in ((_KEY, 1.0), (_FILL, 0.4)):
        half = unit(eye + (lamp @ axes).astype(np.float32))
        grazing = 1 - np.clip(np.einsum("nc,nc->n", half, eye), 0, 1)
        gloss = np.maximum(np.einsum("nc,nc->n", half, normals), 0) ** 2
        total += np.float32(strength) * (0.028 + 0.972 * grazing**5) * gloss**9
    reflected: NDArray[np.float32] = 1.1 * total * lit
    return reflected
