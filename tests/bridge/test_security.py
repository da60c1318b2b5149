"""Who gets in: loopback without keys, everywhere else listed keys only."""

import logging
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from bridge.client import AtlasMirror, Patience
from bridge.errors import BadEndpoint
from bridge.protocol import Heartbeat, MapSpec, encode
from bridge.security import ClientKeys, create_keys, is_loopback, load_client_keys, load_server_keys, secure_client
from bridge.server import AtlasServer

QUICK = Patience(first=0.02, longest=0.1, welcome=1.0)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys", "ward")
    return tmp_path / "keys"


def eventually(condition: Callable[[], object], timeout_s: float = 5) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(condition())


@pytest.mark.parametrize("address", ["0.0.0.0", "*", "192.168.1.5", "10.0.0.1", "[::]", "[2001:db8::1]", "eth0", "lo"])
def test_any_other_than_a_loopback_address_needs_keys(address: str) -> None:
    with pytest.raises(BadEndpoint, match="moulage keys create DIR"):
        AtlasServer(f"tcp://{address}:0")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.7.6", "localhost", "[::1]"])
def test_loopback_addresses_are_known(address: str) -> None:
    assert is_loopback(f"tcp://{address}:5581")
    assert is_loopback("ipc:///tmp/x")


def test_a_listed_key_gets_in_even_beyond_loopback(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bridge")
    with AtlasServer("tcp://0.0.0.0:*", keys=load_server_keys(keys)) as server:
        server.add_map(MapSpec("anna", "skin", "albedo", 300, 300))
        revision = server.commit("{}")
        endpoint = server.endpoint.replace("0.0.0.0", "127.0.0.1")
        with AtlasMirror(endpoint, keys=load_client_keys(keys), patience=QUICK) as mirror:
            assert mirror.wait_revision(revision, 10)
            assert server.wait_shown(revision, 10)
    assert "let in as ward" in caplog.text


def test_strangers_stay_out_and_members_go_on(keys: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bridge")
    member = load_client_keys(keys)
    public, secret = zmq.curve_keypair()
    unlisted = ClientKeys(public, secret, member.server)
    wrong_server = ClientKeys(member.public, member.secret, public)
    with AtlasServer("tcp://127.0.0.1:*", keys=load_server_keys(keys)) as server:
        revision = server.commit("{}")
        with (
            AtlasMirror(server.endpoint, keys=unlisted, patience=QUICK, name="unlisted") as first,
            AtlasMirror(server.endpoint, keys=wrong_server, patience=QUICK, name="deceived") as second,
            AtlasMirror(server.endpoint, keys=None, patience=QUICK, name="plain") as third,
            AtlasMirror(server.endpoint, keys=member, patience=QUICK, name="member") as inside,
        ):
            assert inside.wait_revision(revision, 10)
            assert eventually(lambda: all(m.status().detail for m in (first, second, third)))
            time.sleep(0.3)
            revision = server.commit("{}")
            assert inside.wait_revision(revision, 10)
            for outside in (first, second, third):
                assert outside.status().epoch == 0 and outside.status().transfers == 0
            assert [client.name for client in server.status().clients] == ["member"]
            assert "does not list this client's key" in first.status().detail
            assert "server.public" in second.status().detail
            assert "CURVE" in third.status().detail
    assert f"its key {public.decode()} is not listed" in caplog.text
    assert "does not speak ZeroMQ with our security" in caplog.text


def test_a_client_with_keys_does_not_talk_to_a_server_without(keys: Path) -> None:
    with (
        AtlasServer("tcp://127.0.0.1:*") as server,
        AtlasMirror(server.endpoint, keys=load_client_keys(keys), patience=QUICK) as mirror,
    ):
        assert eventually(lambda: mirror.status().detail)
        assert mirror.status().transfers == 0
        assert server.status().clients == ()


def test_a_key_taken_off_the_list_does_not_come_in_again(keys: Path) -> None:
    with AtlasServer("tcp://127.0.0.1:*", keys=load_server_keys(keys)) as server:
        revision = server.commit("{}")
        with AtlasMirror(server.endpoint, keys=load_client_keys(keys), patience=QUICK) as mirror:
            assert mirror.wait_revision(revision, 10)
        (keys / "server" / "allowed" / "ward.public").unlink()
        (keys / "server" / "allowed" / "broken.public").write_text("not a key")
        with AtlasMirror(server.endpoint, keys=load_client_keys(keys), patience=QUICK) as mirror:
            assert eventually(lambda: "does not list" in mirror.status().detail)
            assert mirror.status().transfers == 0


def test_encrypted_does_not_mean_trusted(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    member = load_client_keys(keys)
    with (
        AtlasServer("tcp://127.0.0.1:*", keys=load_server_keys(keys)) as server,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as socket,
    ):
        socket.linger = 0
        secure_client(socket, member)
        socket.connect(server.endpoint)
        socket.send_multipart([encode(Heartbeat(0))[0], b"{"])
        assert socket.poll(5000)
        assert b'"malformed"' in socket.recv_multipart()[1]
    assert "malformed" in caplog.text


def test_key_files_are_secret_and_complete(keys: Path) -> None:
    written = create_keys(keys, "second")
    assert not any(path.name.startswith("server.") and path.parent.name == "server" for path in written)
    assert {path.name for path in (keys / "server" / "allowed").iterdir()} == {"ward.public", "second.public"}
    if os.name == "posix":
        for path in keys.rglob("*.secret"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(BadEndpoint, match="exists"):
        create_keys(keys, "second")
    for name in ("", "..", "a/b", "a b", ".hidden", "x" * 65):
        with pytest.raises(BadEndpoint, match="can't name a client"):
            create_keys(keys, name)
    with pytest.raises(BadEndpoint, match="second, ward"):
        load_client_keys(keys)


def test_damaged_key_folders_are_told_apart(keys: Path, tmp_path: Path) -> None:
    with pytest.raises(BadEndpoint, match=r"client\.secret"):
        load_client_keys(tmp_path)
    with pytest.raises(BadEndpoint, match=r"server\.public is missing"):
        load_server_keys(tmp_path)
    secret = keys / "server" / "server.secret"
    if os.name == "posix":
        secret.chmod(0o644)
        with pytest.raises(BadEndpoint, match="chmod 600"):
            load_server_keys(keys)
        secret.chmod(0o600)
    secret.write_bytes(b"x" * 39)
    with pytest.raises(BadEndpoint, match="is no key file"):
        load_server_keys(keys)
    secret.write_bytes(zmq.curve_keypair()[1])
    with pytest.raises(BadEndpoint, match="don't belong together"):
        load_server_keys(keys)
    (keys / "server" / "allowed" / "ward.public").unlink()
    secret.unlink()
    with pytest.raises(BadEndpoint, match="missing"):
        load_server_keys(keys)


def test_secret_keys_do_not_show_in_representations(keys: Path) -> None:
    server, client = load_server_keys(keys), load_client_keys(keys)
    assert server.secret.decode() not in repr(server)
    assert client.secret.decode() not in repr(client)
