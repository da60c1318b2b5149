"""What goes into a pack: which images, at which size, filtered by what lies on the skin; what each filter left out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.colour import PHOTOTYPE_ITA
from engine.errors import DataError
from engine.training import artefacts
from engine.training.batches import magnifications
from engine.training.dataset import BROKEN_PICTURE, Problem, Sample
from engine.training.preparation import Square, sharp_share, square

QUALITY = 86
SIDES = (224, 192, 176, 160, 144, 128)
"""Sides of ordinary images, the largest that fits the budget."""
LARGE = 448
"""Side of images that are sharp enough to teach magnifications beyond the ordinary."""
NATIVE = 128
MAX_ZOOM = 3.55
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Filters:
    """Limits beyond which an image is left out; None switches one off.

    share: of the square that the lesion covers. border: share of the mask that lies on the square's edge.
    hair: share of the skin. dark_corners: of the four. ruler: whether images with one are left out.
    """

    share: tuple[float, float] | None = (0.02, 0.75)
    border: float | None = 0.1
    hair: float | None = 0.07
    dark_corners: int | None = 1
    ruler: bool = True

    def refuses(self, image: Square, sample: Sample) -> str | None:
        """The name of the first filter that leaves the image out, or None."""
        share = float(image.mask.mean())
        if self.share is not None and not self.share[0] <= share <= self.share[1]:
            return "lesion too small or too large"
        if self.border is not None and _border_share(image.mask) > self.border:
            return "lesion cut off"
        corners = sample.dark_corners
        if self.dark_corners is not None and corners is not None and corners > self.dark_corners:
            return "dark rim"
        found = artefacts.measure(image.rgb, image.mask)
        if self.dark_corners is not None and corners is None and found.dark_corners > self.dark_corners:
            return "dark rim"
        if self.ruler and found.ruler:
            return "ruler"
        if self.hair is not None and found.hair > self.hair:
            return "hair"
        return None


@dataclass(frozen=True)
class Item:
    """One image as it stands in a pack. zoom: least and largest magnification. box: left, top, right, bottom of the
    lesion as shares of the side. tone: phototype of the skin as it was photographed."""

    jpeg: bytes
    png: bytes
    side: int
    lesion_class: str
    image_id: str
    lesion_id: str
    zoom: tuple[float, float]
    box: tuple[float, float, float, float]
    tone: str


@dataclass
class Outcome:
    """Items, and what was left out: broken files as problems, the rest by filter."""

    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        """Bytes of pictures and masks."""
        return sum(len(item.jpeg) + len(item.png) for item in self.items)

    def tones(self) -> dict[str, int]:
        """Images by the phototype of their skin as it was photographed, I to VI."""
        return {name: sum(item.tone == name for item in self.items) for name, _ in PHOTOTYPE_ITA}


def sharpest(samples: Sequence[Sample]) -> list[Sample]:
    """Of images that several data sets hold, the largest copy. A closer crop is an image of its own."""
    best: dict[tuple[str, bool], Sample] = {}
    for sample in samples:
        key = (sample.image_id, sample.magnification > 1.05)
        if key not in best or min(sample.size) > min(best[key].size):
            best[key] = sample
    return list(best.values())


def limited(samples: Sequence[Sample], most: int) -> list[Sample]:
    """At most so many of each class, from the whole length of the list, in its order."""
    kept: list[Sample] = []
    for name in dict.fromkeys(sample.lesion_class for sample in samples):
        own = [sample for sample in samples if sample.lesion_class == name]
        places = np.unique(np.linspace(0, len(own) - 1, min(most, len(own))).round().astype(int))
        kept += [own[place] for place in places]
    chosen = set(map(id, kept))
    return [sample for sample in samples if id(sample) in chosen]


def prepare(samples: Sequence[Sample], filters: Filters, side: int, large: int, told: Told | None = None) -> Outcome:
    """All samples that pass. side: of ordinary images; large: of the sharpest. told: done and in all."""
    outcome = Outcome()
    for number, sample in enumerate(samples):
        if told is not None:
            told(number, len(samples))
        try:
            image = square(sample)
        except DataError as error:
            outcome.problems.append(Problem(BROKEN_PICTURE, str(sample.image), str(error).partition(": ")[2]))
            continue
        reason = filters.refuses(image, sample)
        if reason is not None:
            outcome.refused[reason] += 1
        else:
            outcome.items.append(item_of(image, sample, side, large))
    return outcome


def item_of(image: Square, sample: Sample, side: int, large: int) -> Item:
    """The image at the side that its sharpness deserves. It serves magnifications up to what is left at that side."""
    sharp = sharp_share(image.rgb, sample.fine_rms)
    real = sharp * len(image.mask)
    chosen = large if real >= 0.5 * (side + large) and large > side else side
    # What was enlarged to a common side is no sharper for it.
    zoom = magnifications(chosen, min(1.0, real / chosen), sample.magnification, NATIVE, MAX_ZOOM)
    small = image.resized(chosen)
    return Item(
        jpeg=_encoded(small.rgb, "JPEG", quality=QUALITY, subsampling=1),
        png=_encoded(small.mask, "PNG", optimize=True),
        side=chosen,
        lesion_class=sample.lesion_class,
        image_id=sample.image_id,
        lesion_id=sample.lesion_id,
        zoom=zoom,
        box=_box(small.mask),
        tone=small.tone,
    )


def fitted(
    samples: Sequence[Sample], filters: Filters, limit: int, told: Told | None = None
) -> tuple[Outcome, int, int]:
    """All samples that pass, and the sides of ordinary and sharp ones: the largest within `limit` bytes.

    DataError where even the smallest needs more.
    """
    side, large = side_within(samples, filters, limit)
    while True:
        outcome = prepare(samples, filters, side, large, told)
        needed = outcome.size + _BESIDE * len(outcome.items)
        if needed <= limit:
            return outcome, side, large
        smaller = [other for other in SIDES if other < side]  # the probe was milder than the whole
        if not smaller:
            raise _too_large(len(samples), needed)
        side, large = smaller[0], min(LARGE, 2 * smaller[0])


def side_within(samples: Sequence[Sample], filters: Filters, limit: int) -> tuple[int, int]:
    """Sides of ordinary and sharp images with which the pack stays below `limit` bytes, by a probe of the samples.

    DataError where even the smallest doesn't.
    """
    probe = samples[:: max(1, len(samples) // _PROBE)]
    squares = []
    for sample in probe:
        try:
            image = square(sample)
        except DataError:
            continue  # the packing itself counts and lists it
        if filters.refuses(image, sample) is None:
            squares.append((image, sample))
    needed = 0.0
    for side in SIDES:
        large = min(LARGE, 2 * side)
        sizes = [len(i.jpeg) + len(i.png) for i in (item_of(image, s, side, large) for image, s in squares)]
        needed = 1.04 * sum(sizes) * len(samples) / len(probe)
        if needed <= limit:
            return side, large
    raise _too_large(len(samples), needed)


_PROBE = 150
_BESIDE = 160
"""Bytes of an image's numbers and names in a pack."""


def _too_large(count: int, needed: float) -> DataError:
    return DataError(
        f"--mib: {count} images need about {needed / 2**20:.1f} MiB at {SIDES[-1]} pixels; allow more, or take fewer "
        "with --limit"
    )


def _encoded(pixels: NDArray[np.uint8] | NDArray[np.bool_], kind: str, **how: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, kind, **how)
    return stream.getvalue()


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0.0, 0.0, 1.0, 1.0
    side = len(mask)
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return float(left / side), float(top / side), float(right / side), float(bottom / side)


def _border_share(mask: NDArray[np.bool_]) -> float:
    """Share of the square's edge that the lesion covers."""
    return float(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean())
