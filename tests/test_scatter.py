"""Scattered lesions keep their distance, stay inside their region, and come out the same for the same seed."""

from itertools import combinations

import numpy as np
import pytest
from tube import tube_avatar

from engine import BadInput
from engine.avatar.bodyparts import NAMES, PAIRED, BodyParts
from engine.clinic import BACK, DENSITIES, usual_density
from engine.plan import CLINIC, Wish, plan, taken_by
from engine.scatter import SkinRegion, scatter
from engine.surface import Surface

SURFACE = Surface.of(tube_avatar())
MIDDLE = SkinRegion(np.abs(SURFACE.vertices[SURFACE.faces][..., 1] - 0.25).max(1) < 0.1)


@pytest.mark.parametrize("seed", range(3))
def test_no_two_touch_and_none_leaves_the_region(seed: int) -> None:
    diameters = [4.0] * 20 + [12.0] * 5
    sites = scatter(SURFACE, MIDDLE, diameters, seed)
    assert all(site is not None for site in sites)
    placed = [(SURFACE.point(site), diameter / 2) for site, diameter in zip(sites, diameters, strict=True) if site]
    for (p, r), (q, s) in combinations(placed, 2):
        assert np.linalg.norm(p - q) * 1000 > r + s
    for site, diameter in zip(sites, diameters, strict=True):
        patch = SURFACE.patch(site, diameter, 32)
        axis = np.arange(32) - 15.5
        assert MIDDLE.faces[patch.face[np.hypot(axis[:, None], axis) < 16]].all()


def test_a_full_region_says_which_did_not_fit() -> None:
    sites = scatter(SURFACE, MIDDLE, [60.0] * 30, 0)
    assert 0 < sum(site is not None for site in sites) < 30


def test_masks_narrow_the_region() -> None:
    mask = np.zeros((64, 64), bool)
    mask[20:40, 10:30] = True
    everywhere = SkinRegion(np.ones(len(SURFACE.faces), bool), {0: mask})
    for site in scatter(SURFACE, everywhere, [6.0] * 5, 1):
        assert site is not None
        _, u, v = SURFACE.uv(site)
        assert mask[int(v * 64), int(u * 64)]


def test_lesions_lie_as_densely_as_asked() -> None:
    """Of two halves of equal area, one of density 1 and one of density 0.25, the first gets four lesions in five."""
    height = SURFACE.vertices[SURFACE.faces][..., 1].mean(1)
    upper = height > np.median(height)
    share = SURFACE.face_areas[upper].sum() / SURFACE.face_areas.sum()
    everywhere = SkinRegion(np.ones(len(SURFACE.faces), bool), density=np.where(upper, 1.0, 0.25))
    sites = scatter(SURFACE, everywhere, [0.5] * 600, 3)
    found = np.mean([upper[site.face] for site in sites if site is not None])
    expected = share / (share + 0.25 * (1 - share))
    assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / 600)
    only = SkinRegion(everywhere.faces, density=upper.astype(float))
    assert all(upper[site.face] for site in scatter(SURFACE, only, [2.0] * 50, 4) if site is not None)


@pytest.mark.parametrize("lesion_class", [*sorted(DENSITIES), "some other class"])
def test_every_part_of_the_body_has_its_usual_density(lesion_class: str) -> None:
    parts = BodyParts(NAMES, np.arange(-1, len(NAMES), dtype=np.int16))
    nowhere, *found = usual_density(parts, lesion_class)
    assert nowhere == 0
    by_name = dict(zip(NAMES, found, strict=True))
    assert all(density > 0 for density in found)
    assert all(by_name[f"left-{part}"] == by_name[f"right-{part}"] for part in PAIRED)
    if lesion_class in DENSITIES:
        assert by_name["back"] == BACK
        for more, less in (
            *(("face", "abdomen"), ("back", "abdomen"), ("back", "left-thigh"), ("left-upper-arm", "left-forearm")),
            *(("left-forearm", "left-hand"), ("left-hand", "left-palm"), ("left-foot", "left-sole")),
        ):
            assert by_name[more] > by_name[less], (more, less)


def test_an_empty_region_is_refused() -> None:
    with pytest.raises(BadInput, match="region"):
        scatter(SURFACE, SkinRegion(np.zeros(len(SURFACE.faces), bool)), [5.0], 0)


def test_plans_repeat_by_seed_and_respect_what_is_there() -> None:
    wish = Wish("nevus", 8, 5, region=MIDDLE)
    first = plan(SURFACE, wish)
    assert plan(SURFACE, wish) == first
    second = plan(SURFACE, Wish("nevus", 8, 6, region=MIDDLE), taken_by(SURFACE, first))
    for one in first:
        for other in second:
            gap = np.linalg.norm(SURFACE.point(one.site) - SURFACE.point(other.site)) * 1000
            assert gap > (one.diameter_mm + other.diameter_mm) / 2


@pytest.mark.parametrize("name", sorted(CLINIC))
def test_sizes_occur_as_described(name: str) -> None:
    specs = plan(SURFACE, Wish(name, 300, 0, site=SURFACE.site_at_uv(0, 0.5, 0.5)))
    diameters = np.array([spec.diameter_mm for spec in specs])
    clinic = CLINIC[name]
    assert clinic.range_mm[0] <= diameters.min() and diameters.max() <= clinic.range_mm[1]
    assert abs(np.median(diameters) / clinic.median_mm - 1) < 0.1
