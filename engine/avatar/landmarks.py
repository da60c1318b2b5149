"""Where things are in MakeHuman's UV layout, which stays the same whatever the body's shape.

Coordinates are glTF's: origin top-left. The body and both hands, feet and eyes are mirror images in the atlas.
"""

import numpy as np
from numpy.typing import NDArray

FACES = 27036
VERTICES = 14677
EYE_FACES = 280
"""The eyeballs are the mesh's last triangles, in four UV islands: front and back of each."""

BODY_MIRROR = 0.7611
"""u of a point on the body's island and of its mirror image sum to this; so do v on the head's, to HEAD_MIRROR."""
HEAD_MIRROR = 1.0337
HAND_MIRROR = 1.1244
FOOT_MIRROR = 0.3894

EYE_CORNER = (0.70, 0.131)
"""The eyes' islands lie right of and above this point, and nothing else does."""
MOUTH_INSIDE = ((0.766, 0.861, 0.926, 0.990), (0.755, 0.900, 0.926, 0.990))
"""Two boxes, between which the tips of the left hand's fingers lie."""
SOCKETS = ((0.009, 0.385, 0.1525, 0.455), (0.009, 0.365, 0.143, 0.386))
"""Two boxes; the body's island begins just right of the upper one."""
RIGHT_EAR = (0.8465, 0.3765, 0.0175, 0.0135)
"""Centre and half axes of an ellipse."""

LIPS = (0.9092, 0.5168, 0.0098, 0.0186)
RIGHT_NIPPLE = (0.3260, 0.3030)
RIGHT_FINGERNAILS = (
    (0.4080, 0.9180, 0.0027, 0.0027),
    (0.4138, 0.9537, 0.0036, 0.0036),
    (0.4455, 0.9840, 0.0032, 0.0037),
    (0.5008, 0.9818, 0.0030, 0.0038),
    (0.5370, 0.9428, 0.0038, 0.0038),
)
RIGHT_TOENAILS = (
    (0.0262, 0.9425, 0.0022, 0.0022),
    (0.0355, 0.9628, 0.0023, 0.0023),
    (0.0540, 0.9788, 0.0026, 0.0026),
    (0.0768, 0.9875, 0.0026, 0.0026),
    (0.1090, 0.9800, 0.0044, 0.0042),
)

UV = NDArray[np.floating]


def is_base_mesh(faces: NDArray[np.int32], uvs: NDArray[np.float32]) -> bool:
    """Whether this is the base mesh as `body.create` writes it."""
    if len(faces) != FACES or len(uvs) != VERTICES:
        return False
    eyes = uvs[faces[-EYE_FACES:]].reshape(-1, 2)
    return bool((eyes[:, 0] > EYE_CORNER[0]).all() and (eyes[:, 1] < EYE_CORNER[1]).all())


def inner_faces(faces: NDArray[np.int32], uvs: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Faces [F] that are no skin: the eyeballs, and the insides of the eye sockets and the mouth."""
    centres = uvs[faces].mean(1)
    inner = inside_mouth(centres) | in_socket(centres)
    inner[-EYE_FACES:] = True
    return inner


def ear_faces(faces: NDArray[np.int32], uvs: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Faces [F] of both ears."""
    centres = uvs[faces].mean(1)
    mirrored = centres * (1, -1) + (0, HEAD_MIRROR)
    return (ellipse(centres, RIGHT_EAR) < 1) | (ellipse(mirrored, RIGHT_EAR) < 1)


def inside_mouth(points: UV) -> NDArray[np.bool_]:
    """Which points [..., 2] lie on the island of the mouth's inside."""
    return within(points, MOUTH_INSIDE[0]) | within(points, MOUTH_INSIDE[1])


def in_socket(points: UV) -> NDArray[np.bool_]:
    """Which points [..., 2] lie on the islands of the eye sockets' insides."""
    return within(points, SOCKETS[0]) | within(points, SOCKETS[1])


def within(points: UV, box: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """Which points [..., 2] lie in the box (left, top, right, bottom)."""
    left, top, right, bottom = box
    u, v = points[..., 0], points[..., 1]
    return np.asarray((u > left) & (u < right) & (v > top) & (v < bottom))


def ellipse(points: UV, shape: tuple[float, float, float, float]) -> NDArray[np.floating]:
    """Distance of points [..., 2] from the centre in half axes: below 1 inside."""
    u, v, a, b = shape
    return np.asarray(np.hypot((points[..., 0] - u) / a, (points[..., 1] - v) / b))
