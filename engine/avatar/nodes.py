"""The node graph of a glTF document: parents, world transforms and what the scene draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.avatar import gltf
from engine.avatar.gltf import Json
from engine.errors import AvatarError

MAX_NODES = 200_000


@dataclass(frozen=True)
class NodeGraph:
    """All nodes of a document.

    parents: int [N], -1 for a root.
    world: float64 [N, 4, 4], from a node's space to the scene's.
    drawn: nodes that the default scene reaches, depth first.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    world: NDArray[np.float64]
    drawn: tuple[int, ...]


def read(document: Json) -> NodeGraph:
    """Read and check the graph: AvatarError where a node has two parents, or is its own ancestor."""
    count = len(gltf.array(document, "nodes", "the document"))
    if count > MAX_NODES:
        raise AvatarError(f"the file has {count} nodes; at most {MAX_NODES} can be read")
    nodes = gltf.rows(document, "nodes")
    children = [_indices(node, "children", f"nodes[{index}]", count) for index, node in enumerate(nodes)]
    parents = _parents(children)
    world = np.empty((count, 4, 4))
    reached = 0
    pending = [index for index in range(count) if parents[index] < 0]
    while pending:
        index = pending.pop()
        local = _local_transform(nodes[index], f"nodes[{index}]")
        world[index] = local if parents[index] < 0 else world[parents[index]] @ local
        reached += 1
        pending += children[index]
    if reached < count:
        raise AvatarError(
            "the node graph is circular (a node is its own ancestor): the file is damaged; export it again"
        )
    if not np.isfinite(world).all():
        raise AvatarError("the node transforms overflow: the file is damaged; export it again")
    names = tuple(gltf.text(node, "name", f"node-{index}") for index, node in enumerate(nodes))
    return NodeGraph(names, parents, world, _drawn(document, children, parents))


def _indices(owner: Json, key: str, where: str, count: int) -> list[int]:
    values = gltf.array(owner, key, where)
    for value in values:
        if type(value) is not int or not 0 <= value < count:
            raise AvatarError(f"{where}: {key} refers to node {value!r}, but there are {count}")
    return values


def _parents(children: list[list[int]]) -> tuple[int, ...]:
    parents = [-1] * len(children)
    for index, row in enumerate(children):
        for child in row:
            if parents[child] >= 0 or child == index:
                raise AvatarError(f"the node graph is circular or shared: nodes[{child}] has more than one parent")
            parents[child] = index
    return tuple(parents)


def _local_transform(node: Json, where: str) -> NDArray[np.float64]:
    if "matrix" in node:
        columns = gltf.numbers(node, "matrix", where, (0.0,) * 16)
        return np.array(columns).reshape(4, 4).T
    x, y, z, w = gltf.numbers(node, "rotation", where, (0.0, 0.0, 0.0, 1.0))
    length = float(np.sqrt(x * x + y * y + z * z + w * w))
    if length == 0:
        raise AvatarError(f"{where}: rotation is a quaternion of length 0: the file is damaged; export it again")
    x, y, z, w = x / length, y / length, z / length, w / length
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    local = np.eye(4)
    local[:3, :3] = rotation * np.array(gltf.numbers(node, "scale", where, (1.0, 1.0, 1.0)))
    local[:3, 3] = gltf.numbers(node, "translation", where, (0.0, 0.0, 0.0))
    return local


def _drawn(document: Json, children: list[list[int]], parents: tuple[int, ...]) -> tuple[int, ...]:
    roots = [index for index, parent in enumerate(parents) if parent < 0]
    if gltf.array(document, "scenes", "the document"):
        number = gltf.integer(document, "scene", "the document", 0)
        scene = gltf.entry(document, "scenes", number, "scene")
        roots = _indices(scene, "nodes", f"scenes[{number}]", len(children))
    drawn: dict[int, None] = {}
    pending = roots[::-1]
    while pending:
        index = pending.pop()
        if index in drawn:
            raise AvatarError(f"the scene draws nodes[{index}] twice: the file is damaged; export it again")
        drawn[index] = None
        pending += children[index][::-1]
    return tuple(drawn)
