"""A proxy between server and mirror that cuts, delays, stalls, doubles and reorders connections."""

import random
import time
from collections.abc import Iterator

import pytest
from model import OWNERS, SKIN, SMALL, Model, close_up
from proxy import Proxy
from test_link import Witness

from bridge.client import AtlasMirror, Patience
from bridge.server import AtlasServer

EAGER = Patience(first=0.01, longest=0.05, welcome=0.5)


@pytest.fixture
def server() -> Iterator[AtlasServer]:
    with AtlasServer("tcp://127.0.0.1:*", heartbeat_s=0.1, timeout_s=0.5) as server:
        yield server


@pytest.fixture
def proxy(server: AtlasServer) -> Iterator[Proxy]:
    with Proxy(server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def model(server: AtlasServer) -> Model:
    model = Model()
    for spec in (SKIN, OWNERS, SMALL):
        model.add(server, spec)
        model.paint(server, spec.key, whole=True)
    model.commit(server)
    return model


@pytest.mark.parametrize("trouble", ["drop", "drop_rate", "delay", "stall", "duplicate", "reorder", "refuse", "all"])
def test_the_maps_agree_in_the_end(server: AtlasServer, proxy: Proxy, model: Model, trouble: str) -> None:
    rng = random.Random(trouble)
    witness = Witness()
    proxy.chunk = 4096
    proxy.delay_s = 0.005 if trouble in ("delay", "all") else 0
    proxy.duplicate = trouble in ("duplicate", "all")
    proxy.reorder_s = 0.1 if trouble in ("reorder", "all") else 0
    proxy.drop_rate = 0.02 if trouble in ("drop_rate", "all") else 0
    proxy.refuse = trouble == "refuse"
    with AtlasMirror(proxy.endpoint, patience=EAGER, on_shown=witness, window=4) as client:
        for step in range(12):
            if step == 5:
                model.add(server, close_up("x"))
            model.paint(server)
            model.commit(server)
            if trouble in ("drop", "reorder", "all") and rng.random() < 0.5:
                proxy.drop()
            proxy.stalled = trouble in ("stall", "all") and step == 7
            time.sleep(0.02 if step != 7 else 0.8)
        proxy.refuse = proxy.stalled = False
        proxy.drop_rate = proxy.delay_s = 0
        assert client.wait_for(model.matches, 15), client.status()
    assert witness.wrong == []
    if trouble in ("drop", "refuse", "all"):
        assert proxy.connections > 1


def test_a_large_transfer_goes_on_where_it_was_cut(server: AtlasServer, proxy: Proxy) -> None:
    """Every connection dies after a part of the map; without resuming it would never arrive."""
    model = Model()
    spec = close_up("large", 1500)
    model.add(server, spec)
    model.paint(server, spec.key, whole=True)
    model.pixels[spec.key][...] = random.Random(1).randbytes(1)[0] + 1
    model.pixels[spec.key][::3, ::5] = 77
    server.publish(spec.key, (0, 0, 1500, 1500), model.pixels[spec.key])
    model.commit(server)
    proxy.drop_rate = 0.06
    with AtlasMirror(proxy.endpoint, patience=EAGER, window=2) as client:
        assert client.wait_for(model.matches, 20), client.status()
        assert client.status().tiles < 2 * spec.tiles, "tiles that had come are not sent again"
    assert proxy.connections > 2
