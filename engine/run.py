"""One run: an avatar and wishes in, a finished output folder out. What `moulage generate` and `moulage demo` do.

A run that was killed is taken up by the same call; a run that is whole is only verified.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from engine import growth
from engine.errors import BadInput, SceneError
from engine.export import SCENE, export
from engine.generators.protocol import Cancel, Generator, Progress
from engine.growth import Grown
from engine.lesion import LesionLayer, LesionSpec
from engine.output import OutputFolder
from engine.patient import Patient
from engine.plan import Wish
from engine.scene import Scene
from engine.stages import Stages


@dataclass(frozen=True)
class Outcome:
    """asked: how many lesions were wished for. layers: this run's, in order; fewer where no place was free.

    grown: what each cost and its warnings; empty where the work was done before and only verified.
    """

    asked: int
    layers: tuple[LesionLayer, ...]
    grown: tuple[Grown, ...]
    stages: Stages


def run(
    patient: Patient,
    wishes: Sequence[Wish],
    generator: Generator,
    output: Path,
    scene_path: Path | None = None,
    force: bool = False,
    title: str = "",
    stages: Stages | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    planned: Callable[[Sequence[LesionSpec]], None] | None = None,
) -> Outcome:
    """Grow the wishes' lesions on the patient and fill the output folder.

    scene_path: a scene to add them to; without one the scene is made in the folder. force: write into a folder that
    holds something else. `planned` is told of the specifications before the network starts.
    BadInput where no lesion fits, the folder is another job's, or the scene is of another avatar.
    """
    stages = stages or Stages()
    for wish in wishes:
        if wish.lesion_class not in generator.classes:
            raise BadInput(f"--class: {wish.lesion_class!r} is not among the model's: {', '.join(generator.classes)}")
    if scene_path is not None and scene_path.resolve() == (output / SCENE).resolve():
        scene_path = None
    job = job_of(patient, wishes, generator.fingerprint)
    asked = sum(wish.count for wish in wishes)
    ids = growth.lesion_ids(job, asked)
    present = _present(patient, scene_path or output / SCENE, scene_path, ids, force)
    specs: list[LesionSpec] = []
    if not present.keys() & set(ids):
        with stages.stage("plan"):
            specs = growth.plan_all(patient, wishes, list(present.values()))
        if not specs:
            raise BadInput("--region: no lesion of this size finds a place there; choose a larger one or fewer mm")
        if planned is not None:
            planned(specs)
    grown: list[Grown] = []
    with OutputFolder(output, job, force) as folder, _scene(patient, output, scene_path, bool(present)) as scene:
        if {entry.id for entry in scene.entries()} != present.keys():
            raise SceneError(f"{scene.path}: was changed by another program meanwhile; run again")
        if specs:
            with stages.stage("generate"):
                patient.canvas.show(scene.layers())
                grown = growth.grow_all(patient, scene, specs, ids[: len(specs)], generator, progress, cancel)
        layers = scene.layers()
        patient.canvas.show(layers)
        if grown or scene_path is not None or not folder.whole:
            with stages.stage("export"):
                export(patient, layers, folder, generator.licence, title)
                if scene_path is not None:
                    scene.save_as(output / SCENE)
        folder.finish()
        for finished in stages.finished:
            folder.note(**asdict(finished))
    own = [layer for layer in layers if layer.id in set(ids)]
    return Outcome(asked, tuple(own), tuple(grown), stages)


def _present(
    patient: Patient, path: Path, given: Path | None, ids: Sequence[str], force: bool
) -> dict[str, LesionSpec]:
    """The lesions that are in the scene already, by id.

    A scene in the output folder that can't be read or has other lesions only is somebody's work: SceneError, unless
    `force`, with which the run begins it anew. One without lesions is an interrupted run's.
    """
    if not path.exists():
        return {}
    try:
        with Scene.open(path) as scene:
            if given is not None:
                _require_same_avatar(patient, scene)
            found = {entry.id: entry.spec for entry in scene.entries()}
    except SceneError:
        if given is not None or not force:
            raise
        return {}
    if given is not None or found.keys() & set(ids):
        return found
    if found and not force:
        raise SceneError(f"{path}: holds other lesions than this run's; choose another folder, or --force")
    return {}


def job_of(patient: Patient, wishes: Sequence[Wish], model: str) -> str:
    """What identifies the work: SHA-256 over the avatar, every wish and the model. Where it is written is no part."""
    document = {
        "avatar": hashlib.sha256(patient.avatar.glb).hexdigest(),
        "scale": patient.avatar.scale,
        "wishes": [_described(wish) for wish in wishes],
        "model": model,
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def _described(wish: Wish) -> dict[str, object]:
    region = None
    if wish.region is not None:
        parts = [wish.region.faces.tobytes()]
        parts += [
            f"{m} {mask.shape}".encode() + mask.tobytes() for m, mask in sorted((wish.region.masks or {}).items())
        ]
        region = hashlib.sha256(b"\0".join(parts)).hexdigest()
    site = None if wish.site is None else asdict(wish.site)
    return {
        "class": wish.lesion_class,
        "count": wish.count,
        "seed": wish.seed,
        "diameter_mm": wish.diameter_mm,
        "site": site,
        "region": region,
        "settings": sorted((k, str(v)) for k, v in wish.settings.items()),
    }


@contextmanager
def _scene(patient: Patient, output: Path, given: Path | None, kept: bool) -> Iterator[Scene]:
    """The scene to add to, open for writing; made where it is missing, or is the folder's own and not to be kept."""
    path = given or output / SCENE
    if path.exists() and (kept or given is not None):
        scene = Scene.open(path, write=True)
    else:
        scene = Scene.create(path, patient.avatar, overwrite=given is None)
    with scene:
        _require_same_avatar(patient, scene)
        yield scene


def _require_same_avatar(patient: Patient, scene: Scene) -> None:
    glb, _, scale = scene.avatar_glb()
    if (glb, scale) != (patient.avatar.glb, patient.avatar.scale):
        raise SceneError(f"{scene.path}: is of another avatar than {patient.avatar.name}; name another scene or folder")
