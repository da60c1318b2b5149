"""Size, detail, time and memory of patches on the parametric body: ours beside two ways that are often taken.

The tangent plane projects the picture along the normal, as decals do. The picked island writes our patch only into the
UV island that was clicked.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.exact import written_diameter_mm
from benchmarks.places import NAMES, places
from benchmarks.report import Figure, Options, finish, options
from engine.avatar.load import load
from engine.colour import LINEAR_OF_BYTE, to_linear, to_srgb
from engine.lesion import Site
from engine.surface import Patch, Surface, composite
from engine.surface.geodesic import Unfolding
from engine.surface.local import LocalMesh
from engine.surface.patch import LESIONS_PER_WIDTH, Chart, up_and_right

SIZE = 128
TEXELS = 4096
DIAMETER_ERROR = 2.0
NOISE_DB = 38.0
SKIN_DB = 48.0
PATCH_MS = 100.0
WRITE_MS = 50.0
MEMORY_MIB = 1024.0
DIAMETERS = {6.0: NAMES, 12.0: ("back", "spine seam", "nose", "sole")}
SKINS = Path(__file__).resolve().parents[2] / "shared" / "data" / "skins"

Way = Callable[[Patch], Patch]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and return the exit code."""
    chosen = options(__doc__.splitlines()[0], arguments)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body.glb"
        from engine.avatar.body import BodySpec, create

        path.write_bytes(create(BodySpec(texture_size=1024)))
        surface = Surface.of(load(path))
        memory = _memory(path)
    sites = places(surface)
    canvas = np.zeros((TEXELS, TEXELS, 4), np.uint8)
    figures = [
        *_diameters(surface, sites, canvas),
        *_details(surface, sites, canvas),
        *_skins(surface, sites),
        *_times(surface, sites, canvas, chosen),
    ]
    if memory is not None:
        figures.append(Figure("memory of a process at 4096²", memory, "MiB", MEMORY_MIB))
    return finish("Surface: patches on the parametric body", figures, chosen, "tangent plane | picked island")


def on_tangent_plane(patch: Patch) -> Patch:
    """The same window by projection along the normal; faces that look away are left out."""
    surface, mesh = patch.surface, patch.chart.mesh
    normal = surface.face_normals[patch.site.face]
    up, right = up_and_right(normal, patch.turn_deg)
    flat = (mesh.vertices - surface.point(patch.site)) @ np.stack([right, up], 1)
    facing = surface.face_normals[mesh.parent] @ normal > 0
    return _with_places(patch, facing, flat)


def on_picked_island(patch: Patch) -> Patch:
    """The same patch without what lies on other islands than the site's, or on the far side of a seam."""
    surface, mesh = patch.surface, patch.chart.mesh
    uv = surface.corner_uvs[patch.site.face].mean(0)
    near = np.linalg.norm(patch.chart.uvs.mean(1) - uv, axis=1) < 0.1
    kept = near & (surface.face_island[mesh.parent] == surface.face_island[patch.site.face])
    return _rechart(patch, kept, patch.chart.places)


def _with_places(patch: Patch, kept: NDArray[np.bool_], flat: NDArray[np.float64]) -> Patch:
    places_ = flat[patch.chart.mesh.faces] * (1, -1) / (patch.width_mm * 1e-3) + 0.5
    return _rechart(patch, kept, places_.astype(np.float32))


def _rechart(patch: Patch, kept: NDArray[np.bool_], places_: NDArray[np.float32]) -> Patch:
    mesh = patch.chart.mesh
    part = LocalMesh(mesh.vertices, mesh.faces[kept], mesh.parent[kept], mesh.corners[kept])
    unfolding = Unfolding.of(part.vertices, part.faces)
    chart = Chart(part, places_[kept], patch.chart.uvs[kept], unfolding, patch.curvature_radius_mm)
    return Patch(patch.surface, patch.site, patch.width_mm, patch.size, patch.turn_deg, chart)


def _diameters(surface: Surface, sites: dict[str, Site], canvas: NDArray[np.uint8]) -> list[Figure]:
    """By how much a written disc's longest diameter, found in the texels and measured exactly, misses the asked one."""
    figures = []
    for diameter, names in DIAMETERS.items():
        for name in names:
            patch = surface.patch(sites[name], LESIONS_PER_WIDTH * diameter, SIZE)
            errors = [
                100 * (_written_disc(way(patch), canvas, diameter) / diameter - 1)
                for way in (_ours, on_tangent_plane, on_picked_island)
            ]
            peer = f"{errors[1]:+.1f} | {errors[2]:+.1f}"
            figures.append(Figure(f"diameter, {diameter:g} mm, {name}", abs(errors[0]), "%", DIAMETER_ERROR, peer=peer))
    return figures


def _written_disc(patch: Patch, canvas: NDArray[np.uint8], diameter: float) -> float:
    owners = patch.surface.owners(0, TEXELS, TEXELS)
    white = np.ones((SIZE, SIZE, 3))
    changed = composite(patch, {0: canvas}, white, _disc(patch.width_mm, diameter), {0: owners})
    values = LINEAR_OF_BYTE[canvas[..., 0]]
    found = written_diameter_mm(patch.surface, patch.site, values, owners, diameter)
    for rectangle in changed.get(0, []):
        canvas[rectangle.slices] = 0
    return found


def _details(surface: Surface, sites: dict[str, Site], canvas: NDArray[np.uint8]) -> list[Figure]:
    """Noise blurred by 1 mm (standard deviation) written, read and compared over 1.4 diameters."""
    figures = []
    for diameter in DIAMETERS:
        for name in NAMES:
            patch = surface.patch(sites[name], LESIONS_PER_WIDTH * diameter, SIZE)
            noise = np.random.default_rng(5).standard_normal((SIZE + 80, SIZE + 80, 3))
            noise = cv2.GaussianBlur(noise, (0, 0), SIZE / patch.width_mm)[40:-40, 40:-40]
            picture = to_linear(np.clip(0.5 + 0.15 * noise / noise.std(), 0, 1))
            levels = [_round_trip(patch, way(patch), picture, canvas) for way in (_ours, on_picked_island)]
            figures.append(
                Figure(
                    f"detail of 1 mm, {diameter:g} mm, {name}", levels[0], "dB", NOISE_DB, True, f" | {levels[1]:.0f}"
                )
            )
    return figures


def _skins(surface: Surface, sites: dict[str, Site]) -> list[Figure]:
    """Real skins read, erased, written and read again; the worst of them at each place."""
    files = sorted(SKINS.glob("*.png"))
    if not files:
        print(f"no real skins in {SKINS}: that part is left out", file=sys.stderr)
        return []
    skins = [cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGBA) for file in files]
    figures = []
    for name in NAMES:
        worst = [np.inf, np.inf]
        for diameter in DIAMETERS:
            patch = surface.patch(sites[name], LESIONS_PER_WIDTH * diameter, SIZE)
            for skin in skins:
                before, _ = patch.sample({0: skin})
                for index, way in enumerate((_ours, on_picked_island)):
                    worst[index] = min(worst[index], _round_trip(patch, way(patch), before, np.zeros_like(skin)))
        figures.append(Figure(f"real skin, {name}", worst[0], "dB", SKIN_DB, True, f" | {worst[1]:.0f}"))
    return figures


def _round_trip(reader: Patch, writer: Patch, picture: NDArray[np.floating], canvas: NDArray[np.uint8]) -> float:
    """PSNR in dB, sRGB-encoded, of a picture that went through the texels of a black `canvas`."""
    owners = {0: reader.surface.owners(0, canvas.shape[1], canvas.shape[0])}
    changed = composite(writer, {0: canvas}, picture, np.ones((SIZE, SIZE)), owners)
    back, valid = reader.sample({0: canvas})
    for rectangle in changed.get(0, []):
        canvas[rectangle.slices] = 0
    lesion = valid & (_disc(1.0, 1.4 / LESIONS_PER_WIDTH) > 0)
    error = np.clip(to_srgb(back.astype(float)), 0, 1) - np.clip(to_srgb(picture.astype(float)), 0, 1)
    return float(-10 * np.log10(max(float((error[lesion] ** 2).mean()), 1e-12)))


def _times(surface: Surface, sites: dict[str, Site], canvas: NDArray[np.uint8], chosen: Options) -> list[Figure]:
    """Medians over the places, 6 and 12 mm, one thread; every patch is a new one.

    The aims are for the wall clock. The processor's time beside it says how much of that others took on a busy machine.
    """
    pixels, owners = {0: canvas}, {0: surface.owners(0, TEXELS, TEXELS)}
    steps = ("site to patch", "write-back", "longest diameter", "patch at 454²")
    times: dict[str, list[tuple[float, float]]] = {step: [] for step in steps}
    black = np.zeros((SIZE, SIZE, 3))
    for turn in range(2 if chosen.quick else 8):
        for diameter in DIAMETERS:
            for name in NAMES:
                mask = _disc(LESIONS_PER_WIDTH * diameter, diameter)
                clock = [_clocks()]
                patch = surface.patch(sites[name], LESIONS_PER_WIDTH * diameter, SIZE, 40.0 * turn)
                patch.sample(pixels)
                clock.append(_clocks())
                composite(patch, pixels, black, mask, owners)
                clock.append(_clocks())
                patch.diameter_mm(mask)
                clock.append(_clocks())
                patch.at_size(454).sample(pixels)
                clock.append(_clocks())
                for taken, before, after in zip(times.values(), clock, clock[1:], strict=False):
                    taken.append((after[0] - before[0], after[1] - before[1]))
    aims = {"site to patch": PATCH_MS, "write-back": WRITE_MS}
    figures = []
    for name, taken in times.items():
        wall, processor = (1e3 * float(v) for v in np.median(taken, axis=0))
        figures.append(Figure(f"{name}, median", wall, "ms", aims.get(name)))
        figures.append(Figure(f"{name}, median of processor time", processor, "ms"))
    fresh = Surface(surface.vertices, surface.faces, surface.corner_uvs, surface.face_material)
    start = time.perf_counter()
    fresh.owners(0, TEXELS, TEXELS)
    figures.append(Figure("owner map of 4096², once", 1e3 * (time.perf_counter() - start), "ms"))
    return [*figures, _largest(surface, sites)]


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _largest(surface: Surface, sites: dict[str, Site]) -> Figure:
    """The same write-back at 8192²."""
    pixels = {0: np.zeros((8192, 8192, 4), np.uint8)}
    owners = {0: surface.owners(0, 8192, 8192)}
    patch = surface.patch(sites["spine seam"], LESIONS_PER_WIDTH * 12.0, SIZE)
    start = time.perf_counter()
    composite(patch, pixels, np.ones((SIZE, SIZE, 3)), _disc(patch.width_mm, 12.0), owners)
    seconds = time.perf_counter() - start
    return Figure("write-back at 8192², spine seam, 12 mm", 1e3 * seconds, "ms")


def _memory(path: Path) -> float | None:
    """Peak memory, MiB, of a process that does nothing but patches at 4096²; None where it can't be measured."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_peak_memory, (path,))


def _peak_memory(path: Path) -> float | None:
    try:
        import resource
    except ImportError:
        return None
    surface = Surface.of(load(path))
    pixels = {0: np.full((TEXELS, TEXELS, 4), 200, np.uint8)}
    owners = {0: surface.owners(0, TEXELS, TEXELS)}
    for site in places(surface).values():
        patch = surface.patch(site, 26.4, SIZE)
        linear, _ = patch.sample(pixels)
        composite(patch, pixels, linear, _disc(26.4, 12.0), owners)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _ours(patch: Patch) -> Patch:
    return patch


def _disc(width: float, diameter: float) -> NDArray[np.float64]:
    y, x = (np.indices((SIZE, SIZE)) + 0.5 - SIZE / 2) * width / SIZE
    return np.clip((diameter / 2 - np.hypot(x, y)) * SIZE / width + 0.5, 0, 1)


if __name__ == "__main__":
    raise SystemExit(main())
