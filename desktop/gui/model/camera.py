"""The camera that looks at the body: orbit, pan, zoom about a point. Values only; `View` does the projection."""

from dataclasses import dataclass, replace
from math import cos, radians, sin, tan
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.render import View

FIELD_DEG = 30.0
NEAREST_M = 0.02
_STEEPEST_DEG = 89.0
_MARGIN = 1.05

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Looks at `target` (metres) from `distance_m`; yaw 0 sees the body from the front, 180 from the back."""

    target: tuple[float, float, float]
    distance_m: float
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0

    @classmethod
    def framing(cls, points: Floats, yaw_deg: float, aspect: float) -> Self:
        """All of the points [N, 3] in a picture of this width / height."""
        low, high = points.min(0), points.max(0)
        width, height, depth = high - low
        across = abs(cos(radians(yaw_deg))) * width + abs(sin(radians(yaw_deg))) * depth
        spanned = _MARGIN * max(height, across / max(aspect, 0.1))
        return cls(_triple((low + high) / 2), spanned / (2 * tan(radians(FIELD_DEG / 2))), yaw_deg)

    @classmethod
    def facing(cls, point: ArrayLike, normal: ArrayLike, height_m: float) -> Self:
        """Looks at a point of the skin along its normal; `height_m` of it fill the picture's height."""
        x, y, z = _triple(normal)
        yaw, pitch = float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arcsin(np.clip(y, -1, 1))))
        distance = height_m / (2 * tan(radians(FIELD_DEG / 2)))
        return cls(_triple(point), distance, yaw, float(np.clip(pitch, -_STEEPEST_DEG, _STEEPEST_DEG)))

    @property
    def view(self) -> View:
        """The same camera as the engine's pictures know it."""
        yaw, pitch = radians(self.yaw_deg), radians(self.pitch_deg)
        toward = (sin(yaw) * cos(pitch), sin(pitch), cos(yaw) * cos(pitch))
        height = 2 * self.distance_m * tan(radians(FIELD_DEG / 2))
        return View(self.target, toward, height, self.distance_m, perspective=True)

    def orbited(self, yaw_deg: float, pitch_deg: float) -> Self:
        """Turned about the target."""
        pitch = float(np.clip(self.pitch_deg + pitch_deg, -_STEEPEST_DEG, _STEEPEST_DEG))
        return replace(self, yaw_deg=self.yaw_deg + yaw_deg, pitch_deg=pitch)

    def panned(self, right: float, up: float) -> Self:
        """Shifted by shares of the picture's height."""
        view = self.view
        shift = view.height_m * (right * view.axes[0] + up * view.axes[1])
        return replace(self, target=_triple(np.asarray(self.target) + shift))

    def zoomed(self, factor: float, about: ArrayLike | None = None) -> Self:
        """Nearer (factor < 1) or farther; the point `about` stays where it is in the picture."""
        factor = max(factor, NEAREST_M / self.distance_m)
        fixed = np.asarray(self.target if about is None else about, float)
        moved = fixed + (np.asarray(self.target) - fixed) * factor
        return replace(self, target=_triple(moved), distance_m=self.distance_m * factor)

    @property
    def eye(self) -> Floats:
        """Where it stands, metres."""
        return np.asarray(np.asarray(self.target) + self.distance_m * self.view.axes[2])

    def planes(self, centre: ArrayLike, radius: float) -> tuple[float, float]:
        """Near and far plane, metres, tight around a ball."""
        apart = float(np.linalg.norm(self.eye - np.asarray(centre)))
        return max(apart - radius, 0.1 * NEAREST_M), apart + radius

    def matrix(self, aspect: float, centre: ArrayLike, radius: float) -> NDArray[np.float32]:
        """World → clip space, float32 [4, 4] (row vectors transposed for GLSL), tight around a ball about the body."""
        view = self.view
        eye = self.eye
        near, far = self.planes(centre, radius)
        world = np.eye(4)
        world[:3, :3], world[:3, 3] = view.axes, -view.axes @ eye
        scale = 1 / tan(radians(FIELD_DEG / 2))
        lens = np.zeros((4, 4))
        lens[0, 0], lens[1, 1] = scale / aspect, scale
        lens[2, 2], lens[2, 3] = (far + near) / (near - far), 2 * far * near / (near - far)
        lens[3, 2] = -1
        return np.ascontiguousarray((lens @ world).T, np.float32)


def _triple(values: ArrayLike) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.asarray(values, float).reshape(3))
    return x, y, z
