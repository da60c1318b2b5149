"""The other ends of `benchmarks.link`, as processes: `python -m benchmarks.link_peers ROLE ENDPOINT …`.

`raw`: takes frames and throws them away, answers after each batch. `rawjoin FRAMES`: for each line of standard input,
connects, takes so many frames and keeps them, leaves; prints the seconds it took. `join`: the same with our mirror and
the whole state. `mirrors COUNT NAME`: so many Python mirrors.
"""

import sys
import time

import zmq

from bridge.client import AtlasMirror


def raw(endpoint: str) -> None:
    """A DEALER that asks with the number of frames it wants next, forever (until `0`)."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.rcvhwm = 0
        socket.connect(endpoint)
        socket.send(b"ready")
        while True:
            count = int(socket.recv())
            if count == 0:
                return
            for _ in range(count):
                socket.recv(copy=False)
            socket.send(b"done")


def raw_join(endpoint: str, count: int) -> None:
    """What a late joiner costs at least: a connection, and memory for all the bytes."""
    for _ in sys.stdin:
        started = time.perf_counter()
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.rcvhwm = 0
            socket.connect(endpoint)
            socket.send(b"ready")
            kept = [socket.recv(copy=False) for _ in range(count)]
            print(time.perf_counter() - started, flush=True)
            del kept


def mirrors(endpoint: str, count: int, name: str) -> None:
    """Mirrors until standard input ends."""
    several = [AtlasMirror(endpoint, name=f"{name} {number}") for number in range(count)]
    sys.stdin.read()
    for mirror in several:
        mirror.close()


def join(endpoint: str) -> None:
    """A late joiner for each line of standard input."""
    for _ in sys.stdin:
        started = time.perf_counter()
        with AtlasMirror(endpoint, name="joiner") as mirror:
            if not mirror.wait_for(lambda state: bool(state.maps), 60):
                raise SystemExit(f"nothing came: {mirror.status().detail}")
            print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    role, endpoint, *rest = sys.argv[1:]
    if role == "raw":
        raw(endpoint)
    elif role == "rawjoin":
        raw_join(endpoint, int(rest[0]))
    elif role == "mirrors":
        mirrors(endpoint, int(rest[0]), rest[1])
    else:
        join(endpoint)
