"""Skins: which nodes move a vertex and how much, and where that puts it.

Khronos glTF 2.0 specification, section 3.7.3 (linear blend skinning; a skinned mesh's own node does not count).
"""

import numpy as np
from numpy.typing import NDArray

from engine.avatar import accessors, gltf
from engine.avatar.gltf import Container, Json
from engine.avatar.nodes import NodeGraph
from engine.errors import AvatarError

MAX_INFLUENCE_SETS = 4


def joints_of(document: Json, skin: int, node_count: int) -> list[int]:
    """The nodes that are a skin's joints."""
    row = gltf.entry(document, "skins", skin, "a mesh")
    joints = gltf.array(row, "joints", f"skins[{skin}]")
    for joint in joints:
        if type(joint) is not int or not 0 <= joint < node_count:
            raise AvatarError(f"skins[{skin}]: joint {joint!r} is no node of the file: it is damaged")
    if not joints:
        raise AvatarError(f"skins[{skin}] has no joints: the file is damaged; export it again")
    return joints


def read(
    container: Container, graph: NodeGraph, skin: int, row: Json, label: str, used: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """Nodes and weights of the used vertices, and each node's rest matrix [N, 4, 4] (world × inverse bind)."""
    joints = np.array(joints_of(container.document, skin, len(graph.names)))
    slots, weights = _influences(container, row, label, used)
    if not np.isfinite(weights).all():
        raise AvatarError(f"{label}: skin weights are NaN or infinite: repair the mesh and export it again")
    if len(weights) and float(weights.min()) < 0:
        raise AvatarError(f"{label}: a skin weight is negative: the file is damaged; export it again")
    slots = np.where(weights > 0, slots, 0)
    if len(slots) and int(slots.max()) >= len(joints):
        raise AvatarError(f"{label}: joint {int(slots.max())} is out of range, the skin has {len(joints)}")
    total = weights.sum(axis=1, keepdims=True, dtype=np.float64)
    unbound = total[:, 0] == 0
    weights = (weights / np.where(total == 0, 1, total)).astype(np.float32)
    weights[unbound, 0] = 1
    index = gltf.reference(container.document["skins"][skin], "inverseBindMatrices", f"skins[{skin}]")
    inverse = np.broadcast_to(np.eye(4), (len(joints), 4, 4))
    if index is not None:
        columns = accessors.floats(container, index, f"skins[{skin}] inverseBindMatrices", ("MAT4",))
        if len(columns) < len(joints):
            raise AvatarError(f"skins[{skin}]: {len(columns)} inverse bind matrices for {len(joints)} joints")
        inverse = columns[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)
    rest = np.zeros_like(graph.world)
    rest[joints] = graph.world[joints] @ inverse
    if not np.isfinite(rest).all():
        raise AvatarError(f"skins[{skin}]: the inverse bind matrices are not finite: the file is damaged")
    return joints[slots], weights, rest


def _influences(
    container: Container, row: Json, label: str, used: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    slots, weights = [], []
    attributes = gltf.obj(row, "attributes", label)
    for number in range(MAX_INFLUENCE_SETS):
        joints = gltf.reference(attributes, f"JOINTS_{number}", label)
        shares = gltf.reference(attributes, f"WEIGHTS_{number}", label)
        if joints is None or shares is None:
            break
        slots.append(accessors.indices(container, joints, f"{label} JOINTS_{number}", ("VEC4",)))
        weights.append(accessors.floats(container, shares, f"{label} WEIGHTS_{number}", ("VEC4",)))
        if not len(slots[-1]) == len(weights[-1]) == len(used):
            raise AvatarError(
                f"{label}: JOINTS_{number} or WEIGHTS_{number} do not fit {len(used)} vertices: the file is damaged"
            )
    if not slots:
        raise AvatarError(f"{label} is drawn with a skin but has no JOINTS_0 and WEIGHTS_0: export it again")
    return np.concatenate(slots, axis=1)[used], np.concatenate(weights, axis=1)[used]


def apply(
    positions: NDArray[np.float64], nodes: NDArray[np.int64], weights: NDArray[np.float32], rest: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Positions [V, 3] moved by their nodes' rest matrices [N, 4, 4]; not checked for overflow."""
    moved = np.zeros_like(positions)
    for k in range(nodes.shape[1]):
        matrices = rest[nodes[:, k], :3]
        placed = np.einsum("vij,vj->vi", matrices[:, :, :3], positions) + matrices[:, :, 3]
        moved += weights[:, k : k + 1] * placed
    return moved
