"""UVs: overlaps are found and located, wrapping and UDIM tiles are told apart, meshes without UVs can be unwrapped."""

import builtins
import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_bodies import Draft, plain_body, png, rigged_body, tube

from engine.avatar.load import from_glb, load
from engine.avatar.model import Avatar
from engine.avatar.uv_checks import find_overlap
from engine.errors import AvatarError


def loaded(draft: Draft) -> Avatar:
    return from_glb(draft.glb(), "body", 1.0)


def body_with(uvs: np.ndarray, **sampler: int) -> Draft:
    positions, faces, _ = tube()
    draft = Draft()
    extra = {"sampler": draft.row("samplers", sampler)} if sampler else {}
    draft.draw(
        draft.primitive(positions, faces, uvs.astype(np.float32), draft.material("skin", draft.texture(png(), **extra)))
    )
    return draft


def mirrored_halves() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two tubes side by side whose UVs lie on each other between v 0.275 and 0.725 (half of each)."""
    positions, faces, uvs = tube()
    second = uvs * [1, 0.5] + [0, 0.25]
    joined = np.concatenate([positions, positions + np.float32([1, 0, 0])])
    return joined, np.concatenate([faces, faces + len(positions)]), np.concatenate([uvs, second]).astype(np.float32)


def test_overlaps_are_located() -> None:
    positions, faces, uvs = mirrored_halves()
    overlap = find_overlap(uvs[faces])
    assert overlap is not None
    assert overlap.share == pytest.approx(0.5, abs=0.01)
    assert overlap.box == pytest.approx((0.05, 0.275, 0.95, 0.725), abs=0.005)
    draft = Draft()
    draft.draw(draft.primitive(positions, faces, uvs, draft.material("skin")))
    (warning,) = loaded(draft).warnings
    assert "material 'skin': 49.9%" in warning and "u 0.05-0.95, v 0.28-0.72" in warning
    assert "a lesion there appears at each of them" in warning


def test_the_same_texels_of_two_materials_are_no_overlap() -> None:
    positions, faces, uvs = mirrored_halves()
    draft, half = Draft(), len(faces) // 2
    draft.draw(
        draft.primitive(positions, faces[:half], uvs, draft.material("a")),
        draft.primitive(positions, faces[half:], uvs, draft.material("b")),
    )
    assert loaded(draft).warnings == ()


@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
@settings(max_examples=25, deadline=None)
def test_neighbours_never_count_as_overlapping(seed: int, side: int) -> None:
    """A jittered grid of triangles covers each texel once, whatever its size."""
    rng = np.random.default_rng(seed)
    column, row = np.meshgrid(np.arange(side + 1), np.arange(side + 1))
    uvs = np.stack([column, row], axis=-1).astype(np.float64)
    uvs[1:-1, 1:-1] += rng.uniform(-0.2, 0.2, (side - 1, side - 1, 2))
    uvs = (uvs / side).reshape(-1, 2).astype(np.float32)
    a = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).ravel()
    faces = np.concatenate([np.stack([a, a + side + 1, a + 1], 1), np.stack([a + 1, a + side + 1, a + side + 2], 1)])
    faces[::2] = faces[::2, ::-1]
    assert find_overlap(uvs[faces]) is None
    overlap = find_overlap(uvs[np.concatenate([faces, faces])])
    assert overlap is not None and overlap.share == 1


def test_an_overlap_bomb_stays_cheap() -> None:
    """Every one of 200 000 triangles covers the whole atlas."""
    corners = np.tile(np.array([[0, 0], [2, 0], [0, 2]], np.float32) / 2, (200_000, 1, 1))
    overlap = find_overlap(corners)
    assert overlap is not None and overlap.share == 1


@pytest.mark.parametrize("shift", [(1, 0), (-3, 2)])
def test_a_body_on_another_tile_is_wrapped_back(shift: tuple[int, int]) -> None:
    _, faces, uvs = tube()
    avatar = loaded(body_with(uvs + np.array(shift)))
    assert np.allclose(avatar.uvs[avatar.faces], uvs[faces], atol=1e-6)
    assert avatar.warnings == ()


@pytest.mark.parametrize(("wrap", "name"), [(33071, "CLAMP_TO_EDGE"), (33648, "MIRRORED_REPEAT")])
def test_wrapping_that_the_sampler_forbids_is_refused(wrap: int, name: str) -> None:
    with pytest.raises(AvatarError, match=f"material 'skin'.*{name}"):
        loaded(body_with(tube()[2] + [1, 0], wrapS=wrap))
    loaded(body_with(tube()[2], wrapS=wrap))
    loaded(body_with(tube()[2] + [2, 0], wrapS=33648))


def tiled() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    positions, faces, uvs = mirrored_halves()
    uvs = uvs.copy()
    uvs[len(uvs) // 2 :, 0] += 1
    return positions, faces, uvs


@pytest.mark.parametrize(("move", "names"), [((0, 0), "1001, 1002"), ((0, -1), "1011, 1012"), ((2, -3), "1033, 1034")])
def test_udim_tiles_of_one_image_are_refused_by_name(move: tuple[int, int], names: str) -> None:
    """UDIM counts rows upwards: above the first tile lies 1011, which is v from -1 to 0 where v goes down."""
    positions, faces, uvs = tiled()
    uvs = uvs + np.float32(move)
    draft = Draft()
    draft.draw(draft.primitive(positions, faces, uvs, draft.material("skin", draft.texture(png()))))
    with pytest.raises(AvatarError, match=rf"material 'skin' lies on several UDIM tiles \({names}\)"):
        loaded(draft)


def test_udim_tiles_with_a_material_each_are_handled() -> None:
    positions, faces, uvs = tiled()
    draft, half = Draft(), len(faces) // 2
    draft.draw(
        draft.primitive(positions, faces[:half], uvs, draft.material("1001", draft.texture(png(seed=1)))),
        draft.primitive(positions, faces[half:], uvs, draft.material("1002", draft.texture(png(seed=2)))),
    )
    avatar = loaded(draft)
    assert avatar.warnings == ()
    assert np.allclose(avatar.uvs[avatar.faces], (uvs - np.floor(uvs))[faces], atol=1e-6)


@pytest.mark.parametrize("corner", [(0, 1), (1, 1), (1, 0), (3, 5)])
def test_hidden_faces_gathered_in_a_corner_are_no_tile(corner: tuple[int, int]) -> None:
    positions, faces, uvs = mirrored_halves()
    uvs[len(uvs) // 2 :] = corner
    draft = Draft()
    draft.draw(draft.primitive(positions, faces, uvs, draft.material("skin", draft.texture(png()))))
    avatar = loaded(draft)
    half = len(faces) // 2
    assert np.allclose(avatar.uvs[avatar.faces[:half]], uvs[faces[:half]], atol=1e-6)
    assert avatar.uvs.min() >= 0 and avatar.uvs.max() <= 1
    assert avatar.warnings == (
        f"{half} of {2 * half} faces have no area in the texture; nothing can be painted on them",
    )


def test_a_repeating_texture_is_wrapped_face_by_face_and_warned() -> None:
    _, faces, uvs = tube()
    avatar = loaded(body_with(uvs * [3, 1]))
    assert any("its texture repeats" in warning for warning in avatar.warnings)
    corners = avatar.uvs[avatar.faces]
    centre = corners.mean(axis=1)
    assert ((centre >= 0) & (centre <= 1)).all()
    difference = corners - (uvs * [3, 1])[faces]
    assert np.allclose(difference, np.round(difference), atol=1e-6), "moved by whole tiles"
    assert np.allclose(difference, difference[:, :1], atol=1e-6), "all corners of a face alike"
    positions = tube()[0]
    assert np.allclose(avatar.positions[avatar.faces], positions[faces], atol=1e-6)


def test_wrapping_takes_the_skeleton_along() -> None:
    draft = rigged_body()
    accessor = draft.document["accessors"][draft.document["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"]]
    view = draft.document["bufferViews"][accessor["bufferView"]]
    start, stop = view["byteOffset"], view["byteOffset"] + view["byteLength"]
    uvs = np.frombuffer(bytes(draft.binary[start:stop]), np.float32).reshape(-1, 2) * np.float32([3, 1])
    draft.binary[start:stop] = uvs.tobytes()
    avatar, reference = loaded(draft), loaded(rigged_body())
    assert avatar.skeleton is not None and reference.skeleton is not None
    assert np.array_equal(avatar.skeleton.weights[avatar.faces], reference.skeleton.weights[reference.faces])
    assert np.array_equal(avatar.skeleton.joints[avatar.faces], reference.skeleton.joints[reference.faces])


def test_texture_transforms_are_applied_as_the_extensions_example_says() -> None:
    """KHR_texture_transform's own example: a quadrant of the image, turned by 90°."""
    _, faces, uvs = tube()
    draft = body_with(uvs)
    transform = {"offset": [0, 1], "rotation": np.pi / 2, "scale": [0.5, 0.5]}
    draft.document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]["extensions"] = {
        "KHR_texture_transform": transform
    }
    draft.document["extensionsRequired"] = ["KHR_texture_transform"]
    avatar = loaded(draft)
    expected = np.stack([uvs[:, 1] / 2, 1 - uvs[:, 0] / 2], axis=1)
    assert np.allclose(avatar.uvs[avatar.faces], expected[faces], atol=1e-6)


def test_the_second_uv_set_is_used_where_the_albedo_uses_it() -> None:
    _, faces, uvs = tube()
    draft = body_with(uvs)
    draft.document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]["texCoord"] = 1
    draft.document["materials"][0]["normalTexture"] = {"index": draft.texture(png(seed=4)), "texCoord": 0}
    other = np.ascontiguousarray(uvs[:, ::-1])
    draft.document["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_1"] = draft.array(other, "VEC2")
    avatar = loaded(draft)
    assert np.allclose(avatar.uvs[avatar.faces], other[faces])
    assert set(avatar.materials[0].maps) == {"albedo"}
    assert any("its normal map lies otherwise" in warning for warning in avatar.warnings)


def bare_body() -> Draft:
    """A rigged body with a morph target and no UVs; one of its materials has an image."""
    draft = rigged_body()
    mesh = draft.document["meshes"][0]
    for row in mesh["primitives"]:
        row["attributes"] = {name: index for name, index in row["attributes"].items() if name != "TEXCOORD_0"}
        row["targets"] = [{"POSITION": row["attributes"]["POSITION"]}]
    mesh["weights"] = [0.0]
    draft.document["materials"][1]["pbrMetallicRoughness"] = {"baseColorFactor": [0.5, 0.4, 0.3, 1]}
    return draft


def test_unwrap_makes_uvs_without_overlaps_and_keeps_the_body(tmp_path: Path) -> None:
    path = tmp_path / "body.glb"
    path.write_bytes(bare_body().glb())
    avatar, reference = load(path, unwrap=True), loaded(rigged_body())
    assert avatar.warnings == ()
    assert (avatar.uvs.min() >= 0, avatar.uvs.max() <= 1) == (True, True)
    for index in range(2):
        assert find_overlap(avatar.uvs[avatar.faces][avatar.face_material == index]) is None
    assert [material.name for material in avatar.materials] == ["torso-unwrapped", "legs"]
    ours, theirs = (np.sort(body.positions[body.faces].sum(axis=(1, 2))) for body in (avatar, reference))
    assert np.allclose(ours, theirs, atol=1e-6)
    assert avatar.skeleton is not None and reference.skeleton is not None
    assert np.allclose(avatar.skeleton.heads, reference.skeleton.heads)
    again = from_glb(avatar.glb, "body", 1.0)
    assert np.array_equal(again.uvs, avatar.uvs)
    assert load(path, unwrap=True).glb == avatar.glb, "the same file gives the same bytes"


def test_unwrap_leaves_bodies_with_uvs_alone(tmp_path: Path) -> None:
    path = tmp_path / "body.glb"
    path.write_bytes(plain_body().glb())
    assert load(path, unwrap=True).glb == path.read_bytes()


def test_a_missing_xatlas_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "body.glb"
    path.write_bytes(bare_body().glb())
    real = builtins.__import__

    def without_xatlas(name: str, *rest: Any, **options: Any) -> Any:
        if name == "xatlas":
            raise ModuleNotFoundError("No module named 'xatlas'")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without_xatlas)
    with pytest.raises(AvatarError, match=r"pip install moulage\[avatar\]"):
        load(path, unwrap=True)


def test_flat_materials_may_have_uvs_anywhere() -> None:
    positions, faces, uvs = tiled()
    draft = Draft()
    draft.draw(draft.primitive(positions, faces, copy.copy(uvs), draft.material("button")))
    assert any("repeats" in warning for warning in loaded(draft).warnings)
