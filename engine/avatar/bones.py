"""What a bone moves, from its name: MakeHuman's and anny's, VRM's humanoid, Mixamo's, Unreal's, Rigify's, SMPL's."""

import re

from engine.avatar.model import Skeleton

LIMBS = ("upper-arm", "forearm", "hand", "thigh", "lower-leg", "foot")
ROLES = ("torso", "neck", "head", "eye", *LIMBS)

_PATTERNS: tuple[tuple[str, str], ...] = (
    ("eye", r"^(faceeye|eye|eyeball)$"),
    (
        "head",
        r"head|jaw|tongue|teeth|hair|eye|brow|lid|lip|mouth|cheek|nose|chin|skull|oris|oculi|levator|temporalis|risorius"
        r"|^ear$|^face",
    ),
    ("neck", r"neck"),
    ("foot", r"toe|foot|ankle|^ball|heel"),
    ("forearm", r"forearm|lowerarm|elbow|radius|ulna|armlower"),
    ("hand", r"finger|thumb|index|middle|ring|pinky|little|metacarpal|hand|wrist|palm|carpal"),
    ("thigh", r"upperleg|upleg|thigh|femur|legupper"),
    ("lower-leg", r"lowerleg|calf|shin|knee|tibia|leglower|^(bip)?leg$"),
    ("upper-arm", r"upperarm|uparm|humerus|armupper|^(bip)?arm$"),
    ("torso", r"spine|chest|hips|pelvis|abdomen|torso|clavicle|collar|breast|waist|stomach|bust|butt|glute"),
)

_HUMANOID = {
    "UpperArm": "upper-arm",
    "LowerArm": "forearm",
    "Hand": "hand",
    "UpperLeg": "thigh",
    "LowerLeg": "lower-leg",
    "Foot": "foot",
    "Toes": "foot",
    "Eye": "eye",
    "Shoulder": "torso",
}
_CENTRAL = {"head": "head", "jaw": "head", "neck": "neck", "hips": "torso", "spine": "torso", "chest": "torso"}


def side_and_stem(name: str) -> tuple[str, str]:
    """`left`, `right` or an empty string, and what is left of the name in small letters without digits."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.rsplit(":", 1)[-1])
    tokens = [token for token in re.split(r"[^a-z]+", spaced.lower()) if token]
    sides = {"left": "left", "l": "left", "right": "right", "r": "right"}
    side = next((sides[token] for token in tokens if token in sides), "")
    noise = {"def", "mixamorig", "bip", "biped", "j", "bone", "jnt", "sec", "armature", "c", *sides}
    return side, "".join(token for token in tokens if token not in noise)


def roles(skeleton: Skeleton) -> list[tuple[str, str]]:
    """Role and side of each joint; an empty role where neither its name nor an ancestor's says one.

    Side is empty for the trunk, the neck and the head.
    """
    humanoid = {joint: _of_humanoid(name) for name, joint in skeleton.humanoid.items()}
    found: list[tuple[str, str]] = []
    for joint, name in enumerate(skeleton.names):
        role, side = humanoid.get(joint, ("", ""))
        if not role:
            side, stem = side_and_stem(name)
            role = _of_stem(stem, side, joint, skeleton)
        found.append((role, side))
    for joint in _parents_first(skeleton):
        parent = skeleton.parents[joint]
        role, side = found[joint]
        if not role and parent >= 0:
            role, inherited = found[parent]
            side = side or inherited
        if role in LIMBS and not side:
            side = "left" if skeleton.heads[joint][0] > 0 else "right"
        found[joint] = (role, side if role in LIMBS else "")
    return found


def is_thumb(name: str) -> bool:
    """Whether the bone is one of a thumb's; MakeHuman counts the thumb as finger 1."""
    return "thumb" in name.lower() or re.search(r"finger1(?!\d)", name.lower()) is not None


def _of_humanoid(name: str) -> tuple[str, str]:
    """Role and side of a VRM humanoid bone such as `leftLowerArm`."""
    side = "left" if name.startswith("left") else "right" if name.startswith("right") else ""
    part = name[len(side) :]
    if not side:
        return _CENTRAL.get(name, "torso"), ""
    return _HUMANOID.get(part, "hand"), side


def _of_stem(stem: str, side: str, joint: int, skeleton: Skeleton) -> str:
    if stem == "shoulder":
        # The collar bone for most rigs; SMPL means the upper arm, whose child is then the elbow.
        children = [side_and_stem(skeleton.names[c])[1] for c, p in enumerate(skeleton.parents) if p == joint]
        return "upper-arm" if any(re.search(r"elbow|forearm|lowerarm", child) for child in children) else "torso"
    if stem == "hip" and side:
        return "thigh"
    return next((role for role, pattern in _PATTERNS if re.search(pattern, stem)), "")


def _parents_first(skeleton: Skeleton) -> list[int]:
    order: list[int] = []
    children: dict[int, list[int]] = {}
    for joint, parent in enumerate(skeleton.parents):
        children.setdefault(parent, []).append(joint)
    waiting = list(children.get(-1, []))
    while waiting:
        joint = waiting.pop()
        order.append(joint)
        waiting += children.get(joint, [])
    return order
