"""`moulage batch` beside the same work done one by one: `moulage generate --count N` for each patient.

    python -m benchmarks.batch [--quick] [--only speed|memory] [--json FILE] [--strict]

Bodies of 1024² are made first. Both sides then load them from files, paint the same number of nevi at 128² in 18
evaluations, and write textures, masks, GLB, close-ups and a preview. Start-up (Python, torch, the network) is taken out
of both times: `generate`'s stages say what was work. Peak memory is measured on lesions of 64² in 2 evaluations without
previews, so that 200 patients are affordable. "Two shards at once" are two processes with one painter each, beside one
process with two.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, Options, finish, options

SPEED_AIM = 1.2
FLAT_AIM = 0.10
NETWORK_AIM = 0.70
CORES = 2
WORK_STAGES = ("load", "plan", "generate", "export")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--only", choices=("speed", "memory"))
    part, others = parser.parse_known_args(arguments)
    chosen = options("batch export against one by one; --only speed or memory for a part", others)
    with tempfile.TemporaryDirectory(prefix="moulage-batch-") as folder:
        figures = [] if part.only == "memory" else speed(Path(folder), chosen)
        figures += [] if part.only == "speed" else memory(Path(folder), chosen)
        return finish("Batch export", figures, chosen, "one by one")


def speed(folder: Path, chosen: Options) -> list[Figure]:
    """Patients an hour beside the other way; these need a quiet machine."""
    patients, lesions = (2, 2) if chosen.quick else (6, 9)
    enough = not chosen.quick  # few lesions can't fill two painters, few patients can't fill the pipeline
    avatars = _bodies(folder, patients)
    real: dict[str, Any] = {"avatars": avatars, "each": 1, "lesions": lesions, "steps": 18, "detail": 128}
    real |= {"preview": True, "painters": CORES}
    ours = _work(real | {"out": str(folder / "ours")})
    one_by_one = [_generate(avatar, folder / f"peer-{n}", n, lesions) for n, avatar in enumerate(avatars)]
    work = sum(seconds for seconds, _ in one_by_one)
    figures = [
        Figure("patients an hour", 3600 * patients / ours["seconds"], peer=f"{3600 * patients / work:.0f}"),
        Figure("lesions a second", ours["lesions"] / ours["seconds"], "/s", peer=f"{patients * lesions / work:.3g} /s"),
        Figure("times as fast, start-up apart", work / ours["seconds"], "", SPEED_AIM, True, decided=enough),
        Figure(
            "start-up in all",
            ours["start_s"],
            "s",
            peer=f"{sum(startup for _, startup in one_by_one):.3g} s",
        ),
        Figure(
            "time that the painters paint",
            ours["painting_s"] / (CORES * ours["seconds"]),
            "",
            NETWORK_AIM,
            at_least=True,
            decided=enough,
        ),
    ]
    shards = [real | {"out": str(folder / "shards"), "painters": 1, "shard": [i, 2]} for i in (1, 2)]
    together = _at_once(shards)
    busiest = max(told["seconds"] for told in together)
    figures.append(Figure("two shards at once: one process' time in theirs", ours["seconds"] / busiest))
    return figures


def memory(folder: Path, chosen: Options) -> list[Figure]:
    """The peak with few patients and with many; other work on the machine doesn't change it."""
    few, many = (2, 6) if chosen.quick else (10, 200)
    avatars = _bodies(folder, 2)
    small = {"avatars": avatars, "lesions": 1, "steps": 2, "detail": 64, "preview": False, "painters": CORES}
    peaks = [_work(small | {"each": n // 2, "out": str(folder / f"of-{n}")})["peak_mb"] for n in (few, many)]
    return [
        Figure(f"peak memory, {few} patients", peaks[0], "MB"),
        Figure(f"peak memory, {many} patients", peaks[1], "MB"),
        Figure("growth of the peak", peaks[1] / peaks[0] - 1, "", FLAT_AIM, decided=not chosen.quick),
    ]


def _bodies(folder: Path, count: int) -> list[str]:
    """Avatar files with textures of 1024²."""
    from engine.avatar.body import PHOTOTYPES, BodySpec, create

    paths = []
    for number in range(count):
        sex, phototype = ("female", "male")[number % 2], PHOTOTYPES[number % 6]
        path = folder / f"body-{number}.glb"
        path.write_bytes(create(BodySpec(sex, 30.0 + 5 * number, phototype=phototype, texture_size=1024, seed=number)))
        paths.append(str(path))
    return paths


def _work(asked: dict[str, Any]) -> dict[str, Any]:
    return _at_once([asked])[0]


def _at_once(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Processes of `benchmarks.batch_work` side by side; what each told."""
    commands = [[sys.executable, "-m", "benchmarks.batch_work", json.dumps(one)] for one in asked]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, env=_environment()) for command in commands]
    told = []
    for process in started:
        output, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"a process of the benchmark ended with {process.returncode}")
        told.append(json.loads(output.splitlines()[-1]))
    return told


def _environment() -> dict[str, str]:
    """Without a limit on threads: both sides use the machine as a user's would."""
    return {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}


def _generate(avatar: str, out: Path, seed: int, lesions: int) -> tuple[float, float]:
    """One `moulage generate`: seconds of work, and of the rest."""
    command = [sys.executable, "-m", "desktop", "generate", avatar, "-o", str(out), "--count", str(lesions)]
    started = time.perf_counter()
    subprocess.run([*command, "--seed", str(seed)], check=True, stdout=subprocess.DEVNULL, env=_environment())
    whole = time.perf_counter() - started
    stages = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    work = sum(stage["seconds"] for stage in stages if stage["name"] in WORK_STAGES)
    return work, whole - work


if __name__ == "__main__":
    raise SystemExit(main())
