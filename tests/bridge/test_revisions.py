"""What is published becomes revisions in order, however late the server's thread comes to it."""

import threading
import time

import numpy as np
import pytest

from bridge.errors import BadMap, BridgeError
from bridge.protocol import MAPS, MapSpec
from bridge.revisions import Revisions

SPEC = MapSpec("a", "m", "x", 300, 10)


def pixels(value: int, spec: MapSpec = SPEC) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.full((spec.height, spec.width, 4), value, np.uint8)


def test_what_comes_after_a_commit_does_not_reach_back_into_it() -> None:
    """Pixels and removals after a commit leave it as it was, though all are worked off in one go."""
    revisions = Revisions()
    revisions.add_map(SPEC)
    revisions.publish(SPEC.key, (0, 0, 300, 10), pixels(1))
    revisions.commit("first")
    revisions.publish(SPEC.key, (0, 0, 300, 10), pixels(2))
    revisions.remove_map(SPEC.key)
    assert revisions.integrate() and revisions.state is not None
    assert (revisions.state.revision, revisions.state.document) == (1, b"first")
    assert (revisions.state.by_key[SPEC.key].pixels() == 1).all()
    revisions.commit()
    assert revisions.integrate()
    assert (revisions.state.revision, revisions.state.document, len(revisions.state.maps)) == (2, b"first", 0)


def test_a_map_that_comes_back_with_another_size_starts_blank() -> None:
    revisions = Revisions()
    revisions.add_map(SPEC)
    revisions.publish(SPEC.key, (0, 0, 300, 10), pixels(1))
    revisions.commit()
    revisions.integrate()
    before = dict(revisions.state.maps)
    larger = MapSpec("a", "m", "x", 301, 10)
    revisions.add_map(larger)
    revisions.commit()
    revisions.integrate()
    (number,) = revisions.state.maps
    assert number not in before, "another size is another map"
    assert not revisions.state.maps[number].pixels().any()
    revisions.add_map(larger)
    revisions.commit()
    revisions.integrate()
    assert set(revisions.state.maps) == {number}, "declaring a map again changes nothing"


def test_several_commits_at_once_lead_to_the_newest() -> None:
    revisions = Revisions(revision=7)
    revisions.add_map(SPEC)
    for value in (1, 2, 3):
        revisions.publish(SPEC.key, (0, 0, 300, 10), pixels(value))
        assert revisions.commit() == 7 + value
    revisions.integrate()
    assert revisions.state.revision == 10
    assert (revisions.state.by_key[SPEC.key].pixels() == 3).all()
    assert not revisions.integrate()


def test_publishing_waits_where_too_much_is_pending() -> None:
    revisions = Revisions(pending_bytes=2 * SPEC.nbytes)
    revisions.add_map(SPEC)
    published: list[int] = []

    def publish() -> None:
        for value in range(6):
            revisions.publish(SPEC.key, (0, 0, 300, 10), pixels(value))
            published.append(value)

    thread = threading.Thread(target=publish)
    thread.start()
    time.sleep(0.2)
    assert published == [0, 1]
    while thread.is_alive():
        revisions.integrate()
        thread.join(0.01)
    assert published == list(range(6))


def test_a_closed_link_wakes_who_waits() -> None:
    revisions = Revisions(pending_bytes=1)
    revisions.add_map(SPEC)
    revisions.publish(SPEC.key, (0, 0, 300, 10), pixels(1))
    failed: list[str] = []

    def publish() -> None:
        try:
            revisions.publish(SPEC.key, (0, 0, 300, 10), pixels(2))
        except BridgeError as error:
            failed.append(str(error))

    thread = threading.Thread(target=publish)
    thread.start()
    revisions.close("closed")
    thread.join(5)
    assert failed == ["closed"]


def test_no_more_maps_than_can_be_carried() -> None:
    revisions = Revisions()
    for number in range(MAPS):
        revisions.add_map(MapSpec("a", "m", str(number), 1, 1))
    with pytest.raises(BadMap, match="4096 maps"):
        revisions.add_map(MapSpec("a", "m", "more", 1, 1))
