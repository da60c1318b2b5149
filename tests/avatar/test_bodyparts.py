"""Body parts: complete, symmetric, in the right places, on every common rig."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.avatar import bodyparts, bones
from engine.avatar.bodyparts import PAIRED, BodyParts
from engine.avatar.load import load
from engine.avatar.model import Avatar, Skeleton
from engine.errors import BadInput

MIXAMO = {
    "upperarm01": "Arm",
    "lowerarm01": "ForeArm",
    "wrist": "Hand",
    "upperleg01": "UpLeg",
    "lowerleg01": "Leg",
    "foot": "Foot",
    "clavicle": "Shoulder",
}
VRM = {
    "upperarm01": "UpperArm",
    "lowerarm01": "LowerArm",
    "wrist": "Hand",
    "upperleg01": "UpperLeg",
    "lowerleg01": "LowerLeg",
    "foot": "Foot",
}


@pytest.fixture(scope="module")
def avatar(default_patient: Path) -> Avatar:
    """The default patient."""
    return load(default_patient)


@pytest.fixture(scope="module")
def parts(avatar: Avatar) -> BodyParts:
    """Its parts."""
    found = bodyparts.label(avatar)
    assert found is not None
    return found


def areas(avatar: Avatar) -> np.ndarray:
    """Square metres of each face."""
    a, b, c = (avatar.positions[avatar.faces[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def test_every_part_is_there_and_both_sides_are_alike(avatar: Avatar, parts: BodyParts) -> None:
    """No part is empty; left and right differ by less than 5 % in area."""
    assert parts.names == bodyparts.NAMES
    area = areas(avatar)
    for name in PAIRED:
        left, right = (area[parts.select(f"{side}-{name}")].sum() for side in ("left", "right"))
        assert left > 0
        assert abs(left - right) / left < 0.05, name
        assert parts.select(name).sum() == parts.select(f"left-{name}").sum() + parts.select(f"right-{name}").sum()


def test_parts_lie_where_they_belong(avatar: Avatar, parts: BodyParts) -> None:
    """Left is +X, the back looks back, soles look down, palms face away from the hand's back."""
    centres = avatar.positions[avatar.faces].mean(1)
    a, b, c = (avatar.positions[avatar.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)

    def looks(part: str) -> np.ndarray:
        mean = normals[parts.select(part)].sum(0)
        return np.asarray(mean / np.linalg.norm(mean))

    assert (centres[parts.select("left-hand"), 0] > 0).all()
    assert looks("back")[2] < -0.8
    assert looks("chest")[2] > 0.7
    assert looks("abdomen")[2] > 0.8
    assert looks("sole")[1] < -0.9
    assert looks("face")[2] > 0.6
    for side in ("left", "right"):
        assert looks(f"{side}-palm") @ looks(f"{side}-hand") < -0.7
    assert centres[parts.select("chest"), 1].min() > centres[parts.select("abdomen"), 1].max() - 1e-9
    assert centres[parts.select("ear"), 1].min() > centres[parts.select("neck"), 1].mean()


def test_eyes_and_linings_are_no_skin(avatar: Avatar, parts: BodyParts) -> None:
    """280 faces of eyeballs, 1172 of eye sockets, 796 inside the mouth."""
    assert (parts.of_face < 0).sum() == 280 + 1172 + 796
    assert parts.name_of(len(avatar.faces) - 1) == ""


def test_an_unknown_region_lists_the_choices(parts: BodyParts) -> None:
    """One line, with the words that are known."""
    with pytest.raises(BadInput, match=r"'elbow'.*left-forearm.*forearm"):
        parts.select("elbow")


def test_without_a_skeleton_there_are_no_parts(avatar: Avatar) -> None:
    """Nor with one that says nothing."""
    assert bodyparts.label(replace(avatar, skeleton=None)) is None
    skeleton = avatar.skeleton
    assert skeleton is not None
    mute = replace(skeleton, names=tuple(f"node_{i}" for i in range(len(skeleton.names))))
    assert bodyparts.label(replace(avatar, skeleton=mute)) is None


def renamed(skeleton: Skeleton, rig: str) -> Skeleton:
    """The same joints under another rig's names."""
    names = []
    for name in skeleton.names:
        stem, _, side = name.partition(".")
        word = {"L": "Left", "R": "Right", "": ""}[side]
        if rig == "mixamo":
            if "finger" in stem:
                finger, number = stem[6], stem[8]
                digit = ("", "Thumb", "Index", "Middle", "Ring", "Pinky")[int(finger)]
                names.append(f"mixamorig:{word}Hand{digit}{number}")
            else:
                names.append(f"mixamorig:{word}{MIXAMO.get(stem, stem.capitalize())}")
        else:
            names.append(f"J_{names.__len__()}")
    humanoid = {}
    if rig == "vrm":
        for joint, name in enumerate(skeleton.names):
            stem, _, side = name.partition(".")
            word = {"L": "left", "R": "right", "": ""}[side]
            if stem in VRM:
                humanoid[word + VRM[stem]] = joint
            elif stem in ("head", "neck01"):
                humanoid[stem.rstrip("01")] = joint
            elif stem == "root":
                humanoid["hips"] = joint
            elif stem == "finger1-1":
                humanoid[f"{word}ThumbProximal"] = joint
            elif stem == "eye":
                humanoid[f"{word}Eye"] = joint
    return replace(skeleton, names=tuple(names), humanoid=humanoid)


@pytest.mark.parametrize("rig", ["mixamo", "vrm"])
def test_other_rigs_give_the_same_parts(avatar: Avatar, parts: BodyParts, rig: str) -> None:
    """At least 97 % of the skin's area agrees."""
    assert avatar.skeleton is not None
    found = bodyparts.label(replace(avatar, skeleton=renamed(avatar.skeleton, rig)))
    assert found is not None
    same = np.array([found.name_of(f) == parts.name_of(f) for f in range(len(avatar.faces))])
    area = areas(avatar)
    assert area[same].sum() / area.sum() > 0.97


@pytest.mark.parametrize(
    ("name", "side", "stem"),
    [
        ("mixamorig:LeftForeArm", "left", "forearm"),
        ("upperarm01.R", "right", "upperarm"),
        ("upperarm_l", "left", "upperarm"),
        ("J_Bip_R_UpperLeg", "right", "upperleg"),
        ("DEF-upper_arm.L.001", "left", "upperarm"),
        ("Bip01 L Thigh", "left", "thigh"),
    ],
)
def test_names_are_taken_apart(name: str, side: str, stem: str) -> None:
    """Side and stem of common spellings."""
    assert bones.side_and_stem(name) == (side, stem)
