"""A patient on one page: front and back with numbered lesions, and each lesion close up; as PNG or PDF.

For an exam the classes are left out everywhere, the file's own description included, and a line to write on stands in
each one's place.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.export import finding_of, note_of
from engine.lesion import LesionLayer
from engine.output import Provenance, encode_png
from engine.output.provenance import NOTICE
from engine.patient import Patient
from engine.sheet import preview_sheet

Pixels = NDArray[np.uint8]
_A4_INCHES = (297 / 25.4, 210 / 25.4)
_JPEG_QUALITY = 92


def patient_page(patient: Patient, layers: Sequence[LesionLayer], title: str, exam: bool = False) -> Pixels:
    """The page, uint8 [H, W, 3]. layers: the visible ones are shown, as the canvas shows them now."""
    visible = [layer for layer in layers if layer.visible]
    findings = [finding_of(patient, layer, patient.canvas.close_up(layer)) for layer in visible]
    note = note_of(patient, visible)
    if exam:
        findings = [replace(finding, lesion_class="") for finding in findings]
        count = len(visible)
        note = f"{patient.height_m:.2f} m · {count} lesion{'' if count == 1 else 's'}"
    findings.sort(key=lambda finding: finding.number)
    return preview_sheet(patient.surface, patient.canvas.pixels, findings, title, note)


def provenance_of(layers: Sequence[LesionLayer], licence: str, exam: bool = False) -> Provenance:
    """What a file with these lesions says of itself; of an exam only the lesions' ids."""
    visible = [layer for layer in layers if layer.visible]
    specs = [({} if exam else json.loads(layer.spec.to_json())) | {"id": layer.id} for layer in visible]
    models = "" if exam else " ".join(sorted({layer.model for layer in visible}))
    return Provenance(json.dumps(specs, sort_keys=True), models, licence)


def encode_page(page: Pixels, provenance: Provenance, title: str, format_: str = "png") -> bytes:
    """The page as `png`, or as a `pdf` of one A4 page in landscape; the same bytes for the same page."""
    if format_ == "png":
        return encode_png(page, provenance)
    height, width = page.shape[:2]
    scale = max(width / _A4_INCHES[0], height / _A4_INCHES[1])  # pixels per inch at which the page fills the paper
    paper = Image.new("RGB", (round(_A4_INCHES[0] * scale), round(_A4_INCHES[1] * scale)), "white")
    paper.paste(Image.fromarray(page), ((paper.width - width) // 2, (paper.height - height) // 2))
    stream = io.BytesIO()
    paper.save(
        stream,
        "PDF",
        resolution=scale,
        quality=_JPEG_QUALITY,
        title=title,
        subject=NOTICE,
        producer="Moulage",
        creationDate=False,
        modDate=False,
    )
    return stream.getvalue()
