"""The server's sockets: sessions of all clients over one ROUTER, in one thread; docs/protocol.md §2, §6, §7.

Whatever a peer sends can cost at most its own session.
"""

import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import zmq
from zmq.utils.monitor import parse_monitor_message

from bridge.errors import BadEndpoint, ProtocolError
from bridge.protocol import (
    CLIENTS,
    CODECS,
    FRAME_TO_SERVER,
    RAW,
    VERSION,
    Ack,
    Bye,
    Heartbeat,
    Hello,
    Message,
    Welcome,
    decode_to_server,
    encode,
    printable,
)
from bridge.security import ServerKeys, answer_zap, is_loopback, secure_server
from bridge.session import GREETING, OutFrames, Session
from bridge.tiles import State
from bridge.wakeup import Wakeup

_log = logging.getLogger("bridge.server")
_BURST = 16
"""Messages to one client before it is the next one's turn."""

_INTAKE = 256
"""Messages read before the next look at the clients."""

_SHUNNED = 1024
"""Dropped routing ids that are remembered; each belongs to one connection."""

_REFUSALS = {
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "it broke off",
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "it does not speak ZeroMQ with our security (no CURVE where it is needed?)",
    zmq.Event.HANDSHAKE_FAILED_AUTH: "its key is not listed",
}


@dataclass(frozen=True)
class ClientStatus:
    """One client. revision: shown, None before the first. lag: revisions behind. lag_s: since the oldest it lacks.

    applied_ms: from COMMIT's arrival to showing, as it told. bytes, tiles: payloads sent. error: why the newest could
    not be shown, else empty. Told anew at every ACK and heartbeat.
    """

    name: str
    address: str
    state: str
    revision: int | None
    lag: int
    lag_s: float
    applied_ms: float
    bytes: int
    tiles: int
    connected_s: float
    error: str


@dataclass
class _Peer:
    session: Session
    address: str
    since: float
    heard: float
    behind_since: float | None = None


class Publisher:
    """Binds, and runs in the thread that calls `run`."""

    def __init__(
        self,
        bind: str,
        keys: ServerKeys | None,
        epoch: int,
        name: str,
        heartbeat_s: float,
        timeout_s: float,
        codec: str | None,
    ) -> None:
        self._epoch, self._name, self._forced_codec = epoch, name, codec
        self._heartbeat_s, self._timeout_s, self._keys = heartbeat_s, timeout_s, keys
        self._peers: dict[bytes, _Peer] = {}
        self._shunned: OrderedDict[bytes, None] = OrderedDict()
        self.clients: tuple[ClientStatus, ...] = ()
        self._news = True
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._zap: zmq.Socket[bytes] | None = None
        try:
            self._open(bind)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def _open(self, bind: str) -> None:
        if self._keys is not None:
            self._zap = self._context.socket(zmq.REP)
            self._zap.linger = 0
            self._zap.bind("inproc://zeromq.zap.01")
        self._router = self._context.socket(zmq.ROUTER)
        self._router.linger = 200
        self._router.router_mandatory = True
        self._router.maxmsgsize = FRAME_TO_SERVER
        self._router.sndhwm = 0  # credits bound what is under way
        self._router.tcp_keepalive = 1
        self._router.tcp_keepalive_idle = 30
        self._router.ipv6 = bind.startswith("tcp://[")
        if self._keys is not None:
            secure_server(self._router, self._keys)
        self._monitor = self._router.get_monitor_socket(sum(_REFUSALS) | zmq.Event.DISCONNECTED)
        try:
            self._router.bind(bind)
        except zmq.ZMQError as error:
            self._router.disable_monitor()
            raise BadEndpoint(f"can't listen at {bind}: {error.strerror or error}") from None
        self.endpoint = self._router.getsockopt_string(zmq.LAST_ENDPOINT)

    def run(
        self,
        wakeup: Wakeup,
        stopping: Callable[[], bool],
        newest: Callable[[], State | None],
        changed: Callable[[], None],
    ) -> None:
        """Serve until `stopping`. `newest` gives the state to publish, if any; `changed` tells of news in `clients`."""
        poller = zmq.Poller()
        for socket in (self._router, self._monitor, *([self._zap] if self._zap else [])):
            poller.register(socket, zmq.POLLIN)
        poller.register(wakeup.fileno(), zmq.POLLIN)
        next_beat = time.monotonic() + self._heartbeat_s
        state: State | None = None
        try:
            while not stopping():
                busy = any(peer.session.can_send for peer in self._peers.values())
                wait = 0 if busy else max(0, int((next_beat - time.monotonic()) * 1000) + 1)
                events = dict(poller.poll(wait))
                if wakeup.fileno() in events:
                    wakeup.silence()
                if self._zap is not None and self._zap in events:
                    self._answer_zap(self._zap)
                if self._monitor in events:
                    self._read_monitor()
                before, state = state, newest()
                self._news |= state is not before
                drained = self._router not in events or self._read_messages(state)
                self._send_transfers(state)
                if drained and time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + self._heartbeat_s
                    self._beat(state)
                    self._news = True
                if self._news:
                    self._news = False
                    self._publish_status(state)
                    changed()
        finally:
            self._close()

    def _close(self) -> None:
        for identity in list(self._peers):
            self._drop(identity, "shutdown", "the server stops")
        self._router.disable_monitor()
        for socket in (self._monitor, self._zap):
            if socket is not None:
                socket.close(linger=0)
        self._router.close()
        self._context.term()
        self.clients = ()

    def _answer_zap(self, zap: "zmq.Socket[bytes]") -> None:
        assert self._keys is not None
        reply, line = answer_zap(zap.recv_multipart(), self._keys)
        _log.log(logging.INFO if reply[2] == b"200" else logging.WARNING, "%s", line)
        zap.send_multipart(reply)

    def _read_monitor(self) -> None:
        with contextlib.suppress(zmq.Again):
            while True:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
                reason = _REFUSALS.get(zmq.Event(event["event"]))
                if reason is not None:
                    _log.warning("a peer was refused in the handshake: %s", reason)
                else:
                    _log.info("a connection ended: closed by the peer, or cut because it broke ZeroMQ's framing")

    def _read_messages(self, state: State | None) -> bool:
        """Read what is there; whether that was all."""
        for _ in range(_INTAKE):
            try:
                frames = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return True
            identity = frames[0].bytes
            if identity not in self._shunned:
                self._receive(identity, frames[1:], state)
        return False

    def _receive(self, identity: bytes, frames: list[zmq.Frame], state: State | None) -> None:
        peer = self._peers.get(identity)
        try:
            message = decode_to_server([frame.buffer for frame in frames])
            if isinstance(message, Bye):
                self._forget(identity, f"says {message.code} {message.message!r}")
            elif peer is not None:
                peer.heard = time.monotonic()
                peer.session.receive(message)
                self._news |= isinstance(message, Ack)
            elif isinstance(message, Hello):
                self._greet(identity, message, _address(frames[-1]), state)
            else:
                raise ProtocolError(f"{type(message).__name__} without a session", "no-session")
        except ProtocolError as error:
            self._drop(identity, error.code, str(error))
        except Exception:
            _log.exception("a fault of the server while it read a message")
            self._drop(identity, "internal", "a fault of the server")

    def _greet(self, identity: bytes, hello: Hello, address: str, state: State | None) -> None:
        if not hello.min_version <= VERSION <= hello.max_version:
            versions = f"{hello.min_version} to {hello.max_version}"
            raise ProtocolError(f"the client speaks versions {versions}, the server {VERSION}", "version")
        if len(self._peers) >= CLIENTS:
            raise ProtocolError(f"{CLIENTS} clients are connected", "busy")
        wanted = self._forced_codec or ("raw" if _is_local(address) else "qoi")
        codec = wanted if wanted in hello.codecs.split(",") else "raw"
        now = time.monotonic()
        self._news = True
        self._peers[identity] = _Peer(Session(hello, CODECS.get(codec, RAW)), address, now, now, now)
        _log.info(
            "%s (%s) connects, has revision %d of epoch %016x", hello.client, address, hello.revision, hello.epoch
        )
        heartbeat_ms, timeout_ms = round(self._heartbeat_s * 1000), round(self._timeout_s * 1000)
        self._say(
            identity, Welcome(VERSION, self._name, self._epoch, _revision(state), codec, heartbeat_ms, timeout_ms)
        )

    def _send_transfers(self, state: State | None) -> None:
        """Give every client its turn: a transfer's next messages, or the start of one."""
        for identity, peer in list(self._peers.items()):
            if state is not None and peer.session.wants(state):
                peer.session.begin(state)
            for frames in peer.session.ready_messages(_BURST):
                if not self._send(identity, frames):
                    break

    def _beat(self, state: State | None) -> None:
        now = time.monotonic()
        for identity, peer in list(self._peers.items()):
            late = peer.session.state == GREETING and now - peer.since > self._timeout_s
            if now - peer.heard > self._timeout_s or late:
                self._drop(
                    identity, "timeout", f"nothing heard for {self._timeout_s:g} s" if not late else "HAVE missing"
                )
            else:
                self._say(identity, Heartbeat(_revision(state)))

    def _say(self, identity: bytes, message: Message) -> bool:
        return self._send(identity, list(encode(message)))

    def _send(self, identity: bytes, frames: OutFrames) -> bool:
        """Send to one peer without waiting; one that can't be reached is forgotten."""
        try:
            self._router.send(identity, zmq.SNDMORE | zmq.NOBLOCK)
            for frame in frames[:-1]:
                self._router.send(frame, zmq.SNDMORE | zmq.NOBLOCK)
            last = frames[-1]
            self._router.send(last, zmq.NOBLOCK, copy=not isinstance(last, zmq.Frame))
        except zmq.ZMQError as error:
            self._forget(identity, "is gone" if error.errno == zmq.EHOSTUNREACH else f"can't be sent to ({error})")
            return False
        return True

    def _drop(self, identity: bytes, code: str, reason: str) -> None:
        """End a session with BYE and a line in the log; the connection is not listened to any more."""
        known = self._peers.pop(identity, None)
        self._news = True
        who = f"{known.session.name} ({known.address})" if known else "an unknown peer"
        _log.log(logging.INFO if code == "shutdown" else logging.WARNING, "%s is dropped: %s: %s", who, code, reason)
        self._shunned[identity] = None
        if len(self._shunned) > _SHUNNED:
            self._shunned.popitem(last=False)
        self._say(identity, Bye(code, printable(reason)))

    def _forget(self, identity: bytes, reason: str) -> None:
        peer = self._peers.pop(identity, None)
        self._news = True
        if peer is not None:
            _log.info("%s (%s) %s", peer.session.name, peer.address, reason)

    def _publish_status(self, state: State | None) -> None:
        now = time.monotonic()
        statuses = []
        for peer in self._peers.values():
            session = peer.session
            if session.shown == _revision(state) or state is None:
                peer.behind_since = None
            elif peer.behind_since is None:
                peer.behind_since = now
            statuses.append(
                ClientStatus(
                    name=session.name,
                    address=peer.address,
                    state=session.state,
                    revision=session.shown,
                    lag=_revision(state) - (session.shown or 0),
                    lag_s=0.0 if peer.behind_since is None else now - peer.behind_since,
                    applied_ms=session.applied_ms,
                    bytes=session.bytes_sent,
                    tiles=session.tiles_sent,
                    connected_s=now - peer.since,
                    error=session.error,
                )
            )
        self.clients = tuple(statuses)


def _revision(state: State | None) -> int:
    return 0 if state is None else state.revision


def _address(frame: zmq.Frame) -> str:
    try:
        return str(frame.get("Peer-Address"))
    except zmq.ZMQError:
        return ""


def _is_local(address: str) -> bool:
    """Whether a peer's address, as libzmq tells it, is this machine's."""
    try:
        return not address or is_loopback(f"tcp://{address}:1")
    except BadEndpoint:
        return False
