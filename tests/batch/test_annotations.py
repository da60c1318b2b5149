"""Annotations: masks that other programs read back to the texel, ids that stay unique, memory that stays flat."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from engine.batch.annotations import mask_row, merge, of_patient

LESION = {"class": "nevus", "diameter_mm": 4.2, "body_part": "back", "odd": False, "close_up": None, "close_up_mm": 9.0}
THEIRS = "ignore:__array__ implementation:DeprecationWarning"
"""pycocotools 2.0.11 with numpy 2."""
RECORD: dict[str, Any] = {"patient": 3, "licence": "CC0", "classes": {"1": "nevus", "2": "melanoma"}}


def _unpacked(segmentation: dict[str, Any]) -> NDArray[np.bool_]:
    """Our own reading of compressed run lengths, after the description of `rleFrString` in the COCO API."""
    runs: list[int] = []
    value = shift = 0
    for character in segmentation["counts"]:
        five = ord(character) - 48
        value |= (five & 31) << shift
        shift += 5
        if not five & 32:
            if five & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    height, width = segmentation["size"]
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(width, height).T


@pytest.mark.filterwarnings(THEIRS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)), st.integers(0, 300), st.integers(0, 70_000)
)
def test_masks_are_read_back_to_the_texel(mask: NDArray[np.bool_], top: int, left: int) -> None:
    whole = (mask.shape[0] + top + 5, mask.shape[1] + left % 90)
    placed = np.zeros(whole, bool)
    placed[top : top + mask.shape[0], left % 90 : left % 90 + mask.shape[1]] = mask
    row = mask_row(mask, (top, left % 90), whole)
    assert (_unpacked(row["segmentation"]) == placed).all() and row["area"] == mask.sum()
    x, y, width, height = row["bbox"]
    assert not mask.any() or (placed[y : y + height, x : x + width].sum() == mask.sum())
    assert not mask.any() or (placed[y, x : x + width].any() and placed[y : y + height, x].any())
    coco = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed: pip install pycocotools")
    assert (coco.decode(row["segmentation"] | {"counts": row["segmentation"]["counts"].encode()}) == placed).all()
    theirs = coco.encode(np.asfortranarray(placed.astype(np.uint8)))
    assert theirs["counts"].decode() == row["segmentation"]["counts"]
    assert not mask.any() or list(coco.toBbox(theirs)) == row["bbox"]


def test_a_lesion_that_a_seam_divides_has_a_box_for_each_piece() -> None:
    index = np.zeros((400, 600), np.uint16)
    index[10:20, 30:35] = 1
    index[300:310, 500:503] = 1
    index[310, 505] = 1  # two texels off: the same piece
    index[100:104, 100:104] = 2
    record = RECORD | {"lesions": [LESION | {"number": 1}, LESION | {"number": 2, "class": "melanoma"}]}
    document = json.loads(of_patient(record, {"albedo.png": index}, {}))
    rows = document["annotations"]
    assert [(row["lesion"], row["piece"], row["of"], row["category_id"]) for row in rows] == [
        *((1, 1, 2, 1), (1, 2, 2, 1), (2, 1, 1, 2)),
    ]
    assert [row["bbox"] for row in rows] == [[30, 10, 5, 10], [500, 300, 6, 11], [100, 100, 4, 4]]
    drawn = sum(_unpacked(row["segmentation"]) * row["lesion"] for row in rows)
    assert (drawn == index).all()


def _fragment(patient: int) -> tuple[str, bytes]:
    index = np.zeros((64, 64), np.uint16)
    for number in range(1, 21):
        index[3 * number : 3 * number + 2, patient % 60 : patient % 60 + 3] = number
    lesions = [LESION | {"number": number, "close_up": f"close_ups/{number:03d}.png"} for number in range(1, 21)]
    masks = {f"close_ups/{number:03d}.png": np.full((16, 16), 255, np.uint8) for number in range(1, 21)}
    document = of_patient(RECORD | {"patient": patient, "lesions": lesions}, {"albedo.png": index}, masks)
    return f"patients/{patient:05d}/", document


def test_a_set_is_the_sum_of_its_patients() -> None:
    parts = [_fragment(number) for number in (1, 2, 3)]
    merged = json.loads(b"".join(merge(iter(parts))))
    whole = [json.loads(data) for _, data in parts]
    assert merged["categories"] == whole[0]["categories"] and merged["licenses"][0]["name"] == "CC0"
    assert [image["id"] for image in merged["images"]] == list(range(1, 64))
    assert [row["id"] for row in merged["annotations"]] == list(range(1, 121))
    names = {image["id"]: image["file_name"] for image in merged["images"]}
    assert len(set(names.values())) == 63
    expected = [
        (
            prefix + next(i["file_name"] for i in document["images"] if i["id"] == row["image_id"]),
            row["lesion"],
            row["bbox"],
        )
        for (prefix, _), document in zip(parts, whole, strict=True)
        for row in document["annotations"]
    ]
    assert [(names[row["image_id"]], row["lesion"], row["bbox"]) for row in merged["annotations"]] == expected


def test_a_set_without_pictures_is_still_a_document() -> None:
    for fragments in ([], [("patients/00001/", of_patient(RECORD | {"lesions": []}, {}, {}))]):
        document = json.loads(b"".join(merge(fragments)))
        assert document["images"] == [] and document["annotations"] == []


def test_memory_does_not_grow_with_the_set() -> None:
    one = _fragment(1)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert sum(map(len, merge(one for _ in range(count)))) > 5_000 * count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(5)
    assert peak(150) < 1.2 * peak(10)


@pytest.mark.filterwarnings(THEIRS)
def test_a_real_sets_annotations_are_its_masks(undisturbed: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed: pip install pycocotools").COCO
    opened = coco(undisturbed / "annotations.json")
    kinds = {"atlas": 0, "close-up": 0}
    for image in opened.loadImgs(opened.getImgIds()):
        path = undisturbed / image["file_name"]
        with Image.open(path) as picture:
            assert picture.size == (image["width"], image["height"])
        rows = opened.loadAnns(opened.getAnnIds(image["id"]))
        kinds[image["kind"]] += 1
        if image["kind"] == "atlas":
            truth = np.asarray(Image.open(path.with_name(path.name.replace("albedo", "instances"))))
            assert (sum(opened.annToMask(row) * row["lesion"] for row in rows) == truth).all()
            assert {row["lesion"] for row in rows} == set(np.unique(truth)) - {0}
        else:
            truth = np.asarray(Image.open(path.with_name(path.stem + "_mask.png")))
            assert len(rows) == 1 and (opened.annToMask(rows[0]) == (truth >= 128)).all()
    records = [json.loads(path.read_text()) for path in sorted(undisturbed.glob("patients/*/patient.json"))]
    assert kinds == {"atlas": 6, "close-up": sum(len(record["lesions"]) for record in records)}
    names = {category["id"]: category["name"] for category in opened.loadCats(opened.getCatIds())}
    told = [(r["patient"], lesion["number"], lesion["class"]) for r in records for lesion in r["lesions"]]
    close_ups = [image for image in opened.dataset["images"] if image["kind"] == "close-up"]
    found = [
        (i["patient"], row["lesion"], names[row["category_id"]]) for i in close_ups for row in opened.imgToAnns[i["id"]]
    ]
    assert found == told
