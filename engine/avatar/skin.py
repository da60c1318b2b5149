"""The albedo of a procedural skin: tone by place, noise on melanin and haemoglobin, and what is painted on top.

Every texel knows its 3D position; the noise is evaluated there, from 150 down to 0.9 mm, so that no UV seam shows.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.atlas import encode_srgb, fill_empty
from engine.avatar import bodyparts, features, tone
from engine.avatar.features import Features
from engine.avatar.grain import Octave, octave, smooth
from engine.avatar.model import Avatar
from engine.avatar.tone import BLOOD, MELANIN
from engine.colour import lab_to_linear
from engine.surface.raster import barycentric_at, barycentric_gradients, face_map

if TYPE_CHECKING:
    from engine.avatar.body import Body, BodySpec

OCTAVES = ((150.0, 0.50), (54.0, 0.36), (19.0, 0.26), (7.0, 0.30), (2.5, 0.46), (0.9, 0.60))
"""Wavelength in mm and standard deviation in units of L*, of each octave on either axis."""

_BLOOD_SHARE = 0.6
_TEXEL_MM_AT_4096 = 0.53
_BLOCK = 1 << 16
_MOST_THREADS = 4
"""Bounds the memory of the blocks under way."""


def paint(body: "Body", spec: "BodySpec") -> NDArray[np.uint8]:
    """The albedo, uint8 [S, S, 3], sRGB, row 0 at the top, empty atlas space filled with the skin beside it."""
    parts = bodyparts.label(_bare(body))
    assert parts is not None
    size = spec.texture_size
    placed = tone.of_body(body, parts, spec.phototype, spec.sex, spec.age)
    details = Features.of(body, spec)
    octaves = _octaves(spec)
    corner_uvs = body.uvs[body.faces]
    origin, gradients = barycentric_gradients(corner_uvs, size, size)
    fields = np.concatenate(
        [body.positions, placed.lab, np.stack([placed.scalp, placed.beard, placed.palmar], -1)], axis=1
    )
    owners = face_map(corner_uvs, size, size)
    pixels = np.zeros((size, size, 4), np.uint8)
    flat, owner = pixels.reshape(-1, 4), owners.reshape(-1)

    def paint_block(texels: NDArray[np.int64]) -> None:
        faces = owner[texels]
        x, y = texels % size + 0.5, texels // size + 0.5
        weights = barycentric_at(faces, x, y, origin, gradients).astype(np.float32)
        values = np.einsum("nk,nkc->nc", weights, fields[body.faces[faces]])
        uv = np.stack([x / size, y / size], -1).astype(np.float32)
        lab = _lab(values, uv, octaves, details)
        flat[texels, :3] = encode_srgb(lab_to_linear(lab))

    # numpy lets go of the interpreter in its loops; blocks share no texel, so their order changes nothing.
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        for blocks in _blocks(owner):
            for _ in pool.map(paint_block, blocks):
                pass
    fill_empty(pixels, owners >= 0)
    return np.ascontiguousarray(pixels[..., :3])


def _lab(
    values: NDArray[np.float32], uv: NDArray[np.float32], octaves: list[Octave], details: Features
) -> NDArray[np.float32]:
    points, lab = values[:, :3], values[:, 3:6].copy()
    scalp, beard, palmar = values[:, 6:].T
    noise = octaves[0].at(points)
    for one in octaves[1:-1]:
        noise += one.at(points)
    finest = octaves[-1].at(points)
    fine = (finest.real / np.float32(octaves[-1].amplitude)).astype(np.float32)
    noise += finest
    # Pigment varies less in palms and soles, and L* itself varies less in dark skin.
    melanin = noise.real * (1 - 0.5 * palmar) * (1 - 0.35 * details.darkness)
    blood = noise.imag * np.float32(_BLOOD_SHARE * (1 - 0.6 * details.darkness))
    lab += melanin[:, None] * MELANIN + blood[:, None] * BLOOD
    speckle = np.clip(0.62 + 0.16 * fine, 0, 1)
    scalp = smooth(scalp + 0.12 * fine * smooth(scalp, 0.0, 0.25), 0.15, 0.95)
    covered = np.clip((0.58 + 0.27 * details.darkness) * scalp * (0.75 + 0.4 * speckle), 0, 0.96)
    features.blend(lab, details.hair, np.asarray(covered, np.float32))
    features.blend(
        lab, details.hair + np.array([8.0, 0.0, -4.0], np.float32), np.asarray(0.24 * beard * speckle, np.float32)
    )
    features.paint(lab, points, uv, fine, details)
    return lab


def _octaves(spec: "BodySpec") -> list[Octave]:
    """The octaves of this seed; what is finer than two texels is weakened, since it would only flicker."""
    rng = np.random.default_rng(spec.seed)
    texel = _TEXEL_MM_AT_4096 * 4096 / spec.texture_size
    return [octave(length, strength * min(1.0, max(0.4, length / (2 * texel))), rng) for length, strength in OCTAVES]


def _blocks(owner: NDArray[np.int32]) -> Iterator[list[NDArray[np.int64]]]:
    """Indices of the owned texels, a few blocks at a time, each no more than a cache holds."""
    step = 16 * _BLOCK
    for start in range(0, len(owner), step):
        owned = np.flatnonzero(owner[start : start + step] >= 0) + start
        yield [owned[low : low + _BLOCK] for low in range(0, len(owned), _BLOCK)]


def _bare(body: "Body") -> Avatar:
    """The body as an avatar without a file, for the body parts."""
    return Avatar(
        name="patient",
        glb=b"",
        scale=1.0,
        positions=body.positions.astype(np.float64),
        faces=body.faces,
        uvs=body.uvs,
        face_material=np.zeros(len(body.faces), np.int16),
        materials=(),
        skeleton=body.skeleton,
    )
