"""A process with the network loaded that forks one child per line it reads: a run that starts at once, to be killed.

Input: a JSON object {"out": …, "kill_after": seconds or null}; output: the child's exit code and how long it lived. A
fresh interpreter for every kill would spend its life importing torch.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from small import limb_job

from engine.batch.executors import Local
from engine.batch.runner import run


def main() -> None:
    """Serve until the input ends. The argument: the folder in which the job's limb lies."""
    job = limb_job(Path(sys.argv[1]))
    local = Local(painters=2)
    run(job, Path(sys.argv[1]) / "warm", local, shard=(1, 3))
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
        code, seconds = watched(child, asked["kill_after"])
        print(code, seconds, flush=True)


def watched(child: int, kill_after: float | None) -> tuple[int, float]:
    """Wait for the child, killing it when its time is up."""
    started = time.monotonic()
    done, status = 0, 0
    while not done:
        done, status = os.waitpid(child, os.WNOHANG)
        seconds = time.monotonic() - started
        if not done and kill_after is not None and seconds >= kill_after:
            os.kill(child, signal.SIGKILL)
            done, status = os.waitpid(child, 0)
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(status), seconds


main()
