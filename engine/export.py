"""A patient with its lesions as files: textures, GLB, masks, close-ups, a preview, and a manifest of them all."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.avatar.model import ALBEDO
from engine.avatar.write import replace_maps
from engine.lesion import LesionLayer
from engine.output import OutputFolder, Provenance, encode_png
from engine.patient import Patient
from engine.sheet import Finding, preview_sheet

SCENE = "scene.moulage"
AVATAR = "avatar.glb"
PREVIEW = "preview.png"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Texture:
    """A changed map. index: of the material in the avatar; name and mask_name: its files in the output folder.

    prefix: begins the names of all its files; empty for an avatar with one material.
    """

    index: int
    material: str
    name: str
    mask_name: str
    prefix: str = ""


def textures(patient: Patient) -> list[Texture]:
    """The materials that lesions lie on, and what their files are called.

    `albedo.png` and `lesion_mask.png` for an avatar with one material, with the material's name before it otherwise.
    """
    materials = patient.avatar.materials
    single = len(materials) == 1
    found: list[Texture] = []
    taken: set[str] = set()
    for index, material in enumerate(materials):
        if single or patient.canvas.index[index].any():
            plain = re.sub(r"[^A-Za-z0-9-]+", "-", material.name).strip("-")[:60] or "material"
            while plain.lower() in taken:
                plain = f"{plain}-{index}"
            taken.add(plain.lower())
            prefix = "" if single else f"{plain}_"
            found.append(Texture(index, material.name, f"{prefix}{ALBEDO}.png", f"{prefix}lesion_mask.png", prefix))
    return found


def export(patient: Patient, layers: Sequence[LesionLayer], folder: OutputFolder, licence: str, title: str) -> None:
    """Write everything but the scene file into the folder, as one set. Only visible layers are drawn."""
    canvas = patient.canvas
    visible = [layer for layer in layers if layer.visible]
    models = " ".join(sorted({layer.model for layer in visible}))
    listed = json.dumps([json.loads(layer.spec.to_json()) | {"id": layer.id} for layer in visible], sort_keys=True)
    whole = Provenance(listed, models, licence)
    with folder.stage() as stage:
        changed = {}
        for texture in textures(patient):
            encoded = encode_png(without_alpha(canvas.pixels[texture.index]), whole)
            changed[texture.material, ALBEDO] = encoded
            stage.write(texture.name, encoded, whole)
            stage.write(texture.mask_name, encode_png(canvas.index[texture.index], whole), whole)
        stage.write(AVATAR, replace_maps(patient.avatar.glb, changed), whole)
        findings = []
        for layer in visible:
            own = Provenance(layer.spec.to_json(), layer.model, licence)
            close_up = canvas.close_up(layer)
            stage.write(f"lesions/{layer.id}/patch.png", encode_png(close_up, own), own)
            stage.write(f"lesions/{layer.id}/mask.png", encode_png(layer.mask, own), own)
            text = json.dumps(described(patient, layer), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
            stage.write(f"lesions/{layer.id}/spec.json", text.encode(), own)
            findings.append(finding_of(patient, layer, close_up))
        page = preview_sheet(patient.surface, canvas.pixels, findings, title, note_of(patient, visible))
        stage.write(PREVIEW, encode_png(page, whole), whole)


def finding_of(patient: Patient, layer: LesionLayer, close_up: Pixels) -> Finding:
    """A shown lesion on a page (`engine.sheet`)."""
    return Finding(
        patient.canvas.number_of[layer.id],
        layer.spec.site,
        layer.spec.lesion_class,
        layer.diameter_mm,
        layer.body_part.replace("-", " "),
        layer.spec.turn_deg,
        close_up,
        layer.width_mm,
    )


def described(patient: Patient, layer: LesionLayer) -> dict[str, Any]:
    """A shown lesion as a document: the specification, and what came of it."""
    material, u, v = patient.surface.uv(layer.spec.site)
    return {
        "id": layer.id,
        "number": patient.canvas.number_of[layer.id],
        "spec": json.loads(layer.spec.to_json()),
        "material": patient.avatar.materials[material].name,
        "uv": [round(u, 6), round(v, 6)],
        "body_part": layer.body_part,
        "diameter_mm": round(layer.diameter_mm, 3),
        "patch_mm": layer.width_mm,
        "model": layer.model,
        "precision": layer.precision,
        "threads": layer.threads,
        "batch_size": layer.batch_size,
    }


def note_of(patient: Patient, layers: Sequence[LesionLayer]) -> str:
    """The line under a page's title: height, and how many lesions of each class."""
    counts: dict[str, int] = {}
    for layer in layers:
        counts[layer.spec.lesion_class] = counts.get(layer.spec.lesion_class, 0) + 1
    told = " · ".join(f"{count} {_counted(name, count)}" for name, count in sorted(counts.items())) or "no lesions"
    return f"{patient.height_m:.2f} m · {told}"


def _counted(lesion_class: str, count: int) -> str:
    """A class' name after a number; `nevus` has a Latin plural."""
    if count == 1:
        return lesion_class
    return "nevi" if lesion_class == "nevus" else f"{lesion_class}s"


def without_alpha(pixels: Pixels) -> Pixels:
    """RGB where the atlas is opaque everywhere: a third less to encode, and what most programs expect."""
    return pixels if (pixels[..., 3] < 255).any() else np.ascontiguousarray(pixels[..., :3])
