"""What is finer than the mesh, painted texel by texel: lips, brows, nails, areolae, the eyes and the inner linings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.avatar import landmarks
from engine.avatar.grain import smooth
from engine.avatar.tone import BASE_LAB, head_frame

if TYPE_CHECKING:
    from engine.avatar.body import Body, BodySpec

Texels = NDArray[np.float32]

_IRIS = {
    "I": (46.0, -4.0, -12.0),
    "II": (44.0, -3.0, 4.0),
    "III": (33.0, 9.0, 20.0),
    "IV": (24.0, 9.0, 15.0),
    "V": (18.0, 8.0, 10.0),
    "VI": (15.0, 6.0, 7.0),
}
_HAIR = {
    "I": (38.0, 7.0, 14.0),
    "II": (28.0, 4.0, 8.0),
    "III": (19.0, 3.0, 4.0),
    "IV": (14.0, 2.0, 2.0),
    "V": (12.0, 1.0, 1.0),
    "VI": (11.0, 1.0, 1.0),
}
_LINING = np.array([38.0, 34.0, 18.0], np.float32)


@dataclass(frozen=True)
class Features:
    """What `paint` needs of a body; lengths in metres."""

    darkness: float
    iris: Texels
    hair: Texels
    face_centre: Texels
    face_unit: float
    nipples: tuple[Texels, ...]
    areola: float
    eyes: tuple[Texels, ...]
    eye_radius: float
    grey: float
    scale: float

    @classmethod
    def of(cls, body: "Body", spec: "BodySpec") -> "Features":
        """Measure the body's landmarks."""
        centre, unit = head_frame(body)
        u, v = landmarks.RIGHT_NIPPLE
        nipples = [
            body.positions[np.linalg.norm(body.uvs - np.array([x, v]), axis=1).argmin()]
            for x in (u, landmarks.BODY_MIRROR - u)
        ]
        eyeballs = np.unique(body.faces[-landmarks.EYE_FACES :])
        points = body.positions[eyeballs]
        sides = [points[points[:, 0] > 0], points[points[:, 0] < 0]]
        middles = [(side.min(0) + side.max(0)) / 2 for side in sides]
        hair = np.array(_HAIR[spec.phototype], np.float32)
        grey = float(smooth(np.array(spec.age), 38.0, 75.0))
        grown = 1.45 if spec.sex == "female" and spec.age >= 14 else 1.0 if spec.age >= 14 else 0.75
        return cls(
            darkness=(74.0 - BASE_LAB[spec.phototype][0]) / 41.0,
            iris=np.array(_IRIS[spec.phototype], np.float32),
            hair=hair + grey * (np.array([58.0, 0.0, 2.0], np.float32) - hair),
            face_centre=centre,
            face_unit=unit,
            nipples=tuple(nipples),
            areola=0.0115 * grown * body.height_m / 1.75,
            eyes=tuple(middles),
            eye_radius=float(np.ptp(sides[0][:, 1]) / 2),
            grey=grey,
            scale=body.height_m / 1.75,
        )


def paint(lab: Texels, points: Texels, uv: Texels, fine: Texels, features: Features) -> None:
    """Change lab [N, 3] in place. points: [N, 3] metres; uv: [N, 2]; fine: [N], noise of about unit variance."""
    _areolae(lab, points, fine, features)
    _nails(lab, uv)
    head = uv[:, 0] > 0.62
    if head.any():
        _lips(lab, uv, fine, features)
        _brows(lab, points, head, fine, features)
        _lids(lab, points, head, features)
    lining = landmarks.inside_mouth(uv) | landmarks.in_socket(uv)
    lab[lining] = _LINING + 0.8 * fine[lining, None]
    eye = (uv[:, 0] > landmarks.EYE_CORNER[0]) & (uv[:, 1] < landmarks.EYE_CORNER[1])
    if eye.any():
        lab[eye] = _eyes(points[eye], fine[eye], features)


def blend(lab: Texels, colour: Texels, amount: Texels) -> None:
    """Move lab [N, 3] towards a colour, in place."""
    lab += amount[:, None] * (colour - lab)


def _areolae(lab: Texels, points: Texels, fine: Texels, f: Features) -> None:
    shift = np.array([-7.5 - 1.0 * f.darkness, 7.5 - 6.0 * f.darkness, 1.5 - 2.5 * f.darkness], np.float32)
    for nipple in f.nipples:
        near = np.flatnonzero((np.abs(points - nipple) < 2 * f.areola).all(1))
        distance = np.linalg.norm(points[near] - nipple, axis=1) * (1 + 0.04 * fine[near])
        amount = smooth(distance, 1.12 * f.areola, 0.80 * f.areola) + 0.5 * smooth(
            distance, 0.42 * f.areola, 0.25 * f.areola
        )
        lab[near] += amount[:, None] * shift


def _nails(lab: Texels, uv: Texels) -> None:
    plate = np.array([3.0, 3.0, -2.0], np.float32)
    for nails, mirror in (
        (landmarks.RIGHT_FINGERNAILS, landmarks.HAND_MIRROR),
        (landmarks.RIGHT_TOENAILS, landmarks.FOOT_MIRROR),
    ):
        near = np.flatnonzero(uv[:, 1] > 0.9)
        for u, v, a, b in nails:
            for x in (u, mirror - u):
                here = near[(np.abs(uv[near, 0] - x) < 1.1 * a) & (np.abs(uv[near, 1] - v) < 1.1 * b)]
                inside = smooth(landmarks.ellipse(uv[here], (x, v, a, b)), 1.05, 0.85)
                lighter = 0.2 * np.maximum(60.0 - lab[here, :1], 0) * np.array([1.0, 0.0, 0.0])
                lab[here] += inside[:, None] * (plate + lighter)


def _lips(lab: Texels, uv: Texels, fine: Texels, f: Features) -> None:
    near = np.flatnonzero(landmarks.ellipse(uv, landmarks.LIPS) < 1.4)
    if not near.size:
        return
    u, v, a, b = landmarks.LIPS
    across = (uv[near, 1] - v) / b
    # Cupid's bow: the upper border dips in the middle.
    dip = 0.16 * np.exp(-((across / 0.16) ** 2)) * (uv[near, 0] < u)
    inside = smooth(landmarks.ellipse(uv[near], landmarks.LIPS) + dip + 0.012 * fine[near], 1.03, 0.86)
    shift = np.array([-9.0 + 2.0 * f.darkness, 12.5 - 8.5 * f.darkness, -0.5 - 1.5 * f.darkness], np.float32)
    lab[near] += inside[:, None] * (shift + 0.5 * fine[near, None])
    gap = smooth(np.abs(uv[near, 0] - u) / a, 0.22, 0.05) * inside
    lab[near] += gap[:, None] * np.array([-7.0, 2.0, 0.0], np.float32)


def _brows(lab: Texels, points: Texels, head: NDArray[np.bool_], fine: Texels, f: Features) -> None:
    local = (points - f.face_centre) / f.face_unit
    near = np.flatnonzero(head & (np.abs(local[:, 1] - 0.32) < 0.25) & (local[:, 2] > -0.6))
    x, y = np.abs(local[near, 0]), local[near, 1]
    along = (x - 0.17) / 0.68
    arch = 0.27 + 0.13 * np.sin(np.clip(along, 0, 1) * 2.2) - 0.07 * np.clip(along, 0, 1) ** 2
    half = 0.062 * (1 - 0.55 * np.clip(along, 0, 1))
    strand = 0.5 + 0.5 * np.sin(260 * x + 150 * (y - arch) + 1.3 * fine[near])
    inside = smooth(np.abs(y - arch) / half, 1.25, 0.45) * smooth(along, -0.02, 0.12) * smooth(along, 1.02, 0.75)
    amount = inside * np.clip(0.50 + 0.22 * strand + 0.10 * fine[near], 0.0, 0.9)
    painted = lab[near]
    blend(painted, f.hair, np.asarray(amount, np.float32))
    lab[near] = painted


def _lids(lab: Texels, points: Texels, head: NDArray[np.bool_], f: Features) -> None:
    """Shadowed, redder skin around the eyes, and the dark line of the lashes along the lid's edge."""
    for eye in f.eyes:
        near = np.flatnonzero(head & (np.abs(points - eye) < 3 * f.eye_radius).all(1))
        offset = (points[near] - eye) / f.eye_radius
        across = np.hypot(offset[:, 0] / 1.35, offset[:, 1] - 0.0)
        around = np.exp(-((across / 1.0) ** 2))
        lab[near] += around[:, None] * np.array([-3.2, 2.2, -1.0], np.float32)
        edge = smooth(np.linalg.norm(offset, axis=1), 1.13, 1.03)
        painted = lab[near]
        blend(painted, np.array([20.0, 6.0, 5.0], np.float32), np.asarray(0.75 * edge, np.float32))
        lab[near] = painted


def _eyes(points: Texels, fine: Texels, f: Features) -> Texels:
    """Sclera with fine vessels, iris with fibres and a dark rim, pupil."""
    left = points[:, 0] > 0
    offset = (points - np.where(left[:, None], f.eyes[0], f.eyes[1])) / f.eye_radius
    away = np.hypot(offset[:, 0], offset[:, 1])
    away = np.where(offset[:, 2] > 0, away, 2.0)
    angle = np.arctan2(offset[:, 1], offset[:, 0])
    lab = np.tile(np.array([79.0 - 7.0 * f.darkness, 1.5, 5.0 + 3.0 * f.darkness], np.float32), (len(points), 1))
    rim = smooth(away, 0.45, 0.95)
    lab += rim[:, None] * np.array([-9.0, 8.0, 2.0], np.float32)
    vessel = np.abs(np.sin(7 * angle + 2.2 * np.sin(9 * away + 3 * angle) + 0.25 * fine))
    lab += (smooth(vessel, 0.10, 0.0) * smooth(away, 0.5, 0.8))[:, None] * np.array([-6.0, 12.0, 4.0], np.float32)
    fibre = np.sin(46 * angle + 3 * np.sin(5 * angle)) * 0.5 + np.sin(23 * angle + 11 * away) * 0.5 + 0.4 * fine
    iris = np.tile(f.iris, (len(points), 1))
    iris[:, 0] += 4.5 * fibre + 7.0 * np.exp(-(((away - 0.24) / 0.07) ** 2))
    iris += smooth(away, 0.37, 0.47)[:, None] * (-0.55 * np.array([f.iris[0], 0, 0], np.float32))
    blend(lab, iris, smooth(away, 0.475, 0.44))
    blend(lab, np.array([4.0, 0.0, 0.0], np.float32), smooth(away, 0.185, 0.165))
    return np.asarray(lab, np.float32)
