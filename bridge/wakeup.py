"""Wakes a thread that polls ZeroMQ sockets, from any other thread: ZeroMQ sockets themselves belong to one thread."""

import contextlib
import socket


class Wakeup:
    """A pair of plain sockets: `fileno` for the poller, `ring` from anywhere, `silence` in the polling thread."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def ring(self) -> None:
        """Wake the poller. A full buffer means that it is awake already; a closed one that nobody listens any more."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._writer.send(b"\0")

    def silence(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._reader.recv(4096):
                pass

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
