"""What an avatar is once it is loaded: geometry in metres, UVs with the origin top-left, materials with their maps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

ALBEDO = "albedo"


@dataclass(frozen=True)
class TextureImage:
    """One texture as it stands in the file: the encoded bytes are kept and never re-encoded while unchanged."""

    name: str
    encoded: bytes
    mime: str
    width: int
    height: int


@dataclass(frozen=True)
class Material:
    """A material and its maps by name: `albedo`, `normal`, `roughness`, `occlusion`, `emissive`."""

    name: str
    maps: Mapping[str, TextureImage]
    base_colour: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Skeleton:
    """Bind pose. `joints` uint16 [V, 4] and `weights` float32 [V, 4] (rows sum to 1) belong to the avatar's vertices;
    `heads` float64 [J, 3] are the joints' positions in metres; `parents[j]` is -1 for a root.
    `humanoid` maps VRM humanoid bone names (`leftUpperArm`) to joints where the file gives them."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    heads: NDArray[np.float64]
    joints: NDArray[np.uint16]
    weights: NDArray[np.float32]
    humanoid: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Avatar:
    """A body ready to work on.

    positions: float64 [V, 3], metres, +Y up, the body looks along +Z; node transforms and bind pose applied.
    faces: int32 [F, 3] into positions; material after material in the order of the file's primitives.
    uvs: float32 [V, 2], origin top-left (as in glTF), one entry per vertex (vertices are split along UV seams).
    face_material: int16 [F] into materials.
    glb: a self-contained binary glTF: the file itself where it was GLB or VRM, one made from it otherwise.
    scale: metres per unit of the positions that stand in `glb`.
    """

    name: str
    glb: bytes
    scale: float
    positions: NDArray[np.float64]
    faces: NDArray[np.int32]
    uvs: NDArray[np.float32]
    face_material: NDArray[np.int16]
    materials: tuple[Material, ...]
    skeleton: Skeleton | None = None
    warnings: tuple[str, ...] = ()
