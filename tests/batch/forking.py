"""A process with the network loaded that forks one child per line it reads: a run that starts at once, to be killed.

Input: a JSON object {"out": …, "kill_after": seconds or null, "kill_at": how many patients are there, or null}; output:
the child's exit code and how long it lived. A fresh interpreter for every kill would spend its life importing torch.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from small import few_limbs

from engine.batch.executors import Local
from engine.batch.runner import run


def main() -> None:
    """Serve until the input ends. The argument: the folder in which the job's limb lies."""
    job = few_limbs(Path(sys.argv[1]))
    local = Local(painters=2)
    run(job, Path(sys.argv[1]) / "warm", local, shard=(1, 2))
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run(job, asked["out"], local)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        code, seconds = watched(child, Path(asked["out"]), asked["kill_after"], asked["kill_at"])
        print(code, seconds, flush=True)


def watched(child: int, out: Path, kill_after: float | None, kill_at: int | None) -> tuple[int, float]:
    """Wait for the child, killing it when its time is up or so many patients have their record."""
    started = time.monotonic()
    done, status = 0, 0
    while not done:
        done, status = os.waitpid(child, os.WNOHANG)
        seconds = time.monotonic() - started
        due = kill_after is not None and seconds >= kill_after
        due = due or (kill_at is not None and len(list(out.glob("patients/*/patient.json"))) >= kill_at)
        if not done and due:
            os.kill(child, signal.SIGKILL)
            done, status = os.waitpid(child, 0)
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(status), seconds


main()
