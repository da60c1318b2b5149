"""Which part of the body each face belongs to: by the bones that move it, then by where it lies and where it looks.

Eyes and the insides of mouth and eye sockets belong to no part. Ears are known on MakeHuman's base mesh; on other
bodies they are what stands out sideways from the head.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.avatar import bones, landmarks
from engine.avatar.model import Avatar, Skeleton
from engine.errors import BadInput

PAIRED = ("ear", "upper-arm", "forearm", "hand", "palm", "thigh", "lower-leg", "foot", "sole")
NAMES = (
    "head",
    "face",
    "neck",
    "chest",
    "abdomen",
    "back",
    *(f"{side}-{part}" for part in PAIRED for side in ("left", "right")),
)

Faces = NDArray[np.bool_]
Points = NDArray[np.float64]
_Assign = Callable[[str, Faces], None]


@dataclass(frozen=True)
class BodyParts:
    """names: the parts that this body has; of_face: int16 [F] into names, -1 where a face belongs to none."""

    names: tuple[str, ...]
    of_face: NDArray[np.int16]

    def select(self, region: str) -> Faces:
        """Faces [F] of a part; `forearm` means both sides. BadInput lists the choices."""
        wanted = [i for i, name in enumerate(self.names) if region in (name, name.partition("-")[2])]
        if not wanted:
            raise BadInput(f"region: {region!r} is no part of this body; choose among {', '.join(self.choices)}")
        return np.isin(self.of_face, wanted)

    def name_of(self, face: int) -> str:
        """The part that a face belongs to; an empty string where it is none."""
        part = int(self.of_face[face])
        return self.names[part] if part >= 0 else ""

    @property
    def choices(self) -> tuple[str, ...]:
        """Every word that `select` takes."""
        both = [part for part in PAIRED if any(name.partition("-")[2] == part for name in self.names)]
        return (*self.names, *both)


@dataclass(frozen=True)
class _Shape:
    """What the rules below look at: centres and smooth normals [F, 3] of the faces, the body's lowest point."""

    centres: Points
    normals: Points
    floor: float


def label(avatar: Avatar) -> BodyParts | None:
    """The body parts; None for a body without a skeleton, or with one whose bones have no known names."""
    if avatar.skeleton is None:
        return None
    joint_roles = bones.roles(avatar.skeleton)
    if not {"upper-arm", "thigh"} <= {role for role, _ in joint_roles}:
        return None
    shape = _shape(avatar)
    classes = sorted({pair for pair in joint_roles if pair[0]})
    strongest = _strongest(avatar, [classes.index(pair) if pair[0] else -1 for pair in joint_roles], len(classes))
    parts = np.full(len(avatar.faces), -1, np.int16)

    def assign(name: str, faces: Faces) -> None:
        parts[faces] = NAMES.index(name)

    known = landmarks.is_base_mesh(avatar.faces, avatar.uvs)
    for number, (role, side) in enumerate(classes):
        faces = strongest == number
        if role == "torso":
            _torso(avatar.skeleton, joint_roles, shape, faces, assign)
        elif role == "head":
            _head(shape, faces, _ears(avatar, shape, faces, known), assign)
        elif role == "hand":
            assign(f"{side}-hand", faces)
            assign(f"{side}-palm", faces & _palmar(avatar.skeleton, joint_roles, side, shape, faces))
        elif role == "foot":
            assign(f"{side}-foot", faces)
            assign(f"{side}-sole", faces & _plantar(shape, faces))
        elif role in bones.LIMBS:
            assign(f"{side}-{role}", faces)
        elif role == "neck":
            assign(role, faces)
    if known:
        parts[landmarks.inner_faces(avatar.faces, avatar.uvs)] = -1
    present = np.unique(parts[parts >= 0])
    renumbered = np.full(len(NAMES) + 1, -1, np.int16)
    renumbered[present] = np.arange(len(present))
    return BodyParts(tuple(NAMES[i] for i in present), renumbered[parts])


def _shape(avatar: Avatar) -> _Shape:
    corners = avatar.positions[avatar.faces]
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # Vertices are split along UV seams; normals must not be.
    _, merged = np.unique(np.round(avatar.positions, 6), axis=0, return_inverse=True)
    rings = merged.reshape(-1)[avatar.faces]
    summed = np.stack(
        [np.bincount(rings.reshape(-1), np.repeat(crosses[:, axis], 3), merged.max() + 1) for axis in range(3)], -1
    )
    normals = summed[rings].sum(1)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    unit: Points = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    return _Shape(corners.mean(1), unit, float(avatar.positions[:, 1].min()))


def _strongest(avatar: Avatar, class_of_joint: list[int], count: int) -> NDArray[np.int64]:
    """The class of bones with the most weight over each face's corners [F]; -1 where none has any."""
    skeleton = avatar.skeleton
    assert skeleton is not None
    of_influence = np.array(class_of_joint)[skeleton.joints]
    weights = np.zeros((len(skeleton.joints), count + 1), np.float32)
    rows = np.arange(len(weights))
    for column in range(skeleton.joints.shape[1]):
        np.add.at(weights, (rows, of_influence[:, column]), skeleton.weights[:, column])
    summed = weights[avatar.faces].sum(1)[:, :count]
    return np.where(summed.max(1) > 0, summed.argmax(1), -1)


def _torso(
    skeleton: Skeleton, joint_roles: list[tuple[str, str]], shape: _Shape, faces: Faces, assign: _Assign
) -> None:
    """Front and back by normal and depth; chest and abdomen part halfway from the hip joints to the neck's root."""
    heights = shape.centres[:, 1]
    hips = [skeleton.heads[j][1] for j in _first_joints(skeleton, joint_roles, "thigh")]
    necks = [skeleton.heads[j][1] for j in _first_joints(skeleton, joint_roles, "neck")]
    necks = necks or [skeleton.heads[j][1] for j in _first_joints(skeleton, joint_roles, "upper-arm")]
    border = float(np.mean(hips) + 0.52 * (np.mean(necks) - np.mean(hips)))
    slices = np.clip((heights - heights[faces].min()) / max(np.ptp(heights[faces]), 1e-6) * 24, 0, 23).astype(int)
    depth = np.zeros(len(heights))
    for number in range(24):
        here = faces & (slices == number)
        if here.any():
            z = shape.centres[here, 2]
            depth[here] = (z - (z.min() + z.max()) / 2) / max(np.ptp(z) / 2, 1e-6)
    front = shape.normals[:, 2] + 0.5 * depth > 0
    assign("back", faces & ~front)
    assign("chest", faces & front & (heights >= border))
    assign("abdomen", faces & front & (heights < border))


def _first_joints(skeleton: Skeleton, joint_roles: list[tuple[str, str]], role: str) -> list[int]:
    """Joints of a role whose parents have another."""
    return [
        joint
        for joint, (own, _) in enumerate(joint_roles)
        if own == role and (skeleton.parents[joint] < 0 or joint_roles[skeleton.parents[joint]][0] != role)
    ]


def _head(shape: _Shape, faces: Faces, ears: Faces, assign: _Assign) -> None:
    """The face: the front half of the head from the chin to the hairline; the rest is `head`."""
    bare = faces & ~ears
    y, z = shape.centres[:, 1], shape.centres[:, 2]
    forward = (z - z[bare].min()) / max(np.ptp(z[bare]), 1e-6)
    chin = y[bare & (forward > 0.7)].min()
    upward = (y - chin) / max(y[bare].max() - chin, 1e-6)
    under_the_chin = (upward < 0.2) & (shape.normals[:, 1] < -0.75)
    face = (forward > 0.5) & (upward < 0.8) & (upward > -0.02) & ~under_the_chin & (shape.normals[:, 2] > -0.35)
    assign("head", faces)
    assign("face", bare & face)
    assign("left-ear", ears & (shape.centres[:, 0] > 0))
    assign("right-ear", ears & (shape.centres[:, 0] < 0))


def _ears(avatar: Avatar, shape: _Shape, faces: Faces, known: bool) -> Faces:
    if known:
        return faces & landmarks.ear_faces(avatar.faces, avatar.uvs)
    x, y = np.abs(shape.centres[:, 0]), shape.centres[:, 1]
    upward = (y - y[faces].min()) / max(np.ptp(y[faces]), 1e-6)
    upper = faces & (upward > 0.7)
    skull = float(x[upper].max()) if upper.any() else np.inf
    return np.asarray(faces & (upward > 0.25) & (upward < 0.7) & (x > 1.02 * skull), bool)


def _palmar(skeleton: Skeleton, joint_roles: list[tuple[str, str]], side: str, shape: _Shape, faces: Faces) -> Faces:
    """Faces that look where the palm does: across the directions of the fingers and of the thumb."""
    joints = [joint for joint, pair in enumerate(joint_roles) if pair == ("hand", side)]
    humanoid = {joint: name for name, joint in skeleton.humanoid.items()}
    thumbs = [j for j in joints if bones.is_thumb(humanoid.get(j, "")) or bones.is_thumb(skeleton.names[j])]
    others = [j for j in joints if j not in thumbs]
    root = skeleton.heads[others[0]] if others else shape.centres[faces].mean(0)
    fingers = shape.centres[faces].mean(0) - root
    thumb = skeleton.heads[thumbs].mean(0) - root if thumbs else np.array([0.0, 0.0, 1.0])
    palm = np.cross(fingers, thumb) * (1 if side == "left" else -1)
    return np.asarray(shape.normals @ (palm / max(np.linalg.norm(palm), 1e-9)) > 0.1, bool)


def _plantar(shape: _Shape, faces: Faces) -> Faces:
    """Faces of the foot near the floor that look down."""
    height = shape.centres[:, 1] - shape.floor
    return np.asarray((shape.normals[:, 1] < -0.35) & (height < 0.5 * height[faces].max()), bool)
