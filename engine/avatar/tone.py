"""The skin's tone by place, at the vertices of the base mesh: what the sun, the blood and the horny layer change.

Palms and soles carry little melanin in every phototype (Yamaguchi et al. 2004); covered skin is lighter than exposed
skin; joints are darker, and face, knuckles and elbows redder. All of it fades in over centimetres and across UV seams.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from engine.avatar import landmarks
from engine.avatar.grain import smooth

if TYPE_CHECKING:
    from engine.avatar.body import Body
    from engine.avatar.bodyparts import BodyParts

BASE_LAB = {
    "I": (74.0, 9.5, 14.0),
    "II": (69.0, 10.5, 16.0),
    "III": (63.0, 11.5, 18.0),
    "IV": (54.0, 12.5, 20.0),
    "V": (44.0, 12.0, 18.0),
    "VI": (33.0, 9.5, 12.0),
}
"""CIE Lab of each phototype's covered skin; the middle of its ITA range, or near it."""

MELANIN = np.array([-1.0, 0.12, 0.32], np.float32)
BLOOD = np.array([-0.42, 1.0, 0.22], np.float32)
"""Directions in Lab in which skin goes with more melanin, and haemoglobin (after Stamatas et al. 2004)."""

_PALE_SKIN = {
    "I": (75.0, 13.0, 13.0),
    "II": (72.0, 13.5, 14.5),
    "III": (68.0, 13.5, 16.0),
    "IV": (63.0, 13.5, 18.0),
    "V": (58.0, 13.0, 19.0),
    "VI": (53.0, 12.5, 18.5),
}
"""Palms and soles."""

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Tone:
    """Fields over the body's vertices: lab float32 [V, 3]; scalp hair, beard and palmar skin [V], 0 to 1."""

    lab: Field
    scalp: Field
    beard: Field
    palmar: Field


def of_body(body: "Body", parts: "BodyParts", phototype: str, sex: str, age: float) -> Tone:
    """Tone at every vertex."""
    spread = _Spread(body)
    darkness = (74.0 - BASE_LAB[phototype][0]) / 41.0
    red = 1.0 - 0.55 * darkness

    def part(name: str, steps: int) -> Field:
        return spread.soften(parts.select(name), steps)

    lab = np.tile(np.array(BASE_LAB[phototype], np.float32), (len(body.positions), 1))
    tanned = part("face", 6) + part("forearm", 6) + 0.8 * part("neck", 6) + part("hand", 3) + part("ear", 3)
    melanin = -0.9 + 1.6 * np.clip(tanned, 0, 1) + 0.5 * part("lower-leg", 6)
    blood = 1.0 * part("face", 4) + 2.6 * part("ear", 2) + 0.8 * part("hand", 4) + 0.8 * part("foot", 4)
    melanin, blood = _joints(body, melanin, blood, 2.0 + 4.0 * darkness)
    blood = blood + _flush(body)
    lab = lab + melanin[:, None] * MELANIN + (red * blood)[:, None] * BLOOD
    palmar = np.clip(part("palm", 4) + part("sole", 3), 0, 1)[:, None]
    lab = lab + palmar * (np.array(_PALE_SKIN[phototype], np.float32) - lab)
    scalp = _scalp(body, part("head", 2))
    beard = _beard(body, part("face", 2)) * (0.0 if sex == "female" or age < 17 else 1.0)
    return Tone(lab.astype(np.float32), scalp, beard, palmar[:, 0].astype(np.float32))


class _Spread:
    """Softens a choice of faces into a field over the vertices, along the surface and across its UV seams."""

    def __init__(self, body: "Body") -> None:
        _, merged = np.unique(body.positions, axis=0, return_inverse=True)
        self.merged = merged.reshape(-1)
        self.rings = self.merged[body.faces]
        count = int(self.merged.max()) + 1
        edges = np.concatenate([self.rings[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2))])
        ones = np.ones(len(edges), np.float32)
        self.neighbours: csr_matrix = coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
        self.degree = np.asarray(self.neighbours.sum(1)).reshape(-1)
        self.count = count

    def soften(self, faces: NDArray[np.bool_], steps: int) -> Field:
        corners = self.rings.reshape(-1)
        inside = np.bincount(corners, np.repeat(faces, 3), self.count)
        value = (inside / np.maximum(np.bincount(corners, minlength=self.count), 1)).astype(np.float32)
        for _ in range(steps):
            value = 0.4 * value + 0.6 * np.asarray(self.neighbours @ value) / self.degree
        return np.asarray(value[self.merged], np.float32)


def _joints(body: "Body", melanin: Field, blood: Field, strength: float) -> tuple[Field, Field]:
    """Elbows and knees are darker and redder on the side that is stretched; knuckles a little."""
    spots = [(f"lowerarm01.{s}", -1.0, 0.030, 0.8) for s in "LR"] + [(f"lowerleg01.{s}", 1.0, 0.045, 0.7) for s in "LR"]
    spots += [(f"finger{f}-{k}.{s}", 0.0, 0.008, 0.5) for s in "LR" for f in range(2, 6) for k in (1, 2)]
    scale = body.height_m / 1.75
    for name, facing, radius, share in spots:
        head = body.skeleton.heads[body.skeleton.names.index(name)].astype(np.float32)
        distance = np.linalg.norm(body.positions - head, axis=1)
        near = np.exp(-((distance / (2.0 * radius * scale)) ** 2))
        weight = share * near * (smooth(facing * body.normals[:, 2], -0.1, 0.7) if facing else 1.0)
        melanin = melanin + strength * weight
        blood = blood + 3.0 * weight
    return np.asarray(melanin, np.float32), np.asarray(blood, np.float32)


def _flush(body: "Body") -> Field:
    """Redness of cheeks, nose and chin."""
    centre, unit = head_frame(body)
    local = (body.positions - centre) / unit
    spots = ((0.62, -0.75, 0.30, 2.6), (-0.62, -0.75, 0.30, 2.6), (0.0, -0.68, 0.20, 3.2), (0.0, -1.62, 0.22, 1.2))
    flush = np.zeros(len(local), np.float32)
    for x, y, radius, strength in spots:
        flush += strength * np.exp(-((local[:, 0] - x) ** 2 + (local[:, 1] - y) ** 2) / radius**2)
    return np.asarray(flush * smooth(local[:, 2], -0.6, 0.0), np.float32)


def head_frame(body: "Body") -> tuple[NDArray[np.float32], float]:
    """Midway between the eyes, and the distance between them in metres: the unit of the face."""
    heads, names = body.skeleton.heads, body.skeleton.names
    left, right = heads[names.index("eye.L")], heads[names.index("eye.R")]
    return np.asarray((left + right) / 2, np.float32), float(np.linalg.norm(left - right))


def _scalp(body: "Body", head: Field) -> Field:
    """Where the hair grows: the head behind and above a hairline, down to the nape, not under the jaw."""
    centre, unit = head_frame(body)
    x, y, z = ((body.positions - centre) / unit).T
    hairline = smooth(y - 0.13 * smooth(np.abs(x), 0.25, 0.75), 0.92, 1.25) + smooth(z, -0.75, -1.05) * smooth(
        y, -0.55, -0.25
    )
    nape = smooth(z, -1.5, -1.8) * smooth(y, -1.35, -1.0)
    temples = smooth(np.abs(x), 0.8, 1.0) * smooth(z, -0.6, -0.9) * smooth(y, 0.1, 0.5)
    ears = landmarks.ear_faces(body.faces, body.uvs)
    grown = np.clip(hairline + nape + temples, 0, 1) * smooth(head, 0.05, 0.35)
    grown[np.unique(body.faces[ears])] *= 0.0
    return np.asarray(grown, np.float32)


def _beard(body: "Body", face: Field) -> Field:
    """Jaw, chin and upper lip."""
    centre, unit = head_frame(body)
    x, y, z = ((body.positions - centre) / unit).T
    jaw = smooth(y, -1.05, -1.4) * smooth(y, -2.4, -2.0)
    cheek = smooth(np.abs(x), 0.55, 0.85) * smooth(y, -0.7, -1.0) * smooth(y, -2.4, -2.0)
    lip = np.exp(-(((y + 1.12) / 0.12) ** 2)) * smooth(np.abs(x), 0.5, 0.35)
    return np.asarray(np.clip(jaw + cheek + lip, 0, 1) * smooth(z, -1.2, -0.8), np.float32)
