"""One patient's files, as the job asks for them: maps, close-ups, GLB, preview, annotations and `patient.json`.

Pictures come from the canvas that the desktop shows, and pages from `engine.sheet`. Smaller maps are averaged in linear
light; instances keep at least one texel each.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.atlas import encode_srgb
from engine.avatar.model import ALBEDO
from engine.avatar.write import replace_maps
from engine.batch import contact
from engine.batch.draw import PatientPlan
from engine.batch.job import Outputs
from engine.colour import LINEAR_OF_BYTE, ita_degrees, linear_to_lab, phototype
from engine.export import Texture, described, finding_of, note_of, textures, without_alpha
from engine.lesion import LesionLayer
from engine.output import SUFFIXES, OutputFolder, Provenance, encode_picture, encode_png
from engine.output.folder import Stage
from engine.patient import Patient
from engine.sheet import preview_sheet

RECORD = "patient.json"
ANNOTATIONS = "annotations.json"
_TONE_SAMPLES = 40_000

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Origin:
    """What painted the lesions. job: the set's identity; classes: in the order of the class map's values, from 1."""

    job: str
    model: str
    licence: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Painted:
    """A finished lesion of the plan: its number there (from 1), and whether it is the odd one among the others."""

    number: int
    layer: LesionLayer
    odd: bool


def write_patient(
    folder: OutputFolder,
    patient: Patient,
    plan: PatientPlan,
    painted: Sequence[Painted],
    asked: Outputs,
    origin: Origin,
) -> None:
    """Write everything that is asked for as one set. The patient's canvas shows exactly these lesions.

    OutputError where the disk is full or can't be written; nothing appears then.
    """
    with folder.stage() as stage:
        _Writer(stage, patient, plan, painted, asked, origin).write()


class _Writer:
    """A patient's stage while it fills; `record` becomes `patient.json`."""

    def __init__(
        self,
        stage: Stage,
        patient: Patient,
        plan: PatientPlan,
        painted: Sequence[Painted],
        asked: Outputs,
        origin: Origin,
    ) -> None:
        self._stage, self._patient, self._plan = stage, patient, plan
        self._painted, self._asked, self._origin = painted, asked, origin
        specs = [json.loads(one.layer.spec.to_json()) | {"id": one.layer.id} for one in painted]
        listed = json.dumps(specs, sort_keys=True)
        model = origin.model if painted else ""
        self._whole = Provenance(listed, model, origin.licence)
        digest = hashlib.sha256(listed.encode()).hexdigest()
        short = {"patient": plan.number, "lesions": len(specs), "specs_sha256": digest}
        self._recorded = Provenance(json.dumps(short), model, origin.licence)
        """As `_whole`, without repeating all specifications in the manifest for every file."""

    def write(self) -> None:
        """All files; the record last."""
        instances = self._maps()
        lesions = [self._lesion(one) for one in self._painted]
        close_ups = [self._patient.canvas.close_up(one.layer) for one in self._painted] if self._pictured else []
        masks = {}
        if self._asked.close_ups:
            for lesion, one, close_up in zip(lesions, self._painted, close_ups, strict=True):
                masks[lesion["close_up"]] = self._close_up(lesion, one.layer, close_up)
        preview = self._preview(close_ups) if self._asked.preview else None
        record = self._record(lesions, preview)
        if self._asked.annotations:
            from engine.batch import annotations

            self._put(ANNOTATIONS, annotations.of_patient(record, instances, masks))
        text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        self._put(RECORD, text.encode())

    @property
    def _pictured(self) -> bool:
        return self._asked.close_ups or self._asked.preview

    def _put(self, name: str, data: bytes, own: Provenance | None = None) -> None:
        self._stage.write(name, data, own or self._recorded)

    # maps

    def _maps(self) -> dict[str, NDArray[np.uint16]]:
        """Write the maps and the GLB; for the annotations, lesion numbers by the picture that they belong to."""
        self._listed: list[dict[str, Any]] = []
        instances: dict[str, NDArray[np.uint16]] = {}
        changed = {}
        for texture in textures(self._patient):
            index, pixels = self._sized(texture.index)
            row: dict[str, Any] = {"material": texture.material, "width": index.shape[1], "height": index.shape[0]}
            encoded = None
            if ALBEDO in self._asked.maps:
                encoded = encode_picture(pixels, self._whole, self._asked.picture_format, self._asked.quality)
                row[ALBEDO] = self._named(texture, ALBEDO, self._asked.picture_format)
                self._put(row[ALBEDO], encoded)
            if "instances" in self._asked.maps:
                row["instances"] = self._mask(texture, "instances", index)
            if "classes" in self._asked.maps:
                row["classes"] = self._mask(texture, "classes", self._class_of_number()[index])
            if self._asked.glb:
                png = encoded if encoded is not None and self._asked.picture_format == "png" else None
                changed[texture.material, ALBEDO] = png or encode_png(pixels, self._whole)
            self._listed.append(row)
            shown = next((row[name] for name in (ALBEDO, "instances", "classes") if name in row), None)
            if shown is not None:
                instances[shown] = index
        if self._asked.glb:
            self._put("avatar.glb", replace_maps(self._patient.avatar.glb, changed))
        return instances

    def _named(self, texture: Texture, what: str, format_: str) -> str:
        return f"{texture.prefix}{what}{SUFFIXES[format_]}"

    def _mask(self, texture: Texture, what: str, values: NDArray[Any]) -> str:
        name = self._named(texture, what, self._asked.mask_format)
        self._put(name, encode_picture(values, self._whole, self._asked.mask_format))
        return name

    def _sized(self, material: int) -> tuple[NDArray[np.uint16], Pixels]:
        """Instances uint16 [H, W] and albedo uint8 [H, W, 3 or 4] in the size that was asked for."""
        canvas = self._patient.canvas
        index, pixels = canvas.index[material], without_alpha(canvas.pixels[material])
        shape: tuple[int, ...] = index.shape
        longest, wanted = max(shape), self._asked.map_size
        if wanted is None or wanted >= longest:
            return index, pixels
        height, width = (max(1, round(side * wanted / longest)) for side in shape)
        return reduced_instances(index, width, height), reduced_picture(pixels, width, height)

    def _class_of_number(self) -> NDArray[np.uint8]:
        """The class map's value for each lesion number, uint8 [N + 1]; 0 for skin."""
        numbers = self._patient.canvas.number_of
        values = np.zeros(max(numbers.values(), default=0) + 1, np.uint8)
        for one in self._painted:
            values[numbers[one.layer.id]] = 1 + self._origin.classes.index(one.layer.spec.lesion_class)
        return values

    # lesions

    def _lesion(self, one: Painted) -> dict[str, Any]:
        """A lesion's entry in the record, as `generate` describes it, with what data sets ask for besides."""
        layer, patient = one.layer, self._patient
        told = described(patient, layer)
        name = f"close_ups/{told['number']:03d}"
        linear = np.asarray(patient.canvas.skin_under(layer).median)
        return told | {
            "class": layer.spec.lesion_class,
            "asked_mm": layer.spec.diameter_mm,
            "odd": one.odd,
            "plan_number": one.number,
            "site": asdict(layer.spec.site),
            "position_m": [round(float(v), 5) for v in patient.surface.point(layer.spec.site)],
            "skin_tone": _tone(linear),
            "close_up": f"{name}{SUFFIXES[self._asked.picture_format]}" if self._asked.close_ups else None,
            "close_up_mask": f"{name}_mask{SUFFIXES[self._asked.mask_format]}" if self._asked.close_ups else None,
            "close_up_mm": layer.width_mm,
        }

    def _close_up(self, lesion: Mapping[str, Any], layer: LesionLayer, close_up: Pixels) -> Pixels:
        """Write a lesion's close-up and its mask; the mask, uint8 [P, P]."""
        own = Provenance(layer.spec.to_json(), layer.model, self._origin.licence)
        mask, size = layer.mask, self._asked.close_up_size
        if size is not None and size != len(mask):
            smaller = size < len(mask)
            how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            mask = np.asarray(cv2.resize(mask, (size, size), interpolation=how), np.uint8)
            close_up = reduced_picture(close_up, size, size) if smaller else _enlarged(close_up, size)
        picture = encode_picture(close_up, own, self._asked.picture_format, self._asked.quality)
        self._put(lesion["close_up"], picture, own)
        self._put(lesion["close_up_mask"], encode_picture(mask, own, self._asked.mask_format), own)
        return mask

    def _preview(self, close_ups: Sequence[Pixels]) -> str:
        patient, layers = self._patient, [one.layer for one in self._painted]
        findings = [finding_of(patient, *pair) for pair in zip(layers, close_ups, strict=True)]
        title, note = contact.who(self._plan.number, self._plan.facts), note_of(patient, layers)
        page = preview_sheet(patient.surface, patient.canvas.pixels, findings, title, note)
        name = f"preview{SUFFIXES[self._asked.picture_format]}"
        self._put(name, encode_picture(page, self._whole, self._asked.picture_format, self._asked.quality))
        return name

    def _record(self, lesions: Sequence[Mapping[str, Any]], preview: str | None) -> dict[str, Any]:
        plan, patient = self._plan, self._patient
        avatar: dict[str, Any] = {"name": patient.avatar.name, "scale": patient.avatar.scale}
        avatar["sha256"] = hashlib.sha256(patient.avatar.glb).hexdigest()
        if plan.body is not None:
            avatar["body"] = asdict(plan.body)
        if plan.file is not None:
            avatar["file"] = plan.file.path.name
        return {
            "patient": plan.number,
            "job": self._origin.job,
            "seed": plan.seed,
            "avatar": avatar,
            "facts": dict(plan.facts),
            "height_m": round(patient.height_m, 4),
            "skin_tone": _tone(skin_colour(patient)),
            "model": self._origin.model,
            "licence": self._origin.licence,
            "classes": {str(value): name for value, name in enumerate(self._origin.classes, 1)},
            "asked": plan.slots,
            "not_placed": plan.slots - len(lesions),
            "maps": self._listed,
            "glb": "avatar.glb" if self._asked.glb else None,
            "preview": preview,
            "lesions": list(lesions),
        }


def reduced_instances(index: NDArray[np.uint16], width: int, height: int) -> NDArray[np.uint16]:
    """An instance map by nearest texel, uint16 [height, width]; a number that would vanish keeps its middle texel."""
    small = np.asarray(cv2.resize(index, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint16)
    for number in np.setdiff1d(index[index > 0], small):
        rows, columns = np.nonzero(index == number)
        middle = len(rows) // 2
        small[rows[middle] * height // index.shape[0], columns[middle] * width // index.shape[1]] = number
    return small


def reduced_picture(pixels: Pixels, width: int, height: int) -> Pixels:
    """An sRGB picture uint8 [H, W, 3 or 4], averaged in linear light to [height, width]; alpha as it is."""
    linear = np.asarray(cv2.resize(LINEAR_OF_BYTE[pixels[..., :3]], (width, height), interpolation=cv2.INTER_AREA))
    small: Pixels = encode_srgb(linear)
    if pixels.shape[2] == 3:
        return small
    alpha = cv2.resize(np.ascontiguousarray(pixels[..., 3]), (width, height), interpolation=cv2.INTER_AREA)
    return np.dstack([small, np.asarray(alpha, np.uint8)])


def skin_colour(patient: Patient) -> NDArray[np.float64]:
    """The median colour of a patient's own skin, linear RGB [3]: of body parts, or of all texels without a skeleton."""
    canvas = patient.canvas
    material = patient.material(None)
    owners, pixels = canvas.owners[material], canvas.base[material]
    step = max(1, round((owners.size / _TONE_SAMPLES) ** 0.5))
    owners, pixels = owners[::step, ::step], pixels[::step, ::step]
    skin = owners >= 0
    if patient.parts is not None:
        skin = skin & (patient.parts.of_face[np.maximum(owners, 0)] >= 0)
    chosen = pixels[skin if skin.any() else owners >= -1]
    return np.asarray(np.median(LINEAR_OF_BYTE[chosen[:, :3]], axis=0), np.float64)


def _enlarged(pixels: Pixels, size: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


def _tone(linear: NDArray[np.float64]) -> dict[str, Any]:
    """ITA in degrees and the phototype whose range holds it."""
    ita = float(ita_degrees(linear_to_lab(linear)))
    return {"ita_deg": round(ita, 1), "phototype": phototype(ita)}
