"""The receiver against the golden sessions: what it says, shows and refuses, without sockets."""

import hashlib
import json
from typing import Any

import pytest
from golden_vectors import TO_CLIENT, unpack
from make_golden import FOLDER

from bridge.errors import ProtocolError
from bridge.protocol import Credit, decode_to_server
from bridge.receiver import NOTHING, Receiver
from bridge.tiles import State, as_bytes

SESSIONS: dict[str, Any] = {
    entry["name"]: entry for entry in json.loads((FOLDER / "index.json").read_text("utf-8"))["sessions"]
}


def seen(state: State) -> dict[str, Any]:
    """A state in the form of the index."""
    return {
        "revision": state.revision,
        "state": f"{state.hash:016x}",
        "data": state.document.decode(),
        "data_hash": f"{state.document_hash:016x}",
        "maps": [
            {
                "id": number,
                **vars(one.spec),
                "map_hash": f"{one.hash:016x}",
                "sha256": hashlib.sha256(as_bytes(one.pixels())).hexdigest(),
            }
            for number, one in sorted(state.maps.items())
        ],
    }


def play(entry: dict[str, Any]) -> tuple[Receiver, list[Any], list[dict[str, Any]]]:
    """Run a session after the one it continues: the receiver, what it said beside CREDIT, what it showed."""
    epoch, shown = 0, NOTHING
    if entry["continues"]:
        earlier, _, _ = play(SESSIONS[entry["continues"]])
        epoch, shown = earlier.epoch, earlier.shown
    limit = 1024**3 - 1 if entry["name"] == "too-large" else 2 * 1024**3
    receiver = Receiver("golden", 64, max_bytes=limit, epoch=epoch, shown=shown)
    said, states = receiver.open(), []
    for direction, frames in unpack((FOLDER / entry["file"]).read_bytes()):
        if direction == TO_CLIENT:
            said += receiver.receive(frames)
            if receiver.unacknowledged:
                states.append(seen(receiver.shown))
                said.append(receiver.acknowledge())
    messages = [decode_to_server(frames) for frames in said]
    return receiver, [message for message in messages if not isinstance(message, Credit)], states


@pytest.mark.parametrize("entry", [e for e in SESSIONS.values() if not e["refused"]], ids=lambda e: e["name"])
def test_a_session_shows_and_says_what_the_index_tells(entry: dict[str, Any]) -> None:
    _, said, states = play(entry)
    assert states == entry["shown"]
    expected = [
        decode_to_server(frames)
        for direction, frames in unpack((FOLDER / entry["file"]).read_bytes())
        if direction != TO_CLIENT
    ]
    assert [m for m in said if type(m).__name__ != "Ack"] == [m for m in expected if type(m).__name__ != "Ack"]
    assert [m.revision for m in said if type(m).__name__ == "Ack"] == [s["revision"] for s in entry["shown"]]


@pytest.mark.parametrize("entry", [e for e in SESSIONS.values() if e["refused"]], ids=lambda e: e["name"])
def test_a_bad_session_is_refused_and_shows_nothing(entry: dict[str, Any]) -> None:
    messages = [frames for direction, frames in unpack((FOLDER / entry["file"]).read_bytes()) if direction == TO_CLIENT]
    limit = 1024**3 - 1 if entry["name"] == "too-large" else 2 * 1024**3
    receiver = Receiver("golden", 64, max_bytes=limit)
    receiver.open()
    for frames in messages[:-1]:
        receiver.receive(frames)
    with pytest.raises(ProtocolError) as caught:
        receiver.receive(messages[-1])
    assert caught.value.code in entry["refused"]
    assert receiver.shown is NOTHING and not receiver.unacknowledged


def test_an_interrupted_transfer_is_presented_and_not_repeated() -> None:
    """The tiles that had come before the break are HAVEd, and a server that believes it need not send them again."""
    messages = [f for d, f in unpack((FOLDER / "session-join.bin").read_bytes()) if d == TO_CLIENT]
    receiver = Receiver("golden", 64)
    receiver.open()
    first_tile = next(i for i, frames in enumerate(messages) if frames[0][3] == 0x07)
    for frames in messages[: first_tile + 2]:
        receiver.receive(frames)
    receiver.close()
    assert receiver.shown is NOTHING
    said = [decode_to_server(frames) for frames in receiver.open()]
    presented = {m.spec.map: m.hashes for m in said[1:]}  # type: ignore[union-attr]
    assert len(presented["albedo"]) == 8 * 4
    blank = Receiver("blank")
    blank.open()
    assert presented["albedo"][:16] != presented["albedo"][16:]


def test_after_a_mismatch_nothing_is_presented() -> None:
    receiver, _, _ = play(SESSIONS["join"])
    receiver.distrust()
    assert [type(decode_to_server(frames)).__name__ for frames in receiver.open()] == ["Hello"]
    receiver.close()
    assert len(receiver.open()) == 1 + len(receiver.shown.maps)
