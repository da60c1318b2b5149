"""What is drawn on pictures: lettering, millimetre bars, numbered markers with leader lines.

The font is Aileron, which Pillow carries (CC0); it knows ASCII and a few signs, so other letters lose their accents.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

INK = (32, 36, 42)
FAINT = (112, 118, 126)
PAPER = (255, 255, 255)
BADGE_RADIUS = 14
LABEL_GAP = 32
"""Least distance between the centres of two labels, pixels."""

_FINE = 4
_NICE_MM = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_EXTRA_LETTERS = "·°±…"


@dataclass(frozen=True)
class Marker:
    """A lesion in a picture: its number, its place and radius in pixels; `hidden` where the body is in the way."""

    number: int
    x: float
    y: float
    radius: float
    hidden: bool = False


@dataclass(frozen=True)
class Label:
    """Where a marker's number stands, in pixels."""

    marker: Marker
    x: float
    y: float


def font(size: int) -> ImageFont.FreeTypeFont:
    """The house font at a size in pixels."""
    chosen = ImageFont.load_default(size)
    assert isinstance(chosen, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return chosen


def plain(text: str) -> str:
    """The text in letters that the font has: accents dropped, anything else as `?`."""
    apart = unicodedata.normalize("NFKD", text.replace("–", "-").replace("×", "x"))
    kept = (c for c in apart if not unicodedata.combining(c))
    return "".join(c if c in _EXTRA_LETTERS or (c.isascii() and c.isprintable()) else "?" for c in kept)


def bar_length(width_mm: float, width_px: int) -> tuple[float, float]:
    """A scale bar for a picture `width_mm` wide: its length as a round number of mm, at most 40 %, and in pixels."""
    length = max((mm for mm in _NICE_MM if mm <= 0.4 * width_mm), default=_NICE_MM[0])
    return length, length * width_px / width_mm


def draw_bar(picture: NDArray[np.uint8], width_mm: float) -> NDArray[np.uint8]:
    """The picture, uint8 [H, W, 3], `width_mm` wide, with a scale bar at the lower right, dark or pale as it reads."""
    height, width = picture.shape[:2]
    length_mm, length = bar_length(width_mm, width)
    margin, thick = max(10, width // 22), max(3, width // 90)
    right, bottom = width - margin, height - margin
    letters = font(max(15, width // 15))
    # Pixel columns x0 to x1 are `length` wide, both ends included.
    x0 = round(right - length)
    x1 = x0 + round(length) - 1
    below = picture[bottom - thick - letters.size : bottom, x0 : x1 + 1]
    ink = INK if below.size and below.mean() > 120 else PAPER
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    draw.rectangle((x0, bottom - thick, x1, bottom - 1), fill=ink)
    draw.text(((x0 + x1) / 2, bottom - thick - 5), f"{length_mm:g} mm", font=letters, fill=ink, anchor="md")
    return np.asarray(image)


def place_labels(markers: Sequence[Marker], width: int, height: int, inset: float) -> list[Label]:
    """Numbers in two columns, `inset` pixels from the left and right edges, as near their markers as they fit.

    Leaders to one side don't cross: the order of the heights is kept. Markers that a full column has no room for are
    left out.
    """
    room = int((height - LABEL_GAP) // LABEL_GAP)
    labels = []
    for left in (True, False):
        side = sorted((m for m in markers if (m.x < width / 2) == left), key=lambda m: (m.y, m.number))[:room]
        ys = _spread([m.y for m in side], LABEL_GAP, LABEL_GAP / 2, height - LABEL_GAP / 2)
        labels += [Label(m, inset if left else width - inset, y) for m, y in zip(side, ys, strict=True)]
    return labels


def draw_markers(picture: NDArray[np.uint8], markers: Sequence[Marker], labels: Sequence[Label]) -> NDArray[np.uint8]:
    """The picture with a ring about every marker, and for each label a thin leader and its number."""
    image = Image.fromarray(picture).convert("RGBA")
    # Pillow's lines have no antialiasing, so they are drawn larger and reduced.
    layer = Image.new("RGBA", (image.width * _FINE, image.height * _FINE), (255, 255, 255, 0))
    draw = ImageDraw.Draw(layer)
    for label in labels:
        _leader(draw, label)
    for marker in markers:
        _ring(draw, marker)
    for label in labels:
        _badge(draw, label)
    return np.asarray(Image.alpha_composite(image, layer.reduce(_FINE)).convert("RGB"))


def _spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Ascending positions at least `gap` apart in [low, high], each group centred on what its members want."""
    groups: list[tuple[float, int]] = []
    for value in wanted:
        mean, count = min(max(value, low), high), 1
        while groups and groups[-1][0] + (groups[-1][1] + count) * gap / 2 > mean:
            other, members = groups.pop()
            mean, count = (other * members + mean * count) / (members + count), members + count
            half = (count - 1) * gap / 2
            mean = min(max(mean, low + half), high - half)
        groups.append((mean, count))
    return [mean + (i - (count - 1) / 2) * gap for mean, count in groups for i in range(count)]


def _leader(draw: ImageDraw.ImageDraw, label: Label) -> None:
    marker = label.marker
    angle = math.atan2(label.y - marker.y, label.x - marker.x)
    start = (marker.x + marker.radius * math.cos(angle), marker.y + marker.radius * math.sin(angle))
    ends = tuple(v * _FINE for v in (*start, label.x, label.y))
    draw.line(ends, fill=(255, 255, 255, 150), width=3 * _FINE)
    draw.line(ends, fill=(*INK, 255), width=_FINE)


def _ring(draw: ImageDraw.ImageDraw, marker: Marker) -> None:
    for radius, colour, width in (
        (marker.radius + 1, (255, 255, 255, 150), 3),
        (marker.radius, (*(FAINT if marker.hidden else INK), 255), 1),
    ):
        box = [(marker.x - radius) * _FINE, (marker.y - radius) * _FINE]
        box += [(marker.x + radius) * _FINE, (marker.y + radius) * _FINE]
        draw.ellipse(box, outline=colour, width=width * _FINE)


def _badge(draw: ImageDraw.ImageDraw, label: Label) -> None:
    x, y, radius = label.x * _FINE, label.y * _FINE, BADGE_RADIUS * _FINE
    ink, paper = (*INK, 255), (255, 255, 255, 255)
    if label.marker.hidden:
        ink, paper = paper, ink
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink, outline=(*INK, 255), width=_FINE)
    size = 17 if label.marker.number < 100 else 13
    draw.text((x, y), str(label.marker.number), font=font(size * _FINE), fill=paper, anchor="mm")
