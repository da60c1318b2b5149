"""Speed and memory of a network on this machine, beside the same network run plainly (eager, fp32).

The ceiling is the fastest large matrix product that this machine does in the same precision, measured in turn with the
evaluations. On a CPU the share of it is taken in processor time, so that other programs' work doesn't count.
Lesions a second follow from one evaluation at each batch size: a native lesion takes one evaluation per step.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import multiprocessing
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import Figure, finish, options
from engine import place, shapes
from engine.diffusion import checkpoint
from engine.diffusion.denoiser import Denoiser
from engine.diffusion.tiles import TILE
from engine.generators.ddpm import DdpmGenerator
from engine.generators.protocol import PatchRequest
from engine.lesion import LesionSpec, Shape, Site
from engine.stages import peak_memory_mb

CPU_SHARE = 45.0
GPU_SHARE = 50.0
PREVIEW_SECONDS = 0.8
FULL_SECONDS = 8.0
MEMORY_GB = 2.5
FULL = 454
STEPS = LesionSpec.steps
BATCHES = (1, 2, 4, 8, 16, 32, 64)
QUICK_BATCHES = (1, 4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and return the exit code."""
    chosen = options(__doc__.splitlines()[0], arguments, network=True)
    generator = DdpmGenerator(chosen.model)
    repeats = 1 if chosen.quick else 3
    batches = QUICK_BATCHES if chosen.quick else BATCHES
    figures = [*_network(generator, batches, repeats), *_lesions(generator, repeats)]
    memory = None if chosen.quick else _memory(chosen.model)
    if memory is not None:
        figures.append(Figure(f"peak memory of a process that makes one at {FULL}²", memory, "GB", MEMORY_GB))
    threads = f"{torch.get_num_threads()} threads" if generator.device.type == "cpu" else _device_name(generator)
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return finish(
        f"Speed: {generator.model.folder.name}, {generator.precision}, {threads}{load}",
        figures,
        chosen,
        "plain eager fp32",
    )


def _network(generator: DdpmGenerator, batches: Sequence[int], repeats: int) -> list[Figure]:
    """Evaluations at each batch size, and the best of them against the ceiling."""
    plain = checkpoint.denoiser(generator.model).to(generator.device)
    plain.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    kind = torch.bfloat16 if generator.precision == "bf16" else torch.float32
    operations = _operations(plain, generator.device)
    figures = [Figure("one evaluation at 128²", operations / 1e9, "GFLOP")]
    ceilings, busy = [], []
    for batch in batches:
        ceilings.append(_matmul_flops(generator.device, kind, repeats))
        wall, processor = _evaluation_seconds(generator.batched, generator.device, batch, repeats)
        beside = _evaluation_seconds(plain, generator.device, batch, repeats)[0] if batch <= 8 else None
        busy.append(batch * operations / processor)
        peer = None if beside is None else f"{batch / beside:.3g} /s"
        figures.append(Figure(f"evaluations at batch {batch}", batch / wall, "/s", peer=peer))
        figures.append(Figure(f"lesions at 128², batch {batch}", batch / wall / STEPS, "/s"))
    share = 100 * max(busy) / max(ceilings)
    figures.insert(0, Figure("matrix product, the ceiling", max(ceilings) / 1e9, "GFLOP/s"))
    aim = CPU_SHARE if generator.device.type == "cpu" else GPU_SHARE
    figures.append(Figure("share of the ceiling at the best batch", share, "%", aim, at_least=True))
    return figures


def _lesions(generator: DdpmGenerator, repeats: int) -> list[Figure]:
    """Whole lesions, as the program makes them."""
    preview = min(_seconds(lambda: generator.generate([_request(TILE)]), generator.device)[0] for _ in range(repeats))
    results = []
    full = _seconds(lambda: results.append(generator.generate([_request(FULL)])[0]), generator.device)[0]
    return [
        Figure(f"a lesion at 128², {STEPS} steps", preview, "s", PREVIEW_SECONDS),
        Figure(f"a lesion at {FULL}²", full, "s", FULL_SECONDS),
        Figure(f"evaluations of that at {FULL}²", results[0].evaluations),
    ]


def _request(detail: int) -> PatchRequest:
    """A nevus on even skin."""
    spec = LesionSpec("nevus", Site(0, (1.0, 0.0, 0.0)), 6.0, seed=1, detail=detail)
    shape = shapes.draw(Shape(), detail / place.WINDOW, detail, 1)
    skin = np.broadcast_to(np.array([0.6, 0.28, 0.19], np.float32)[:, None, None], (3, detail, detail)).copy()
    return PatchRequest(skin, place.footprint(shape) > 0, shape, spec)


def _evaluation_seconds(denoiser: Denoiser, device: torch.device, batch: int, repeats: int) -> tuple[float, float]:
    """Wall clock and device seconds of one evaluation, the best of `repeats` each."""
    x = torch.randn(batch, 4, TILE, TILE, generator=torch.Generator().manual_seed(0)).to(device)
    inputs = (
        *(x, torch.full((batch,), 0.5, device=device), torch.zeros_like(x)),
        *(torch.zeros(batch, dtype=torch.long, device=device), torch.zeros(batch, device=device)),
    )

    def evaluate() -> Tensor:
        return denoiser(*inputs)

    with torch.inference_mode():
        evaluate()
        wall, processor = zip(*(_seconds(evaluate, device) for _ in range(repeats)), strict=True)
    return min(wall), min(processor)


def _operations(network: Denoiser, device: torch.device) -> float:
    """Floating-point operations of one evaluation, as torch counts them."""
    x = torch.zeros(1, 4, TILE, TILE, device=device)
    sigma, zero = torch.ones(1, device=device), torch.zeros(1, dtype=torch.long, device=device)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(x, sigma, torch.zeros_like(x), zero, torch.zeros(1, device=device))
    return float(counter.get_total_flops())


def _matmul_flops(device: torch.device, kind: torch.dtype, repeats: int) -> float:
    """The best rate of square matrix products, FLOP/s."""
    side = 2048 if device.type == "cpu" else 8192
    a = torch.randn(side, side, device=device).to(kind)
    a @ a
    return 2 * side**3 / min(_seconds(lambda: a @ a, device)[1] for _ in range(3 * repeats))


def _seconds(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Wall clock, and the device's own time: on a CPU, processor time divided by torch's threads."""
    started, busy = time.perf_counter(), time.process_time()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    wall = time.perf_counter() - started
    if device.type != "cpu":
        return wall, wall
    return wall, (time.process_time() - busy) / torch.get_num_threads()


def _memory(model: str) -> float | None:
    """Peak resident size, GB, of a fresh process that makes one full lesion; None where the system doesn't tell."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_full_lesion_memory, (model,))


def _full_lesion_memory(model: str) -> float | None:
    DdpmGenerator(model).generate([_request(FULL)])
    peak = peak_memory_mb()
    return None if peak is None else peak / 1000


def _device_name(generator: DdpmGenerator) -> str:
    return torch.cuda.get_device_name(generator.device) if generator.device.type == "cuda" else str(generator.device)


if __name__ == "__main__":
    raise SystemExit(main())
