"""Random schedules of a whole link: 200 in process over real sockets, 10 with real processes and signals."""

import random
import signal
import sys
import time

import pytest
from children import MirrorProcess, ServerProcess
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from schedules import CLOSE_UPS, MIRRORS, Link

names = st.sampled_from(MIRRORS)


class LinkMachine(RuleBasedStateMachine):
    """Anything may happen to the link, in any order."""

    @initialize(seed=st.integers(0, 2**32 - 1))
    def start(self, seed: int) -> None:
        self.link = Link(seed)

    @rule(times=st.integers(1, 4), commit=st.booleans())
    def paint(self, times: int, commit: bool) -> None:
        self.link.paint(times)
        if commit:
            self.link.commit()

    @rule(name=st.sampled_from(CLOSE_UPS), side=st.sampled_from([1, 40, 257, 300]))
    def toggle_close_up(self, name: str, side: int) -> None:
        self.link.toggle_close_up(name, side)

    @rule(name=names, window=st.sampled_from([1, 2, 7, 64]))
    def join(self, name: str, window: int) -> None:
        self.link.join(name, window)

    @rule(name=names)
    def leave(self, name: str) -> None:
        self.link.leave(name)

    @rule(name=names)
    def hold(self, name: str) -> None:
        self.link.hold(name)

    @rule()
    def cut(self) -> None:
        self.link.cut()

    @rule(
        drop_rate=st.sampled_from([0, 0.02, 0.1]),
        delay_s=st.sampled_from([0, 0.002]),
        stalled=st.booleans(),
        duplicate=st.booleans(),
        reorder_s=st.sampled_from([0, 0.02]),
    )
    def trouble(self, drop_rate: float, delay_s: float, stalled: bool, duplicate: bool, reorder_s: float) -> None:
        self.link.trouble(drop_rate, delay_s, stalled, duplicate, reorder_s)

    @rule(same_epoch=st.booleans(), lost=st.integers(0, 3))
    def restart_server(self, same_epoch: bool, lost: int) -> None:
        self.link.restart_server(same_epoch, lost)

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.05]))
    def let_time_pass(self, seconds: float) -> None:
        time.sleep(seconds)

    @rule()
    def settle(self) -> None:
        self.link.settle()

    @invariant()
    def nothing_half_applied_was_shown(self) -> None:
        if hasattr(self, "link"):
            assert all(watched.wrong == [] for watched in self.link.mirrors.values())

    def teardown(self) -> None:
        if hasattr(self, "link"):
            try:
                self.link.settle()
            finally:
                self.link.close()


TestSchedules = LinkMachine.TestCase
TestSchedules.settings = settings(
    max_examples=200,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def process_schedule(seed: int) -> None:
    """A random schedule with a server and two mirrors as processes, signals and kills; ends with equal hashes."""
    rng = random.Random(seed)
    server = ServerProcess("--seed", str(seed))
    children: list[MirrorProcess | ServerProcess] = [server]
    try:
        mirrors = [MirrorProcess(server.endpoint, "--credits", str(rng.choice([1, 3, 64]))) for _ in range(2)]
        children += mirrors
        for _ in range(8):
            action = rng.choice(["edit", "edit", "stop", "continue", "kill mirror", "kill server", "pause server"])
            at = rng.randrange(2)
            if action == "edit":
                server.ask(f"paint {rng.randrange(1, 5)}")
                server.ask("commit")
            elif action in ("stop", "continue"):
                mirrors[at].signal(signal.SIGSTOP if action == "stop" else signal.SIGCONT)
            elif action == "kill mirror":
                mirrors[at].kill()
                mirrors[at] = MirrorProcess(server.endpoint)
                children.append(mirrors[at])
            elif action == "pause server":
                server.signal(signal.SIGSTOP)
                time.sleep(rng.random() * 1.5)
                server.signal(signal.SIGCONT)
            else:
                status = server.ask("status")
                server.kill()
                same = ["--epoch", server.epoch, "--revision", str(status["revision"])]
                options = same if rng.random() < 0.5 else []
                server = ServerProcess("--bind", server.endpoint, "--seed", str(rng.randrange(1000)), *options)
                children.append(server)
            time.sleep(rng.random() * 0.1)
        for mirror in mirrors:
            mirror.signal(signal.SIGCONT)
        maps = server.ask("commit")["maps"]
        for mirror in mirrors:
            assert mirror.agrees(maps)
            assert mirror.mixtures() == []
    finally:
        for child in children:
            child.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals that stop processes exist on POSIX only")
@pytest.mark.parametrize("seed", range(10))
def test_schedules_of_processes(seed: int) -> None:
    process_schedule(seed)
