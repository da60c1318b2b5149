"""Server and mirror over real sockets in one process: joining, changing, leaving, many clients."""

import json
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from model import OWNERS, SKIN, SMALL, Model, close_up, disagreements

from bridge.client import AtlasMirror, Patience
from bridge.errors import BadEndpoint, BadMap, BridgeError
from bridge.protocol import MAPS, MapSpec
from bridge.server import AtlasServer
from bridge.tiles import State

QUICK = Patience(first=0.02, longest=0.2, welcome=2.0)


@pytest.fixture(params=["raw", "qoi"])
def server(request: pytest.FixtureRequest) -> Iterator[AtlasServer]:
    with AtlasServer("tcp://127.0.0.1:*", codec=request.param) as server:
        yield server


@pytest.fixture
def model(server: AtlasServer) -> Model:
    model = Model()
    for spec in (SKIN, OWNERS, SMALL):
        model.add(server, spec)
        model.paint(server, spec.key, whole=True)
    model.commit(server)
    return model


class Witness:
    """Listens to a mirror and remembers every state that was not a whole revision."""

    def __init__(self) -> None:
        self.revisions: list[int] = []
        self.wrong: list[str] = []

    def __call__(self, state: State) -> None:
        self.revisions.append(state.revision)
        self.wrong += [f"{state.revision}: {name}" for name in disagreements(state)]


def mirror(server: AtlasServer, witness: Witness | None = None, **options: object) -> AtlasMirror:
    return AtlasMirror(server.endpoint, patience=QUICK, on_shown=witness, **options)  # type: ignore[arg-type]


def test_a_late_joiner_gets_the_newest_revision(server: AtlasServer, model: Model) -> None:
    for _ in range(5):
        model.paint(server)
        model.commit(server)
    witness = Witness()
    with mirror(server, witness) as late:
        assert late.wait_for(model.matches, 10)
        assert witness.revisions == [model.revision]
    assert witness.wrong == []


def test_every_commit_arrives_whole_and_in_order(server: AtlasServer, model: Model) -> None:
    witness = Witness()
    with mirror(server, witness) as client:
        for _ in range(20):
            model.paint(server)
            model.paint(server)
            model.commit(server)
        assert client.wait_for(model.matches, 10)
        assert server.wait_shown(model.revision, 10)
    assert witness.wrong == []
    assert witness.revisions == sorted(set(witness.revisions))


def test_only_changed_tiles_travel(server: AtlasServer, model: Model) -> None:
    with mirror(server) as client:
        assert client.wait_for(model.matches, 10)
        before = client.status().tiles
        x, y = 250, 10
        patch = model.pixels[SKIN.key][y : y + 5, x : x + 12]
        patch += 1
        server.publish(SKIN.key, (x, y, 12, 5), patch)
        server.publish(SMALL.key, (0, 0, 5, 257), model.pixels[SMALL.key])
        model.commit(server)
        assert client.wait_for(model.matches, 10)
        assert client.status().tiles - before == 2, "two tiles share the rectangle; the other map did not change"


def test_maps_come_go_and_change_their_size(server: AtlasServer, model: Model) -> None:
    witness = Witness()
    with mirror(server, witness) as client:
        model.add(server, close_up("a"))
        model.paint(server, close_up("a").key, whole=True)
        model.commit(server)
        assert client.wait_for(model.matches, 10)
        model.remove(server, close_up("a").key)
        model.add(server, close_up("a", 300))
        model.paint(server, close_up("a").key)
        model.remove(server, SMALL.key)
        model.commit(server)
        assert client.wait_for(model.matches, 10)
        assert SMALL.key not in client.shown.by_key
        assert client.shown.by_key[close_up("a").key].spec.width == 300
    assert witness.wrong == []


def test_pixels_published_but_not_committed_stay_unseen(server: AtlasServer, model: Model) -> None:
    committed = dict(model.committed)
    model.paint(server, SKIN.key, whole=True)
    with mirror(server) as client:
        assert client.wait_revision(model.revision, 10)
        assert json.loads(client.shown.document)["maps"] == committed
        assert disagreements(client.shown) == []


def test_a_map_of_zeros_costs_nothing(server: AtlasServer) -> None:
    server.add_map(MapSpec("anna", "skin", "instance", 4096, 4096, "r16", "linear"))
    revision = server.commit()
    with mirror(server) as client:
        assert client.wait_revision(revision, 10)
        assert client.status().tiles == 0
        (state,) = client.shown.maps.values()
        assert not state.pixels().any()


def test_nothing_is_sent_before_the_first_commit(server: AtlasServer, model: Model) -> None:
    """A server that has just been restarted must not blank the scenes that waited for it."""
    with mirror(server) as client:
        assert client.wait_for(model.matches, 10)
        shown, epoch = client.shown, client.epoch
    with AtlasServer("tcp://127.0.0.1:*") as fresh:
        fresh.add_map(SKIN)
        with mirror(fresh, epoch=epoch, shown=shown) as client:
            deadline = time.monotonic() + 10
            while client.status().phase != "ready":
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(0.1)
            assert client.shown is shown
            revision = fresh.commit()
            assert client.wait_for(lambda state: state.revision == revision and len(state.maps) == 1, 10)


def test_a_server_without_maps_shows_nothing(server: AtlasServer) -> None:
    server.commit()
    with mirror(server) as client:
        assert client.wait_for(lambda state: not state.maps and state.document == b"", 10)


def test_a_new_mirror_continues_from_a_cache(server: AtlasServer, model: Model) -> None:
    with mirror(server) as client:
        assert client.wait_for(model.matches, 10)
        shown, epoch = client.shown, client.status().epoch
    model.paint(server, SMALL.key, whole=True)
    model.commit(server)
    with mirror(server, epoch=epoch, shown=shown) as client:
        assert client.wait_for(model.matches, 10)
        assert client.status().tiles == SMALL.tiles


def test_a_cache_of_other_content_is_put_right(server: AtlasServer, model: Model) -> None:
    with mirror(server) as client:
        assert client.wait_for(model.matches, 10)
        other = State(
            client.shown.revision,
            {n: one.painted([(0, 0, one.pixels()[::-1])]) for n, one in client.shown.maps.items()},
            b"something else",
        )
        epoch = client.status().epoch
    with mirror(server, epoch=epoch, shown=other) as client:
        assert client.wait_for(model.matches, 10)


def test_status_tells_what_each_client_shows(server: AtlasServer, model: Model) -> None:
    with mirror(server, name="Ward 3"), mirror(server, name="Ward 4"):
        assert server.wait_shown(model.revision, 10, clients=2)
        clients = server.status().clients
        assert sorted(client.name for client in clients) == ["Ward 3", "Ward 4"]
        for client in clients:
            assert (client.revision, client.lag, client.lag_s, client.error) == (model.revision, 0, 0.0, "")
            assert client.address == "127.0.0.1"
            assert client.bytes > 0 and client.tiles > 0 and 0 <= client.applied_ms < 10_000
    deadline = time.monotonic() + 5
    while server.status().clients and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.status().clients == ()


def test_a_listener_that_fails_is_reported_as_an_error(server: AtlasServer, model: Model) -> None:
    def fails(state: State) -> None:
        raise MemoryError(f"no room for\n{state.revision}")

    with AtlasMirror(server.endpoint, patience=QUICK, on_shown=fails):
        deadline = time.monotonic() + 10
        while not (server.status().clients and server.status().clients[0].error) and time.monotonic() < deadline:
            time.sleep(0.01)
        (client,) = server.status().clients
        assert client.error == f"MemoryError: no room for {model.revision}"
        assert client.revision is None


def test_a_slow_client_skips_revisions_and_delays_nobody(server: AtlasServer, model: Model) -> None:
    gate = threading.Event()
    slow_witness, witness = Witness(), Witness()

    def waits(state: State) -> None:
        gate.wait(20)
        slow_witness(state)

    with (
        AtlasMirror(server.endpoint, patience=QUICK, on_shown=waits, name="slow") as slow,
        mirror(server, witness) as quick,
    ):
        deadline = time.monotonic() + 5
        while [c.state for c in server.status().clients if c.name == "slow"] != ["waiting"]:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        for _ in range(10):
            model.paint(server)
            model.commit(server)
            assert quick.wait_for(model.matches, 3)
        assert max(c.lag for c in server.status().clients if c.name == "slow") >= 10
        gate.set()
        assert slow.wait_for(model.matches, 10)
    assert len(slow_witness.revisions) == 2
    assert slow_witness.wrong == witness.wrong == []


def test_publishing_threads_do_not_disturb_each_other(server: AtlasServer) -> None:
    specs = [MapSpec("anna", "skin", f"layer {i}", 300, 300) for i in range(4)]
    for spec in specs:
        server.add_map(spec)
    last = [np.zeros((300, 300, 4), np.uint8) for _ in specs]

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        for _ in range(20):
            last[number][...] = rng.integers(0, 256)
            last[number][:40, :40] = rng.integers(0, 256)
            server.publish(specs[number].key, (0, 0, 300, 300), last[number])
            server.commit()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    with mirror(server) as client:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.status().revision == 80
        assert client.wait_revision(80, 10)
        for spec, pixels in zip(specs, last, strict=True):
            assert np.array_equal(client.shown.by_key[spec.key].pixels(), pixels)


def test_publishing_copies(server: AtlasServer, model: Model) -> None:
    pixels = np.full((300, 600, 4), 7, np.uint8)
    server.publish(SKIN.key, (0, 0, 600, 300), pixels)
    pixels[...] = 9
    revision = server.commit()
    with mirror(server) as client:
        assert client.wait_revision(revision, 10)
        assert (client.shown.by_key[SKIN.key].pixels() == 7).all()


@pytest.mark.parametrize(
    ("rect", "shape", "dtype", "says"),
    [
        ((0, 0, 0, 1), (1, 0, 4), np.uint8, "outside"),
        ((-1, 0, 2, 1), (1, 2, 4), np.uint8, "outside"),
        ((599, 0, 2, 1), (1, 2, 4), np.uint8, "outside"),
        ((0, 299, 1, 2), (2, 1, 4), np.uint8, "outside"),
        ((0, 0, 2, 1), (2, 1, 4), np.uint8, "needs uint8"),
        ((0, 0, 2, 1), (1, 2, 3), np.uint8, "needs uint8"),
        ((0, 0, 2, 1), (1, 2, 4), np.float32, "needs uint8"),
    ],
)
def test_what_does_not_fit_is_refused(
    server: AtlasServer,
    model: Model,
    rect: tuple[int, int, int, int],
    shape: tuple[int, ...],
    dtype: type,
    says: str,
) -> None:
    with pytest.raises(BadMap, match=says):
        server.publish(SKIN.key, rect, np.zeros(shape, dtype))


def test_unknown_maps_and_large_documents_are_refused(server: AtlasServer, model: Model) -> None:
    with pytest.raises(BadMap, match="there is no map x/y/z; declared are: anna/skin/albedo"):
        server.publish(("x", "y", "z"), (0, 0, 1, 1), np.zeros((1, 1, 4), np.uint8))
    with pytest.raises(BadMap, match="at most 4194304"):
        server.commit(b"x" * (4 * 1024 * 1024 + 1))
    with pytest.raises(BadMap, match="width is 16385"):
        server.add_map(MapSpec("a", "b", "c", 16385, 1))
    with pytest.raises(BadMap, match="control character"):
        server.add_map(MapSpec("a\n", "b", "c", 1, 1))


def test_thousands_of_maps_come_in_seconds() -> None:
    specs = [MapSpec("anna", "skin", f"close-up/{number}", 8, 8) for number in range(MAPS)]
    with AtlasServer("tcp://127.0.0.1:*") as server:
        for number, spec in enumerate(specs):
            server.add_map(spec)
            server.publish(spec.key, (0, 0, 8, 8), np.full((8, 8, 4), 1 + number % 250, np.uint8))
        revision = server.commit()
        with AtlasMirror(server.endpoint, patience=QUICK) as client:
            assert client.wait_revision(revision, 15)
            assert len(client.shown.maps) == MAPS
            assert (client.shown.by_key[specs[-1].key].pixels() == 1 + (MAPS - 1) % 250).all()


def test_a_closed_server_says_so() -> None:
    server = AtlasServer("tcp://127.0.0.1:*")
    server.close()
    server.close()
    with pytest.raises(BridgeError, match="closed"):
        server.commit()


def test_addresses_that_cannot_be_used_are_named() -> None:
    with AtlasServer("tcp://127.0.0.1:*") as server:
        with pytest.raises(BadEndpoint, match="can't listen at"):
            AtlasServer(server.endpoint)
        for address in ("127.0.0.1:5581", "tcp://127.0.0.1", "tcp://", "udp://127.0.0.1:1", "tcp://127.0.0.1:99999"):
            with pytest.raises(BadEndpoint, match=r"tcp://127\.0\.0\.1:5581"):
                AtlasServer(address)
        for address in ("tcp:/nowhere", "tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "http://127.0.0.1:5581"):
            with pytest.raises(BadEndpoint, match=r"tcp://127\.0\.0\.1:5581"):
                AtlasMirror(address)


def test_a_server_whose_name_is_unknown_is_waited_for() -> None:
    with AtlasMirror("tcp://no-such-host.invalid:5581", patience=QUICK) as client:
        time.sleep(0.2)
        assert client.status().transfers == 0
        assert "fault" not in client.status().detail
