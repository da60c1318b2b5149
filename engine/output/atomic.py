"""Writing a file so that it is there complete or not at all.

A temporary name in the same folder, fsync, rename: the usual way (see https://lwn.net/Articles/457667/).
"""

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import OutputError

TEMPORARY_SUFFIX = ".moulage-part"
"""Ends the name of every unfinished file; a leftover (after kill -9) may be removed at any time."""


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """A name for a file that takes the place of `path` when the block ends well, and vanishes when it doesn't.

    The block writes and closes the file. OutputError, one line, where the disk is full or the folder can't be written.
    """
    temporary = _unused_name(path)
    try:
        yield temporary
        with telling(path):
            _sync_file(temporary)
            temporary.replace(path)
            _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Make `data` the content of `path`: after any crash the old content or the new stands there, nothing between.

    OutputError where the disk is full or the folder can't be written; no temporary file is left then.
    """
    with temporary_beside(path) as temporary, telling(path):
        temporary.write_bytes(data)


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn the system's errors while `path` is written into an OutputError of one line."""
    try:
        yield
    except OSError as error:
        raise _told(path, error) from error


def _unused_name(path: Path) -> Path:
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
    with telling(path):
        temporary.open("xb").close()
    return temporary


def _sync_file(path: Path) -> None:
    with path.open("rb+") as stream:
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(stream, fcntl.F_FULLFSYNC)
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # folders can't be opened there; the rename is journalled by NTFS
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _told(path: Path, error: OSError) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return OutputError(f"{path}: the disk is full; nothing of it was written; make room and run again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{path}: can't be written ({error.strerror}); choose a folder of your own")
    return OutputError(f"{path}: can't be written ({error.strerror})")
