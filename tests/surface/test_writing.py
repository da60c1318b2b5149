"""Writing reaches every texel that the patch covers, on every island and material, and no other."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.atlas import gutter_texels
from engine.colour import LINEAR_OF_BYTE, to_linear, to_srgb
from engine.errors import BadInput
from engine.lesion import Site
from engine.surface import Surface, composite, stamp
from tests.surface.bodies import cylinder, disc, sheet

MIDDLE = (0.4, 0.35, 0.25)


def _site_at(surface, point):
    return Site(int(np.linalg.norm(surface.face_spheres[0] - point, axis=1).argmin()), MIDDLE)


def _skin(size, seed=0):
    pixels = np.random.default_rng(seed).integers(90, 220, (size, size, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


def _changed(before, after):
    return (before != after).any(-1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(3, 25), st.floats(-180, 180), st.sampled_from([64, 200, 512]))
def test_texels_outside_of_the_footprint_are_bit_identical(face, width, turn, size):
    surface = cylinder(columns=96, rows=48)
    patch = surface.patch(Site(face % len(surface.faces), MIDDLE), width, 32, turn)
    before = _skin(size)
    pixels = {0: before.copy()}
    owners = {0: surface.owners(0, size, size)}
    alpha = disc(32, width, width / 2)
    rectangles = composite(patch, pixels, np.zeros((32, 32, 3), np.float32), alpha, owners)
    changed = _changed(before, pixels[0])
    allowed = np.zeros_like(changed)
    for rectangle in rectangles.get(0, []):
        allowed[rectangle.slices] = True
    assert not (changed & ~allowed).any()
    assert (pixels[0][..., 3] == 255).all()
    # A texel changes only where its centre lies within the disc, by at most a texel and a pixel.
    rows, columns = np.nonzero(changed & (owners[0] >= 0))
    corners = surface.corner_uvs[owners[0][rows, columns]].astype(float)
    uv = np.stack([(columns + 0.5) / size, (rows + 0.5) / size], 1)
    system = np.concatenate([np.swapaxes(corners, 1, 2), np.ones((len(uv), 1, 3))], 1)
    weights = np.linalg.solve(system, np.column_stack([uv, np.ones(len(uv))])[..., None])
    points = (surface.vertices[surface.faces[owners[0][rows, columns]]] * weights).sum(1)
    texel_mm = 1e3 * max(2 * np.pi * 0.02 / 0.94, 0.12 / 0.9) / size
    reach = width / 4 + 1.5 * texel_mm + 2 * width / 32
    assert (np.linalg.norm(points - surface.point(patch.site), axis=1) * 1e3 < reach).all()


def test_alpha_0_changes_nothing():
    surface = cylinder()
    patch = surface.patch(Site(3000, MIDDLE), 12.0, 32)
    pixels, owners = {0: _skin(256)}, {0: surface.owners(0, 256, 256)}
    nothing = np.zeros((32, 32))
    assert composite(patch, pixels, np.full((32, 32, 3), np.nan), nothing, owners) == {}
    assert (pixels[0] == _skin(256)).all()


def test_the_same_skin_written_back_changes_no_texel_by_more_than_rounding():
    surface = sheet()
    patch = surface.patch(_site_at(surface, np.zeros(3)), 30.0, 64)
    pixels = {0: np.full((256, 256, 4), (180, 140, 120, 255), np.uint8)}
    linear, _ = patch.sample(pixels)
    composite(patch, pixels, linear, disc(64, 30.0, 20.0), {0: surface.owners(0, 256, 256)})
    assert (pixels[0] == (180, 140, 120, 255)).all()


def test_blending_happens_in_linear_light():
    surface = sheet()
    patch = surface.patch(_site_at(surface, np.zeros(3)), 40.0, 64)
    pixels = {0: np.full((128, 128, 4), 255, np.uint8)}
    half = disc(64, 40.0, 30.0) / 2
    composite(patch, pixels, np.zeros((64, 64, 3)), half, {0: surface.owners(0, 128, 128)})
    assert pixels[0][..., 0].min() == round(255 * float(to_srgb(np.array(0.5))))


@pytest.mark.parametrize("gap", [0.004, 0.012, 0.05])
def test_a_lesion_across_a_seam_is_written_on_both_islands_and_other_islands_keep_their_texels(gap):
    size = 1024
    surface = cylinder(gap=gap, islands=4)
    owners = {0: surface.owners(0, size, size)}
    patch = surface.patch(_site_at(surface, np.array([0.0002, 0, 0.02])), 17.6, 64)
    touched = set(np.unique(surface.face_island[patch.face[patch.face >= 0]]))
    assert len(touched) == 2
    before = _skin(size)
    pixels = {0: before.copy()}
    rectangles = composite(patch, pixels, np.zeros((64, 64, 3)), disc(64, 17.6, 8.0), owners)
    changed = _changed(before, pixels[0])
    island = np.append(surface.face_island, -1)[owners[0]]
    assert set(np.unique(island[changed])) - {-1} == touched
    assert len(rectangles[0]) == 2
    distance = cv2.distanceTransform((owners[0] < 0).astype(np.uint8), cv2.DIST_L2, 5)
    assert distance[changed].max() <= gutter_texels(size, size) + 0.5
    if gap > 0.01:
        assert (changed & (owners[0] < 0)).any()


def test_the_gutter_holds_down_to_512():
    """On each mip level, what bilinear look-ups on the seam show is the lesion, not the background."""
    size = 4096
    surface = cylinder(gap=0.02)
    site = _site_at(surface, np.array([0.0002, 0, 0.02]))
    patch = surface.patch(site, 26.4, 128)
    pixels = {0: np.full((size, size, 4), 255, np.uint8)}
    black = np.zeros((128, 128, 3))
    composite(patch, pixels, black, disc(128, 26.4, 20.0), {0: surface.owners(0, size, size)})
    seam = _rim_faces(surface, surface.face_island == surface.face_island[site.face], 0.005)
    assert len(seam) >= 2
    level = LINEAR_OF_BYTE[pixels[0][..., 0]]
    while True:
        worst = 0.0
        for face in seam:
            uv = surface.corner_uvs[face].astype(float)
            left = uv[:, 0].min()
            y = (uv[:, 1].mean() * level.shape[0]) - 0.5
            x = left * level.shape[1] - 0.5 + 1e-3
            worst = max(worst, float(cv2.remap(level, np.float32([[x]]), np.float32([[y]]), cv2.INTER_LINEAR)[0, 0]))
        assert worst < 0.1, level.shape
        if level.shape[0] == 512:
            break
        level = cv2.resize(level, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _rim_faces(surface, island, within):
    """Faces with an edge on their island's left rim, where that lies in front and near the cylinder's middle."""
    u = surface.corner_uvs[..., 0]
    on_rim = island & (np.isclose(u, u[island].min()).sum(1) == 2)
    centres = surface.face_spheres[0]
    return np.flatnonzero(on_rim & (np.abs(centres[:, 1]) < within) & (centres[:, 2] > 0))


def test_a_lesion_crosses_materials():
    whole = sheet(columns=10)
    material = (whole.vertices[whole.faces].mean(1)[:, 0] > 0).astype(np.int16)
    surface = Surface(whole.vertices, whole.faces, whole.corner_uvs, material)
    patch = surface.patch(_site_at(surface, np.array([0.001, 0, 0])), 22.0, 64)
    pixels = {0: _skin(256), 1: _skin(512)}
    owners = {m: surface.owners(m, p.shape[1], p.shape[0]) for m, p in pixels.items()}
    rectangles = composite(patch, pixels, np.zeros((64, 64, 3)), disc(64, 22.0, 10.0), owners)
    assert set(rectangles) == {0, 1}
    black, valid = patch.sample(pixels)
    assert valid.all() and black[disc(64, 22.0, 8.0) > 0.99].max() < 0.02
    only = {1: _skin(512)}
    assert set(composite(patch, only, np.zeros((64, 64, 3)), disc(64, 22.0, 10.0), {1: owners[1]})) == {1}
    _, valid = patch.sample(only)
    assert 0.3 < valid.mean() < 0.7


def test_where_two_materials_share_a_map_each_keeps_clear_of_the_others_texels():
    left, right = sheet(uv=(0.1, 0.1, 0.49, 0.9)), sheet(uv=(0.5, 0.1, 0.9, 0.9))
    vertices = np.concatenate([left.vertices, right.vertices + np.array([0.5, 0, 0])])
    faces = np.concatenate([left.faces, right.faces + len(left.vertices)])
    material = np.repeat(np.array([0, 1], np.int16), len(left.faces))
    surface = Surface(vertices, faces, np.concatenate([left.corner_uvs, right.corner_uvs]), material)
    alone = [surface.owners(m, 1024, 1024) for m in (0, 1)]
    together = np.where(alone[0] >= 0, alone[0], alone[1])
    patch = surface.patch(_site_at(surface, np.array([0.049, 0, 0])), 20.0, 64)
    patch.sample({0: _skin(1024)})
    pixels = {0: _skin(1024)}
    composite(patch, pixels, np.zeros((64, 64, 3)), disc(64, 20.0, 12.0), {0: together})
    assert (pixels[0] == _skin(1024))[alone[1] >= 0].all()


def test_mirrored_islands_that_share_texels_are_written_from_either_side():
    left = sheet()
    vertices = np.concatenate([left.vertices, left.vertices + np.array([0.5, 0, 0])])
    faces = np.concatenate([left.faces, left.faces + len(left.vertices)])
    surface = Surface(vertices, faces, np.tile(left.corner_uvs, (2, 1, 1)), np.zeros(len(faces), np.int16))
    owners = {0: surface.owners(0, 256, 256)}
    patch = surface.patch(_site_at(surface, np.array([0.5, 0, 0])), 20.0, 32)
    pixels = {0: np.full((256, 256, 4), 255, np.uint8)}
    composite(patch, pixels, np.zeros((32, 32, 3)), disc(32, 20.0, 10.0), owners)
    colour, valid = patch.sample(pixels)
    assert valid.all() and colour[16, 16].max() < 0.01 and colour[0, 0].min() > 0.99


def test_a_stamp_marks_what_is_covered_by_half_and_no_gutter():
    size = 1024
    surface = cylinder()
    owners = {0: surface.owners(0, size, size)}
    patch = surface.patch(_site_at(surface, np.array([0.0002, 0, 0.02])), 17.6, 64)
    index = {0: np.zeros((size, size), np.uint16)}
    stamp(patch, index, disc(64, 17.6, 8.0), 700, owners)
    marked = index[0] == 700
    assert set(np.unique(index[0])) == {0, 700} and (owners[0][marked] >= 0).all()
    texel_mm2 = (2 * np.pi * 20 / 0.94 / size) * (120 / 0.9 / size)
    assert marked.sum() * texel_mm2 == pytest.approx(np.pi * 16, rel=0.03)


@settings(max_examples=8, deadline=None)
@given(st.floats(-0.02, 0.02), st.floats(-180, 180), st.floats(8, 30))
def test_detail_survives_the_texels_and_the_seam(height, turn, width):
    surface = cylinder(columns=128, rows=64)
    size, texels = 96, 1024
    patch = surface.patch(_site_at(surface, np.array([0.0002, height, 0.02])), width, size, turn)
    owners = {0: surface.owners(0, texels, texels)}
    noise = np.random.default_rng(3).standard_normal((size + 60, size + 60, 3))
    noise = cv2.GaussianBlur(noise, (0, 0), size / width)[30:-30, 30:-30]
    picture = to_linear(np.clip(0.5 + 0.15 * noise / noise.std(), 0, 1))
    pixels = {0: np.zeros((texels, texels, 4), np.uint8)}
    composite(patch, pixels, picture, np.ones((size, size)), owners)
    back, valid = patch.sample(pixels)
    inside = valid & (disc(size, width, 0.64 * width) > 0)
    error = to_srgb(back.astype(float)) - to_srgb(picture)
    assert -10 * np.log10((error[inside] ** 2).mean()) > 40


def test_bad_arguments_are_named():
    surface = sheet()
    patch = surface.patch(Site(0, MIDDLE), 10.0, 16)
    pixels, owners = {0: _skin(64)}, {0: surface.owners(0, 32, 32)}
    ones = np.ones((16, 16))
    with pytest.raises(BadInput, match="owners"):
        composite(patch, pixels, np.zeros((16, 16, 3)), ones, owners)
    with pytest.raises(BadInput, match="rgb"):
        composite(patch, pixels, np.zeros((8, 8, 3)), ones, owners)
    with pytest.raises(BadInput, match="square"):
        composite(patch, pixels, np.zeros((16, 8, 3)), np.ones((16, 8)), owners)
