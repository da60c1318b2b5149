"""Files that can't be used get one clear line; nothing else than AvatarError ever comes out of the loader."""

import copy
import json
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_bodies import Draft, jpeg, obj_body, pack, plain_body, png, rigged_body, tube, unpack

from engine.avatar.load import from_glb, load
from engine.avatar.model import Avatar
from engine.avatar.write import replace_maps
from engine.errors import AvatarError


def glb(change: Callable[[dict[str, Any]], Any], draft: Draft | None = None) -> bytes:
    document, binary = unpack((draft or plain_body()).glb())
    change(document)
    return pack(document, binary)


def claimed_png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    bodies = (header, b"IDAT" + zlib.compress(b""), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) for body in bodies
    )


def with_positions(values: list[float]) -> bytes:
    positions, faces, uvs = tube()
    positions[40] = values
    draft = Draft()
    draft.draw(draft.primitive(positions, faces, uvs))
    return draft.glb()


def with_extension_on(table: str, name: str) -> bytes:
    def change(document: dict[str, Any]) -> None:
        row = document["meshes"][0]["primitives"][0] if table == "primitive" else document[table][0]
        row["extensions"] = {name: {"bufferView": 0, "source": 0}}

    return glb(change)


def many_textures() -> bytes:
    draft = Draft()
    positions, faces, uvs = tube()
    rows = [
        draft.primitive(positions, faces, uvs, draft.material(f"m{k}", draft.texture(claimed_png(16384, 16384))))
        for k in range(3)
    ]
    draft.draw(*rows)
    return draft.glb()


def without_uvs() -> bytes:
    draft = Draft()
    draft.draw(draft.primitive(*tube()[:2], None))
    return draft.glb()


def bad_index() -> bytes:
    positions, faces, uvs = tube()
    faces[5, 1] = 60000
    draft = Draft()
    draft.draw(draft.primitive(positions, faces, uvs))
    return draft.glb()


def set_in(*path: Any, value: Any) -> bytes:
    def change(document: dict[str, Any]) -> None:
        owner: Any = document
        for key in path[:-1]:
            owner = owner[key]
        owner[path[-1]] = value

    return glb(change)


def skinned(change: Callable[[dict[str, Any]], Any]) -> bytes:
    return glb(change, rigged_body())


def infinite_translation() -> bytes:
    document, binary = unpack(plain_body().glb())
    return pack(json.dumps(document).replace('"name": "body"', '"translation": [1e999, 0, 0]').encode(), binary)


def circle(document: dict[str, Any]) -> None:
    document["nodes"] += [{"children": [2]}, {"children": [1]}]


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: b"hello, I am no body", "not a binary glTF|can't be read"),
    "truncated": (lambda: plain_body().glb()[:-50], "truncated: its header promises"),
    "only a header": (lambda: plain_body().glb()[:12], "truncated"),
    "1 GB chunk": (
        lambda: plain_body().glb()[:12] + struct.pack("<I", 1 << 30) + plain_body().glb()[16:],
        "promises 1073741824",
    ),
    "1 GB file": (
        lambda: plain_body().glb()[:8] + struct.pack("<I", 1 << 30) + plain_body().glb()[12:],
        "1073741824 bytes",
    ),
    "glTF 1": (lambda: plain_body().glb()[:4] + struct.pack("<I", 1) + plain_body().glb()[8:], "version 1"),
    "broken JSON": (lambda: pack(b'{"asset":', b""), "JSON can't be read"),
    "deep JSON": (lambda: pack(b"[" * 100_000, b""), "JSON can't be read"),
    "NaN in JSON": (lambda: pack(b'{"asset":{"version":"2.0"},"x":NaN}', b""), "NaN is not a JSON number"),
    "JSON list": (lambda: pack(b"[1]", b""), "not an object"),
    "nothing drawn": (lambda: set_in("scenes", 0, "nodes", value=[]), "draws no triangles"),
    "no UVs": (without_uvs, "has no UVs .*--unwrap"),
    "NaN position": (
        lambda: with_positions([np.nan, 0, 0]),
        "1 of 221 vertices have NaN or infinite values in POSITION",
    ),
    "infinite position": (lambda: with_positions([0, np.inf, 0]), "infinite values in POSITION"),
    "huge scale": (lambda: set_in("nodes", 0, "scale", value=[1e308, 1e308, 1e308]), "no body|infinite|overflow"),
    "flat scale": (lambda: set_in("nodes", 0, "scale", value=[0, 0, 0]), "no body|no area"),
    "index out of range": (bad_index, "index 60000 is out of range, there are 221 vertices"),
    "1 GB accessor": (lambda: set_in("accessors", 0, "count", value=1 << 30), "claims 1073741824 elements"),
    "accessor overrun": (lambda: set_in("accessors", 0, "count", value=5000), "runs past the end of bufferViews"),
    "view overrun": (lambda: set_in("bufferViews", 1, "byteLength", value=10**9), "the binary chunk has"),
    "negative count": (lambda: set_in("accessors", 0, "count", value=-1), "count must be a whole number"),
    "count as text": (lambda: set_in("accessors", 0, "count", value="many"), "count must be a whole number"),
    "absurd count": (lambda: set_in("accessors", 0, "count", value=10**400), "claims 10+ elements"),
    "odd stride": (lambda: set_in("bufferViews", 1, "byteStride", value=1), "byteStride 1"),
    "unknown component": (lambda: set_in("accessors", 0, "componentType", value=5130), "componentType 5130"),
    "wrong type": (lambda: set_in("accessors", 0, "type", value="VEC2"), "has the type 'VEC2'"),
    "fewer UVs": (lambda: set_in("accessors", 1, "count", value=20), "20 entries for 221 vertices"),
    "missing accessor": (
        lambda: set_in("meshes", 0, "primitives", 0, "indices", value=99),
        r"refers to accessors\[99\]",
    ),
    "missing material": (
        lambda: set_in("meshes", 0, "primitives", 0, "material", value=7),
        r"refers to materials\[7\]",
    ),
    "missing texture": (
        lambda: set_in("materials", 0, "pbrMetallicRoughness", "baseColorTexture", "index", value=4),
        r"textures\[4\]",
    ),
    "missing image": (lambda: set_in("textures", 0, "source", value=4), r"refers to images\[4\]"),
    "outside image": (lambda: set_in("images", 0, value={"uri": "../../skin.png"}), "outside the file's folder"),
    "absent image": (lambda: set_in("images", 0, value={"uri": "skin.png"}), "'skin.png' is missing"),
    "web image": (
        lambda: set_in("images", 0, value={"uri": "https://example.org/skin.png"}),
        "no path beside the file",
    ),
    "broken texture": (
        lambda: plain_body(encoded=b"GIF89a not for us").glb(),
        "material 'skin': texture 'skin' is neither PNG",
    ),
    "truncated PNG": (lambda: plain_body(encoded=png()[:-30]).glb(), "truncated PNG"),
    "damaged PNG": (lambda: plain_body(encoded=png()[:60] + b"\0\0\0\0" + png()[64:]).glb(), "damaged PNG"),
    "truncated JPEG": (lambda: plain_body(encoded=jpeg()[:-2]).glb(), "truncated JPEG"),
    "JPEG without frame": (lambda: plain_body(encoded=b"\xff\xd8\xff\xe0\0\2\xff").glb(), "broken JPEG"),
    "PNG bomb": (lambda: plain_body(encoded=claimed_png(60000, 60000)).glb(), "claims 60000x60000; at most 16384"),
    "PNG of no size": (lambda: plain_body(encoded=claimed_png(0, 5)).glb(), "claims 0x5"),
    "many large PNGs": (many_textures, "805 million texels together"),
    "Draco": (lambda: with_extension_on("primitive", "KHR_draco_mesh_compression"), "KHR_draco_mesh_compression"),
    "Draco required": (
        lambda: set_in("extensionsRequired", value=["KHR_draco_mesh_compression"]),
        "KHR_draco_mesh_compression",
    ),
    "meshopt": (lambda: with_extension_on("bufferViews", "EXT_meshopt_compression"), "EXT_meshopt_compression"),
    "KTX2": (lambda: with_extension_on("textures", "KHR_texture_basisu"), "KHR_texture_basisu.*PNG or JPEG"),
    "KTX2 in an image": (lambda: plain_body(encoded=b"\xabKTX 20\xbb\r\n\x1a\n").glb(), "KTX2"),
    "instancing": (lambda: with_extension_on("nodes", "EXT_mesh_gpu_instancing"), "EXT_mesh_gpu_instancing"),
    "unknown extension": (lambda: set_in("extensionsRequired", value=["ACME_magic"]), "ACME_magic"),
    "other UV set": (
        lambda: set_in("materials", 0, "pbrMetallicRoughness", "baseColorTexture", "texCoord", value=3),
        "asks for TEXCOORD_3, which the mesh lacks",
    ),
    "circular nodes": (lambda: glb(circle), "circular"),
    "its own child": (lambda: set_in("nodes", 0, "children", value=[0]), "circular"),
    "two parents": (
        lambda: glb(lambda d: d["nodes"].extend([{"children": [0]}, {"children": [0]}])),
        "more than one parent",
    ),
    "scene draws twice": (lambda: set_in("scenes", 0, "nodes", value=[0, 0]), "twice"),
    "rotation of length 0": (lambda: set_in("nodes", 0, "rotation", value=[0, 0, 0, 0]), "length 0"),
    "infinite translation": (infinite_translation, "3 finite numbers"),
    "joint out of range": (
        lambda: skinned(lambda d: d["skins"][0].update(joints=[0, 1])),
        "joint 2 is out of range|inverse",
    ),
    "joint is no node": (lambda: skinned(lambda d: d["skins"][0].update(joints=[0, 1, 77])), "joint 77 is no node"),
    "skin without weights": (
        lambda: skinned(lambda d: d["meshes"][0]["primitives"][0]["attributes"].pop("WEIGHTS_0")),
        "no JOINTS_0 and WEIGHTS_0",
    ),
    "bone is no node": (
        lambda: skinned(
            lambda d: d.update(extensions={"VRMC_vrm": {"humanoid": {"humanBones": {"head": {"node": 99}}}}})
        ),
        "humanoid bone head",
    ),
    "unknown mode": (lambda: set_in("meshes", 0, "primitives", 0, "mode", value=9), "mode 9"),
    "sparse out of range": (
        lambda: set_in("accessors", 0, "sparse", value={"count": 10**6, "indices": {}, "values": {}}),
        "sparse.count 1000000 exceeds",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_one_clear_line(tmp_path: Path, name: str) -> None:
    make, message = HOSTILE[name]
    path = tmp_path / "patient.glb"
    path.write_bytes(make())
    with pytest.raises(AvatarError, match=message) as caught:
        load(path)
    line = str(caught.value)
    assert line.startswith("patient.glb: ")
    assert "\n" not in line and len(line) < 500
    assert [entry.name for entry in tmp_path.iterdir()] == ["patient.glb"]


def test_claims_take_no_memory(tmp_path: Path) -> None:
    claims = [HOSTILE[name][0]() for name in ("1 GB chunk", "1 GB file", "1 GB accessor", "PNG bomb", "view overrun")]
    hole = set_in("accessors", 0, value={"componentType": 5126, "type": "VEC3", "count": 1 << 40})
    tracemalloc.start()
    for data in [*claims, hole]:
        with pytest.raises(AvatarError):
            from_glb(data, "patient", 1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("body.fbx", "FBX files are not read: export the body as GLB"),
        ("body.blend", "BLEND files are not read"),
        ("body.xyz", "no GLB, VRM, glTF or OBJ"),
        ("absent.glb", "no such file"),
        (".", "is a folder"),
    ],
)
def test_other_paths_are_refused(tmp_path: Path, name: str, message: str) -> None:
    for existing in ("body.fbx", "body.blend", "body.xyz"):
        (tmp_path / existing).write_bytes(b"Kaydara FBX Binary")
    with pytest.raises(AvatarError, match=message):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 0 nought\n", "line 1: 'v' needs 3 numbers"),
        ("v 0 0 0\nf 1 1\n", "line 2: a face needs at least three corners"),
        ("v 0 0 0\nvt 0 0\nf 1/1 1/1 9/1\n", "'9/1' is out of range: there are 1 'v' lines"),
        ("v 0 0 0\nvt 0 0\nf 0/1 1/1 1/1\n", "'0/1' is out of range"),
        ("v 0 0 0\nvt 0 0\nf a/1 1/1 1/1\n", "no corner of a face"),
        ("v 0 0 0\nvt 0 0\nf -x/1 1/1 1/1\n", "line 3: '-x/1' is no corner"),
        ("v 0 0 0\nv nan 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1\n", "1 of 3 vertices have NaN"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "has no UVs .*--unwrap"),
        ("v 0 0 0\n", "no faces"),
        ("mtllib gone.mtl\n" + obj_body().split("\n", 1)[1], "'gone.mtl' is missing"),
        ("cstype bezier\n", "free-form"),
        ("", "no faces"),
    ],
)
def test_a_hostile_obj_gets_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "body.obj").write_text(text)
    with pytest.raises(AvatarError, match=message):
        load(tmp_path / "body.obj")


@pytest.mark.parametrize(
    ("mtl", "message"),
    [
        ("newmtl upper\nmap_Kd gone.png\n", "'gone.png' is missing"),
        ("newmtl upper\nmap_Kd ../secret.png\n", "outside the file's folder"),
        ("newmtl upper\nmap_Kd skin.<UDIM>.png\n", "UDIM"),
        ("newmtl upper\nmap_Kd -s 2 2 1 skin.png\n", "option -s moves the image"),
        ("newmtl upper\nmap_Kd broken.tga\n", "can't be decoded"),
        ("newmtl upper\nmap_Kd -bm 1\n", "names no file"),
        ("newmtl upper\nKd red\n", "must be 3 numbers"),
    ],
)
def test_a_hostile_mtl_gets_one_clear_line(tmp_path: Path, mtl: str, message: str) -> None:
    folder = tmp_path / "body"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    (folder / "skin.png").write_bytes(png())
    (folder / "broken.tga").write_bytes(b"\0\0\2" + b"\0" * 5)
    (folder / "body.mtl").write_text(mtl)
    (folder / "body.obj").write_text(obj_body())
    with pytest.raises(AvatarError, match=message):
        load(folder / "body.obj")


def test_faces_without_area_are_kept_and_counted(tmp_path: Path) -> None:
    positions, faces, uvs = tube()
    faces[3] = faces[3, 0]
    positions = np.concatenate([positions, positions[:3]])
    positions[-3:] = [[0, 0.5, 0], [0, 0.6, 0], [0, 0.7, 0]]
    uvs = np.concatenate([uvs, uvs[:3]])
    sliver = np.array([[len(uvs) - 3, len(uvs) - 2, len(uvs) - 1]], np.uint32)
    draft = Draft()
    draft.draw(draft.primitive(positions, np.concatenate([faces, sliver]), uvs))
    (tmp_path / "body.glb").write_bytes(draft.glb())
    avatar = load(tmp_path / "body.glb")
    assert len(avatar.faces) == len(faces) + 1
    assert any(warning.startswith(f"2 of {len(faces) + 1} faces have no area") for warning in avatar.warnings)


def test_a_body_without_any_area_is_refused(tmp_path: Path) -> None:
    draft = Draft()
    line = np.array([[0, 0, 0], [0, 1, 0], [0, 1.5, 0]], np.float32)
    draft.draw(draft.primitive(line, None, np.zeros((3, 2), np.float32)))
    (tmp_path / "body.glb").write_bytes(draft.glb())
    with pytest.raises(AvatarError, match="no face of the body has an area"):
        load(tmp_path / "body.glb")


BASE = unpack(rigged_body().glb())
SCALARS = st.one_of(
    st.sampled_from([None, True, False, [], {}, {"index": 1, "texCoord": 1}, "", "x"]),
    st.integers(-(2**70), 2**70),
    st.integers(-2, 12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.integers(-1, 9), max_size=4),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


def holds(owner: Any, key: Any) -> bool:
    if isinstance(owner, list):
        return isinstance(key, int) and key < len(owner)
    return isinstance(owner, dict) and key in owner


PLACES = [place for place in places(BASE[0]) if place]


@given(st.lists(st.tuples(st.sampled_from(PLACES), SCALARS), min_size=1, max_size=3))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_wrong_json_gives_an_avatar_or_an_avatar_error(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    document = copy.deepcopy(BASE[0])
    for place, value in changes:
        owner: Any = document
        for key in place[:-1]:
            owner = owner[key] if holds(owner, key) else None
        if isinstance(owner, dict) or holds(owner, place[-1]):
            owner[place[-1]] = copy.deepcopy(value)
    only_avatars_or_avatar_errors(pack(document, BASE[1]))


@given(st.binary(min_size=1, max_size=4), st.integers(0, len(BASE[1]) + 3000))
@settings(max_examples=200, deadline=None)
def test_any_wrong_bytes_give_an_avatar_or_an_avatar_error(noise: bytes, place: int) -> None:
    data = bytearray(pack(*BASE))
    place %= len(data)
    data[place : place + len(noise)] = noise
    only_avatars_or_avatar_errors(bytes(data))


def only_avatars_or_avatar_errors(data: bytes) -> None:
    try:
        avatar = from_glb(data, "patient", 1.0)
    except AvatarError:
        return
    assert isinstance(avatar, Avatar)
    assert np.isfinite(avatar.positions).all() and np.isfinite(avatar.uvs).all()
    assert avatar.faces.min() >= 0 and avatar.faces.max() < len(avatar.positions) == len(avatar.uvs)
    new = {(material.name, "albedo"): png(seed=90 + number) for number, material in enumerate(avatar.materials)}
    try:
        written = from_glb(replace_maps(data, new), "patient", 1.0)
    except AvatarError:
        return
    assert np.array_equal(written.positions, avatar.positions)
    assert {(m.name, "albedo"): m.maps["albedo"].encoded for m in written.materials} == new
