"""How much of a job is in memory at once, so that the peak stays under a limit whatever the job's size.

Estimates in MB (10^6 bytes), from measurements of the shipped network on the default body; they err upwards. A limit
takes away workers first, then patients in flight; never does it change what a batch holds, and so no bytes.
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from engine.batch.job import Job, Parametric
from engine.batch.units import SPAN
from engine.errors import BadInput

PROGRAM_MB = 620.0
"""Python with torch and the rest, before any work."""
NETWORK_MB = 60.0
MESH_MB = 45.0
"""A body's geometry, with what picks and measures on it."""
EXPORT_MB = 150.0
"""The preview's rays, at their most."""
TEXEL_BYTES = 14
"""Base, shown atlas, index, owners."""
EXPORT_TEXEL_BYTES = 24
MAKING_TEXEL_BYTES = 40
"""While a drawn body's skin is painted, encoded and decoded again."""
LESION_PIXEL_BYTES = 64
"""A lesion on its way: its patch's faces, coordinates, skin and shape, and the result."""
UNKNOWN_TEXTURE = 4096
MOST_FINISHERS = 4
_PLANES = 28


@dataclass(frozen=True)
class Budget:
    """painters: networks that paint at the same time. in_flight: patients in memory. peak_mb: estimated.

    finishers: threads that render and write.
    """

    painters: int
    in_flight: int
    finishers: int
    peak_mb: float


def budget(job: Job, painters: int, channels: int, limit_mb: float | None = None) -> Budget:
    """What may run at once. channels: of the network's first level. limit_mb: most of the machine's memory where None.

    BadInput where even one painter and the fewest patients don't fit the limit that was given.
    """
    finishers = min(max(1, (os.cpu_count() or 1) // 2), MOST_FINISHERS)
    wanted = SPAN + max(2, painters)
    limit = limit_mb if limit_mb is not None else _usual_limit_mb()
    while True:
        chosen = Budget(painters, wanted, finishers, _peak_mb(job, painters, wanted, finishers, channels))
        if chosen.peak_mb <= limit:
            return chosen
        if painters > 1:
            painters -= 1
            wanted = min(wanted, SPAN + max(2, painters))
        elif finishers > 1:
            finishers -= 1
        elif wanted > SPAN:
            wanted -= 1
        elif limit_mb is None:
            return chosen
        else:
            raise BadInput(
                f"--memory-limit: {limit_mb:.0f} MB is too little; this job needs about {chosen.peak_mb:.0f} MB, "
                "less with a smaller batch_size or smaller textures"
            )


def first_channels(model_folder: Path) -> int:
    """Width of a network's first level, from its config."""
    config = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))
    return int(config["unet"]["block_out_channels"][0])


def _usual_limit_mb() -> float:
    """Four fifths of the machine's memory, where the system tells."""
    try:
        return 0.8 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    except (AttributeError, ValueError, OSError):
        return math.inf


def _peak_mb(job: Job, painters: int, in_flight: int, finishers: int, channels: int) -> float:
    size = max((_texture(source) for source in job.sources), default=UNKNOWN_TEXTURE)
    texels = size * size / 1e6
    batch = job.network.batch_size
    evaluated = min(batch, 8) * _PLANES * 64 * 64 * channels * 4 / 1e6
    lesions = (painters * 2 + 1) * batch * job.network.detail**2 * LESION_PIXEL_BYTES / 1e6
    patients = min(in_flight, job.patients) * (MESH_MB + texels * TEXEL_BYTES)
    work = finishers * (EXPORT_MB + texels * EXPORT_TEXEL_BYTES) + texels * MAKING_TEXEL_BYTES
    return math.ceil(PROGRAM_MB + painters * (NETWORK_MB + evaluated) + lesions + patients + work)


def _texture(source: object) -> int:
    return source.texture_size if isinstance(source, Parametric) else UNKNOWN_TEXTURE
