"""`AtlasMirror`: the reference client. Shows what an `AtlasServer` publishes, through every kind of restart.

docs/protocol.md §2, §6, §7; the rules of a session are `bridge.receiver`'s.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import zmq
from zmq.utils.monitor import parse_monitor_message

from bridge.errors import BridgeError, ProtocolError
from bridge.protocol import CREDITS, FRAME_TO_CLIENT, Bye, encode, printable
from bridge.receiver import NOTHING, Farewell, Frames, Receiver
from bridge.security import ClientKeys, check_connect, secure_client
from bridge.tiles import State
from bridge.wakeup import Wakeup

_log = logging.getLogger(__name__)
_INTAKE = 256
_ENDED = {
    zmq.Event.DISCONNECTED: "the connection broke",
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "the handshake failed: is CURVE wanted (--keys)? Is server.public its key?",
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "no common security: is CURVE (--keys) wanted on one side only?",
    zmq.Event.HANDSHAKE_FAILED_AUTH: "the server does not list this client's key",
}


@dataclass(frozen=True)
class Patience:
    """Seconds to wait: between sessions (doubled after each failure from `first` to `longest`), for WELCOME."""

    first: float = 0.25
    longest: float = 5.0
    welcome: float = 5.0
    version: float = 30.0


@dataclass(frozen=True)
class MirrorStatus:
    """phase: waiting, greeting, ready or receiving. detail: why the last session ended. newest: the server's revision.

    transfers, tiles, bytes: received since the start; bytes are raw pixels.
    """

    phase: str
    detail: str
    epoch: int
    revision: int
    newest: int
    transfers: int
    tiles: int
    bytes: int


class AtlasMirror:
    """Mirrors one server in a thread of its own. Close it, or use it in a `with` statement.

    name: for the server's status. keys: for a server with CURVE. window: tiles that may be under way. max_bytes: the
    pixels of all maps together. epoch, shown: a state to start from. on_shown: called in the mirror's thread with every
    state before it is acknowledged, for less than the server's timeout; what it raises is told to the server.
    Raises BadEndpoint for what is no address.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        name: str = "mirror",
        keys: ClientKeys | None = None,
        window: int = 128,
        codecs: Sequence[str] = ("raw", "qoi"),
        max_bytes: int = 2 * 1024**3,
        epoch: int = 0,
        shown: State = NOTHING,
        patience: Patience = Patience(),
        on_shown: Callable[[State], None] | None = None,
    ) -> None:
        check_connect(endpoint)
        if not 1 <= window <= CREDITS:
            raise BridgeError(f"window is {window}; it must lie in 1 to {CREDITS}")
        self._endpoint, self._keys, self._patience, self._on_shown = endpoint, keys, patience, on_shown
        self._receiver = Receiver(name, window, codecs, max_bytes, epoch, shown)
        self._epoch, self._shown = epoch, shown
        self._detail, self._transfers = "", 0
        self._news = threading.Condition()
        self._stopping = False
        self._wait_s = patience.first
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._run, name="moulage-mirror", daemon=True)
        self._thread.start()

    @property
    def shown(self) -> State:
        """The state shown: one whole revision, immutable."""
        return self._shown

    @property
    def epoch(self) -> int:
        """The epoch of the state shown; 0 before the first. In `on_shown` already that of the new state."""
        return self._receiver.epoch

    def status(self) -> MirrorStatus:
        """A picture of this moment."""
        with self._news:
            receiver = self._receiver
            return MirrorStatus(
                phase=receiver.phase,
                detail=self._detail,
                epoch=self._epoch,
                revision=self._shown.revision,
                newest=receiver.newest,
                transfers=self._transfers,
                tiles=receiver.tiles,
                bytes=receiver.raw_bytes,
            )

    def wait_for(self, condition: Callable[[State], bool], timeout_s: float) -> bool:
        """Wait until the shown state of a first transfer satisfies `condition`; whether it does."""
        with self._news:
            return self._news.wait_for(lambda: self._transfers > 0 and condition(self._shown), timeout_s)

    def wait_revision(self, revision: int, timeout_s: float) -> bool:
        """Wait until `revision` or a later one is shown."""
        return self.wait_for(lambda state: state.revision >= revision, timeout_s)

    def close(self) -> None:
        """Say goodbye and stop; `shown` stays."""
        self._stopping = True
        self._wakeup.ring()
        if self._thread is not threading.current_thread():
            self._thread.join()
            self._wakeup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            while not self._stopping:
                ended = self._session()
                self._receiver.close()
                self._tell(ended)
                if not self._stopping:
                    _log.info("session over: %s", ended)
                    self._pause()
        except Exception as fault:
            _log.exception("the mirror has stopped")
            self._tell(f"stopped by a fault: {fault}")
        finally:
            self._context.destroy(linger=0)

    def _pause(self) -> None:
        """Wait before the next session, longer each time, ± 20 %; less if `close` rings."""
        poller = zmq.Poller()
        poller.register(self._wakeup.fileno(), zmq.POLLIN)
        poller.poll(int(self._wait_s * random.uniform(0.8, 1.2) * 1000))
        self._wait_s = min(self._wait_s * 2, self._patience.longest)

    def _session(self) -> str:
        """One session from socket to socket; why it ended."""
        socket = self._context.socket(zmq.DEALER)
        socket.linger = 0
        socket.maxmsgsize = FRAME_TO_CLIENT
        socket.sndhwm = socket.rcvhwm = 0
        socket.sndtimeo = 0
        socket.ipv6 = self._endpoint.startswith("tcp://[")
        if self._keys is not None:
            secure_client(socket, self._keys)
        monitor = socket.get_monitor_socket(sum(_ENDED))
        try:
            socket.connect(self._endpoint)
            for frames in self._receiver.open():
                _send(socket, frames)  # a pipe that is gone already is told by the monitor
            self._tell("")
            return self._converse(socket, monitor)
        except ProtocolError as error:
            if error.code == "mismatch":
                self._receiver.distrust()
            self._farewell(socket, error.code, str(error))
            _log.warning("the server broke the protocol: %s: %s", error.code, error)
            return f"{error.code}: {error}"
        except Farewell as error:
            if error.code == "version":
                self._wait_s = self._patience.version
            return str(error)
        except zmq.ZMQError as error:
            return f"ZeroMQ says: {error}"
        finally:
            socket.disable_monitor()
            monitor.close(linger=0)
            socket.close()

    def _converse(self, socket: "zmq.Socket[bytes]", monitor: "zmq.Socket[bytes]") -> str:
        """Receive and answer until the session ends; why it ended."""
        poller = zmq.Poller()
        for source in (socket, monitor, self._wakeup.fileno()):
            poller.register(source, zmq.POLLIN)
        heard = time.monotonic()
        next_beat = heard + self._patience.welcome
        while True:
            welcome = self._receiver.welcome
            timeout = self._patience.welcome if welcome is None else welcome.timeout_ms / 1000
            wait = min(heard + timeout, next_beat) - time.monotonic()
            events = dict(poller.poll(max(0, int(wait * 1000) + 1)))
            if self._wakeup.fileno() in events:
                self._wakeup.silence()
            if self._stopping:
                self._farewell(socket, "leaving", "")
                return "closed"
            if socket in events:
                heard = time.monotonic()
                self._receive(socket)
                if welcome is None and self._receiver.welcome is not None:
                    next_beat = heard
            elif monitor in events and (reason := _read_monitor(monitor)):
                return reason
            now = time.monotonic()
            if now - heard > timeout:
                return f"nothing heard for {timeout:g} s"
            welcome = self._receiver.welcome
            if welcome is not None and now >= next_beat:
                next_beat = now + welcome.heartbeat_ms / 1000
                _send(socket, self._receiver.heartbeat())

    def _receive(self, socket: "zmq.Socket[bytes]") -> None:
        """Take the messages that are there, a bounded number of them."""
        for _ in range(_INTAKE):
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            for answer in self._receiver.receive(frames):
                _send(socket, answer)
            if self._receiver.unacknowledged:
                _send(socket, self._receiver.acknowledge(self._show()))

    def _show(self) -> str:
        """Make the receiver's state the one that everybody sees; what the listener complained of."""
        state = self._receiver.shown
        complaint = ""
        if self._on_shown is not None:
            try:
                self._on_shown(state)
            except Exception as error:
                _log.exception("the listener could not show revision %d", state.revision)
                complaint = f"{type(error).__name__}: {error}"
        with self._news:
            self._shown, self._epoch = state, self._receiver.epoch
            self._transfers += 1
            self._wait_s = self._patience.first
            self._news.notify_all()
        return complaint

    def _tell(self, detail: str) -> None:
        with self._news:
            self._detail = detail or self._detail
            self._news.notify_all()

    def _farewell(self, socket: "zmq.Socket[bytes]", code: str, message: str) -> None:
        socket.linger = 100
        with contextlib.suppress(zmq.ZMQError):
            socket.send_multipart(encode(Bye(code, printable(message))))


def _send(socket: "zmq.Socket[bytes]", frames: Frames) -> None:
    """Send without waiting; what the pipe does not take is lost with the session, which its timeout ends."""
    with contextlib.suppress(zmq.Again):
        socket.send_multipart(frames)


def _read_monitor(monitor: "zmq.Socket[bytes]") -> str:
    """Why the connection ended; empty where it did not."""
    reason = ""
    with contextlib.suppress(zmq.Again):
        while True:
            event = parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))
            reason = reason or _ENDED.get(zmq.Event(event["event"]), "")
    return reason
