"""Measure 7: one lesion on skins of phototype I to VI, by the product's own way: normalise, paint, denormalise, write.

Two things are asked. The skin around must not change at all (ΔE 0, by construction). And a lesion should stand out from
its skin as real ones do: beside each tone stand the real pictures whose skin has that tone, as far as there are any.
Phototypes are told by the ITA (`engine.colour`), in photographs that nobody calibrated: read them as an order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine import place, png
from engine.avatar.model import ALBEDO, Avatar, Material, TextureImage
from engine.avatar.tone import BASE_LAB
from engine.canvas import Canvas
from engine.colour import (
    LINEAR_OF_BYTE,
    PHOTOTYPE_ITA,
    delta_e2000,
    ita_degrees,
    lab_to_linear,
    linear_to_lab,
    phototype,
    to_bytes,
)
from engine.evaluation.estimate import Estimate, mean_of
from engine.evaluation.samples import SampleSettings
from engine.generators.protocol import Cancel, Generator
from engine.lesion import LesionLayer, LesionSpec, Shape
from engine.plan import ANY_CLASS, CLINIC
from engine.surface import Surface

PHOTOTYPES = tuple(name for name, _ in PHOTOTYPE_ITA)
_SQUARE_M = 0.06
_TEXELS = 512
_CELLS = 24
_DIAMETER_MM = {"nevus": 5.0, "melanoma": 9.0}
_OTHER_MM = 7.0
_RANGE = (0.1, 0.5, 0.9)
_FEWEST_REAL = 10
Labs = NDArray[np.float64]


@dataclass(frozen=True)
class Contrast:
    """Of one lesion. phototype: of its skin. delta_e: ΔE2000 between the medians of lesion and skin; delta_l: L* of
    the skin less that of the lesion. changed: largest ΔE2000 that the skin around it changed by; 0 in real pictures."""

    lesion_class: str
    phototype: str
    delta_e: float
    delta_l: float
    changed: float = 0.0


@dataclass(frozen=True)
class Tone:
    """A class on one phototype. real: pictures of that tone; real_range: 10th, 50th and 90th percentile of their
    ΔE2000, None below `_FEWEST_REAL` of them. within: whether the generated lesions' mean lies inside; None without."""

    lesion_class: str
    phototype: str
    changed: float
    delta_e: Estimate
    delta_l: Estimate
    real: int
    real_range: tuple[float, float, float] | None

    @property
    def within(self) -> bool | None:
        """See the class."""
        return None if self.real_range is None else self.real_range[0] <= self.delta_e.value <= self.real_range[2]


def generated_contrasts(
    generator: Generator, per_class: int, settings: SampleSettings, cancel: Cancel | None = None
) -> list[Contrast]:
    """`per_class` lesions of each class on a flat piece of skin of each phototype, the same seeds for all tones."""
    found = []
    for name in generator.classes:
        for number in range(per_class):
            found += _on_all_tones(generator, name, replace(settings, seed=settings.seed + number), cancel)
    return found


def real_contrast(lesion_class: str, linear: NDArray[np.floating], mask: NDArray[np.bool_]) -> Contrast | None:
    """Of a real picture as it was taken, linear light [H, W, 3], and its mask; None without enough lesion and skin."""
    reach = max(1, len(mask) // 40) * 2 + 1
    skin = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) == 0
    if skin.mean() < 0.02 or mask.mean() < 0.005:
        return None
    lesion_lab, skin_lab = (_median_lab(linear[which]) for which in (mask, skin))
    return _contrast(lesion_class, phototype(float(ita_degrees(skin_lab))), lesion_lab, skin_lab)


def tones(generated: Sequence[Contrast], real: Sequence[Contrast], seed: int) -> list[Tone]:
    """One line per class and phototype that lesions were painted on."""
    found = []
    for name in dict.fromkeys(c.lesion_class for c in generated):
        for tone in PHOTOTYPES:
            ours = [c for c in generated if (c.lesion_class, c.phototype) == (name, tone)]
            theirs = [c.delta_e for c in real if (c.lesion_class, c.phototype) == (name, tone)]
            if not ours:
                continue
            lesions = [str(number) for number in range(len(ours))]
            spread = None
            if len(theirs) >= _FEWEST_REAL:
                low, middle, high = (float(q) for q in np.quantile(theirs, _RANGE))
                spread = (low, middle, high)
            found.append(
                Tone(
                    *(name, tone, max(c.changed for c in ours)),
                    mean_of(np.array([c.delta_e for c in ours]), lesions, seed, (0.0, np.inf)),
                    mean_of(np.array([c.delta_l for c in ours]), lesions, seed),
                    *(len(theirs), spread),
                )
            )
    return found


def _on_all_tones(generator: Generator, name: str, settings: SampleSettings, cancel: Cancel | None) -> list[Contrast]:
    clinic = CLINIC.get(name, ANY_CLASS)
    shape = Shape("automatic", sum(clinic.irregularity) / 2, sum(clinic.asymmetry) / 2)
    skins = {tone: _flat_skin(tone, settings.seed) for tone in PHOTOTYPES}
    site = skins[PHOTOTYPES[0]][0].site_at_uv(0, 0.5, 0.5)
    diameter = _DIAMETER_MM.get(name, _OTHER_MM)
    how = {"steps": settings.steps, "sampler": settings.sampler}
    spec = LesionSpec(name, site, diameter, settings.seed, shape=shape, **how)  # type: ignore[arg-type]
    placed = {tone: place.prepare(own, canvas.base, spec) for tone, (own, canvas) in skins.items()}
    results = generator.generate([p.request for p in placed.values()], cancel=cancel)
    found = []
    for (tone, placement), result in zip(placed.items(), results, strict=True):
        canvas = skins[tone][1]
        layer = place.finish(placement, result, "tone")
        canvas.show([layer])
        found.append(_measured(name, tone, canvas, layer))
    return found


def _measured(name: str, tone: str, canvas: Canvas, layer: LesionLayer) -> Contrast:
    """On the texels as they stand after the lesion was written, beside those before."""
    patch = canvas.patch_of(layer)
    around = cv2.dilate((layer.alpha > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    columns, rows = (np.clip((patch.uv[..., i] * _TEXELS).astype(int), 0, _TEXELS - 1) for i in (0, 1))
    linear = LINEAR_OF_BYTE[canvas.pixels[0][rows, columns, :3]]
    before, after = (
        np.asarray(linear_to_lab(LINEAR_OF_BYTE[pixels[0][rows, columns, :3][around]].astype(np.float64)))
        for pixels in (canvas.base, canvas.pixels)
    )
    lesion, skin = (_median_lab(linear[which]) for which in (layer.mask >= 128, around))
    changed = float(delta_e2000(before, after).max())
    return _contrast(name, tone, lesion, skin, changed)


def _contrast(name: str, tone: str, lesion: Labs, skin: Labs, changed: float = 0.0) -> Contrast:
    return Contrast(name, tone, float(delta_e2000(lesion, skin)), float(skin[0] - lesion[0]), changed)


def _median_lab(linear: NDArray[np.floating]) -> Labs:
    """Of the median in linear light, channel by channel, as the colour normalisation takes it."""
    return np.asarray(linear_to_lab(np.median(linear, axis=0).astype(np.float64)))


def _flat_skin(tone: str, seed: int) -> tuple[Surface, Canvas]:
    """A square of 6 cm of a phototype's covered skin, mottled by some percent, as an avatar of its own."""
    line = np.linspace(0, 1, _CELLS + 1)
    u, v = (grid.ravel() for grid in np.meshgrid(line, line))
    row, column = (grid.ravel() for grid in np.meshgrid(np.arange(_CELLS), np.arange(_CELLS), indexing="ij"))
    a = row * (_CELLS + 1) + column
    below = a + _CELLS + 1
    faces = np.stack([a, below, a + 1, a + 1, below, below + 1], 1).reshape(-1, 3)
    rng = np.random.default_rng([seed, 7])
    mottled = np.ones((_TEXELS, _TEXELS))
    for grid, strength in ((6, 0.03), (24, 0.015), (128, 0.01)):
        mottled += cv2.resize(rng.normal(0, strength, (grid, grid)), (_TEXELS, _TEXELS), interpolation=cv2.INTER_CUBIC)
    pixels = to_bytes(lab_to_linear(np.array(BASE_LAB[tone])) * mottled[..., None])
    image = TextureImage("skin", png.encode(pixels), "image/png", _TEXELS, _TEXELS)
    avatar = Avatar(
        name=f"skin of phototype {tone}",
        glb=b"",
        scale=1.0,
        positions=np.stack([(u - 0.5) * _SQUARE_M, (0.5 - v) * _SQUARE_M, np.zeros_like(u)], 1),
        faces=faces.astype(np.int32),
        uvs=np.stack([u, v], 1).astype(np.float32),
        face_material=np.zeros(len(faces), np.int16),
        materials=(Material("skin", {ALBEDO: image}),),
    )
    surface = Surface.of(avatar)
    return surface, Canvas(surface, avatar)
