"""The live link against libzmq alone: `python -m benchmarks.link [--quick] [--json FILE] [--strict]`.

In one run and on one loopback interface: (a) pyzmq ROUTER to DEALER with the same bytes in frames of 256 KiB, nothing
done with them (and, for the snapshot, once more connected anew and kept, as a late joiner must keep them); (b) our
server to the Python mirror in another process; (c) our server to the C# SceneHost under Mono, where Mono is installed.
Updates lie at random places, so a 512² one touches nine tiles as a rule.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from benchmarks.report import Figure, finish, options
from bridge.errors import BridgeError
from bridge.protocol import MapSpec
from bridge.server import AtlasServer

SIDE = 4096
TILE_BYTES = 256 * 256 * 4
SIZES = (256, 512, SIDE)
AIM_512_MS = 8.0
AIM_SNAPSHOT_SHARE = 50.0
AIM_PUBLISH_MS = 1.0
AIM_STOPPED = 1.5
STREAM_BYTES = 300_000_000
CLIENTS = 16

Spec = MapSpec("bench", "skin", "albedo", SIDE, SIDE)


@contextmanager
def peer(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """One of `benchmarks.link_peers`, gone when the block ends."""
    with process([sys.executable, "-m", "benchmarks.link_peers", *arguments]) as child:
        yield child


@contextmanager
def process(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            assert stream is not None
            stream.close()


def percentile(seconds: Sequence[float], share: float) -> float:
    """Of durations, in ms."""
    return float(np.percentile(seconds, share)) * 1000


def repeats(size: int, quick: bool) -> int:
    return {256: 200, 512: 200, SIDE: 15}[size] // (4 if quick else 1)


@contextmanager
def bare_router() -> Iterator[tuple["zmq.Socket[bytes]", str]]:
    """A ROUTER without limits, and its address."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger, router.sndhwm = 0, 0
        yield router, f"tcp://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}"


class Raw:
    """(a): the bytes of updates from a ROUTER to a DEALER in another process, which throws them away."""

    def __init__(self, router: "zmq.Socket[bytes]", identity: bytes) -> None:
        self._router, self._identity = router, identity
        noise = np.random.default_rng(0).integers(0, 256, (SIDE * SIDE * 4 // TILE_BYTES, TILE_BYTES), np.uint8)
        self._frames = [zmq.Frame(row, copy=True) for row in noise]

    def seconds(self, size: int) -> float:
        """Send the bytes of a size² update once: from the first send to the receiver's answer."""
        frames = max(1, size * size * 4 // TILE_BYTES)
        started = time.perf_counter()
        self._router.send_multipart([self._identity, str(frames).encode()])
        self.send_all(self._router, self._identity, frames)
        self._router.recv_multipart()
        return time.perf_counter() - started

    def send_all(self, router: "zmq.Socket[bytes]", identity: bytes, frames: int) -> None:
        for frame in self._frames[:frames]:
            router.send(identity, zmq.SNDMORE)
            router.send(frame, copy=False)


@contextmanager
def raw_link() -> Iterator[Raw]:
    with bare_router() as (router, endpoint), peer("raw", endpoint):
        yield Raw(router, router.recv_multipart()[0])


class Skin:
    """Noise to publish, at random places of the map."""

    def __init__(self, server: AtlasServer) -> None:
        self._server = server
        self._rng = np.random.default_rng(1)
        self._noise = self._rng.integers(0, 256, (SIDE, SIDE, 4), np.uint8)
        self.publish_seconds: list[float] = []
        server.add_map(Spec)
        self.update(SIDE)

    def update(self, size: int) -> int:
        """Publish size² pixels and commit; the revision."""
        x, y = (int(v) for v in self._rng.integers(0, SIDE - size + 1, 2))
        a, b = (int(v) for v in self._rng.integers(0, SIDE - size + 1, 2))
        if size == SIDE:
            self._noise += 1
        pixels = self._noise[b : b + size, a : a + size]
        started = time.perf_counter()
        self._server.publish(Spec.key, (x, y, size, size), pixels)
        revision = self._server.commit()
        self.publish_seconds.append(time.perf_counter() - started)
        return revision


def update_seconds(server: AtlasServer, skin: Skin, size: int, name: str) -> float:
    """From `publish` to the ACK of every client whose name begins so."""
    started = time.perf_counter()
    revision = skin.update(size)
    if not server.wait_shown(revision, 60, among=lambda client: client.name.startswith(name)):
        raise SystemExit(f"{name} does not show revision {revision}: {server.status().clients}")
    return time.perf_counter() - started


def await_clients(server: AtlasServer, count: int, revision: int) -> None:
    if not server.wait_shown(revision, 60, clients=count):
        raise SystemExit(f"{count} clients were awaited; there are {server.status().clients}")


def measure_mirror(quick: bool) -> list[Figure]:
    """(a) and (b) in turns, so that both meet the same machine: updates, the caller's share, whole snapshots."""
    figures: list[Figure] = []
    with AtlasServer("tcp://127.0.0.1:*", timeout_s=60) as server, raw_link() as raw:
        skin = Skin(server)
        with peer("mirrors", server.endpoint, "1", "python"):
            await_clients(server, 1, 1)
            for size in SIZES:
                theirs, ours = [], []
                skin.publish_seconds.clear()
                for _ in range(repeats(size, quick) + 1):
                    theirs.append(raw.seconds(size))
                    ours.append(update_seconds(server, skin, size, "python"))
                figures += update_figures(f"{size}² to the Python mirror", size, ours[1:], theirs[1:])
                if size == 512:
                    caller = percentile(skin.publish_seconds[1:], 50)
                    figures.append(
                        Figure("512² publish and commit, the caller's part, p50", caller, "ms", AIM_PUBLISH_MS)
                    )
        return figures + snapshot_figures(server, raw, repeats(SIDE, quick))


def snapshot_figures(server: AtlasServer, raw: Raw, times: int) -> list[Figure]:
    """A late joiner: from its first line to the whole state. Beside it libzmq alone on an open connection whose bytes
    are dropped (the aim's measure), and a bare DEALER that connects and keeps them."""
    dropped, theirs, ours = [], [], []
    frames = SIDE * SIDE * 4 // TILE_BYTES
    with (
        bare_router() as (router, endpoint),
        peer("rawjoin", endpoint, str(frames)) as bare,
        peer("join", server.endpoint) as joiner,
    ):
        for _ in range(times + 1):
            dropped.append(raw.seconds(SIDE))
            tell(bare, "again")
            raw.send_all(router, router.recv_multipart()[0], frames)
            theirs.append(float(hear(bare)))
            tell(joiner, "again")
            ours.append(float(hear(joiner)))
    rate, kept_rate, raw_rate = (
        megabytes_per_second(SIDE, percentile(seconds[1:], 50)) for seconds in (ours, theirs, dropped)
    )
    return [
        Figure("4096² snapshot for a late joiner", rate, "MB/s", peer=f"{raw_rate:.0f} MB/s"),
        Figure("4096² snapshot, share of libzmq alone", 100 * rate / raw_rate, "%", AIM_SNAPSHOT_SHARE, at_least=True),
        Figure("4096² snapshot, share of a bare DEALER that keeps the bytes", 100 * rate / kept_rate, "%"),
    ]


def megabytes_per_second(size: int, ms: float) -> float:
    return size * size * 4 / 1e6 / (ms / 1000)


def update_figures(name: str, size: int, ours: Sequence[float], raw: Sequence[float] | None) -> list[Figure]:
    """p50, p99 and rate of updates, beside those of libzmq alone where they were measured."""
    figures = []
    for share in (50, 99):
        beside = None if raw is None else f"{percentile(raw, share):.3g} ms"
        aim = AIM_512_MS if (size, share) == (512, 50) else None
        figures.append(Figure(f"{name}, publish to ACK, p{share}", percentile(ours, share), "ms", aim, peer=beside))
    beside = None if raw is None else f"{megabytes_per_second(size, percentile(raw, 50)):.0f} MB/s"
    rate = megabytes_per_second(size, percentile(ours, 50))
    return [*figures, Figure(f"{name}, rate", rate, "MB/s", peer=beside)]


def measure_crowd(quick: bool) -> list[Figure]:
    """16 clients, then the same with one of them stopped: the other 15 in both."""
    if os.name != "posix":
        return []
    times = 20 if quick else 60
    with AtlasServer("tcp://127.0.0.1:*", timeout_s=60) as server:
        skin = Skin(server)
        with (
            peer("mirrors", server.endpoint, str(CLIENTS - 1), "ward"),
            peer("mirrors", server.endpoint, "1", "stopped") as victim,
        ):
            await_clients(server, CLIENTS, 1)
            free = [update_seconds(server, skin, 512, "ward") for _ in range(times)]
            victim.send_signal(signal.SIGSTOP)
            stopped = [update_seconds(server, skin, 512, "ward") for _ in range(times)]
            victim.send_signal(signal.SIGCONT)
            ratio = percentile(stopped, 50) / percentile(free, 50)
    return [
        Figure("512² to 15 of 16 mirrors, p50", percentile(free, 50), "ms"),
        Figure("the same with the 16th stopped, p50", percentile(stopped, 50), "ms"),
        Figure("slower by", ratio, "×", AIM_STOPPED),
    ]


def measure_host(program: Path, quick: bool) -> list[Figure]:
    """(c): the C# host."""
    figures: list[Figure] = []
    with AtlasServer("tcp://127.0.0.1:*", timeout_s=60) as server:
        skin = Skin(server)
        command = ["mono", str(program), "--endpoint", server.endpoint, "--name", "scene", "--serve", "--json"]
        with process(command) as host:
            await_clients(server, 1, 1)
            for size in SIZES:
                ours = [update_seconds(server, skin, size, "scene") for _ in range(max(3, repeats(size, quick) // 4))]
                figures += update_figures(f"{size}² to SceneHost", size, ours, None)
            before = server.status().clients[0].bytes
            ask(host, "stats")
            while server.status().clients[0].bytes - before < STREAM_BYTES:
                update_seconds(server, skin, 512, "scene")
            stats = ask(host, "stats")
    per_300 = stats["gen0"] * STREAM_BYTES / stats["bytes"]
    slice_ms, budget_ms = stats["longest_slice_ms"], stats["budget_ms"]
    tile_ms = stats.get("longest_tile_ms")
    return [
        *figures,
        Figure("SceneHost: gen0 collections per 300 MB", per_300, "", 0.0),
        Figure(
            f"SceneHost: longest main-loop slice (budget {budget_ms:g} ms and one tile)",
            slice_ms,
            "ms",
            None if tile_ms is None else budget_ms + tile_ms,
        ),
    ]


def tell(child: subprocess.Popen[str], line: str) -> None:
    assert child.stdin is not None
    child.stdin.write(line + "\n")
    child.stdin.flush()


def hear(child: subprocess.Popen[str]) -> str:
    """The next line; SystemExit where the process has ended."""
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise SystemExit(f"{child.args} has ended")
    return line


def ask(host: subprocess.Popen[str], line: str) -> dict[str, Any]:
    """Ask the host and read on to its answer."""
    tell(host, line)
    while True:
        answer: dict[str, Any] = json.loads(hear(host))
        if answer["event"] == line:
            return answer


def scene_host(folder: Path) -> Path | None:
    """SceneHost.exe, built here; None, with the reason on standard error, where that can't be."""
    from desktop.unity import build_scene_host

    if shutil.which("mono") is None:
        print("SceneHost is left out: Mono is not installed", file=sys.stderr)
        return None
    try:
        return build_scene_host(folder)
    except BridgeError as error:
        print(f"SceneHost is left out: {error}", file=sys.stderr)
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(str(__doc__).splitlines()[0], arguments)
    figures = measure_mirror(chosen.quick) + measure_crowd(chosen.quick)
    with tempfile.TemporaryDirectory() as folder:
        program = scene_host(Path(folder))
        if program is not None:
            figures += measure_host(program, chosen.quick)
    return finish("The live link on loopback", figures, chosen, peer="libzmq alone")


if __name__ == "__main__":
    sys.exit(main())
