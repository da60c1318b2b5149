"""The skeleton of a glTF or VRM body: joints with parents and heads, four weights a vertex, humanoid bone names.

Humanoid bones: VRM 0.x (`extensions.VRM.humanoid`) and VRM 1.0 (`extensions.VRMC_vrm.humanoid`) specifications.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.avatar import gltf
from engine.avatar.gltf import Json
from engine.avatar.meshes import Part, Primitive
from engine.avatar.model import Skeleton
from engine.avatar.nodes import NodeGraph
from engine.avatar.skinning import joints_of
from engine.errors import AvatarError

MAX_JOINTS = 1 << 16
INFLUENCES = 4


def humanoid_nodes(document: Json) -> dict[str, int]:
    """VRM humanoid bone names and their nodes; empty where the file is no VRM."""
    extensions = gltf.obj(document, "extensions", "the document")
    count = len(gltf.array(document, "nodes", "the document"))
    bones: dict[str, int] = {}
    if "VRMC_vrm" in extensions:
        human = gltf.obj(gltf.obj(extensions, "VRMC_vrm", "extensions"), "humanoid", "VRMC_vrm")
        for name, bone in gltf.obj(human, "humanBones", "VRMC_vrm.humanoid").items():
            bones[name] = _bone_node(bone, name, count)
    elif "VRM" in extensions:
        human = gltf.obj(gltf.obj(extensions, "VRM", "extensions"), "humanoid", "VRM")
        for bone in gltf.array(human, "humanBones", "VRM.humanoid"):
            name = gltf.text(bone, "bone", "") if isinstance(bone, dict) else ""
            if name:
                bones[name] = _bone_node(bone, name, count)
    return bones


def _bone_node(bone: object, name: str, count: int) -> int:
    node = gltf.integer(bone, "node", f"humanoid bone {name}") if isinstance(bone, dict) else count
    if node >= count:
        raise AvatarError(f"humanoid bone {name} is no node of the file: it is damaged; export it again")
    return node


def looks_backwards(document: Json, graph: NodeGraph) -> bool:
    """Whether a VRM body looks along -Z, as VRM 0.x has it: its left arm is then on the side of -X."""
    bones = humanoid_nodes(document)
    for left, right in (("leftUpperArm", "rightUpperArm"), ("leftUpperLeg", "rightUpperLeg")):
        if left in bones and right in bones:
            return bool(graph.world[bones[left], 0, 3] < graph.world[bones[right], 0, 3])
    return False


def read(
    document: Json,
    graph: NodeGraph,
    primitives: Sequence[Primitive],
    parts: Sequence[Part],
    to_metres: NDArray[np.float64],
) -> Skeleton | None:
    """The skeleton of all skins together with the humanoid's bones; None where nothing is skinned.

    to_metres: 3×3, from the file's world space to the avatar's. A mesh without a skin moves with the joint above it.
    """
    skins = sorted({primitive.skin for primitive in primitives if primitive.skin is not None})
    if not skins:
        return None
    humanoid = humanoid_nodes(document)
    nodes = sorted(
        {joint for skin in skins for joint in joints_of(document, skin, len(graph.names))} | {*humanoid.values()}
    )
    if len(nodes) > MAX_JOINTS:
        raise AvatarError(f"the skeleton has {len(nodes)} joints; at most {MAX_JOINTS} can be used")
    number = {node: joint for joint, node in enumerate(nodes)}
    joint_of_node = _nearest_joints(graph, number, parts)
    joints, weights = zip(*(_strongest(part, joint_of_node) for part in parts), strict=True)
    return Skeleton(
        names=tuple(graph.names[node] for node in nodes),
        parents=tuple(_joint_above(graph, number, graph.parents[node]) for node in nodes),
        heads=graph.world[nodes, :3, 3] @ to_metres.T,
        joints=np.concatenate(joints),
        weights=np.concatenate(weights),
        humanoid={name: number[node] for name, node in humanoid.items()},
    )


def _joint_above(graph: NodeGraph, number: Mapping[int, int], node: int) -> int:
    while node >= 0 and node not in number:
        node = graph.parents[node]
    return number[node] if node >= 0 else -1


def _nearest_joints(graph: NodeGraph, number: Mapping[int, int], parts: Sequence[Part]) -> NDArray[np.uint16]:
    """For each node that moves a vertex, its joint or the nearest above it; the first joint where there is none."""
    joints = np.zeros(len(graph.names), np.uint16)
    for node in np.unique(np.concatenate([np.unique(part.nodes) for part in parts])).tolist():
        joints[node] = max(_joint_above(graph, number, node), 0)
    return joints


def _strongest(part: Part, joint_of_node: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """The four strongest influences of each vertex, renormalised."""
    nodes, weights = part.nodes, part.weights
    if weights.shape[1] > INFLUENCES:
        order = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
        nodes, weights = np.take_along_axis(nodes, order, 1), np.take_along_axis(weights, order, 1)
    missing = INFLUENCES - weights.shape[1]
    joints = np.pad(joint_of_node[nodes], ((0, 0), (0, missing)))
    shares = np.pad(weights, ((0, 0), (0, missing)))
    return joints, shares / shares.sum(axis=1, keepdims=True)


def rearranged(skeleton: Skeleton, source: NDArray[np.int64]) -> Skeleton:
    """The same skeleton for vertices that were picked from the old ones: `source[v]` is the old vertex."""
    return replace(skeleton, joints=skeleton.joints[source], weights=skeleton.weights[source])
