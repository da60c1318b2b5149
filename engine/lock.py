"""Who may write a document: one process at a time, by an operating-system lock that ends with its process.

The lock lies on a small file beside the document (`NAME.lock`) whose text says who holds it. The document itself is
not locked, so that others can read it. `flock` on POSIX, a byte-range lock on Windows.
"""

import errno
import getpass
import json
import os
import socket
import sys
import time
from pathlib import Path

from engine.errors import MoulageError, SceneError

_LOCKED_BYTE = 1 << 30  # far behind the text: Windows' locks are mandatory, and the text must stay readable
_MAX_TEXT = 4096


class WriterLock:
    """Held from construction until `release`, or until the process ends in whatever way."""

    def __init__(
        self, document: Path, error: type[MoulageError] = SceneError, broken: type[MoulageError] | None = None
    ) -> None:
        """Take the lock. `error`, one line naming the holder, where another writes.

        `broken`, the same as `error` where None: the folder is read-only, its disk full, or its drive can't lock files.
        """
        self.path = document.with_name(document.name + ".lock")
        self._error, self._broken = error, broken or error
        while True:
            descriptor = self._open(document)
            try:
                locked = _lock(descriptor)
            except OSError as problem:
                os.close(descriptor)
                raise self._broken(
                    f"{document}: its drive can't lock files ({problem.strerror}); choose another drive"
                ) from problem
            if not locked:
                os.close(descriptor)
                raise self._error(f"{document}: {_holder(self.path)} is writing it; let it end there first")
            if _is_same_file(descriptor, self.path):
                break
            os.close(descriptor)  # the former holder removed the file between our opening and locking it
        self._descriptor: int | None = descriptor
        text = {"pid": os.getpid(), "host": socket.gethostname(), "user": _user(), "since": time.strftime("%F %T")}
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(text).encode())
        except OSError as problem:
            self.release()
            raise self._broken(f"{document}: can't be locked for writing ({_why(problem)})") from problem

    def release(self) -> None:
        """Let others write. Harmless when called again."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        if sys.platform == "win32":
            os.close(descriptor)
            _remove(self.path)
        else:
            _remove(self.path)  # while it is still locked: nobody can hold this file after us
            os.close(descriptor)

    def _open(self, document: Path) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except PermissionError as problem:
            # Windows also says so of a lock file that is just being removed
            there = sys.platform == "win32" or self.path.exists()
            if there and os.access(self.path.parent, os.W_OK):
                raise self._error(f"{document}: {_holder(self.path)} is writing it") from problem
            raise self._broken(f"{document}: its folder can't be written to; choose one of your own") from problem
        except OSError as problem:
            raise self._broken(f"{document}: can't be opened for writing: {_why(problem)}") from problem


def _why(problem: OSError) -> str:
    full = problem.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    return "the disk is full; make room and run again" if full else str(problem.strerror)


def _holder(path: Path) -> str:
    """The process named in a lock file, in words."""
    try:
        with path.open("rb") as stream:
            text = json.loads(stream.read(_MAX_TEXT))
        return f"process {int(text['pid'])} of {str(text['user'])[:80]} on {str(text['host'])[:80]}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "an unnamed user"


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return  # Windows: another process is just asking for the lock. A file that nobody locks does no harm


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
