"""Random schedules for as long as wanted: `python tests/bridge/soak.py --minutes 60 [--seed N]`.

Runs what test_schedules.py runs, with new seeds, in process and every tenth time with real processes; stops with exit
code 1 and the seed at the first disagreement, and watches that memory, threads and files do not grow.
"""

import argparse
import gc
import random
import resource
import sys
import threading
import time
import traceback
from pathlib import Path

from schedules import CLOSE_UPS, MIRRORS, Link
from test_schedules import process_schedule


def schedule(seed: int, steps: int = 40) -> None:
    rng = random.Random(seed)
    with Link(seed) as link:
        for _ in range(steps):
            name = rng.choice(MIRRORS)
            actions = {
                "paint": lambda: link.paint(rng.randint(1, 4)),
                "commit": link.commit,
                "close-up": lambda: link.toggle_close_up(rng.choice(CLOSE_UPS), rng.choice([1, 40, 257, 300])),
                "join": lambda name=name: link.join(name, rng.choice([1, 2, 7, 64])),
                "leave": lambda name=name: link.leave(name),
                "hold": lambda name=name: link.hold(name),
                "cut": link.cut,
                "trouble": lambda: link.trouble(
                    rng.choice([0, 0.02, 0.1]), rng.choice([0, 0.002]), rng.random() < 0.2, rng.random() < 0.3, 0.02
                ),
                "restart": lambda: link.restart_server(rng.random() < 0.5, rng.randint(0, 3)),
                "time": lambda: time.sleep(rng.random() * 0.2),
                "settle": link.settle,
            }
            actions[rng.choice(list(actions))]()
        link.settle()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    deadline, seed, count = time.monotonic() + options.minutes * 60, options.seed, 0
    while time.monotonic() < deadline:
        try:
            process_schedule(seed) if count % 10 == 9 else schedule(seed)
        except BaseException:
            traceback.print_exc()
            print(f"failed with seed {seed} after {count} schedules", file=sys.stderr)
            return 1
        seed, count = seed + 1, count + 1
        if count % 10 == 0:
            gc.collect()
            files = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(
                f"{count} schedules, {threading.active_count()} threads, {files} files, at most {most} MiB", flush=True
            )
    print(f"{count} schedules agreed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
