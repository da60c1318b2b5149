"""Avatars load from every format that is promised, with UVs and image bytes as they stand in the file."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from sample_bodies import Draft, jpeg, obj_body, pack, plain_body, png, rigged_body, tube, unpack, webp

from engine.avatar.load import from_glb, load
from engine.errors import AvatarError


def saved(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_a_glb_keeps_its_bytes_uvs_and_images(tmp_path: Path) -> None:
    draft = rigged_body()
    avatar = load(saved(tmp_path, "patient 7.glb", draft.glb()))
    positions, faces, uvs = tube()
    upper = positions[faces].mean(axis=1)[:, 1] > 0.85
    expected = np.concatenate([faces[upper], faces[~upper]])
    assert avatar.name == "patient 7"
    assert avatar.glb == draft.glb()
    assert avatar.scale == 1.0
    assert [material.name for material in avatar.materials] == ["torso", "legs"]
    assert np.array_equal(avatar.uvs[avatar.faces], uvs[expected])
    assert np.allclose(avatar.positions[avatar.faces], positions[expected], atol=1e-6)
    assert np.array_equal(avatar.face_material, np.repeat([0, 1], [upper.sum(), (~upper).sum()]))
    torso, legs = avatar.materials
    assert torso.maps["albedo"].encoded == png(seed=1)
    assert torso.maps["normal"].encoded == png(seed=3)
    assert (legs.maps["albedo"].encoded, legs.maps["albedo"].mime) == (jpeg(seed=2), "image/jpeg")
    assert (legs.maps["albedo"].width, legs.maps["albedo"].height) == (32, 32)
    assert avatar.warnings == ()


def test_geometry_agrees_with_another_reader(tmp_path: Path) -> None:
    data = plain_body().glb()
    avatar = load(saved(tmp_path, "body.glb", data))
    other = next(iter(trimesh.load_scene(io.BytesIO(data), file_type="glb").geometry.values()))
    assert np.allclose(avatar.positions[avatar.faces], other.vertices[other.faces])
    flipped = other.visual.uv[other.faces] * [1, -1] + [0, 1]
    assert np.allclose(avatar.uvs[avatar.faces], flipped, atol=1e-6)


def test_the_skeleton_is_read(tmp_path: Path) -> None:
    avatar = load(saved(tmp_path, "body.glb", rigged_body().glb()))
    bones = avatar.skeleton
    assert bones is not None
    assert bones.names == ("hips", "spine", "head")
    assert bones.parents == (-1, 0, 1)
    assert np.allclose(bones.heads, [[0, 0.85, 0], [0, 1.3, 0], [0, 1.55, 0]])
    assert bones.joints.shape == bones.weights.shape == (len(avatar.positions), 4)
    assert np.allclose(bones.weights.sum(axis=1), 1)
    nearest = np.abs(avatar.positions[:, 1:2] - bones.heads[:, 1]).argmin(axis=1)
    assert np.array_equal(bones.joints[:, 0], nearest)


def vrm(version: int) -> Draft:
    draft = rigged_body()
    side = 0.2 if version == 1 else -0.2
    for name, x in (("leftUpperArm", side), ("rightUpperArm", -side)):
        node = draft.row("nodes", {"name": f"J_{name}", "translation": [x, 0, 0]})
        draft.document["nodes"][1].setdefault("children", []).append(node)
    bones = {"hips": 0, "spine": 1, "head": 2, "leftUpperArm": 4, "rightUpperArm": 5}
    if version == 1:
        human = {"humanBones": {name: {"node": node} for name, node in bones.items()}}
        draft.document["extensions"] = {"VRMC_vrm": {"specVersion": "1.0", "humanoid": human}}
    else:
        rows = [{"bone": name, "node": node} for name, node in bones.items()]
        draft.document["extensions"] = {"VRM": {"exporterVersion": "UniVRM-0.99", "humanoid": {"humanBones": rows}}}
    draft.document["extensionsUsed"] = ["VRMC_vrm" if version == 1 else "VRM"]
    return draft


@pytest.mark.parametrize("version", [0, 1])
def test_a_vrm_gives_humanoid_bones_and_looks_along_plus_z(tmp_path: Path, version: int) -> None:
    avatar = load(saved(tmp_path, "body.vrm", vrm(version).glb()))
    bones = avatar.skeleton
    assert bones is not None
    assert bones.names[bones.humanoid["head"]] == "head"
    assert bones.heads[bones.humanoid["leftUpperArm"], 0] > 0 > bones.heads[bones.humanoid["rightUpperArm"], 0]
    positions, faces, _ = tube()
    upper = positions[faces].mean(axis=1)[:, 1] > 0.85
    facing = 1 if version == 1 else -1
    expected = (positions * [facing, 1, facing])[np.concatenate([faces[upper], faces[~upper]])]
    assert np.allclose(avatar.positions[avatar.faces], expected, atol=1e-6)


def test_an_obj_becomes_a_glb_that_keeps_image_bytes_and_uvs(tmp_path: Path) -> None:
    path = saved(tmp_path, "body.obj", obj_body())
    (tmp_path / "maps").mkdir()
    saved(tmp_path / "maps", "upper skin.png", png(seed=5))
    saved(tmp_path, "lower.jpg", jpeg(seed=6))
    saved(tmp_path, "normal.png", png(seed=7))
    saved(
        tmp_path,
        "body.mtl",
        "newmtl upper\nKd 0.5 0.5 0.5\nmap_Kd -clamp off -s 1 1 1 maps/upper skin.png\nnorm normal.png\n"
        "newmtl lower\nKd 1 0 0\nmap_Kd C:\\work\\lower.jpg\n",
    )
    avatar = load(path)
    positions, faces, uvs = tube()
    upper = positions[faces].mean(axis=1)[:, 1] > 0.85
    expected = np.concatenate([faces[upper], faces[~upper]])
    assert [material.name for material in avatar.materials] == ["upper", "lower"]
    assert avatar.materials[0].maps["albedo"].encoded == png(seed=5)
    assert avatar.materials[0].maps["normal"].encoded == png(seed=7)
    assert avatar.materials[1].maps["albedo"].encoded == jpeg(seed=6)
    assert np.allclose(avatar.uvs[avatar.faces], uvs[expected], atol=1e-6)
    assert np.allclose(avatar.positions[avatar.faces], positions[expected], atol=1e-6)
    again = from_glb(avatar.glb, avatar.name, avatar.scale)
    assert np.array_equal(again.positions, avatar.positions)
    assert np.array_equal(again.faces, avatar.faces)
    other = trimesh.load_scene(io.BytesIO(avatar.glb), file_type="glb")
    assert sum(len(mesh.faces) for mesh in other.geometry.values()) == len(faces)


def test_obj_polygons_negative_indices_and_missing_materials(tmp_path: Path) -> None:
    quad = "v 0 0 0\nv 1 0 0\nv 1 1.7 0\nv 0 1.7 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    avatar = load(saved(tmp_path, "body.obj", quad + "usemtl ghost\nf -4/-4 -3/-3 -2/-2 -1/-1\n"))
    assert avatar.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert avatar.uvs.tolist() == [[0, 1], [1, 1], [1, 0], [0, 0]]
    assert avatar.materials[0].maps == {}
    assert any("ghost" in warning for warning in avatar.warnings)


def test_an_obj_without_normals_gets_smooth_ones_across_uv_seams(tmp_path: Path) -> None:
    saved(tmp_path, "body.mtl", "newmtl upper\nnewmtl lower\n")
    avatar = load(saved(tmp_path, "body.obj", obj_body()))
    for mesh in trimesh.load_scene(io.BytesIO(avatar.glb), file_type="glb").geometry.values():
        stated = mesh.vertex_normals
        outward = mesh.vertices * [1, 0, 1] / np.linalg.norm(mesh.vertices * [1, 0, 1], axis=1, keepdims=True)
        inner = (mesh.vertices[:, 1] > 0.2) & (mesh.vertices[:, 1] < 1.5)
        assert np.allclose(np.linalg.norm(stated, axis=1), 1, atol=1e-5)
        assert ((stated * outward).sum(axis=1)[inner] > 0.99).all()


def test_images_that_gltf_cannot_hold_become_png_with_the_same_pixels(tmp_path: Path) -> None:
    from PIL import Image

    Image.open(io.BytesIO(png(seed=9))).save(tmp_path / "skin.bmp")
    saved(tmp_path, "body.mtl", "newmtl upper\nmap_Kd skin.bmp\nnewmtl lower\nmap_Kd skin.bmp\n")
    avatar = load(saved(tmp_path, "body.obj", obj_body()))
    upper, lower = (material.maps["albedo"] for material in avatar.materials)
    assert upper is lower
    assert upper.mime == "image/png"
    pixels = [np.asarray(Image.open(io.BytesIO(body))) for body in (upper.encoded, png(seed=9))]
    assert np.array_equal(*pixels)


def test_a_gltf_with_files_beside_it_is_packed(tmp_path: Path) -> None:
    inside = rigged_body()
    document, binary = unpack(inside.glb())
    body_of = {row["bufferView"]: row for row in document["images"]}
    for number, (view, row) in enumerate(body_of.items()):
        start = document["bufferViews"][view]["byteOffset"]
        body = binary[start : start + document["bufferViews"][view]["byteLength"]]
        del row["bufferView"]
        row["uri"] = f"image%20{number}" if number else "data:image/png;base64," + base64.b64encode(body).decode()
        saved(tmp_path, f"image {number}", body)
    document["buffers"] = [{"byteLength": len(binary), "uri": "body.bin"}]
    saved(tmp_path, "body.bin", binary)
    avatar = load(saved(tmp_path, "body.gltf", json.dumps(document)))
    reference = load(saved(tmp_path, "body.glb", inside.glb()))
    assert np.array_equal(avatar.positions, reference.positions)
    for ours, theirs in zip(avatar.materials, reference.materials, strict=True):
        assert {name: image.encoded for name, image in ours.maps.items()} == {
            name: image.encoded for name, image in theirs.maps.items()
        }
    assert from_glb(avatar.glb, "body", 1.0).name == "body"


def test_strips_fans_unindexed_and_sparse_vertices_are_read(tmp_path: Path) -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1.7, 0], [1, 1.7, 0]], np.float32)
    uvs = np.array([[0, 1], [0.4, 1], [0, 0], [0.4, 0]], np.float32)
    draft = Draft()
    strip = draft.primitive(corners, None, uvs, mode=5)
    ring = [0, 1, 3, 2]
    fan = draft.primitive(corners[ring] + np.float32([2, 0, 0]), None, uvs[ring] + np.float32([0.5, 0]), mode=6)
    sparse = draft.primitive(corners * 0, None, uvs, mode=5)
    places = draft.view(np.arange(4, dtype=np.uint8).tobytes())
    values = draft.view((corners - np.float32([2, 0, 0])).tobytes())
    row = draft.document["accessors"][sparse["attributes"]["POSITION"]]
    del row["bufferView"]
    row["sparse"] = {
        "count": 4,
        "indices": {"bufferView": places, "componentType": 5121},
        "values": {"bufferView": values},
    }
    draft.draw(strip, fan)
    draft.draw(sparse)
    avatar = load(saved(tmp_path, "body.glb", draft.glb()))
    assert len(avatar.faces) == 6
    a, b, c = (avatar.positions[avatar.faces[:, k]] for k in range(3))
    assert np.all(np.cross(b - a, c - a)[:, 2] > 0), "all triangles keep their winding"
    assert np.isclose(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2, 3 * 1.7)
    assert avatar.positions[:, 0].min() == -2


def test_quantised_attributes_are_read(tmp_path: Path) -> None:
    positions, faces, uvs = tube()
    draft = Draft()
    row = draft.primitive(positions, faces, uvs)
    whole = np.round(positions * 10000).astype(np.int16)
    row["attributes"]["POSITION"] = draft.array(np.pad(whole, ((0, 0), (0, 1))), "VEC3")
    accessor = draft.document["accessors"][row["attributes"]["POSITION"]]
    draft.document["bufferViews"][accessor["bufferView"]]["byteStride"] = 8
    row["attributes"]["TEXCOORD_0"] = draft.array(np.round(uvs * 65535).astype(np.uint16), "VEC2", normalized=True)
    draft.draw(row, scale=[1e-4, 1e-4, 1e-4])
    draft.document["extensionsRequired"] = ["KHR_mesh_quantization"]
    avatar = load(saved(tmp_path, "body.glb", draft.glb()))
    assert np.abs(avatar.positions - positions).max() < 1e-4
    assert np.abs(avatar.uvs - uvs).max() < 1e-4


@pytest.mark.parametrize("lossless", [True, False])
def test_webp_and_specular_glossiness_textures_are_albedo(tmp_path: Path, lossless: bool) -> None:
    draft = Draft()
    encoded = webp(48, 20, lossless=lossless)
    image = draft.row("images", {"mimeType": "image/webp", "bufferView": draft.view(encoded)})
    texture = draft.row("textures", {"extensions": {"EXT_texture_webp": {"source": image}}})
    old = {"diffuseTexture": {"index": texture}, "diffuseFactor": [1, 1, 1, 0.5]}
    skin = draft.row("materials", {"extensions": {"KHR_materials_pbrSpecularGlossiness": old}})
    draft.draw(draft.primitive(*tube(), skin))
    draft.document["extensionsRequired"] = ["EXT_texture_webp", "KHR_materials_pbrSpecularGlossiness"]
    (material,) = load(saved(tmp_path, "body.glb", draft.glb())).materials
    albedo = material.maps["albedo"]
    assert (albedo.mime, albedo.width, albedo.height, albedo.encoded) == ("image/webp", 48, 20, encoded)
    assert material.base_colour[3] == 0.5


def test_chunks_of_other_kinds_and_same_names_are_borne(tmp_path: Path) -> None:
    draft = plain_body()
    for _ in range(2):
        draft.draw(draft.primitive(*tube(), draft.material("skin")))
    document, binary = unpack(draft.glb())
    data = pack(document, binary, extra=b"\x04\0\0\0ABCDwxyz")
    avatar = load(saved(tmp_path, "body.glb", data))
    assert [material.name for material in avatar.materials] == ["skin", "skin-2", "skin-3"]


def test_an_image_that_two_materials_share_is_one_object(tmp_path: Path) -> None:
    draft = Draft()
    texture = draft.texture(png())
    positions, faces, uvs = tube()
    half = len(faces) // 2
    draft.draw(
        draft.primitive(positions, faces[:half], uvs, draft.material("a", texture)),
        draft.primitive(positions, faces[half:], uvs, draft.material("b", texture)),
    )
    a, b = load(saved(tmp_path, "body.glb", draft.glb())).materials
    assert a.maps["albedo"] is b.maps["albedo"]


def test_from_glb_names_the_avatar_in_its_errors() -> None:
    with pytest.raises(AvatarError, match=r"^patient: .*truncated"):
        from_glb(plain_body().glb()[:100], "patient", 1.0)
