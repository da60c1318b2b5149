"""The smallest jobs that are still real: a limb of skin as GLB, lesions of 64² in two evaluations of the network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from tube import tube_avatar

from engine.avatar import glb
from engine.avatar.model import ALBEDO, Skeleton
from engine.batch.job import AvatarFile, Distribution, Job, LesionGroup, Network, Outputs

QUICK = Network(batch_size=2, steps=2, detail=64, precision="fp32")
NO_PREVIEW = Outputs(preview=False)


def write_limb(path: Path, size: int = 256, texture: bytes | None = None) -> Path:
    """A tube of skin with one joint, as a GLB. texture: a PNG in place of the skin, `size` texels wide."""
    tube = tube_avatar(size)
    count = len(tube.positions)
    skeleton = Skeleton(
        names=("root",),
        parents=(-1,),
        heads=np.zeros((1, 3)),
        joints=np.zeros((count, 4), np.uint16),
        weights=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
    )
    outwards = tube.positions * (1, 0, 1)
    normals = (outwards / np.linalg.norm(outwards, axis=1, keepdims=True)).astype(np.float32)
    path.write_bytes(
        glb.write(
            tube.positions.astype(np.float32),
            normals,
            tube.uvs,
            tube.faces.astype(np.uint32),
            skeleton,
            texture or tube.materials[0].maps[ALBEDO].encoded,
            name="limb",
            roughness=0.5,
            copyright_="CC0",
            extras={},
        )
    )
    return path


def limb_job(folder: Path, patients: int = 6, lesions: tuple[int, int] = (1, 2), **changes: object) -> Job:
    """A job of limbs; each has from `lesions[0]` to `lesions[1]` lesions."""
    path = folder / "limb.glb"
    if not path.exists():
        write_limb(path)
    count = Distribution("uniform", low=lesions[0], high=lesions[1])
    size = Distribution.fixed(9.0)
    group = LesionGroup((("nevus", 0.7), ("melanoma", 0.3)), count, (), size)
    job = Job("limbs", 5, (AvatarFile(path, patients),), (group,), network=QUICK, outputs=NO_PREVIEW)
    return replace(job, **changes)


def few_limbs(folder: Path) -> Job:
    """Four limbs with a lesion each, in two units: two painters are at work."""
    return limb_job(folder, 4, (1, 1), network=replace(QUICK, batch_size=1))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes, locks and hidden leftovers included."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def assert_same(one: Path, other: Path) -> None:
    """The same files with the same bytes."""
    a, b = tree(one), tree(other)
    assert a.keys() == b.keys(), sorted(a.keys() ^ b.keys())
    assert [name for name in a if a[name] != b[name]] == []
