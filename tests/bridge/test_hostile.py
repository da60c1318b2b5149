"""Hostile peers on either side: they lose their session with a reason in the log, everyone else goes on."""

import logging
import random
import socket as plain
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq
from golden_vectors import TO_CLIENT, TO_SERVER, unpack
from golden_vectors import hello as golden_hello
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_golden import FOLDER
from model import OWNERS, SKIN, SMALL, Model
from test_link import Witness

from bridge import protocol as p
from bridge.client import AtlasMirror, Patience
from bridge.errors import ProtocolError
from bridge.receiver import NOTHING
from bridge.server import AtlasServer

QUICK = Patience(first=0.01, longest=0.05, welcome=1.0)
Frames = list[bytes]


@pytest.fixture
def server(caplog: pytest.LogCaptureFixture) -> Iterator[AtlasServer]:
    caplog.set_level(logging.INFO, "bridge")
    with AtlasServer("tcp://127.0.0.1:*", heartbeat_s=0.1, timeout_s=2) as server:
        yield server


@pytest.fixture
def bystander(server: AtlasServer) -> Iterator[Callable[[], None]]:
    """A well-behaved client with a scene; calling it checks that the link still works for it, in its first session."""
    model, witness = Model(), Witness()
    for spec in (SKIN, OWNERS, SMALL):
        model.add(server, spec)
        model.paint(server, spec.key, whole=True)
    model.commit(server)
    with AtlasMirror(server.endpoint, patience=QUICK, on_shown=witness, name="bystander") as mirror:
        assert mirror.wait_for(model.matches, 10)

        def goes_on() -> None:
            model.paint(server)
            model.commit(server)
            assert mirror.wait_for(model.matches, 10)
            assert mirror.status().detail == "" and witness.wrong == []

        yield goes_on


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(linger=0)


def dealer(context: "zmq.Context[zmq.Socket[bytes]]", server: AtlasServer) -> "zmq.Socket[bytes]":
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.rcvtimeo = 5000
    socket.connect(server.endpoint)
    return socket


def until_bye(socket: "zmq.Socket[bytes]") -> p.Bye:
    """Skip what a session brings until its BYE."""
    while True:
        frames = socket.recv_multipart()
        if frames[0][3] == p.Bye.KIND:
            bye = p.decode_to_client(frames)
            assert isinstance(bye, p.Bye)
            return bye


def hello(**changes: Any) -> Frames:
    return p.encode(golden_hello(client="hostile", **changes))


have = p.encode(p.Have(SMALL, bytes(16)))
ack, credit, beat = p.encode(p.Ack(1, 0.0)), p.encode(p.Credit(1024)), p.encode(p.Heartbeat(0))
SEQUENCES: dict[str, tuple[list[Frames], str]] = {
    "no ML": ([[b"XX\x01\x01", b"{}"]], "malformed"),
    "empty frame": ([[b""]], "malformed"),
    "one frame": ([[b"ML\x01\x01"]], "malformed"),
    "many frames": ([[b"ML\x01\x01"] + [b"{}"] * 500], "malformed"),
    "version 9": ([[b"ML\x09\x01", b"{}"]], "version"),
    "kind 255": ([[b"ML\x01\xff", b"{}"]], "malformed"),
    "a tile to a server": ([[b"ML\x01\x07" + bytes(44), bytes(64)]], "malformed"),
    "JSON of 60 kB": ([[b"ML\x01\x01", b'{"a":"' + b"x" * 60000 + b'"}']], "malformed"),
    "nested JSON": ([[b"ML\x01\x01", b"[" * 4000]], "malformed"),
    "versions 2 to 3": ([hello(min_version=2, max_version=3)], "version"),
    "ACK without HELLO": ([ack], "no-session"),
    "HAVE without HELLO": ([have], "no-session"),
    "HELLO twice": ([hello(), hello()], "order"),
    "unannounced HAVE": ([hello(), have], "order"),
    "HAVE twice": ([hello(have=3), have, have], "malformed"),
    "HAVE of a lying size": ([hello(have=1), [*have[:2], bytes(24)]], "malformed"),
    "HAVE of 16384²": (
        [hello(have=1), p.encode(p.Have(p.MapSpec("a", "", "b", 16384, 16384), bytes(8)))],
        "malformed",
    ),
    "unawaited ACK": ([hello(have=1), ack], "order"),
    "credits without end": ([hello(), *[credit] * 3], "order"),
    "HAVEs that never come": ([hello(have=4096)], "timeout"),
    "silence": ([hello()], "timeout"),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_peer_that_breaks_the_protocol_is_dropped(
    name: str,
    server: AtlasServer,
    bystander: Callable[[], None],
    context: "zmq.Context[zmq.Socket[bytes]]",
    caplog: pytest.LogCaptureFixture,
) -> None:
    messages, code = SEQUENCES[name]
    with dealer(context, server) as socket:
        for frames in messages:
            socket.send_multipart(frames)
        assert until_bye(socket).code == code
        bystander()
        assert [client.name for client in server.status().clients] == ["bystander"]
        assert f"is dropped: {code}" in caplog.text
        for frames in (hello(), credit, beat):
            socket.send_multipart(frames)
        bystander()
        assert not socket.poll(100), "a dropped connection is not listened to any more"


def test_every_refused_golden_message_costs_the_session(
    server: AtlasServer, bystander: Callable[[], None], context: "zmq.Context[zmq.Socket[bytes]]"
) -> None:
    files = sorted(FOLDER.glob("refused-*.bin"))
    messages = [f for path in files for d, f in unpack(path.read_bytes()) if d == TO_SERVER]
    assert len(messages) > 20
    for frames in messages:
        with dealer(context, server) as socket:
            socket.send_multipart(hello())
            socket.send_multipart(frames)
            assert until_bye(socket).code == "malformed"
    bystander()


def test_more_clients_than_allowed_are_sent_away(
    server: AtlasServer, bystander: Callable[[], None], context: "zmq.Context[zmq.Socket[bytes]]"
) -> None:
    context.max_sockets = 2000
    sockets = [dealer(context, server) for _ in range(p.CLIENTS + 10)]
    for socket in sockets:
        socket.send_multipart(hello(credits=1))
    time.sleep(0.3)
    answers = [socket.recv_multipart() for socket in sockets]
    kinds = [frames[0][3] for frames in answers]
    assert kinds.count(p.Welcome.KIND) == p.CLIENTS - 1
    assert kinds.count(p.Bye.KIND) == 11
    bystander()
    for socket in sockets:
        socket.close()


def raw_peer(server: AtlasServer) -> plain.socket:
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    return plain.create_connection((host, int(port)), timeout=5)


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" * 32
READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"


def zmtp(server: AtlasServer) -> plain.socket:
    """A connection past ZeroMQ's handshake, on which any bytes can be sent."""
    connection = raw_peer(server)
    connection.sendall(GREETING)
    received = b""
    while len(received) < 64:
        received += connection.recv(4096)
    connection.sendall(READY[:1] + bytes([len(READY) - 2]) + READY[2:])
    return connection


def cut_off(connection: plain.socket) -> bool:
    """Whether the server closes the connection."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@pytest.mark.parametrize("claim", [65537, 2**30, 2**40, 2**63 - 1])
def test_a_frame_that_claims_more_than_allowed_is_cut(
    claim: int, server: AtlasServer, bystander: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    with zmtp(server) as connection:
        connection.sendall(b"\x02" + struct.pack(">Q", claim) + b"ML")
        assert cut_off(connection)
    bystander()
    deadline = time.monotonic() + 5
    while "broke ZeroMQ's framing" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "broke ZeroMQ's framing" in caplog.text


def test_frames_within_the_limit_pass_the_hand_made_handshake(
    server: AtlasServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What the test above relies on: the hand-made peer is taken for a ZeroMQ peer until it lies."""
    with zmtp(server) as connection:
        head, body = hello()
        connection.sendall(b"\x01\x04" + head + b"\x02" + struct.pack(">Q", len(body)) + body)
        deadline = time.monotonic() + 5
        while not server.status().clients and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [client.name for client in server.status().clients] == ["hostile"]


def test_random_bytes_and_cut_frames(server: AtlasServer, bystander: Callable[[], None]) -> None:
    rng = random.Random(5)
    head, body = hello()
    whole = b"\x01\x04" + head + b"\x00" + bytes([255]) + body
    for number in range(60):
        with raw_peer(server) if number % 2 else zmtp(server) as connection:
            try:
                connection.sendall(rng.randbytes(rng.randrange(1, 3000)) if number % 3 else whole[: number + 1])
            except OSError:
                continue
    bystander()
    assert [client.name for client in server.status().clients] == ["bystander"]


def test_a_flood_of_messages_does_not_stop_the_others(
    server: AtlasServer, bystander: Callable[[], None], context: "zmq.Context[zmq.Socket[bytes]]"
) -> None:
    done = threading.Event()

    def flood() -> None:
        with dealer(context, server) as socket:
            socket.sndtimeo = 100
            socket.send_multipart(hello())
            while not done.is_set():
                try:
                    socket.send_multipart(beat)
                except zmq.Again:
                    continue

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        started = time.monotonic()
        for _ in range(10):
            bystander()
        assert time.monotonic() - started < 10
    finally:
        done.set()
        thread.join()


@settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_decoders_raise_nothing_but_protocol_errors(data: st.DataObject) -> None:
    golden = [(d, f) for path in sorted(FOLDER.glob("message-*.bin")) for d, f in unpack(path.read_bytes())]
    _, frames = data.draw(st.sampled_from(golden))
    frames = [bytearray(frame) for frame in frames]
    for _ in range(data.draw(st.integers(1, 4))):
        frame = data.draw(st.sampled_from(frames))
        at = data.draw(st.integers(0, len(frame)))
        change = data.draw(st.sampled_from(["set", "cut", "insert"]))
        if change == "cut":
            del frame[at:]
        elif change == "insert":
            frame[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        elif at < len(frame):
            frame[at] = data.draw(st.integers(0, 255))
    broken = [bytes(frame) for frame in frames[: data.draw(st.integers(0, len(frames)))]]
    for decode in (p.decode_to_server, p.decode_to_client):
        try:
            decode(broken)
        except ProtocolError as error:
            assert error.code in p.BYE_CODES


class FakeServer:
    """A ROUTER that answers every HELLO with prepared messages."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", answers: list[Frames]) -> None:
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self._answers = answers
        self.byes: list[str] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._done.is_set():
            if self._socket.poll(20):
                identity, *frames = self._socket.recv_multipart()
                message = p.decode_to_server(frames)
                if isinstance(message, p.Hello):
                    for answer in self._answers:
                        self._socket.send_multipart([identity, *answer])
                elif isinstance(message, p.Bye):
                    self.byes.append(message.code)

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self._socket.close()


# Without those that need a state to continue from, or a smaller limit; they are played without sockets elsewhere.
SESSIONS = sorted(
    path
    for path in FOLDER.glob("session-*.bin")
    if path.stem not in ("session-resume", "session-new-epoch", "session-too-large")
)


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_a_mirror_survives_a_hostile_server(path: Any, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
    """Good sessions are shown; bad ones end with BYE, show nothing, and the mirror tries again."""
    good = path.stem in ("session-join", "session-empty")
    fake = FakeServer(context, [f for d, f in unpack(path.read_bytes()) if d == TO_CLIENT])
    try:
        with AtlasMirror(fake.endpoint, patience=QUICK) as mirror:
            if good:
                assert mirror.wait_for(lambda state: True, 5)
            else:
                deadline = time.monotonic() + 5
                while len(fake.byes) < 2 and time.monotonic() < deadline:
                    time.sleep(0.01)
                assert len(fake.byes) >= 2
                assert mirror.shown is NOTHING
                assert set(fake.byes) <= set(p.BYE_CODES)
    finally:
        fake.close()


def test_a_mirror_is_not_filled_by_broken_transfers(context: "zmq.Context[zmq.Socket[bytes]]") -> None:
    """Maps that a server declares and never commits count against the limit, session after session."""
    limit = 4 * 1024 * 1024
    spec = p.MapSpec("a", "", "big", 1000, 1000)
    begin = p.encode(p.Begin(1, 0, 2, 0, 0, False))
    answers = [
        p.encode(p.Welcome(1, "hostile", 1, 1, "raw", 1000, 5000)),
        begin,
        p.encode(p.DeclareMap(1, spec, False)),
        p.encode(p.DeclareMap(2, p.MapSpec("b", "", "big", 1000, 1000), False)),
    ]
    fake = FakeServer(context, answers)
    try:
        with AtlasMirror(fake.endpoint, patience=QUICK, max_bytes=limit) as mirror:
            deadline = time.monotonic() + 5
            while len(fake.byes) < 3 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert set(fake.byes) == {"limit"} and len(fake.byes) >= 3
            assert mirror.shown is NOTHING
    finally:
        fake.close()
