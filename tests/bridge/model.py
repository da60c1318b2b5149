"""A scene that checks itself: every revision's document names the SHA-256 of every map.

So whoever shows a mixture of two revisions shows maps that disagree with the document.
"""

import hashlib
import json
from dataclasses import asdict

import numpy as np

from bridge.protocol import MapSpec
from bridge.server import AtlasServer
from bridge.tiles import MapState, Pixels, State, as_bytes

SKIN = MapSpec("anna", "skin", "albedo", 600, 300)
OWNERS = MapSpec("anna", "skin", "instance", 600, 300, "r16", "linear")
SMALL = MapSpec("berta", "", "albedo", 5, 257)


def close_up(name: str, side: int = 40) -> MapSpec:
    return MapSpec("anna", "skin", f"close-up/{name}", side, side)


def sha256(pixels: Pixels) -> str:
    return hashlib.sha256(as_bytes(pixels)).hexdigest()


def disagreements(state: State) -> list[str]:
    """What of a shown state does not fit its own document; empty for a whole revision."""
    document = json.loads(state.document) if state.document else {"maps": {}}
    shown = {"/".join(key): sha256(one.pixels()) for key, one in state.by_key.items()}
    wrong = [name for name in set(shown) | set(document["maps"]) if shown.get(name) != document["maps"].get(name)]
    return sorted(wrong) + ([] if "moment" not in document or document["moment"] is not None else ["moment"])


class Model:
    """The pixels as they should be, and what of them is committed; survives its servers."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self.specs: dict[tuple[str, str, str], MapSpec] = {}
        self.pixels: dict[tuple[str, str, str], Pixels] = {}
        self.committed: dict[str, str] = {}
        self.revision = 0
        self.moment = 0

    def add(self, server: AtlasServer, spec: MapSpec) -> None:
        shape, dtype = (
            ((spec.height, spec.width, 4), np.uint8)
            if spec.format == "rgba8"
            else (
                (spec.height, spec.width),
                np.uint16,
            )
        )
        self.specs[spec.key] = spec
        self.pixels[spec.key] = np.zeros(shape, dtype)
        server.add_map(spec)

    def remove(self, server: AtlasServer, key: tuple[str, str, str]) -> None:
        del self.specs[key], self.pixels[key]
        server.remove_map(key)

    def paint(self, server: AtlasServer, key: tuple[str, str, str] | None = None, whole: bool = False) -> None:
        """Lay noise, a flat colour or zeros on a random rectangle of a map."""
        if key is None:
            keys = sorted(self.specs)
            key = keys[int(self._rng.integers(len(keys)))]
        height, width = self.pixels[key].shape[:2]
        x0, x1 = (0, width) if whole else sorted(self._rng.choice(width + 1, 2, replace=False).tolist())
        y0, y1 = (0, height) if whole else sorted(self._rng.choice(height + 1, 2, replace=False).tolist())
        target = self.pixels[key][y0:y1, x0:x1]
        kind = int(self._rng.integers(4))
        high = np.iinfo(target.dtype).max
        target[...] = (
            self._rng.integers(0, high, target.shape, target.dtype, endpoint=True)
            if kind < 2
            else (0 if kind == 2 else int(self._rng.integers(high)))
        )
        server.publish(key, (x0, y0, x1 - x0, y1 - y0), target)

    def commit(self, server: AtlasServer) -> int:
        self.moment += 1
        self.committed = {"/".join(key): sha256(pixels) for key, pixels in self.pixels.items()}
        self.revision = server.commit(json.dumps({"moment": self.moment, "maps": self.committed}))
        return self.revision

    def restore(self, server: AtlasServer) -> None:
        """Publish everything to another server and commit."""
        for key, spec in self.specs.items():
            server.add_map(spec)
            server.publish(key, (0, 0, spec.width, spec.height), self.pixels[key])
        self.commit(server)

    def matches(self, state: State) -> bool:
        """Whether a state is the newest commit: the same document and the same maps."""
        document = json.loads(state.document) if state.document else {}
        return document.get("moment") == self.moment and not disagreements(state)


def hashes(state: State) -> list[dict[str, object]]:
    """The maps as docs/scene-host.md lists them."""

    def entry(one: MapState) -> dict[str, object]:
        return {**asdict(one.spec), "sha256": sha256(one.pixels())}

    return [entry(one) for _, one in sorted(state.by_key.items())]
