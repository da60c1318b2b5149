"""The C# receiver of the Unity package against the real server: real processes, real sockets, every kind of bad luck.

After each: the SHA-256 of every map is equal on both sides, and every state that the host told of was a whole revision.
"""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_schedules
import zmq
from children import Child, ServerProcess
from proxy import Proxy

from bridge import protocol as p
from bridge.security import create_keys
from bridge.server import AtlasServer
from desktop.unity import build_scene_host

pytestmark = pytest.mark.skipif(
    shutil.which("mcs") is None or shutil.which("mono") is None,
    reason="Mono (mcs, mono) is not installed (make system)",
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = build_scene_host(tmp_path_factory.mktemp("scene-host"))
    assert built is not None
    return built


class Host(Child):
    """SceneHost.exe --serve --json."""

    def __init__(self, program: Path, endpoint: str, *options: str) -> None:
        super().__init__(["mono", str(program), "--endpoint", endpoint, "--serve", "--json", *options])

    def until(self, event: str, timeout_s: float = 20, **wanted: Any) -> dict[str, Any]:
        """The next line of this event with these values."""
        deadline = time.monotonic() + timeout_s
        while True:
            line = self.next(max(0.01, deadline - time.monotonic()))
            if line["event"] == event and all(line[name] == value for name, value in wanted.items()):
                return line

    def maps(self) -> tuple[int, dict[str, str]]:
        """The revision shown and the SHA-256 of its maps by avatar/material/map."""
        line = self.ask("hashes", "hashes")
        return line["revision"], {f"{m['avatar']}/{m['material']}/{m['map']}": m["sha256"] for m in line["maps"]}


class Truth:
    """What the server committed, by revision: whatever a host shows must be one of these."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.by_revision: dict[int, dict[str, str]] = {}
        self.now = self.tell("status")

    def tell(self, line: str) -> dict[str, Any]:
        answer = self.server.ask(line)
        self.by_revision[answer["revision"]] = answer["maps"]
        return answer

    def edit(self, rectangles: int = 3) -> None:
        self.server.ask(f"paint {rectangles}")
        self.now = self.tell("commit")

    def converges(self, host: Host, timeout_s: float = 20) -> None:
        """The host comes to show the newest revision, and shows only whole ones on the way."""
        deadline = time.monotonic() + timeout_s
        while True:
            revision, maps = host.maps()
            if revision or maps:
                assert maps == self.by_revision[revision], f"revision {revision} is shown half"
            if (revision, maps) == (self.now["revision"], self.now["maps"]):
                return
            assert time.monotonic() < deadline, f"still at {revision}; errors: {host.errors[-5:]}"
            time.sleep(0.02)


@pytest.mark.parametrize("codecs", ["raw", "raw,qoi"])
def test_a_late_joiner_and_an_early_one_show_the_same(program: Path, codecs: str) -> None:
    with ServerProcess() as server, Host(program, server.endpoint, "--codecs", codecs) as early:
        truth = Truth(server)
        for number in range(10):
            truth.edit()
            if number % 3 == 0:
                truth.tell(f"add c{number}")
                truth.now = truth.tell("commit")
            truth.converges(early)
        truth.tell("remove c3")
        truth.now = truth.tell("commit")
        with Host(program, server.endpoint, "--name", "late") as late:
            truth.converges(late)
            truth.converges(early)
            clients = server.ask("status")["clients"]
            assert {client["name"] for client in clients} == {"SceneHost", "late"}
            late.tell("quit")
            assert late.wait() == 0


def test_qoi_over_the_wire_gives_the_same_pixels(program: Path) -> None:
    rng = np.random.default_rng(4)
    spec = p.MapSpec("anna", "skin", "albedo", 700, 300)
    owners = p.MapSpec("anna", "skin", "instance", 701, 300, "r16", "linear")
    with AtlasServer("tcp://127.0.0.1:*", codec="qoi") as server:
        for one in (spec, owners):
            server.add_map(one)
        with Host(program, server.endpoint) as host:
            for _ in range(3):
                pixels = np.full((300, 700, 4), rng.integers(0, 256, 4), np.uint8)
                pixels[40:80, 30:600] = rng.integers(0, 256, (40, 570, 4))
                values = np.zeros((300, 701), np.uint16)
                values[100:200, 101:699] = rng.integers(0, 65536)
                server.publish(spec.key, (0, 0, 700, 300), pixels)
                server.publish(owners.key, (0, 0, 701, 300), values)
                revision = server.commit()
                assert server.wait_shown(revision, 20)
                shown = {m["map"]: m["sha256"] for m in host.ask("hashes", "hashes")["maps"]}
                assert shown == {
                    "albedo": hashlib.sha256(pixels.tobytes()).hexdigest(),
                    "instance": hashlib.sha256(values.astype("<u2").tobytes()).hexdigest(),
                }


def test_a_host_that_is_killed_comes_back_from_its_cache(program: Path, tmp_path: Path) -> None:
    with ServerProcess() as server:
        truth = Truth(server)
        with Host(program, server.endpoint, "--cache", str(tmp_path / "cache")) as host:
            truth.edit(8)
            truth.converges(host)
            host.kill()
        truth.edit(1)
        with Host(program, server.endpoint, "--cache", str(tmp_path / "cache")) as host:
            cached = host.until("shown")
            assert cached["revision"] == truth.now["revision"] - 1
            update = host.until("shown", revision=truth.now["revision"])
            assert update["tiles"] < cached["tiles"]
            truth.converges(host)
            host.kill()
        with Host(program, server.endpoint, "--cache", str(tmp_path / "cache")) as host:
            host.until("shown")
            assert host.until("shown")["tiles"] == 0, "nothing changed, so no tile may travel"
            truth.converges(host)


def test_the_cache_alone_shows_the_last_state(program: Path, tmp_path: Path) -> None:
    with ServerProcess() as server:
        truth = Truth(server)
        with Host(program, server.endpoint, "--cache", str(tmp_path)) as host:
            truth.edit()
            truth.converges(host)
            host.tell("quit")
            assert host.wait() == 0
    with Host(program, server.endpoint, "--cache", str(tmp_path)) as host:
        host.until("shown", epoch=server.epoch)
        truth.converges(host)
    damaged = tmp_path / "tiles.bin"
    data = bytearray(damaged.read_bytes())
    data[5] ^= 1
    damaged.write_bytes(data)
    with Host(program, server.endpoint, "--cache", str(tmp_path)) as host:
        host.until("state", state="waiting")
        assert "damaged" in str(host.events)
        assert host.maps() == (0, {})


@pytest.mark.parametrize("same_epoch", [True, False])
def test_the_server_is_killed_and_comes_back(program: Path, same_epoch: bool) -> None:
    with ServerProcess() as server, Host(program, server.endpoint) as host:
        truth = Truth(server)
        truth.edit()
        truth.converges(host)
        endpoint, epoch, revision = server.endpoint, server.epoch, truth.now["revision"]
        server.kill()
        options = ["--epoch", epoch, "--revision", str(revision)] if same_epoch else []
        with ServerProcess("--bind", endpoint, "--seed", "5", *options) as again:
            before = truth.by_revision[revision]
            truth = Truth(again)
            if not same_epoch:
                # Until the first COMMIT of the new epoch, the old picture stays.
                truth.by_revision.setdefault(revision, before)
                host.until("shown", epoch=again.epoch)
            else:
                host.until("shown", revision=truth.now["revision"])
            truth.converges(host)
            truth.edit()
            truth.converges(host)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
def test_a_stopped_host_catches_up_and_delays_nobody(program: Path) -> None:
    with ServerProcess() as server, Host(program, server.endpoint) as asleep, Host(program, server.endpoint) as awake:
        truth = Truth(server)
        truth.converges(asleep)
        truth.converges(awake)
        asleep.signal(signal.SIGSTOP)
        for _ in range(10):
            truth.edit()
            truth.converges(awake, 5)
        asleep.signal(signal.SIGCONT)
        truth.converges(asleep)


def test_connections_that_break_and_stumble(program: Path) -> None:
    with ServerProcess() as server, Proxy(server.endpoint, seed=1) as proxy, Host(program, proxy.endpoint) as host:
        truth = Truth(server)
        proxy.delay_s, proxy.chunk = 0.003, 20000
        for _ in range(4):
            truth.edit(6)
            time.sleep(0.15)
            proxy.drop()
        proxy.stalled = True
        truth.edit()
        time.sleep(1.2)
        proxy.stalled = False
        proxy.delay_s = 0
        truth.converges(host)


class HostInSchedule(Host):
    """A host with the words of the Python mirror's process, for the link's own random schedules."""

    def agrees(self, maps: dict[str, str], timeout_s: float = 20) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.maps()[1] != maps:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def mixtures(self) -> list[Any]:
        """Nothing is known of the states between."""
        return []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals that stop processes exist on POSIX only")
@pytest.mark.parametrize("seed", range(3))
def test_random_schedules_of_kills_stops_and_edits(program: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def host(endpoint: str, *options: str) -> HostInSchedule:
        return HostInSchedule(program, endpoint, *options)

    monkeypatch.setattr(test_schedules, "MirrorProcess", host)
    test_schedules.process_schedule(seed)


def test_only_a_listed_key_gets_in(program: Path, tmp_path: Path) -> None:
    create_keys(tmp_path / "ours", "scene")
    create_keys(tmp_path / "theirs", "scene")
    ours, theirs = (tmp_path / name / "clients" / "scene" for name in ("ours", "theirs"))
    shutil.copy(ours / "server.public", theirs / "server.public")
    with ServerProcess("--keys", str(tmp_path / "ours")) as server:
        truth = Truth(server)
        with (
            Host(program, server.endpoint, "--keys", str(theirs)) as stranger,
            Host(program, server.endpoint) as plain,
            Host(program, server.endpoint, "--keys", str(ours)) as host,
            Host(program, server.endpoint, "--keys", str(tmp_path / "ours")) as twin,
        ):
            truth.converges(host)
            truth.converges(twin)
            refused = stranger.until("state", state="waiting")
            assert "keys" in refused["detail"]
            for outsider in (stranger, plain):
                assert outsider.maps() == (0, {})
            assert len(server.ask("status")["clients"]) == 2


def hostile_messages() -> list[tuple[str, list[bytes]]]:
    """Name and frames of what a client must not swallow, to be sent instead of a WELCOME or after a good one."""
    rng = np.random.default_rng(8)
    tile = p.TileHeader(1, 0, 0, 256, 256, p.RAW, "rgba8", 1, 0, 2**31 - 1)
    return [
        ("random bytes", [rng.bytes(64), rng.bytes(200)]),
        ("nothing", [b""]),
        ("many frames", [p.preamble(2)] + [b"x"] * 500),
        ("a claim of 2 GB", [tile.pack(), b"x" * 10]),
        ("a document of 8 MB", [p.preamble(8), bytes(8 << 20)]),
        ("unknown kind", [b"ML\x01\x63", b"{}"]),
        ("cut header", [p.preamble(7), b""]),
        ("deep JSON", [p.preamble(2), b"[" * 4000]),
    ]


@pytest.mark.parametrize("start", range(0, len(hostile_messages()), 3))
def test_a_hostile_server_is_left_and_the_host_lives_on(program: Path, start: int) -> None:
    """Three at a time, for a host waits longer after each session that failed."""
    context = zmq.Context()
    with context.socket(zmq.ROUTER) as fake:
        fake.linger = 0
        port = fake.bind_to_random_port("tcp://127.0.0.1")
        endpoint = f"tcp://127.0.0.1:{port}"
        with Host(program, endpoint) as host:
            for name, frames in hostile_messages()[start : start + 3]:
                assert fake.poll(20000), f"no HELLO before {name}"
                peer = fake.recv_multipart()[0]
                fake.send_multipart([peer, *frames])
                assert host.until("state", state="waiting")["detail"], name
                while fake.poll(0):
                    fake.recv_multipart()
            fake.unbind(endpoint)
            with ServerProcess("--bind", endpoint) as server:
                Truth(server).converges(host)
    context.term()


def test_once_prints_the_hashes_and_ends(program: Path) -> None:
    with ServerProcess() as server:
        truth = Truth(server)
        command = ["mono", str(program), "--endpoint", server.endpoint, "--once", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        last = json.loads(done.stdout.splitlines()[-1])
        assert last["event"] == "hashes"
        names = [(m["avatar"], m["material"], m["map"]) for m in last["maps"]]
        assert names == sorted(names)
        assert {"/".join(name): m["sha256"] for name, m in zip(names, last["maps"], strict=True)} == truth.now["maps"]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--once"], 2, "--endpoint"),
        (["--endpoint", "tcp://127.0.0.1:1", "--once", "--serve"], 2, "--once"),
        (["--endpoint", "tcp://127.0.0.1:1", "--once", "--credits", "x"], 2, "--credits"),
        (["--endpoint", "tcp://127.0.0.1:1", "--once", "--keys", "/nowhere"], 2, "client"),
        (["--endpoint", "tcp://127.0.0.1:1", "--once", "--seconds", "0.3"], 1, "no revision"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(program: Path, arguments: list[str], code: int, word: str) -> None:
    done = subprocess.run(["mono", str(program), *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert word in done.stderr


def test_a_running_scene_allocates_nothing(program: Path) -> None:
    """300 MB of edits of 512² without one gen0 collection."""
    rng = np.random.default_rng(2)
    spec = p.MapSpec("anna", "skin", "albedo", 2048, 2048)
    pixels = rng.integers(0, 256, (512, 512, 4), np.uint8)
    with AtlasServer("tcp://127.0.0.1:*") as server:
        server.add_map(spec)
        with Host(program, server.endpoint) as host:
            revision = server.commit()
            for number in range(332):
                if number == 32:
                    assert server.wait_shown(revision, 20)
                    host.ask("stats", "stats")
                x, y = 512 * (number % 4), 512 * (number // 4 % 4)
                pixels += 1
                server.publish(spec.key, (x, y, 512, 512), pixels)
                revision = server.commit()
                assert server.wait_shown(revision, 20)
            stats = host.ask("stats", "stats")
    assert stats["bytes"] >= 300 << 20
    assert stats["gen0"] == 0
