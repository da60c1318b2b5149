"""Writing maps back changes those maps and nothing else."""

import copy
import io
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_bodies import Draft, jpeg, pack, plain_body, png, rigged_body, tube, unpack, view_bytes, webp

from engine.avatar import accessors, gltf
from engine.avatar.load import from_glb
from engine.avatar.texture import albedo_or_flat
from engine.avatar.write import replace_maps
from engine.errors import AvatarError


def maps_of(glb: bytes) -> dict[tuple[str, str], bytes]:
    avatar = from_glb(glb, "body", 1.0)
    return {(m.name, name): image.encoded for m in avatar.materials for name, image in m.maps.items()}


def without_layout(document: dict[str, Any], changed_views: set[int], changed_images: set[int]) -> dict[str, Any]:
    """The JSON without what must change: where views lie, and the kind of a replaced image."""
    document = copy.deepcopy(document)
    document["buffers"] = [
        {key: value for key, value in row.items() if key != "byteLength"} for row in document["buffers"]
    ]
    for index, view in enumerate(document["bufferViews"]):
        del view["byteOffset"]
        if index in changed_views:
            del view["byteLength"]
    for index in changed_images:
        del document["images"][index]["mimeType"]
    return document


def assert_all_accessors_equal(before: bytes, after: bytes) -> None:
    old, new = gltf.parse(before), gltf.parse(after)
    kinds = ("SCALAR", "VEC2", "VEC3", "VEC4", "MAT4")
    for index in range(len(old.document["accessors"])):
        first, second = (accessors.raw(container, index, "a test", kinds) for container in (old, new))
        assert np.array_equal(first, second) and first.dtype == second.dtype


@given(st.sets(st.sampled_from([("torso", "albedo"), ("torso", "normal"), ("legs", "albedo")])), st.integers(1, 90))
@settings(max_examples=20, deadline=None)
def test_only_the_changed_maps_change(slots: set[tuple[str, str]], side: int) -> None:
    before = rigged_body().glb()
    new = {slot: png(side, side + 3, seed=50 + number) for number, slot in enumerate(sorted(slots))}
    after = replace_maps(before, new)
    assert maps_of(after) == maps_of(before) | new
    view_of = {("torso", "albedo"): 0, ("legs", "albedo"): 1, ("torso", "normal"): 2}
    images = {view_of[slot] for slot in slots}
    old_document, new_document = unpack(before)[0], unpack(after)[0]
    views = {old_document["images"][image]["bufferView"] for image in images}
    assert without_layout(old_document, views, images) == without_layout(new_document, views, images)
    assert all(new_document["images"][image]["mimeType"] == "image/png" for image in images)
    assert_all_accessors_equal(before, after)
    others = set(range(len(old_document["bufferViews"]))) - views
    assert all(view_bytes(before, view) == view_bytes(after, view) for view in others)


def test_nothing_changed_gives_the_same_bytes_and_replacing_does_not_grow() -> None:
    before = rigged_body().glb()
    assert replace_maps(before, {}) is before
    once = replace_maps(before, {("torso", "albedo"): png(200, 200, 1)})
    small = replace_maps(once, {("torso", "albedo"): png(seed=1)})
    assert abs(len(unpack(small)[1]) - len(unpack(before)[1])) <= 8, "the replaced image's bytes are gone"
    assert maps_of(small) == maps_of(before)


def test_a_changed_file_still_opens_elsewhere() -> None:
    after = replace_maps(rigged_body().glb(), {("legs", "albedo"): png(16, 16, 4)})
    scene = trimesh.load_scene(io.BytesIO(after), file_type="glb")
    sizes = {mesh.visual.material.name: mesh.visual.material.baseColorTexture.size for mesh in scene.geometry.values()}
    assert sizes == {"torso": (32, 32), "legs": (16, 16)}


def shared_image() -> bytes:
    draft = Draft()
    texture = draft.texture(jpeg(), "image/jpeg")
    positions, faces, uvs = tube()
    half = len(faces) // 2
    draft.draw(
        draft.primitive(positions, faces[:half], uvs, draft.material("a", texture)),
        draft.primitive(positions, faces[half:], uvs, draft.material("b", texture)),
    )
    return draft.glb()


def test_a_shared_image_is_never_changed_behind_the_other_materials_back() -> None:
    before = shared_image()
    one = replace_maps(before, {("a", "albedo"): png(seed=1)})
    assert maps_of(one) == {("a", "albedo"): png(seed=1), ("b", "albedo"): jpeg()}
    both = {("a", "albedo"): png(seed=1), ("b", "albedo"): png(seed=2)}
    assert maps_of(replace_maps(before, both)) == both
    same = replace_maps(before, {("a", "albedo"): png(seed=3), ("b", "albedo"): png(seed=3)})
    assert maps_of(same) == {("a", "albedo"): png(seed=3), ("b", "albedo"): png(seed=3)}
    assert len(unpack(same)[0]["images"]) == 1
    assert_all_accessors_equal(before, one)


def test_an_added_albedo_shows_its_own_colours() -> None:
    draft = Draft()
    skin = draft.material("skin")
    draft.document["materials"][skin]["pbrMetallicRoughness"] = {"baseColorFactor": [0.5, 0.25, 0.125, 0.75]}
    positions, faces, uvs = tube()
    draft.draw(draft.primitive(positions, faces[:50], uvs, skin), draft.primitive(positions, faces[50:], uvs))
    before = draft.glb()
    plain, default = from_glb(before, "body", 1.0).materials
    assert plain.maps == {} and default.name == "default"
    flat = albedo_or_flat(plain, 8)
    assert (flat.width, flat.height) == (8, 8)
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(flat.encoded)))
    assert np.array_equal(pixels, np.broadcast_to(np.uint8([188, 137, 99]), (8, 8, 3))), (
        "sRGB of the linear base colour"
    )
    after = replace_maps(before, {("skin", "albedo"): flat.encoded, ("default", "albedo"): png(seed=4)})
    painted, painted_default = from_glb(after, "body", 1.0).materials
    assert painted.maps["albedo"].encoded == flat.encoded
    assert painted.base_colour == (1, 1, 1, 0.75)
    assert (painted_default.name, painted_default.maps["albedo"].encoded) == ("default", png(seed=4))
    assert albedo_or_flat(painted, 64) is painted.maps["albedo"]
    assert_all_accessors_equal(before, after)


def test_toon_shading_follows_the_albedo() -> None:
    draft = rigged_body()
    shade = {"shadeMultiplyTexture": {"index": 0}, "outlineWidthMultiplyTexture": {"index": 2}}
    draft.document["materials"][0]["extensions"] = {"VRMC_materials_mtoon": shade}
    draft.document["materials"][1]["pbrMetallicRoughness"]["baseColorTexture"]["index"] = 0
    toon = [
        {"textureProperties": {"_MainTex": 0, "_ShadeTexture": 0, "_BumpMap": 2}},
        {"textureProperties": {"_MainTex": 0}},
    ]
    draft.document["extensions"] = {"VRM": {"materialProperties": toon}}
    after = replace_maps(draft.glb(), {("torso", "albedo"): png(seed=8)})
    document = unpack(after)[0]
    new = document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]["index"]
    assert new == 3
    mtoon = document["materials"][0]["extensions"]["VRMC_materials_mtoon"]
    assert (mtoon["shadeMultiplyTexture"]["index"], mtoon["outlineWidthMultiplyTexture"]["index"]) == (3, 2)
    rows = document["extensions"]["VRM"]["materialProperties"]
    assert rows[0]["textureProperties"] == {"_MainTex": 3, "_ShadeTexture": 3, "_BumpMap": 2}
    assert rows[1]["textureProperties"] == {"_MainTex": 0}


def test_webp_becomes_png_without_its_extension() -> None:
    draft = Draft()
    image = draft.row("images", {"mimeType": "image/webp", "bufferView": draft.view(webp())})
    texture = draft.row("textures", {"extensions": {"EXT_texture_webp": {"source": image}}})
    draft.draw(draft.primitive(*tube(), draft.material("skin", texture)))
    after = replace_maps(draft.glb(), {("skin", "albedo"): png(seed=5)})
    assert unpack(after)[0]["textures"] == [{"source": 0}]
    assert maps_of(after) == {("skin", "albedo"): png(seed=5)}


def test_other_chunks_stay() -> None:
    document, binary = unpack(plain_body().glb())
    extra = b"\x04\0\0\0ABCDwxyz"
    after = replace_maps(pack(document, binary, extra), {("skin", "albedo"): png(seed=5)})
    assert after.endswith(extra)


@pytest.mark.parametrize(
    ("slot", "body", "message"),
    [
        (("skni", "albedo"), png(), "no material 'skni'; it has torso, legs"),
        (("torso", "colour"), png(), "map 'colour' is unknown; choose one of albedo"),
        (("torso", "albedo"), jpeg(), "must be a PNG"),
        (("torso", "albedo"), png()[:-20], "truncated PNG"),
    ],
)
def test_what_cannot_be_written_is_refused(slot: tuple[str, str], body: bytes, message: str) -> None:
    with pytest.raises(AvatarError, match=message):
        replace_maps(rigged_body().glb(), {slot: body})
