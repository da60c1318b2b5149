"""A server as a process of its own, told what to do by lines; answers each with a line of JSON.

`paint N` lays N rectangles, `commit`, `add NAME`, `remove NAME` (close-ups), `status`, `quit`.
"""

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from model import OWNERS, SKIN, SMALL, Model, close_up

from bridge.security import load_server_keys
from bridge.server import AtlasServer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", default="tcp://127.0.0.1:*")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epoch", type=lambda text: int(text, 16))
    parser.add_argument("--revision", type=int, default=0)
    parser.add_argument("--keys", type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    model = Model(options.seed)
    with AtlasServer(
        options.bind,
        keys=load_server_keys(options.keys) if options.keys else None,
        epoch=options.epoch,
        revision=options.revision,
        heartbeat_s=0.1,
        timeout_s=1.0,
    ) as server:
        for spec in (SKIN, OWNERS, SMALL):
            model.add(server, spec)
        for _ in range(6):
            model.paint(server)
        revision = model.commit(server)
        print(
            json.dumps({"endpoint": server.endpoint, "epoch": f"{server.epoch:016x}", "revision": revision}), flush=True
        )
        for line in sys.stdin:
            command, _, argument = line.strip().partition(" ")
            if command == "paint":
                for _ in range(int(argument)):
                    model.paint(server)
            elif command == "add":
                model.add(server, close_up(argument))
                model.paint(server, close_up(argument).key, whole=True)
            elif command == "remove":
                model.remove(server, close_up(argument).key)
            elif command == "commit":
                model.commit(server)
            elif command == "quit":
                break
            status = server.status()
            answer = {
                "revision": status.revision,
                "moment": model.moment,
                "maps": model.committed,
                "clients": [asdict(client) for client in status.clients],
            }
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
