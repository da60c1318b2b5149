"""A body's size and pose are what a viewer of the file shows, in metres, and never silently wrong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_bodies import Draft, plain_body, rigged_body, tube

from engine.avatar.load import from_glb, load
from engine.errors import AvatarError


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "body.glb"
    path.write_bytes(data)
    return path


def height(positions: np.ndarray) -> float:
    return float(np.ptp(positions[:, 1]))


@pytest.mark.parametrize(("unit", "factor"), [("m", 1), ("cm", 100), ("mm", 1000)])
def test_units(tmp_path: Path, unit: str, factor: float) -> None:
    avatar = load(saved(tmp_path, plain_body(1.7 * factor).glb()), unit=unit)
    assert height(avatar.positions) == pytest.approx(1.7)
    assert avatar.scale == pytest.approx(1 / factor)
    again = from_glb(avatar.glb, "body", avatar.scale)
    assert np.array_equal(again.positions, avatar.positions)


def test_a_stated_height_is_the_height(tmp_path: Path) -> None:
    avatar = load(saved(tmp_path, plain_body(17.0).glb()), height_m=1.62)
    assert height(avatar.positions) == pytest.approx(1.62)
    assert avatar.scale == pytest.approx(0.162 / 1.7)


@pytest.mark.parametrize(
    ("tall", "options", "message"),
    [
        (170.0, {}, "would be 170 m tall in m, .*--unit cm would make it 1.70 m"),
        (1700.0, {}, "--unit mm would make it 1.70 m"),
        (17.0, {}, "no unit of m, cm, mm fits"),
        (0.3, {}, "0.3 m tall"),
        (2.4, {}, "2.4 m tall"),
        (1.7, {"unit": "cm"}, "would be 0.017 m tall in cm"),
        (1.7, {"unit": "inch"}, "choose m, cm or mm"),
        (1.7, {"height_m": 175}, "--height 1.75"),
        (1.7, {"height_m": float("nan")}, "no height in metres"),
        (1.7, {"height_m": 1.7, "unit": "m"}, "both a unit and a height"),
    ],
)
def test_a_size_that_is_no_body_stops_with_advice(tmp_path: Path, tall: float, options: dict, message: str) -> None:
    with pytest.raises(AvatarError, match=message):
        load(saved(tmp_path, plain_body(tall).glb()), **options)


def test_a_body_that_lies_down_is_named(tmp_path: Path) -> None:
    positions, faces, uvs = tube()
    draft = Draft()
    draft.draw(draft.primitive(positions[:, [0, 2, 1]], faces, uvs))
    with pytest.raises(AvatarError, match=r"Z-up: export it with \+Y up"):
        load(saved(tmp_path, draft.glb()))
    warned = load(saved(tmp_path, draft.glb()), height_m=0.5)
    assert any("Z-up" in warning for warning in warned.warnings)


def test_node_transforms_are_applied_from_the_root_down(tmp_path: Path) -> None:
    draft = Draft()
    positions, faces, uvs = tube(170.0)
    draft.draw(draft.primitive(positions, faces, uvs), translation=[0, 10, 0])
    armature = draft.row("nodes", {"name": "armature", "scale": [0.01, 0.01, 0.01], "children": [0]})
    half = np.sqrt(0.5)
    root = draft.row("nodes", {"rotation": [0, half, 0, half], "translation": [0, 0, 2], "children": [armature]})
    draft.document["scenes"][0]["nodes"] = [root]
    avatar = load(saved(tmp_path, draft.glb()))
    x, y, z = ((positions + np.array([0, 10, 0])) * 0.01).T
    expected = np.stack([z, y, -x + 2], axis=1)
    assert np.allclose(avatar.positions[avatar.faces], expected[faces], atol=1e-6)


def test_a_matrix_and_a_mirror_keep_faces_outward(tmp_path: Path) -> None:
    draft = Draft()
    matrix = np.diag([-1.0, 1, 1, 1])
    draft.draw(draft.primitive(*tube()), matrix=matrix.T.ravel().tolist())
    avatar = load(saved(tmp_path, draft.glb()))
    reference = load(saved(tmp_path, plain_body().glb()))
    for body in (avatar, reference):
        a, b, c = (body.positions[body.faces[:, k]] for k in range(3))
        outward = ((a + b + c) / 3 * [1, 0, 1] * np.cross(b - a, c - a)).sum(axis=1)
        assert (outward > 0).all()


def test_a_skinned_body_stands_as_its_joints_do_whatever_its_own_node_says(tmp_path: Path) -> None:
    draft = rigged_body()
    draft.document["nodes"][3].update(scale=[5, 5, 5], translation=[9, 9, 9])
    avatar = load(saved(tmp_path, draft.glb()))
    reference = load(saved(tmp_path, rigged_body().glb()))
    assert np.allclose(avatar.positions, reference.positions)


def test_a_scaled_armature_scales_skin_and_joints(tmp_path: Path) -> None:
    draft = rigged_body()
    armature = draft.row("nodes", {"name": "Armature", "scale": [1.1, 1.1, 1.1], "children": [0, 3]})
    draft.document["scenes"][0]["nodes"] = [armature]
    avatar, reference = load(saved(tmp_path, draft.glb())), load(saved(tmp_path, rigged_body().glb()))
    assert np.allclose(avatar.positions, reference.positions * 1.1)
    assert avatar.skeleton is not None and reference.skeleton is not None
    assert np.allclose(avatar.skeleton.heads, reference.skeleton.heads * 1.1)
    assert avatar.skeleton.names == reference.skeleton.names


def test_a_turned_joint_moves_what_hangs_on_it(tmp_path: Path) -> None:
    draft = rigged_body()
    half = np.sqrt(0.5)
    draft.document["nodes"][1]["rotation"] = [0, 0, half, half]
    avatar, reference = load(saved(tmp_path, draft.glb())), load(saved(tmp_path, rigged_body().glb()))
    bones = reference.skeleton
    assert bones is not None
    share = (bones.weights * (bones.joints >= 1)).sum(axis=1, keepdims=True)
    spine = np.array([0, 1.3, 0])
    x, y, z = (reference.positions - spine).T
    turned = np.stack([-y, x, z], axis=1) + spine
    assert np.allclose(avatar.positions, reference.positions * (1 - share) + turned * share, atol=1e-6)


def test_resting_morph_weights_are_part_of_the_shape(tmp_path: Path) -> None:
    draft = Draft()
    positions, faces, uvs = tube()
    shift = np.zeros_like(positions)
    shift[:, 1] = positions[:, 1]
    draft.draw(draft.primitive(positions, faces, uvs, targets=[{"POSITION": draft.array(shift, "VEC3")}]))
    draft.document["meshes"][0]["weights"] = [0.25]
    avatar = load(saved(tmp_path, draft.glb()))
    assert height(avatar.positions) == pytest.approx(1.7 * 1.25)


def test_meshes_without_a_skin_move_with_the_joint_above(tmp_path: Path) -> None:
    draft = rigged_body()
    eyes = draft.row("nodes", {"name": "eyes"})
    draft.document["nodes"][2]["children"] = [eyes]
    mesh = draft.row("meshes", {"primitives": [draft.primitive(*tube(0.05))]})
    draft.document["nodes"][eyes]["mesh"] = mesh
    avatar = load(saved(tmp_path, draft.glb()))
    assert avatar.skeleton is not None
    mine = np.unique(avatar.faces[avatar.face_material == 2])
    assert {avatar.skeleton.names[j] for j in avatar.skeleton.joints[mine, 0]} == {"head"}
    assert avatar.positions[mine, 1].min() == pytest.approx(1.55)


@given(st.floats(0.001, 1000), st.floats(0.06, 2.9))
@settings(max_examples=25, deadline=None)
def test_height_holds_for_every_unit(factor: float, wanted: float) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        avatar = load(saved(Path(folder), plain_body(1.7 * factor).glb()), height_m=wanted)
    assert height(avatar.positions) == pytest.approx(wanted, rel=1e-6)
