"""UVs for meshes that have none, by xatlas (J. Young, https://github.com/jpcy/xatlas): one atlas for each material."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.avatar import accessors, gltf, meshes
from engine.avatar.assemble import BinaryBuilder
from engine.avatar.gltf import Container, Json
from engine.avatar.materials import SLOTS, slot
from engine.avatar.meshes import Primitive
from engine.errors import AvatarError

MAX_TRIANGLES = 300_000
"""xatlas needs minutes beyond this."""
GRID = 1024
PADDING = 4
"""Texels between charts at a resolution of GRID; the same share of larger textures."""


def unwrapped(container: Container, primitives: Sequence[Primitive]) -> bytes:
    """A GLB in which the drawn primitives without UVs have some (TEXCOORD_0), and everything else stands as before.

    Unwrapped primitives that share a material share one atlas; a material whose images lie on other UVs is copied
    without its images. Vertices are split along the new seams: attributes and morph targets go with them.
    AvatarError where xatlas is not installed or the mesh is too large for it.
    """
    try:
        import xatlas
    except ImportError as error:
        raise AvatarError("--unwrap needs the package xatlas: pip install moulage[avatar]") from error
    bare = {
        (primitive.mesh, primitive.number): primitive
        for primitive in primitives
        if meshes.uv_accessor(container, primitive) is None
    }
    triangles = {key: meshes.read_triangles(container, primitive) for key, primitive in bare.items()}
    total = sum(len(faces) for faces in triangles.values())
    if total > MAX_TRIANGLES:
        raise AvatarError(
            f"{total} triangles have no UVs; --unwrap takes at most {MAX_TRIANGLES}: unwrap it where it was modelled"
        )
    document = copy.deepcopy(container.document)
    builder = BinaryBuilder(document, bytes(container.binary))
    for material in dict.fromkeys(primitive.material for primitive in bare.values()):
        group = [key for key, primitive in bare.items() if primitive.material == material]
        target = _bare_material(document, material)
        atlas = xatlas.Atlas()
        for key in group:
            positions = meshes.read_positions(container, bare[key]).astype(np.float32)
            _refuse_nonfinite(bare[key], positions[np.unique(triangles[key])])
            atlas.add_mesh(positions, triangles[key].astype(np.uint32))
        options = xatlas.PackOptions()
        options.resolution, options.padding, options.bilinear = GRID, PADDING, True
        atlas.generate(pack_options=options)
        if atlas.atlas_count != 1:
            raise AvatarError(
                f"xatlas needs {atlas.atlas_count} atlases for one material: unwrap it where it was modelled"
            )
        for number, key in enumerate(group):
            source, faces, uvs = atlas.get_mesh(number)
            _rewrite(container, builder, bare[key], document, source.astype(np.int64), faces, uvs)
            if target is not None:
                document["meshes"][key[0]]["primitives"][key[1]]["material"] = target
    return builder.glb(container.other)


def _refuse_nonfinite(primitive: Primitive, used: NDArray[np.float32]) -> None:
    if not np.isfinite(used).all():
        raise AvatarError(f"{primitive.label}: vertices have NaN or infinite values in POSITION: repair the mesh first")


def _bare_material(document: Json, index: int | None) -> int | None:
    """A material for unwrapped faces: the same where it has no images, else a new one without them."""
    if index is None:
        return None
    row = gltf.entry(document, "materials", index, "a mesh")
    if all(slot(row, name, f"materials[{index}]") is None for name in SLOTS):
        return index
    pbr = gltf.obj(row, "pbrMetallicRoughness", f"materials[{index}]")
    kept = {key: value for key, value in pbr.items() if not key.endswith("Texture")}
    name = gltf.text(row, "name", f"material-{index}")
    document["materials"].append({"name": f"{name}-unwrapped", "pbrMetallicRoughness": kept})
    return len(document["materials"]) - 1


def _rewrite(
    container: Container,
    builder: BinaryBuilder,
    primitive: Primitive,
    document: Json,
    source: NDArray[np.int64],
    faces: NDArray[Any],
    uvs: NDArray[Any],
) -> None:
    row = document["meshes"][primitive.mesh]["primitives"][primitive.number]
    row["attributes"] = _picked(
        container, builder, primitive, gltf.obj(primitive.row, "attributes", primitive.label), source
    )
    row["attributes"]["TEXCOORD_0"] = builder.add_array(np.ascontiguousarray(uvs, np.float32), "VEC2")
    if "targets" in primitive.row:
        targets = gltf.rows(primitive.row, "targets", primitive.label)
        row["targets"] = [_picked(container, builder, primitive, target, source) for target in targets]
    row["indices"] = builder.add_triangles(faces)
    row["mode"] = meshes.TRIANGLES


def _picked(
    container: Container, builder: BinaryBuilder, primitive: Primitive, attributes: Json, source: NDArray[np.int64]
) -> Json:
    """Attributes with the vertices that `source` names, in new accessors."""
    picked = {}
    for name in attributes:
        index = gltf.integer(attributes, name, primitive.label)
        old = gltf.entry(container.document, "accessors", index, primitive.label)
        values = accessors.raw(container, index, f"{primitive.label} {name}", ("SCALAR", "VEC2", "VEC3", "VEC4"))
        if len(values) <= int(source.max(initial=-1)):
            raise AvatarError(f"{primitive.label}: {name} has {len(values)} entries, too few: the file is damaged")
        kept = {key: old[key] for key in ("normalized", "name") if key in old}
        chosen = values[source]
        bounds = {"min": chosen.min(axis=0).tolist(), "max": chosen.max(axis=0).tolist()} if name == "POSITION" else {}
        picked[name] = builder.add_array(chosen, old["type"], **kept, **bounds)
    return picked
