"""Boxes and masks of all lesions in COCO's form: on the atlases, and on the close-ups.

Format: https://cocodataset.org/#format-data; masks are compressed run lengths as pycocotools writes them
(https://github.com/cocodataset/cocoapi, common/maskApi.c, `rleToString`): column by column, each number from the third
on as the difference to the one before the last, five bits to a character.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.errors import OutputError
from engine.output.provenance import NOTICE

NEAR = 3
"""Texels between two spots that still belong to one piece of a lesion."""

Record = Mapping[str, Any]
Row = dict[str, Any]


def of_patient(
    record: Record, atlases: Mapping[str, NDArray[np.uint16]], masks: Mapping[str, NDArray[np.uint8]]
) -> bytes:
    """A whole COCO document of one patient; ids count from 1, file names are relative to the patient's folder.

    record: `patient.json`. atlases: lesion numbers [H, W] by the picture that they belong to; masks: [P, P] × 255 by
    the close-up's name. A lesion that a UV seam divides has one annotation per piece, with a box of its own.
    """
    lesions = {int(lesion["number"]): lesion for lesion in record["lesions"]}
    category = {name: int(value) for value, name in record["classes"].items()}
    images: list[Row] = []
    annotations: list[Row] = []

    def image(name: str, shape: tuple[int, ...], **more: Any) -> int:
        number = len(images) + 1
        row = {"id": number, "file_name": name, "width": shape[1], "height": shape[0], "license": 1}
        images.append(row | {"patient": record["patient"], **more})
        return number

    def annotate(image_id: int, lesion: Record, mask: Row, **more: Any) -> None:
        row = {"id": len(annotations) + 1, "image_id": image_id, "category_id": category[lesion["class"]], "iscrowd": 0}
        known = {name: lesion[name] for name in ("diameter_mm", "body_part", "odd")}
        annotations.append(row | mask | {"lesion": lesion["number"]} | known | more)

    for name, index in atlases.items():
        number = image(name, index.shape, kind="atlas")
        for value, window in enumerate(ndimage.find_objects(index), 1):
            if window is not None:
                pieces = list(_pieces(index[window] == value))
                for place, piece in enumerate(pieces, 1):
                    corner = (window[0].start, window[1].start)
                    annotate(number, lesions[value], mask_row(piece, corner, index.shape), piece=place, of=len(pieces))
    for lesion in lesions.values():
        if (name := lesion["close_up"]) is not None:
            mask = masks[name] >= 128
            number = image(name, mask.shape, kind="close-up", mm=round(lesion["close_up_mm"], 3))
            annotate(number, lesion, mask_row(mask, (0, 0), mask.shape), piece=1, of=1)
    head = _head(category, str(record["licence"]))
    return _dump(head | {"images": images, "annotations": annotations}) + b"\n"


def merge(fragments: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """One COCO document of many patients', piece by piece; memory holds one patient at a time.

    fragments: what stands before a patient's file names, and its document. OutputError where the disk for temporary
    files is full.
    """
    head: Row | None = None
    image_base = annotation_base = 0
    with tempfile.TemporaryFile() as waiting:  # images stand before annotations, which come with them
        for prefix, data in fragments:
            document = json.loads(data)
            images, annotations = document.pop("images"), document.pop("annotations")
            if head is None:
                head = document
                yield _dump(head)[:-1] + b',\n"images":['
            for image in images:
                image |= {"id": image["id"] + image_base, "file_name": prefix + image["file_name"]}
            yield from _joined(images, first=image_base == 0)
            for annotation in annotations:
                annotation["id"] += annotation_base
                annotation["image_id"] += image_base
            try:
                waiting.writelines(_joined(annotations, first=annotation_base == 0))
            except OSError as error:
                raise OutputError(f"annotations: no room for temporary files ({error.strerror}); set TMPDIR") from error
            image_base += len(images)
            annotation_base += len(annotations)
        yield (
            b'],\n"annotations":[' if head is not None else _dump(_head({}, ""))[:-1] + b',"images":[],"annotations":['
        )
        waiting.seek(0)
        while block := waiting.read(1 << 16):
            yield block
    yield b"]}\n"


def mask_row(mask: NDArray[np.bool_], corner: tuple[int, int], shape: tuple[int, ...]) -> Row:
    """bbox (x, y, width, height), area and segmentation of a bool [h, w] that lies at (row, column) in a [H, W]."""
    rows, columns = np.nonzero(mask)
    size = [int(side) for side in shape[:2]]
    if not len(rows):
        empty = _packed([size[0] * size[1]])
        return {"bbox": [0, 0, 0, 0], "area": 0, "segmentation": {"size": size, "counts": empty}}
    top, left = int(rows.min()) + corner[0], int(columns.min()) + corner[1]
    box = [left, top, int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]
    places = np.sort((columns + corner[1]).astype(np.int64) * shape[0] + rows + corner[0])
    breaks = np.flatnonzero(np.diff(places) > 1)
    starts = places[np.concatenate([[0], breaks + 1])]
    ends = places[np.concatenate([breaks, [len(places) - 1]])] + 1
    edges = np.stack([starts, ends], 1).reshape(-1)
    rest = size[0] * size[1] - int(edges[-1])
    runs = [int(run) for run in np.diff(edges, prepend=0)] + ([rest] if rest else [])
    return {"bbox": box, "area": len(rows), "segmentation": {"size": size, "counts": _packed(runs)}}


def _packed(runs: list[int]) -> str:
    """Run lengths as the text that pycocotools reads."""
    characters = []
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        while True:
            five = value & 31
            value >>= 5
            last = value == (-1 if five & 16 else 0)
            characters.append(chr(48 + (five if last else five | 32)))
            if last:
                break
    return "".join(characters)


def _pieces(mask: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """The parts of a lesion that lie apart in the atlas, each as a mask of the same size."""
    near = ndimage.binary_dilation(np.pad(mask, NEAR), np.ones((3, 3)), NEAR)[NEAR:-NEAR, NEAR:-NEAR]
    labels, count = ndimage.label(near, np.ones((3, 3)))
    for number in range(1, count + 1):
        piece = mask & (labels == number)
        if piece.any():
            yield piece


def _head(category: Mapping[str, int], licence: str) -> Row:
    return {
        "info": {"description": f"Lesions grown by Moulage. {NOTICE}", "version": "1"},
        "licenses": [{"id": 1, "name": licence, "url": ""}],
        "categories": [{"id": i, "name": name, "supercategory": "skin lesion"} for name, i in category.items()],
    }


def _joined(rows: list[Row], first: bool) -> Iterator[bytes]:
    for place, row in enumerate(rows):
        yield (b"\n" if first and place == 0 else b",\n") + _dump(row)


def _dump(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
