"""A test that leaves a thread, a socket or a ZeroMQ context behind fails."""

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_TASKS, _FILES = Path("/proc/self/task"), Path("/proc/self/fd")


def _census() -> tuple[set[str], int, list[str]]:
    """Python's threads, all native threads (ZeroMQ's among them), open sockets and event counters."""
    threads = {f"{thread.name}-{thread.ident}" for thread in threading.enumerate()}
    if not _TASKS.is_dir():
        return threads, 0, []
    files = []
    for entry in _FILES.iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith(("socket:", "anon_inode:[eventfd]", "anon_inode:[eventpoll]")):
            files.append(target.split(":[")[0])
    return threads, len(list(_TASKS.iterdir())), sorted(files)


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    threads, tasks, files = _census()
    yield
    deadline = time.monotonic() + 3
    while True:
        now_threads, now_tasks, now_files = _census()
        left = now_threads - threads
        if not left and now_tasks <= tasks and len(now_files) <= len(files):
            return
        if time.monotonic() > deadline:
            pytest.fail(f"left behind: threads {left}, native {now_tasks - tasks}, files {files} -> {now_files}")
        gc.collect()
        time.sleep(0.02)
