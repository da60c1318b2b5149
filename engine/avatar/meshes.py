"""The triangles that a glTF scene draws, in world space: node transforms, skins and resting morph weights applied.

The pose is the one the nodes stand in, which every viewer shows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.avatar import accessors, gltf, skinning
from engine.avatar.gltf import Container, Json
from engine.avatar.materials import Placement, main_placement
from engine.avatar.nodes import NodeGraph
from engine.errors import AvatarError

MAX_TRIANGLES = 4_000_000
MAX_PRIMITIVES = 10_000
MAX_VERTICES = 100_000_000
"""Vertices of all primitives together, counted anew where primitives share a vertex buffer, as VRM files do."""
ABSURD = 1e12
"""Coordinates from here on are as good as infinite: their squares would lose every digit."""
TRIANGLES, STRIP, FAN = 4, 5, 6
COMPRESSIONS = ("KHR_draco_mesh_compression",)


@dataclass(frozen=True)
class Primitive:
    """One primitive as a node draws it.

    label: for messages. node, mesh, number: where it stands in the document. material: its index, None without one.
    """

    label: str
    node: int
    skin: int | None
    mesh: int
    number: int
    row: Json
    material: int | None
    mode: int


@dataclass(frozen=True)
class Part:
    """Vertices and triangles of one primitive, in world space and the file's unit.

    positions float64 [V, 3]; faces int32 [F, 3]; uvs float32 [V, 2] as they stand in the file (not yet transformed);
    nodes int64 [V, K] and weights float32 [V, K]: the nodes that move each vertex, rows sum to 1.
    """

    positions: NDArray[np.float64]
    faces: NDArray[np.int32]
    uvs: NDArray[np.float32]
    nodes: NDArray[np.int64]
    weights: NDArray[np.float32]


def drawn_primitives(container: Container, graph: NodeGraph) -> tuple[list[Primitive], int]:
    """All triangle primitives that the scene draws, and how many of lines and points were left out.

    AvatarError where there is none, or more than can be handled (counted before anything is read).
    """
    document = container.document
    found: list[Primitive] = []
    left_out = triangles = vertices = 0
    for node in graph.drawn:
        row = gltf.entry(document, "nodes", node, "the scene")
        mesh = gltf.reference(row, "mesh", f"nodes[{node}]")
        if mesh is None:
            continue
        gltf.refuse_extension(row, ("EXT_mesh_gpu_instancing",), f"nodes[{node}]")
        skin = gltf.reference(row, "skin", f"nodes[{node}]")
        for primitive in primitives_of(document, mesh, node, skin):
            if primitive.mode in (TRIANGLES, STRIP, FAN):
                found.append(primitive)
                triangles += _triangle_count(container, primitive)
                vertices += accessors.count_of(container, _position_accessor(primitive), primitive.label)
            else:
                left_out += 1
            if triangles > MAX_TRIANGLES:
                raise AvatarError(
                    f"the body has more than {MAX_TRIANGLES} triangles, which is the limit: decimate it first"
                )
            if len(found) > MAX_PRIMITIVES or vertices > MAX_VERTICES:
                raise AvatarError(
                    f"the body has too many pieces (at most {MAX_PRIMITIVES}): join its meshes by material"
                )
    if not found:
        raise AvatarError("the file draws no triangles: export the body's mesh with it")
    return found, left_out


def primitives_of(document: Json, mesh: int, node: int, skin: int | None) -> list[Primitive]:
    """The primitives of a mesh; AvatarError, by the extension's name, where they are compressed."""
    row = gltf.entry(document, "meshes", mesh, f"nodes[{node}]")
    name = gltf.text(row, "name", f"mesh-{mesh}")
    primitives = []
    for number, primitive in enumerate(gltf.array(row, "primitives", f"mesh '{name}'")):
        label = f"mesh '{name}' primitive {number}"
        if not isinstance(primitive, dict):
            raise AvatarError(f"{label} must be an object: the file is damaged")
        gltf.refuse_extension(primitive, COMPRESSIONS, label)
        mode = gltf.integer(primitive, "mode", label, TRIANGLES)
        if mode > FAN:
            raise AvatarError(f"{label}: mode {mode} is unknown: the file is damaged")
        material = gltf.reference(primitive, "material", label)
        primitives.append(Primitive(label, node, skin, mesh, number, primitive, material, mode))
    return primitives


def attribute(primitive: Primitive, name: str) -> int | None:
    """Accessor of one of a primitive's attributes."""
    return gltf.reference(gltf.obj(primitive.row, "attributes", primitive.label), name, primitive.label)


def _triangle_count(container: Container, primitive: Primitive) -> int:
    corners = gltf.reference(primitive.row, "indices", primitive.label)
    if corners is None:
        corners = _position_accessor(primitive)
    count = accessors.count_of(container, corners, primitive.label)
    return count // 3 if primitive.mode == TRIANGLES else max(count - 2, 0)


def _position_accessor(primitive: Primitive) -> int:
    index = attribute(primitive, "POSITION")
    if index is None:
        raise AvatarError(f"{primitive.label} has no POSITION: the file is damaged; export it again")
    return index


def placement_of(container: Container, primitive: Primitive) -> Placement:
    """How the maps of the primitive's material lie."""
    if primitive.material is None:
        return Placement()
    row = gltf.entry(container.document, "materials", primitive.material, primitive.label)
    return main_placement(container.document, row, f"materials[{primitive.material}]")


def read_triangles(container: Container, primitive: Primitive) -> NDArray[np.int64]:
    """Triangles [F, 3] into the primitive's vertices; strips and fans are turned into triangles."""
    count = accessors.count_of(container, _position_accessor(primitive), primitive.label)
    index = gltf.reference(primitive.row, "indices", primitive.label)
    if index is None:
        corners: NDArray[np.int64] = np.arange(count, dtype=np.int64)
    else:
        corners = accessors.indices(container, index, f"{primitive.label} indices")[:, 0]
        if len(corners) and int(corners.max()) >= count:
            raise AvatarError(
                f"{primitive.label}: index {int(corners.max())} is out of range, there are {count} vertices: the"
                " file is damaged; export it again"
            )
    if primitive.mode == TRIANGLES:
        if len(corners) % 3:
            raise AvatarError(
                f"{primitive.label}: {len(corners)} indices are no whole number of triangles: export it again"
            )
        return corners.reshape(-1, 3)
    if len(corners) < 3:
        return np.zeros((0, 3), np.int64)
    if primitive.mode == FAN:
        return np.stack([corners[1:-1], corners[2:], np.broadcast_to(corners[0], len(corners) - 2)], axis=1)
    strip = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
    strip[1::2] = strip[1::2][:, [0, 2, 1]]
    return strip


def read_part(container: Container, graph: NodeGraph, primitive: Primitive) -> Part:
    """A primitive's used vertices and its triangles, in world space. AvatarError where the UVs are missing."""
    triangles = read_triangles(container, primitive)
    positions = read_positions(container, primitive)
    uvs = _read_uvs(container, primitive, len(positions))
    used = np.zeros(len(positions), bool)
    used[triangles] = True
    number = np.cumsum(used, dtype=np.int64) - 1
    faces = number[triangles].astype(np.int32)
    positions, uvs = positions[used], uvs[used]
    _refuse_nonfinite(primitive, "POSITION", positions)
    _refuse_nonfinite(primitive, "TEXCOORD", uvs)
    if primitive.skin is None:
        world = graph.world[primitive.node]
        positions = positions @ world[:3, :3].T + world[:3, 3]
        nodes = np.full((len(positions), 1), primitive.node, np.int64)
        weights = np.ones((len(positions), 1), np.float32)
        mirrored = np.linalg.det(world[:3, :3]) < 0
    else:
        nodes, weights, rest = skinning.read(container, graph, primitive.skin, primitive.row, primitive.label, used)
        positions = skinning.apply(positions, nodes, weights, rest)
        mirrored = bool(len(nodes)) and np.linalg.det(rest[nodes[0, int(weights[0].argmax())], :3, :3]) < 0
    _refuse_nonfinite(primitive, "POSITION after its transform", positions)
    return Part(positions, faces[:, ::-1].copy() if mirrored else faces, uvs, nodes, weights)


def _refuse_nonfinite(primitive: Primitive, what: str, values: NDArray[np.floating]) -> None:
    bad = ~(np.abs(values) < ABSURD).all(axis=1)
    if bad.any():
        raise AvatarError(
            f"{primitive.label}: {int(bad.sum())} of {len(values)} vertices have NaN or infinite values in {what}:"
            " repair the mesh and export it again"
        )


def read_positions(container: Container, primitive: Primitive) -> NDArray[np.float64]:
    """Positions [V, 3] in the mesh's own space, with the morph targets' resting weights."""
    positions = accessors.floats(container, _position_accessor(primitive), f"{primitive.label} POSITION", ("VEC3",))
    moved: NDArray[np.float64] = positions.astype(np.float64)
    targets = gltf.array(primitive.row, "targets", primitive.label)
    for weight, target in zip(_morph_weights(container.document, primitive, len(targets)), targets, strict=True):
        if weight == 0:
            continue
        if not isinstance(target, dict):
            raise AvatarError(f"{primitive.label}: a morph target must be an object: the file is damaged")
        index = gltf.reference(target, "POSITION", primitive.label)
        if index is not None:
            shift = accessors.floats(container, index, f"{primitive.label} morph target", ("VEC3",))
            _same_count(primitive, "a morph target", len(shift), len(moved))
            moved += weight * shift
    return moved


def _morph_weights(document: Json, primitive: Primitive, count: int) -> tuple[float, ...]:
    node = gltf.entry(document, "nodes", primitive.node, "the scene")
    mesh = gltf.entry(document, "meshes", primitive.mesh, "the scene")
    owner = node if "weights" in node else mesh
    return gltf.numbers(owner, "weights", primitive.label, (0.0,) * count)


def _same_count(primitive: Primitive, what: str, count: int, expected: int) -> None:
    if count != expected:
        raise AvatarError(f"{primitive.label}: {what} has {count} entries for {expected} vertices: the file is damaged")


def uv_accessor(container: Container, primitive: Primitive) -> int | None:
    """Accessor of the UV set that the material's maps use; None where the primitive has no UVs at all.

    AvatarError where it has UVs, but not the set that its material asks for.
    """
    uv_set = placement_of(container, primitive).uv_set
    index = attribute(primitive, f"TEXCOORD_{uv_set}")
    if index is None and uv_set and attribute(primitive, "TEXCOORD_0") is not None:
        raise AvatarError(
            f"{primitive.label}: its material asks for TEXCOORD_{uv_set}, which the mesh lacks: export it again"
        )
    return index


def _read_uvs(container: Container, primitive: Primitive, count: int) -> NDArray[np.float32]:
    index = uv_accessor(container, primitive)
    if index is None:
        raise AvatarError(
            f"{primitive.label} has no UVs (TEXCOORD_0): unwrap it where it was modelled, or add --unwrap"
        )
    uvs = accessors.floats(container, index, f"{primitive.label} TEXCOORD", ("VEC2",))
    _same_count(primitive, "TEXCOORD", len(uvs), count)
    return uvs
