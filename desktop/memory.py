"""How much memory a process holds, without a package for it."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path


def resident_mb(pid: int | None = None) -> float | None:
    """Resident size in MB (10^6 bytes) of a process, this one where None; None where the system doesn't tell."""
    if sys.platform == "linux":
        try:
            pages = int(Path(f"/proc/{pid or os.getpid()}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    if pid is not None and pid != os.getpid():
        return None
    return _windows_mb() if sys.platform == "win32" else _ps_mb()


def _ps_mb() -> float | None:
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, check=False)
    return int(told.stdout) * 1024 / 1e6 if told.stdout.strip().isdecimal() else None


def _windows_mb() -> float | None:
    """PROCESS_MEMORY_COUNTERS of psapi.h; the fourth field is the working set."""

    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", ctypes.c_uint32),
            ("faults", ctypes.c_uint32),
            *((f"size{number}", ctypes.c_size_t) for number in range(8)),
        )

    counters = Counters(cb=ctypes.sizeof(Counters))
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    asked = kernel.K32GetProcessMemoryInfo(
        ctypes.c_void_p(kernel.GetCurrentProcess()), ctypes.byref(counters), counters.cb
    )
    return counters.size1 / 1e6 if asked else None
