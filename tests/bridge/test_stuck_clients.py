"""What a client that does nothing costs the server: one tile of each place at most, and no old state."""

import gc
import weakref

import numpy as np
import pytest
from golden_vectors import hello

from bridge.errors import ProtocolError
from bridge.protocol import RAW, Ack, Credit, MapSpec
from bridge.revisions import Revisions
from bridge.session import Session
from bridge.tiles import Tile

SPEC = MapSpec("a", "m", "x", 1000, 1000)


def advance(revisions: Revisions, value: int) -> None:
    revisions.publish(SPEC.key, (0, 0, 1000, 1000), np.full((1000, 1000, 4), value, np.uint8))
    revisions.commit()
    revisions.integrate()


def scene() -> Revisions:
    revisions = Revisions()
    revisions.add_map(SPEC)
    advance(revisions, 1)
    return revisions


def living_tiles() -> int:
    gc.collect()
    return sum(type(one) is Tile for one in gc.get_objects())


def test_a_stuck_client_pins_the_tiles_of_one_transfer_only() -> None:
    revisions, session = scene(), Session(hello(credits=1), RAW)
    before = living_tiles()
    assert before >= SPEC.tiles and revisions.state is not None
    session.begin(revisions.state)
    sent = [frames for _ in range(10) for frames in session.ready_messages(100)]
    assert len(sent) == 3, "BEGIN, MAP and the one tile that it gave credit for"
    old = [weakref.ref(revisions.state)]
    for value in range(2, 30):
        advance(revisions, value)
        assert revisions.state is not None
        old.append(weakref.ref(revisions.state))
        assert not session.wants(revisions.state), "a transfer is under way"
    assert living_tiles() - before <= SPEC.tiles
    assert [state() is None for state in old] == [True] * (len(old) - 1) + [False]


def test_a_client_that_never_acknowledges_pins_no_pixels() -> None:
    revisions, session = scene(), Session(hello(credits=1024), RAW)
    assert revisions.state is not None
    session.begin(revisions.state)
    sent = list(session.ready_messages(1000))
    assert len(sent) == SPEC.tiles + 3
    before = living_tiles()
    del sent
    for value in range(2, 10):
        advance(revisions, value)
    assert living_tiles() <= before


def test_a_snapshot_does_not_change_while_it_is_sent() -> None:
    revisions, session = scene(), Session(hello(credits=1), RAW)
    assert revisions.state is not None
    session.begin(revisions.state)
    snapshot = list(session.ready_messages(100))[2:]
    advance(revisions, 9)
    while session.state == "sending":
        session.receive(Credit(1))
        snapshot += list(session.ready_messages(1))
    pixels = [bytes(frames[1]) for frames in snapshot if bytes(frames[0])[3] == 7]
    assert len(pixels) == SPEC.tiles and all(set(payload) == {1} for payload in pixels)
    session.receive(Ack(1, 0.0))
    assert session.wants(revisions.state), "what changed meanwhile is the next transfer's"
    with pytest.raises(ProtocolError, match="not awaited"):
        session.receive(Ack(1, 0.0))
