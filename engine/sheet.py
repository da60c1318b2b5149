"""Pages to look at: a patient with numbered lesions and close-ups, laid out like a plate of a dermatology atlas, and
grids of pictures with row and column headings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.annotate import FAINT, INK, PAPER, Marker, draw_bar, draw_markers, font, place_labels, plain
from engine.errors import BadInput
from engine.render import Studio, View, visible

if TYPE_CHECKING:
    from engine.lesion import Site
    from engine.surface.surface import Surface

PURPOSE = "Synthetic, for teaching and research, not for diagnosis"
MOST_CLOSE_UPS = 48
"""Lesions beyond this many are marked on the body only."""

_BODY_HEIGHT = 1200
_BODY_WIDTHS = (480, 960)
_LABEL_COLUMN = 52
_TILE = 230
_GAP = 12
_MARGIN = 44
_HEADER = 108
_CAPTION = 70
_EYE_MM = 30.0
_TO_WRITE_ON = 20 * "_"


@dataclass(frozen=True)
class Finding:
    """One lesion of a page.

    close_up: its own patch, uint8 [P, P, 3] sRGB, `close_up_mm` wide, or None where there is only the atlas.
    turn_deg: the patch's turn; the picture from the atlas is turned alike. lesion_class: empty for a line to write on.
    """

    number: int
    site: "Site"
    lesion_class: str
    diameter_mm: float
    body_part: str = ""
    turn_deg: float = 0.0
    close_up: NDArray[np.uint8] | None = None
    close_up_mm: float = 0.0


def preview_sheet(
    surface: "Surface",
    pixels: Mapping[int, NDArray[np.uint8]],
    findings: Sequence[Finding],
    title: str,
    note: str = "",
) -> NDArray[np.uint8]:
    """A page, uint8 [H, W, 3]: the body front and back with numbered markers; beside it, of each lesion, what the eye
    sees (rendered from the atlas) and its own close-up.

    pixels: uint8 [H, W, 4] sRGB by material, the lesions in them. note: one line under the title.
    """
    studio = Studio(surface)
    shown = list(findings[:MOST_CLOSE_UPS])
    pairs = any(f.close_up is not None for f in shown)
    columns, rows = _grid(len(shown))
    card = (2 * _TILE + 4 if pairs else _TILE, _TILE + _CAPTION)
    bodies = 2 * body_size(surface)[0] + _GAP
    width = 2 * _MARGIN + bodies + (columns * (card[0] + 2 * _GAP) if shown else 0)
    height = _HEADER + max(_BODY_HEIGHT + 16, rows * card[1]) + _MARGIN + 16
    page = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(page)
    hidden = _draw_bodies(page, studio, pixels, findings)
    left = _MARGIN + bodies + 2 * _GAP
    for place, finding in enumerate(shown):
        corner = (left + place % columns * (card[0] + 2 * _GAP), _HEADER + place // columns * card[1])
        _draw_card(page, studio, pixels, finding, corner)
    remarks = [PURPOSE]
    if hidden:
        remarks.append("white number: on a side that neither view shows")
    if len(findings) > len(shown):
        remarks.append(f"close-ups of the first {len(shown)} of {len(findings)} lesions")
    if pairs:
        remarks.append("left of each pair: the skin as the eye sees it; right: its own close-up")
    _draw_title(draw, title, note)
    draw.text((_MARGIN, height - _MARGIN), plain(" · ".join(remarks)), font=font(17), fill=FAINT, anchor="ls")
    return np.asarray(page)


def bodies_of(page: NDArray[np.uint8], lesions: int) -> NDArray[np.uint8]:
    """The front and back views, markers included, cut out of a page that `preview_sheet` made.

    page: uint8 [H, W, 3]. lesions: how many findings it was made of, close-ups among them.
    """
    columns, _ = _grid(min(lesions, MOST_CLOSE_UPS))
    width = page.shape[1] - 2 * _MARGIN - columns * (2 * _TILE + 4 + 2 * _GAP)
    return np.ascontiguousarray(page[_HEADER : _HEADER + _BODY_HEIGHT, _MARGIN : _MARGIN + width])


def contact_sheet(
    tiles: Sequence[Sequence[NDArray[np.uint8]]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    title: str = "",
    note: str = "",
    width_mm: float | None = None,
) -> NDArray[np.uint8]:
    """A grid of equally large pictures, uint8 [h, w, 3], with headings; a millimetre bar where `width_mm` is known.

    tiles: row after row, each as long as `column_labels`.
    """
    shapes = {tile.shape for row in tiles for tile in row}
    if len(tiles) != len(row_labels) or any(len(row) != len(column_labels) for row in tiles) or len(shapes) != 1:
        raise BadInput(
            f"contact sheet: {len(tiles)} rows of {sorted({len(row) for row in tiles})} tiles with shapes {shapes} "
            f"don't fill {len(row_labels)} x {len(column_labels)} headings with tiles of one size"
        )
    tile_height, tile_width = shapes.pop()[:2]
    letters = font(20)
    heading = int(max((letters.getlength(plain(label)) for label in row_labels), default=0)) + 2 * _GAP
    top = (_HEADER if title else _MARGIN) + 32
    width = 2 * _MARGIN + heading + len(column_labels) * (tile_width + _GAP) - _GAP
    lines = [font(32).getlength(plain(title)), font(19).getlength(plain(note))]
    width = max(width, 2 * _MARGIN + math.ceil(max(lines)))
    page = Image.new("RGB", (width, top + len(tiles) * (tile_height + _GAP) - _GAP + _MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    _draw_title(draw, title, note)
    for j, label in enumerate(column_labels):
        x = _MARGIN + heading + j * (tile_width + _GAP) + tile_width / 2
        draw.text((x, top - 12), plain(label), font=letters, fill=INK, anchor="ms")
    for i, row in enumerate(tiles):
        y = top + i * (tile_height + _GAP)
        draw.text((_MARGIN, y + tile_height / 2), plain(row_labels[i]), font=letters, fill=INK, anchor="lm")
        for j, tile in enumerate(row):
            picture = tile if width_mm is None else draw_bar(tile, width_mm)
            page.paste(Image.fromarray(picture), (_MARGIN + heading + j * (tile_width + _GAP), y))
    return np.asarray(page)


def body_size(surface: "Surface") -> tuple[int, int]:
    """Width and height in pixels of each picture of the whole body, as wide as this body needs."""
    size = np.ptp(surface.vertices[np.unique(surface.faces)], axis=0)
    wanted = _BODY_HEIGHT * float(size[0] / max(size[1], 1e-9)) + 2 * _LABEL_COLUMN
    return round(float(np.clip(wanted, *_BODY_WIDTHS))), _BODY_HEIGHT


def body_views(surface: "Surface") -> tuple[View, View]:
    """The front and back views of a page, which leave room for the label columns."""
    width, height = body_size(surface)
    aspect = (width - 2 * _LABEL_COLUMN) / height
    return View.front(surface, aspect), View.back(surface, aspect)


def mark(surface: "Surface", views: Sequence[View], findings: Sequence[Finding]) -> list[list[Marker]]:
    """Each finding's marker in the view that shows it best: one list per view.

    A site that no view shows is marked, as hidden, in the view it turns away from least.
    """
    markers: list[list[Marker]] = [[] for _ in views]
    if not findings:
        return markers
    points = np.array([surface.point(f.site) for f in findings])
    normals = np.array([surface.normal(f.site) for f in findings])
    facing = np.stack([normals @ view.axes[2] for view in views])
    seen = np.stack([visible(surface, view, points) for view in views]) & (facing > 0.1)
    best = np.argmax(facing + 2.0 * seen, axis=0)
    size = body_size(surface)
    places = [view.project(points, *size) for view in views]
    for i, finding in enumerate(findings):
        view = views[best[i]]
        radius = max(6.0, 0.5e-3 * finding.diameter_mm * size[1] / view.height_m + 4)
        x, y = (float(v) for v in places[best[i]][i])
        markers[best[i]].append(Marker(finding.number, x, y, radius, not bool(seen[best[i], i])))
    return markers


def _draw_bodies(
    page: Image.Image, studio: Studio, pixels: Mapping[int, NDArray[np.uint8]], findings: Sequence[Finding]
) -> bool:
    """Front and back with their markers; whether any marker is hidden."""
    views = body_views(studio.surface)
    marked = mark(studio.surface, views, findings)
    draw = ImageDraw.Draw(page)
    size = body_size(studio.surface)
    for place, (view, markers, name) in enumerate(zip(views, marked, ("front", "back"), strict=True)):
        picture = studio.render(pixels, view, *size)
        labels = place_labels(markers, *size, _LABEL_COLUMN / 2)
        left = _MARGIN + place * (size[0] + _GAP)
        page.paste(Image.fromarray(draw_markers(picture, markers, labels)), (left, _HEADER))
        draw.text((left + 16, _HEADER + 14), name, font=font(20), fill=FAINT, anchor="la")
    return any(m.hidden for markers in marked for m in markers)


def _draw_card(
    page: Image.Image,
    studio: Studio,
    pixels: Mapping[int, NDArray[np.uint8]],
    finding: Finding,
    corner: tuple[int, int],
) -> None:
    """A lesion as the eye sees it, its close-up, and the caption under both."""
    x, y = corner
    span_mm = max(_EYE_MM, 3.2 * finding.diameter_mm)
    view = View.at(studio.surface, finding.site, span_mm / 1000, finding.turn_deg)
    page.paste(Image.fromarray(draw_bar(studio.render(pixels, view, _TILE, _TILE), span_mm)), (x, y))
    if finding.close_up is not None:
        own = Image.fromarray(finding.close_up).resize((_TILE, _TILE), Image.Resampling.LANCZOS)
        page.paste(Image.fromarray(draw_bar(np.asarray(own), finding.close_up_mm)), (x + _TILE + 4, y))
    draw = ImageDraw.Draw(page)
    number = f"{finding.number}"
    draw.text((x, y + _TILE + 26), number, font=font(22), fill=INK, anchor="ls")
    text = x + font(22).getlength(number) + 10
    name = finding.lesion_class.replace("_", " ").capitalize() or _TO_WRITE_ON
    draw.text(
        (text, y + _TILE + 26), plain(f"{name} · {finding.diameter_mm:.1f} mm"), font=font(20), fill=INK, anchor="ls"
    )
    draw.text(
        (text, y + _TILE + 47), plain(finding.body_part.replace("-", " ")), font=font(17), fill=FAINT, anchor="ls"
    )


def _draw_title(draw: ImageDraw.ImageDraw, title: str, note: str) -> None:
    draw.text((_MARGIN, 58), plain(title), font=font(32), fill=INK, anchor="ls")
    draw.text((_MARGIN, 86), plain(note), font=font(19), fill=FAINT, anchor="ls")


def _grid(count: int) -> tuple[int, int]:
    """Columns and rows of close-ups: as high as the bodies beside them, and higher from 24 on."""
    rows = max(_BODY_HEIGHT // (_TILE + _CAPTION), math.ceil(count / 6))
    columns = math.ceil(count / rows)
    return columns, math.ceil(count / max(columns, 1))
