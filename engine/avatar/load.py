"""Load an avatar: every file becomes one self-contained GLB first, and every GLB an `Avatar` in the same way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.avatar import geometry_checks, gltf, materials, meshes, nodes, skeleton, texture, uv_checks
from engine.avatar.gltf import Container
from engine.avatar.meshes import Part, Primitive
from engine.avatar.model import Avatar, Material
from engine.errors import AvatarError

OTHER_FORMATS = frozenset(
    {".fbx", ".dae", ".blend", ".stl", ".ply", ".usd", ".usdz", ".usda", ".usdc", ".3ds", ".max", ".mb", ".ma"}
)


def load(path: str | Path, unit: str | None = None, height_m: float | None = None, unwrap: bool = False) -> Avatar:
    """Read a GLB, VRM, glTF or OBJ file.

    unit: `m`, `cm` or `mm`, what the file's numbers mean (glTF says metres; OBJ says nothing).
    height_m: the body's true height instead. unwrap: make UVs for meshes that have none.
    AvatarError, naming the file, where it can't be used; nothing is written anywhere.
    """
    path = Path(path)
    try:
        with _absurd_numbers():
            data, warnings = _as_glb(path)
            avatar = _avatar(data, path.stem, None, unit, height_m, unwrap)
        return replace(avatar, warnings=(*warnings, *avatar.warnings))
    except AvatarError as error:
        raise AvatarError(f"{path.name or path}: {error}") from error


def read_materials(path: Path) -> list[Material]:
    """The materials of an avatar's file, their maps still encoded: without its geometry, far faster than `load`.

    AvatarError where the file can't be read.
    """
    container = gltf.parse(_as_glb(path)[0])
    gltf.refuse_required_extensions(container.document)
    primitives, _ = meshes.drawn_primitives(container, nodes.read(container.document))
    return _read_materials(container, list(dict.fromkeys(primitive.material for primitive in primitives)))[0]


def from_glb(data: bytes, name: str, scale: float) -> Avatar:
    """An avatar from the bytes of `Avatar.glb` and the scale (metres per unit) that was decided when it was loaded."""
    try:
        with _absurd_numbers():
            return _avatar(data, name, scale, None, None, False)
    except AvatarError as error:
        raise AvatarError(f"{name}: {error}") from error


def _absurd_numbers() -> np.errstate:
    """A hostile file's numbers may overflow on the way; what comes out is checked to be finite."""
    return np.errstate(over="ignore", invalid="ignore")


def _as_glb(path: Path) -> tuple[bytes, list[str]]:
    """The file as a self-contained GLB, and warnings; a GLB that is one already is returned byte for byte."""
    suffix = path.suffix.lower()
    if path.is_dir():
        raise AvatarError("is a folder; name the GLB, VRM or OBJ file in it")
    if not path.is_file():
        raise AvatarError("there is no such file")
    if suffix in OTHER_FORMATS:
        raise AvatarError(
            f"{suffix[1:].upper()} files are not read: export the body as GLB (in Blender: File, Export, glTF 2.0)"
        )
    if path.stat().st_size > gltf.MAX_FILE_BYTES:
        raise AvatarError(f"the file is larger than {gltf.MAX_FILE_BYTES >> 20} MiB, which is the limit")
    if suffix == ".obj":
        from engine.avatar.obj import glb_of_obj

        return glb_of_obj(path)
    data = path.read_bytes()
    if not data:
        raise AvatarError("the file is empty; copy it again")
    if data.startswith(gltf.MAGIC) or suffix in (".glb", ".vrm", ".gltf"):
        from engine.avatar.embed import self_contained

        return self_contained(data, path.parent), []
    raise AvatarError("this is no GLB, VRM, glTF or OBJ file: export the body as GLB")


@dataclass(frozen=True)
class _Geometry:
    """All parts side by side: vertices, faces grouped by material, each vertex's source in the parts' order."""

    positions: NDArray[np.float64]
    faces: NDArray[np.int32]
    uvs: NDArray[np.float32]
    face_material: NDArray[np.int16]
    source: NDArray[np.int64]
    warnings: tuple[str, ...]


def _avatar(
    data: bytes, name: str, scale: float | None, unit: str | None, height_m: float | None, unwrap: bool
) -> Avatar:
    container = gltf.parse(data)
    gltf.refuse_required_extensions(container.document)
    graph = nodes.read(container.document)
    primitives, left_out = meshes.drawn_primitives(container, graph)
    warnings = [f"{left_out} primitives of lines or points are left out"] if left_out else []
    if unwrap and any(meshes.uv_accessor(container, primitive) is None for primitive in primitives):
        from engine.avatar.unwrap import unwrapped

        data = unwrapped(container, primitives)
        return _avatar(data, name, scale, unit, height_m, False)
    rank: dict[int | None, int] = {}
    for primitive in primitives:
        rank.setdefault(primitive.material, len(rank))
    primitives.sort(key=lambda primitive: rank[primitive.material])
    order = list(rank)
    skins, map_warnings = _read_materials(container, order)
    parts = [meshes.read_part(container, graph, primitive) for primitive in primitives]
    geometry = _join(container, primitives, parts, order, skins)
    warnings += [*map_warnings, *geometry.warnings]
    turn = np.diag([-1.0, 1.0, -1.0]) if skeleton.looks_backwards(container.document, graph) else np.eye(3)
    extent = np.ptp(geometry.positions[geometry.faces.ravel()], axis=0)
    if scale is None:
        scale, size_warnings = geometry_checks.metres_per_unit(extent, unit, height_m)
        warnings += size_warnings
    elif not (np.isfinite(scale) and scale > 0):
        raise AvatarError(f"scale {scale} must be a number above 0")
    warnings += geometry_checks.warn_degenerate(geometry.positions, geometry.faces, geometry.uvs)
    corner_uvs = geometry.uvs[geometry.faces]
    warnings += uv_checks.warn_overlaps([skin.name for skin in skins], corner_uvs, geometry.face_material)
    bones = skeleton.read(container.document, graph, primitives, parts, turn * scale)
    if bones is not None:
        bones = skeleton.rearranged(bones, geometry.source)
    return Avatar(
        name=name,
        glb=data,
        scale=scale,
        positions=geometry.positions @ (turn * scale),
        faces=geometry.faces,
        uvs=geometry.uvs,
        face_material=geometry.face_material,
        materials=tuple(skins),
        skeleton=bones,
        warnings=tuple(warnings),
    )


def _read_materials(container: Container, order: Sequence[int | None]) -> tuple[list[Material], list[str]]:
    names = materials.unique_names(container.document)
    for index in order:
        if index is not None:
            gltf.entry(container.document, "materials", index, "a mesh")
    reader = materials.MapReader(container)
    skins = [reader.read(index, names[-1 if index is None else index]) for index in order]
    texture.refuse_total(image for skin in skins for image in skin.maps.values())
    return skins, reader.warnings


def _join(
    container: Container,
    primitives: Sequence[Primitive],
    parts: Sequence[Part],
    order: Sequence[int | None],
    skins: Sequence[Material],
) -> _Geometry:
    """Put the parts side by side, material after material, with their UVs moved into 0-1."""
    starts = np.cumsum([0, *(len(part.positions) for part in parts)])
    faces, uvs, sources, owners, warnings = [], [], [], [], []
    vertices = 0
    members_of: dict[int | None, list[int]] = {}
    for k, primitive in enumerate(primitives):
        members_of.setdefault(primitive.material, []).append(k)
    for index, material in enumerate(order):
        members = members_of[material]
        place = meshes.placement_of(container, primitives[members[0]])
        first = starts[members[0]]
        own_faces = np.concatenate([parts[k].faces + np.int32(starts[k] - first) for k in members])
        own_uvs = np.concatenate([place.apply(parts[k].uvs) for k in members])
        chosen, own_uvs, own_warnings = uv_checks.into_unit_square(
            own_faces, own_uvs, skins[index].name, place, bool(skins[index].maps)
        )
        if chosen is None:
            chosen = np.arange(len(own_uvs), dtype=np.int32)
        else:
            own_faces = np.arange(len(chosen), dtype=np.int32).reshape(-1, 3)
        faces.append(own_faces + np.int32(vertices))
        uvs.append(own_uvs)
        sources.append(chosen.astype(np.int64) + first)
        owners.append(np.full(len(own_faces), index, np.int16))
        warnings += own_warnings
        vertices += len(own_uvs)
    source = np.concatenate(sources)
    positions = np.concatenate([part.positions for part in parts])[source]
    return _Geometry(
        positions, np.concatenate(faces), np.concatenate(uvs), np.concatenate(owners), source, tuple(warnings)
    )
