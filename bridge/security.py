"""Who may connect: loopback without keys, others with CURVE (RFC 26) and a list of keys; docs/protocol.md §9."""

import ipaddress
import logging
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils import z85

from bridge.errors import BadEndpoint

ZAP_DOMAIN = "moulage"
_log = logging.getLogger(__name__)
_Z85_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ServerKeys:
    """The server's pair, and the folder of the public keys that may connect (read again at every connection)."""

    public: bytes
    secret: bytes
    allowed: Path

    def client_named(self, public: bytes) -> str | None:
        """The name of the client with this Z85 public key; None if it isn't listed."""
        for path in sorted(self.allowed.glob("*.public")):
            try:
                if _read_key(path) == public:
                    return path.stem
            except (BadEndpoint, OSError) as error:
                _log.warning("a listed key is skipped: %s", error)
        return None

    def __repr__(self) -> str:
        return f"ServerKeys(public={self.public!r}, allowed={str(self.allowed)!r})"


@dataclass(frozen=True)
class ClientKeys:
    """The client's pair and the public key of the server it trusts."""

    public: bytes
    secret: bytes
    server: bytes

    def __repr__(self) -> str:
        return f"ClientKeys(public={self.public!r}, server={self.server!r})"


def is_loopback(endpoint: str) -> bool:
    """Whether what is bound there can be reached from this machine only. BadEndpoint for what is no address."""
    transport, separator, address = endpoint.partition("://")
    if not separator or transport not in ("tcp", "ipc") or not address:
        raise BadEndpoint(f"{endpoint!r} is no address; write for example tcp://127.0.0.1:5581")
    if transport == "ipc":
        return True
    host, colon, port = address.rpartition(":")
    if not colon or not host or not (port == "*" or (port.isascii() and port.isdigit() and 0 <= int(port) <= 65535)):
        raise BadEndpoint(f"{endpoint!r} has no port; write for example tcp://127.0.0.1:5581")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_connect(endpoint: str) -> None:
    """Raise BadEndpoint for what can't be connected to."""
    is_loopback(endpoint)
    if endpoint.startswith("tcp://") and endpoint.rpartition(":")[2] in ("*", "0"):
        raise BadEndpoint(f"{endpoint} names no port; a client needs the server's, for example tcp://127.0.0.1:5581")


def check_bind(endpoint: str, keys: ServerKeys | None) -> None:
    """Refuse to listen beyond this machine without keys."""
    if keys is None and not is_loopback(endpoint):
        raise BadEndpoint(
            f"{endpoint} can be reached from other machines, so it needs keys: make them with "
            "`moulage keys create DIR`, serve with `--keys DIR`, and give DIR/clients/NAME to the client"
        )


def create_keys(folder: Path, client: str = "scene") -> list[Path]:
    """Make a server's keys (if `folder` has none) and those of one more client; the files written.

    Raises BadEndpoint where the client exists already or its name can't be a file's.
    """
    if not _NAME.fullmatch(client):
        raise BadEndpoint(f"{client!r} can't name a client: use letters, digits, . _ - (at most 64)")
    server, own = folder / "server", folder / "clients" / client
    if own.exists():
        raise BadEndpoint(f"{own} exists; choose another name with --client, or delete it and {client}.public first")
    written = []
    for made in (server, server / "allowed", own):
        made.mkdir(parents=True, exist_ok=True)
    if not (server / "server.secret").exists():
        public, secret = zmq.curve_keypair()
        written += [_write_key(server / "server.secret", secret), _write_key(server / "server.public", public)]
    public, secret = zmq.curve_keypair()
    written += [
        _write_key(own / "client.secret", secret),
        _write_key(own / "client.public", public),
        _write_key(own / "server.public", _read_key(server / "server.public")),
        _write_key(server / "allowed" / f"{client}.public", public),
    ]
    return written


def load_server_keys(folder: Path) -> ServerKeys:
    """The keys under DIR or DIR/server. BadEndpoint where a file is missing, damaged or readable by others."""
    server = folder if (folder / "server.secret").exists() else folder / "server"
    allowed = server / "allowed"
    keys = ServerKeys(_read_key(server / "server.public"), _read_secret(server / "server.secret"), allowed)
    _check_pair(keys.public, keys.secret, server)
    if not any(allowed.glob("*.public")):
        raise BadEndpoint(f"{allowed} lists no client; make one with `moulage keys create {folder} --client NAME`")
    return keys


def load_client_keys(folder: Path) -> ClientKeys:
    """The keys in DIR, or in the only folder under DIR/clients. BadEndpoint as in `load_server_keys`."""
    own = folder
    if not (folder / "client.secret").exists():
        clients = sorted(path.parent for path in folder.glob("clients/*/client.secret"))
        if len(clients) != 1:
            found = ", ".join(path.name for path in clients) or "none"
            raise BadEndpoint(f"{folder} has no client.secret; give a client's folder (under clients/: {found})")
        own = clients[0]
    keys = ClientKeys(
        _read_key(own / "client.public"), _read_secret(own / "client.secret"), _read_key(own / "server.public")
    )
    _check_pair(keys.public, keys.secret, own)
    return keys


def secure_server(socket: "zmq.Socket[bytes]", keys: ServerKeys) -> None:
    """Make a socket that is about to bind demand CURVE."""
    socket.curve_server = True
    socket.curve_secretkey = keys.secret
    socket.curve_publickey = keys.public
    socket.zap_domain = ZAP_DOMAIN.encode()


def secure_client(socket: "zmq.Socket[bytes]", keys: ClientKeys) -> None:
    """Make a socket that is about to connect use CURVE."""
    socket.curve_serverkey = keys.server
    socket.curve_secretkey = keys.secret
    socket.curve_publickey = keys.public


def answer_zap(request: list[bytes], keys: ServerKeys) -> tuple[list[bytes], str]:
    """The ZAP reply (RFC 27) to libzmq's question whether a peer may come in, and a line for the log.

    The version, domain and mechanism must be ours: what is not understood is refused.
    """
    if len(request) < 6:
        return [b"1.0", b"", b"500", b"bad request", b"", b""], "a malformed ZAP request"
    version, number, domain, address, _, mechanism = request[:6]
    where = address.decode("ascii", "replace")
    if version != b"1.0" or domain != ZAP_DOMAIN.encode() or mechanism != b"CURVE" or len(request) != 7:
        return [b"1.0", number, b"400", b"CURVE only", b"", b""], f"{where} refused: it does not use CURVE"
    public = z85.encode(request[6])
    name = keys.client_named(public)
    if name is None:
        return [
            b"1.0",
            number,
            b"400",
            b"unknown key",
            b"",
            b"",
        ], f"{where} refused: its key {public.decode()} is not listed"
    return [b"1.0", number, b"200", b"OK", name.encode(), b""], f"{where} let in as {name}"


def _write_key(path: Path, key: bytes) -> Path:
    """Write a key file that did not exist; a secret one for its owner's eyes only from its first byte."""
    mode = 0o600 if path.suffix == ".secret" else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key + b"\n")
    return path


def _read_secret(path: Path) -> bytes:
    key = _read_key(path)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BadEndpoint(f"{path} can be read by others; run `chmod 600 {path}`")
    return key


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(256).decode("ascii", "replace").strip()
    except FileNotFoundError:
        raise BadEndpoint(f"{path} is missing; keys are made with `moulage keys create DIR`") from None
    if not _Z85_KEY.fullmatch(text):
        raise BadEndpoint(f"{path} is no key file: it must hold one line, the 40 characters of a Z85 key")
    return text.encode()


def _check_pair(public: bytes, secret: bytes, folder: Path) -> None:
    if zmq.curve_public(secret) != public:
        raise BadEndpoint(f"the secret and the public key in {folder} don't belong together")
