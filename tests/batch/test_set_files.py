"""The set's card and contact sheet: what they say is what the records say."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.batch import card, contact
from engine.batch.job import Job, UglyDuckling
from engine.sheet import bodies_of, body_size, preview_sheet
from engine.surface import Surface

Record = dict[str, Any]


def _records(folder: Path) -> list[Record]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("patients/*/patient.json"))]


def _cells(text: str, heading: str) -> dict[str, list[str]]:
    """The rows of the first table under a heading, by their first cell."""
    lines = text.split(f"{heading}\n\n", 1)[1].split("\n\n", 1)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in [rows[0], *rows[2:]]}


def test_the_card_counts_what_is_there(job: Job, undisturbed: Path) -> None:
    records = _records(undisturbed)
    text = card.write(job, iter(records), [], "CC BY-NC 4.0", "f" * 64)
    assert text == (undisturbed / "dataset_card.md").read_text(encoding="utf-8").replace(
        records[0]["model"], "f" * 64
    ).replace(records[0]["licence"], "CC BY-NC 4.0")
    lesions = [lesion for record in records for lesion in record["lesions"]]
    by_class = _cells(text, "## Lesions")
    for name in {lesion["class"] for lesion in lesions}:
        own = [lesion["diameter_mm"] for lesion in lesions if lesion["class"] == name]
        count, low, middle, high = by_class[name]
        assert int(count) == len(own)
        assert [float(low), float(middle), float(high)] == pytest.approx(np.percentile(own, (5, 50, 95)), abs=0.11)
    sizes = _cells(text, "### By diameter")
    assert sum(int(cell) for row in list(sizes.values())[1:] for cell in row) == len(lesions)
    parts = _cells(text, "### By body part")
    assert sum(int(cell) for row in list(parts.values())[1:] for cell in row) == len(lesions)
    for words in ("not for diagnosis", "CC BY-NC 4.0", "engine/models/default/README.md", job.fingerprint):
        assert words in text


def test_the_card_tells_of_failures_odd_ones_and_missing_places(job: Job, undisturbed: Path) -> None:
    records = _records(undisturbed)
    records[0]["lesions"][0]["odd"] = True
    records[1] |= {"asked": records[1]["asked"] + 3, "not_placed": 3}
    failures = [(number, f"no\nreason | {number}") for number in range(7, 40)]
    text = card.write(replace(job, ugly_duckling=UglyDuckling(0.5)), records, failures, "CC0", "f" * 64)
    asked = sum(record["asked"] for record in records)
    assert f"| lesions that found no place | 3 of {asked} |" in text
    assert "| patients with an ugly duckling | 1 |" in text and "| patients that failed | 33 |" in text
    assert "- 7: no reason | 7\n" in text and "and 13 more" in text


def test_an_empty_set_has_a_card_too(job: Job) -> None:
    text = card.write(job, [], [(1, "x")], "CC0", "f" * 64)
    assert "| patients | 0 |" in text and "n<1K" in text


def test_the_contact_sheet_shows_every_patients_close_ups(job: Job, undisturbed: Path) -> None:
    chosen = [(record, undisturbed / f"patients/{record['patient']:05d}") for record in _records(undisturbed)]
    page = contact.sheet(job, chosen)
    assert page.dtype == np.uint8 and page.ndim == 3
    with Image.open(undisturbed / "contact_sheet.png") as made:
        assert (np.asarray(made) == page).all() and "Synthetic" in made.info["Disclaimer"]
    fewer = contact.sheet(job, chosen[:1])
    assert fewer.shape[0] < page.shape[0] and fewer.shape[1] < page.shape[1]
    bare = contact.sheet(job, [(chosen[0][0] | {"lesions": []}, chosen[0][1])])
    assert (bare < 200).any(2).sum() < (fewer < 200).any(2).sum()
    with pytest.raises(OSError, match=r"close_ups"):
        contact.sheet(job, [(chosen[0][0], undisturbed)])


def test_the_bodies_of_a_page_are_found_again() -> None:
    from tube import tube_avatar

    avatar = tube_avatar(64)
    surface = Surface.of(avatar)
    page = preview_sheet(surface, {0: np.full((64, 64, 4), 128, np.uint8)}, [], "x")
    width, height = body_size(surface)
    assert bodies_of(page, 0).shape[0] == height and abs(bodies_of(page, 0).shape[1] - 2 * width) < 20
