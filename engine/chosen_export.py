"""What somebody chose of a patient, as files: textures, the body, masks, a list of the lesions, a page to print."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.atlas import encode_srgb, gutter_texels
from engine.avatar.model import ALBEDO
from engine.avatar.write import replace_maps
from engine.colour import LINEAR_OF_BYTE
from engine.errors import BadInput
from engine.export import AVATAR, described, textures, without_alpha
from engine.lesion import LesionLayer
from engine.output import OutputFolder, Provenance, Stage, encode_png
from engine.patient import Patient
from engine.patient_page import encode_page, patient_page, provenance_of

SIZES = (512, 1024, 2048, 4096, 8192)
LARGEST_GUTTER = 256
PAGES = ("", "png", "pdf")
LICENCE = "as the cards of its avatar and its model say"

Told = Callable[[int, int, str], None]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Choice:
    """What is exported. BadInput names the field that can't be.

    size: the longer side of textures and masks in texels; None, or more than there is, for the map's own.
    gutter: texels by which islands are continued into empty space, which is black and clear beyond; None fills it all.
    page: `png`, `pdf` or empty. exam: no class is told anywhere.
    """

    textures: bool = True
    glb: bool = False
    masks: bool = False
    lesions: bool = False
    page: str = ""
    size: int | None = None
    gutter: int | None = None
    exam: bool = False

    def __post_init__(self) -> None:
        if not (self.textures or self.glb or self.masks or self.lesions or self.page):
            raise BadInput("export: nothing is chosen; choose at least one kind of file")
        if self.page not in PAGES:
            raise BadInput(f"page: is {self.page!r}; choose among {', '.join(PAGES[1:])}")
        if self.size is not None and self.size not in SIZES:
            raise BadInput(f"size: is {self.size}; choose among {', '.join(map(str, SIZES))}")
        if self.gutter is not None and not 0 <= self.gutter <= LARGEST_GUTTER:
            raise BadInput(f"gutter: is {self.gutter}; it must lie between 0 and {LARGEST_GUTTER} texels")

    def job(self, patient: Patient, revision: int) -> str:
        """What identifies this export of this state of a scene."""
        told = {**asdict(self), "avatar": hashlib.sha256(patient.avatar.glb).hexdigest(), "revision": revision}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def export_choice(
    patient: Patient,
    layers: Sequence[LesionLayer],
    choice: Choice,
    folder: OutputFolder,
    title: str,
    told: Told = lambda done, total, doing: None,
) -> list[str]:
    """Write the chosen files into the folder, as one set; their names. The canvas must show the layers.

    told: is called with the steps done, their number, and what is being done now.
    """
    visible = [layer for layer in layers if layer.visible]
    whole = provenance_of(visible, LICENCE, choice.exam)
    steps: list[tuple[str, Callable[[Stage], None]]] = []
    if choice.textures or choice.glb:
        steps.append(("textures", lambda stage: _write_textures(stage, patient, choice, whole)))
    if choice.masks:
        steps.append(("masks", lambda stage: _write_masks(stage, patient, choice, whole)))
    if choice.lesions:
        steps.append(("list of lesions", lambda stage: _write_lists(stage, patient, visible, choice.exam, whole)))
    if choice.page:
        steps.append(("page", lambda stage: _write_page(stage, patient, visible, choice, title, whole)))
    with folder.stage() as stage:
        for done, (doing, write) in enumerate(steps):
            told(done, len(steps), doing)
            write(stage)
        names = [record["path"] for record in stage.records]
    folder.finish()
    told(len(steps), len(steps), "")
    return names


def lesion_rows(patient: Patient, layers: Sequence[LesionLayer], exam: bool = False) -> list[dict[str, Any]]:
    """Each lesion as a document, by its number. An exam tells neither class nor what would give it away."""
    rows = [described(patient, layer) for layer in layers]
    if exam:
        kept = ("id", "number", "material", "uv", "body_part", "diameter_mm")
        rows = [{name: row[name] for name in kept} for row in rows]
    return sorted(rows, key=lambda row: int(row["number"]))


def resized(pixels: Pixels, size: int | None) -> Pixels:
    """A texture, uint8 [H, W, 4], averaged in linear light to `size` texels on its longer side; never enlarged."""
    height, width = _sides(pixels.shape[0], pixels.shape[1], size)
    if height == pixels.shape[0] and width == pixels.shape[1]:
        return pixels
    out = np.empty((height, width, 4), np.uint8)
    for channel in range(3):
        linear = LINEAR_OF_BYTE[pixels[..., channel]]
        out[..., channel] = encode_srgb(cv2.resize(linear, (width, height), interpolation=cv2.INTER_AREA))
    out[..., 3] = cv2.resize(pixels[..., 3], (width, height), interpolation=cv2.INTER_AREA)
    return out


def with_gutter(pixels: Pixels, owned: NDArray[np.bool_], gutter: int | None) -> Pixels:
    """The texture with empty space black and clear from `gutter` texels beyond its islands on; None leaves it filled.

    pixels: uint8 [H, W, 4]; owned: bool [h, w], of a map of any size.
    """
    if gutter is None:
        return pixels
    height, width = pixels.shape[0], pixels.shape[1]
    # A texel that an island touches only in part belongs to it.
    kept = cv2.resize(owned.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0
    if gutter:
        side = 2 * gutter + 1
        kept = cv2.dilate(kept.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    out = pixels.copy()
    out[~kept] = 0
    return out


def usual_gutter(size: int) -> int:
    """Texels that filtering needs at a size."""
    return gutter_texels(size, size)


def _sides(height: int, width: int, size: int | None) -> tuple[int, int]:
    longer = max(height, width)
    if size is None or size >= longer:
        return height, width
    return max(1, round(height * size / longer)), max(1, round(width * size / longer))


def _write_textures(stage: Stage, patient: Patient, choice: Choice, whole: Provenance) -> None:
    """The PNGs, and the body that shows the same ones."""
    changed = {}
    for texture in textures(patient):
        owned = patient.canvas.owners[texture.index] >= 0
        small = resized(patient.canvas.pixels[texture.index], choice.size)
        encoded = encode_png(without_alpha(with_gutter(small, owned, choice.gutter)), whole)
        changed[texture.material, ALBEDO] = encoded
        if choice.textures:
            stage.write(texture.name, encoded, whole)
    if choice.glb:
        stage.write(AVATAR, replace_maps(patient.avatar.glb, changed), whole)


def _write_masks(stage: Stage, patient: Patient, choice: Choice, whole: Provenance) -> None:
    for texture in textures(patient):
        index = patient.canvas.index[texture.index]
        pixels = patient.canvas.pixels[texture.index]
        height, width = _sides(pixels.shape[0], pixels.shape[1], choice.size)
        small = cv2.resize(index, (width, height), interpolation=cv2.INTER_NEAREST)
        stage.write(texture.mask_name, encode_png(small, whole), whole)


def _write_lists(stage: Stage, patient: Patient, layers: Sequence[LesionLayer], exam: bool, whole: Provenance) -> None:
    rows = lesion_rows(patient, layers, exam)
    document = {"notice": "Synthetic. Not for diagnosis.", "exam": exam, "lesions": rows}
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    stage.write("lesions.json", text.encode(), whole)
    columns = ["number", *([] if exam else ["class"]), "diameter_mm", "body_part", "material", "u", "v", "id"]
    columns += [] if exam else ["seed", "model"]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        spec = row.get("spec", {})
        flat = {"class": spec.get("lesion_class"), "seed": spec.get("seed"), "u": row["uv"][0], "v": row["uv"][1]}
        writer.writerow(row | flat)
    stage.write("lesions.csv", stream.getvalue().encode(), whole)


def _write_page(
    stage: Stage, patient: Patient, layers: Sequence[LesionLayer], choice: Choice, title: str, whole: Provenance
) -> None:
    page = patient_page(patient, layers, title, choice.exam)
    stage.write(f"sheet.{choice.page}", encode_page(page, whole, title, choice.page), whole)
