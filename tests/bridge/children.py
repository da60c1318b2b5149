"""Processes that tests start, talk to by lines of JSON, stop and kill."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent


class Child:
    """A process with lines of JSON on its standard output; always gone after the `with` statement."""

    def __init__(self, command: Sequence[str]) -> None:
        self.events: list[dict[str, Any]] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.errors: list[str] = []
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
        )
        self._readers = [threading.Thread(target=self._read_lines), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self.errors.extend(self._process.stderr)

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def next(self, timeout_s: float = 20) -> dict[str, Any]:
        """The next line; AssertionError with what it wrote to standard error where none comes."""
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"no line in {timeout_s} s; errors: {self.errors[-20:]}") from None
        if line is None:
            raise AssertionError(f"the process ended; errors: {self.errors[-20:]}")
        event: dict[str, Any] = json.loads(line)
        self.events.append(event)
        return event

    def ask(self, line: str, event: str | None = None, timeout_s: float = 20) -> dict[str, Any]:
        """Tell a line and wait for the answer: the next line, or the next one with this event."""
        self.tell(line)
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.next(max(0.01, deadline - time.monotonic()))
            if event is None or answer.get("event") == event:
                return answer

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def wait(self, timeout_s: float = 10) -> int:
        return self._process.wait(timeout_s)

    def close(self) -> None:
        if self._process.poll() is None:
            if hasattr(signal, "SIGCONT"):
                self._process.send_signal(signal.SIGCONT)
            self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ServerProcess(Child):
    """server_process.py; `endpoint` and `epoch` are known when it is made."""

    def __init__(self, *options: str) -> None:
        super().__init__([sys.executable, str(HERE / "server_process.py"), *options])
        try:
            first = self.next()
        except BaseException:
            self.close()
            raise
        self.endpoint, self.epoch = first["endpoint"], first["epoch"]


class MirrorProcess(Child):
    """mirror_process.py."""

    def __init__(self, endpoint: str, *options: str) -> None:
        super().__init__([sys.executable, str(HERE / "mirror_process.py"), "--endpoint", endpoint, *options])

    def agrees(self, maps: dict[str, str], timeout_s: float = 20) -> bool:
        """Wait until it shows maps with exactly these SHA-256, by avatar/material/map."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            shown = self.ask("hashes", "hashes")["maps"]
            if {f"{m['avatar']}/{m['material']}/{m['map']}": m["sha256"] for m in shown} == maps:
                return True
            time.sleep(0.02)
        return False

    def mixtures(self) -> list[Any]:
        """Shown states that were not whole revisions, as far as lines were read."""
        return [event for event in self.events if event["event"] == "shown" and event["wrong"]]
