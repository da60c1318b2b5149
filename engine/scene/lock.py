"""Who may write a scene: one process at a time, by an operating-system lock that ends with its process.

The lock lies on a small file beside the scene (`NAME.moulage.lock`) whose text says who holds it. The scene itself is
not locked between edits, so that others can read it. `flock` on POSIX, a byte-range lock on Windows.
"""

import getpass
import json
import os
import socket
import sys
import time
from pathlib import Path

from engine.errors import SceneError

_LOCKED_BYTE = 1 << 30  # far behind the text: Windows' locks are mandatory, and the text must stay readable
_MAX_TEXT = 4096


class WriterLock:
    """Held from construction until `release`, or until the process ends in whatever way."""

    def __init__(self, scene: Path) -> None:
        """Take the lock. SceneError, one line naming the holder, where another writes or the folder is read-only."""
        self.path = scene.with_name(scene.name + ".lock")
        while True:
            descriptor = self._open(scene)
            try:
                locked = _lock(descriptor)
            except OSError as error:
                os.close(descriptor)
                raise SceneError(
                    f"{scene}: its drive can't lock files ({error.strerror}); save a copy elsewhere"
                ) from error
            if not locked:
                os.close(descriptor)
                raise SceneError(
                    f"{scene}: {_holder(self.path)} is writing it; close it there, open it read-only, or save a copy"
                )
            if _is_same_file(descriptor, self.path):
                break
            os.close(descriptor)  # the former holder removed the file between our opening and locking it
        self._descriptor: int | None = descriptor
        text = {"pid": os.getpid(), "host": socket.gethostname(), "user": _user(), "since": time.strftime("%F %T")}
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(text).encode())
        except OSError as error:
            self.release()
            raise SceneError(f"{scene}: can't be locked for writing ({error.strerror})") from error

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

    def _open(self, scene: Path) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except PermissionError as error:
            if self.path.exists() and os.access(self.path.parent, os.W_OK):
                raise SceneError(f"{scene}: {_holder(self.path)} is writing it (its lock can't be opened)") from error
            raise SceneError(
                f"{scene}: its folder can't be written to; open it read-only, or save a copy elsewhere"
            ) from error
        except OSError as error:
            raise SceneError(f"{scene}: can't be opened for writing: {error.strerror}") from error


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
