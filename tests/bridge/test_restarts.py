"""Real processes: paused, killed and restarted on both sides. Afterwards both sides hold the same bytes."""

import signal
import sys
import time

import pytest
from children import MirrorProcess, ServerProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals that stop processes exist on POSIX only")


def await_clients(server: ServerProcess, count: int, timeout_s: float = 15) -> None:
    deadline = time.monotonic() + timeout_s
    while len(server.ask("status")["clients"]) != count:
        assert time.monotonic() < deadline, server.ask("status")["clients"]
        time.sleep(0.02)


def test_clients_paused_killed_and_restarted_catch_up() -> None:
    with ServerProcess() as server, MirrorProcess(server.endpoint, "--name", "stays") as stays:
        maps = server.ask("commit")["maps"]
        assert stays.agrees(maps)
        with MirrorProcess(server.endpoint, "--name", "killed") as killed:
            assert killed.agrees(maps)
            await_clients(server, 2)
            killed.kill()
        stays.signal(signal.SIGSTOP)
        for _ in range(5):
            server.ask("paint 3")
            server.ask("commit")
        server.ask("add late")
        maps = server.ask("commit")["maps"]
        await_clients(server, 0)  # the killed one is noticed, the stopped one has timed out
        with MirrorProcess(server.endpoint, "--name", "restarted") as restarted:
            assert restarted.agrees(maps), "a stopped client must not hold up others"
            stays.signal(signal.SIGCONT)
            assert stays.agrees(maps)
            server.ask("paint 2")
            maps = server.ask("commit")["maps"]
            assert restarted.agrees(maps) and stays.agrees(maps)
            assert stays.mixtures() == restarted.mixtures() == []


@pytest.mark.parametrize("epoch", ["same", "new"])
def test_the_server_is_killed_and_restarted(epoch: str) -> None:
    with ServerProcess("--seed", "1") as server, MirrorProcess(server.endpoint) as mirror:
        server.ask("add gone")
        server.ask("paint 4")
        before = server.ask("commit")
        assert mirror.agrees(before["maps"])
        server.kill()
        assert mirror.agrees(before["maps"]), "what was shown stays"
        same = ["--epoch", server.epoch, "--revision", str(before["revision"])] if epoch == "same" else []
        with ServerProcess("--bind", server.endpoint, "--seed", "2", *same) as again:
            assert (again.epoch == server.epoch) == (epoch == "same")
            again.ask("paint 2")
            after = again.ask("commit")
            assert mirror.agrees(after["maps"])
            assert mirror.mixtures() == []


def test_a_server_with_the_same_content_sends_no_pixels_again() -> None:
    with ServerProcess("--seed", "3") as server, MirrorProcess(server.endpoint) as mirror:
        assert mirror.agrees(server.ask("commit")["maps"])
        mirror.ask("stats", "stats")
        server.kill()
        with ServerProcess("--bind", server.endpoint, "--seed", "3") as again:
            assert mirror.agrees(again.ask("commit")["maps"])
            await_clients(again, 1)
            assert mirror.ask("stats", "stats")["tiles"] == 0
            assert mirror.ask("hashes", "hashes")["epoch"] == again.epoch


def test_the_server_is_paused() -> None:
    with ServerProcess() as server, MirrorProcess(server.endpoint) as mirror:
        assert mirror.agrees(server.ask("commit")["maps"])
        server.signal(signal.SIGSTOP)
        time.sleep(1.5)
        server.signal(signal.SIGCONT)
        server.ask("paint 3")
        assert mirror.agrees(server.ask("commit")["maps"])
        assert mirror.mixtures() == []
