"""The Python mirror as a process of its own that speaks the lines of docs/scene-host.md; `shown` has also `wrong`."""

import argparse
import hashlib
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from model import disagreements, hashes

from bridge.client import AtlasMirror, Patience
from bridge.security import load_client_keys
from bridge.tiles import State

_lock = threading.Lock()


def say(event: str, **values: Any) -> None:
    with _lock:
        print(json.dumps({"event": event, **values}), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--name", default="mirror")
    parser.add_argument("--keys", type=Path)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--credits", type=int, default=64)
    parser.add_argument("--codecs", default="raw,qoi")
    parser.add_argument("--no-check", action="store_true", help="don't compare every state with its document")
    options = parser.parse_args()
    last = {"tiles": 0, "bytes": 0}

    def on_shown(state: State) -> None:
        now = mirror.status()
        tiles, raw = now.tiles - last["tiles"], now.bytes - last["bytes"]
        last.update(tiles=now.tiles, bytes=now.bytes)
        wrong = [] if options.no_check else disagreements(state)
        say("shown", epoch=f"{mirror.epoch:016x}", revision=state.revision, tiles=tiles, bytes=raw, wrong=wrong)

    mirror = AtlasMirror(
        options.endpoint,
        name=options.name,
        keys=load_client_keys(options.keys) if options.keys else None,
        window=options.credits,
        codecs=options.codecs.split(","),
        patience=Patience(0.05, 0.5, 2.0),
        on_shown=on_shown,
    )
    with mirror:
        if options.once:
            if not mirror.wait_for(lambda state: True, options.seconds):
                print(f"nothing was shown in {options.seconds:g} s: {mirror.status().detail}", file=sys.stderr)
                return 1
            tell_hashes(mirror)
            return 0
        started, tiles, raw = time.monotonic(), 0, 0
        for line in sys.stdin:
            if line.strip() == "hashes":
                tell_hashes(mirror)
            elif line.strip() == "stats":
                now = mirror.status()
                say(
                    "stats",
                    frames=0,
                    tiles=now.tiles - tiles,
                    bytes=now.bytes - raw,
                    seconds=time.monotonic() - started,
                )
                started, tiles, raw = time.monotonic(), now.tiles, now.bytes
            elif line.strip() == "quit":
                break
    return 0


def tell_hashes(mirror: AtlasMirror) -> None:
    state = mirror.shown
    document = hashlib.sha256(state.document).hexdigest()
    say("hashes", epoch=f"{mirror.epoch:016x}", revision=state.revision, data=document, maps=hashes(state))


if __name__ == "__main__":
    sys.exit(main())
