"""The set's contact sheet: its first patients, front and back, each with the close-ups that matter most."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.annotate import FAINT, INK, PAPER, draw_bar, font, plain
from engine.batch.job import Job
from engine.sheet import PURPOSE, bodies_of

COLUMNS = 3
CLOSE_UPS = 6
"""Shown of each patient: the odd one first, then melanomas, then the largest."""

_BODY_HEIGHT = 330
_TILE = 128
_GAP = 10
_MARGIN = 44
_HEADER = 104
_CAPTION = 62
_BODIES_WIDTH = 430
_CARD = (_BODIES_WIDTH + 3 * (_TILE + _GAP), _BODY_HEIGHT + _CAPTION)

Record = Mapping[str, Any]


def sheet(job: Job, chosen: Sequence[tuple[Record, Path]]) -> NDArray[np.uint8]:
    """A page, uint8 [H, W, 3], of some patients: `patient.json` and folder of each.

    Patients without a preview show close-ups only; those without either, their caption. OSError where a picture that
    the record names can't be read.
    """
    columns = min(COLUMNS, max(len(chosen), 1))
    rows = math.ceil(len(chosen) / columns)
    width = 2 * _MARGIN + columns * (_CARD[0] + 2 * _GAP) - 2 * _GAP
    page = Image.new("RGB", (width, _HEADER + rows * (_CARD[1] + 2 * _GAP) + _MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    shown = f", the first {len(chosen)} of them" if len(chosen) < job.patients else ""
    draw.text((_MARGIN, 54), _fitted(job.name, 32, width - 2 * _MARGIN), font=font(32), fill=INK, anchor="ls")
    note = f"{_number_of(job.patients, 'patient')}{shown}"
    draw.text((_MARGIN, 80), plain(note), font=font(19), fill=FAINT, anchor="ls")
    for place, (record, folder) in enumerate(chosen):
        left = _MARGIN + place % columns * (_CARD[0] + 2 * _GAP)
        _draw_card(page, record, folder, (left, _HEADER + place // columns * (_CARD[1] + 2 * _GAP)))
    draw.text((_MARGIN, page.height - 24), plain(PURPOSE), font=font(17), fill=FAINT, anchor="ls")
    return np.asarray(page)


def who(number: int, facts: Mapping[str, Any]) -> str:
    """A patient in words: `Patient 7 · female, 62 years, phototype II`. facts: of `PatientPlan`."""
    told = [f"{facts['sex']}, {facts['age']} years, phototype {facts['phototype']}"] if "sex" in facts else []
    told += [facts["file"]] if "file" in facts else []
    return " · ".join([f"Patient {number}", *told])


def _draw_card(page: Image.Image, record: Record, folder: Path, corner: tuple[int, int]) -> None:
    left, top = corner
    draw = ImageDraw.Draw(page)
    draw.text(
        (left, top + 22),
        _fitted(who(record["patient"], record["facts"]), 21, _CARD[0]),
        font=font(21),
        fill=INK,
        anchor="ls",
    )
    draw.text((left, top + 46), _fitted(_what(record), 17, _CARD[0]), font=font(17), fill=FAINT, anchor="ls")
    top += _CAPTION
    pictures = left
    if record["preview"] is not None:
        with Image.open(folder / record["preview"]) as opened:
            bodies = Image.fromarray(bodies_of(np.asarray(opened.convert("RGB")), len(record["lesions"])))
        scale = min(_BODY_HEIGHT / bodies.height, _BODIES_WIDTH / bodies.width)
        size = (round(bodies.width * scale), round(bodies.height * scale))
        page.paste(bodies.resize(size, Image.Resampling.LANCZOS), (left, top))
        pictures += _BODIES_WIDTH + _GAP
    for place, lesion in enumerate(_foremost(record)):
        x = pictures + place % 3 * (_TILE + _GAP)
        y = top + place // 3 * (_TILE + 3 * _GAP + 18)
        with Image.open(folder / lesion["close_up"]) as opened:
            tile = opened.convert("RGB").resize((_TILE, _TILE), Image.Resampling.LANCZOS)
        page.paste(Image.fromarray(draw_bar(np.asarray(tile), lesion["close_up_mm"])), (x, y))
        draw.text((x, y + _TILE + 18), _fitted(_caption(lesion), 14, _TILE), font=font(14), fill=INK, anchor="ls")


def _foremost(record: Record) -> list[Record]:
    """The lesions to show, in the order of their numbers."""
    pictured = [lesion for lesion in record["lesions"] if lesion["close_up"] is not None]
    first = sorted(
        pictured, key=lambda one: (not one["odd"], one["class"] != "melanoma", -one["diameter_mm"], one["number"])
    )
    return sorted(first[:CLOSE_UPS], key=lambda one: one["number"])


def _caption(lesion: Record) -> str:
    return f"{lesion['number']} {lesion['class'].replace('_', ' ')} {lesion['diameter_mm']:.1f} mm"


def _what(record: Record) -> str:
    counts = Counter(str(lesion["class"]) for lesion in record["lesions"])
    told = [_number_of(count, name.replace("_", " ")) for name, count in sorted(counts.items())] or ["no lesions"]
    odd = [lesion for lesion in record["lesions"] if lesion["odd"]]
    told += [f"ugly duckling: {', '.join(str(lesion['number']) for lesion in odd)}"] if odd else []
    return " · ".join(told)


def _number_of(count: int, noun: str) -> str:
    plural = "nevi" if noun == "nevus" else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _fitted(text: str, size: int, width: int) -> str:
    """The text as it can be lettered, shortened to a width in pixels."""
    letters, words = font(size), plain(text)
    if letters.getlength(words) <= width:
        return words
    while words and letters.getlength(words + "...") > width:
        words = words[:-1]
    return words + "..."
