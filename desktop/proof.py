"""Both ends of the live link compared: what a patient's canvas holds, and what came out at the other end.

`moulage demo` ends with it: the same SHA-256 on the server's side, in a Python mirror, and in the C# SceneHost
(docs/scene-host.md) where Mono is installed.
"""

import hashlib
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.client import AtlasMirror
from bridge.errors import Disconnected
from bridge.server import AtlasServer
from bridge.tiles import as_bytes
from desktop.serve import LivePatient
from engine.lesion import LesionLayer
from engine.patient import Patient

_PATIENCE_S = 60.0


@dataclass(frozen=True)
class End:
    """One receiving end: the SHA-256 of each map by avatar/material/map, and the seconds until it showed them."""

    name: str
    sha256: dict[str, str]
    seconds: float


@dataclass(frozen=True)
class Proof:
    """sha256: of each map as the canvas holds it. ends: what arrived."""

    sha256: dict[str, str]
    ends: tuple[End, ...]

    @property
    def holds(self) -> bool:
        """Whether every end shows exactly the maps of the canvas."""
        return all(end.sha256 == self.sha256 for end in self.ends)


def prove(patient: Patient, layers: Sequence[LesionLayer], scene_host: Path | None = None) -> Proof:
    """Serve the layers on loopback and let a mirror, and SceneHost where its program is given, receive them.

    Raises Disconnected where an end shows nothing in a minute.
    """
    with AtlasServer("tcp://127.0.0.1:*") as server:
        live = LivePatient(server, patient)
        revision = live.show(layers)
        ends = [_mirror(server.endpoint, revision)]
        if scene_host is not None:
            ends.append(_scene_host(server.endpoint, scene_host))
    sha256 = {"/".join(key): _sha256(pixels) for key, pixels in live.maps().items()}
    return Proof(sha256, tuple(ends))


def lines(proof: Proof) -> list[str]:
    """The proof in words: a line for each end, and one for each map that differs."""
    said = []
    for end in proof.ends:
        wrong = [name for name in proof.sha256 | end.sha256 if proof.sha256.get(name) != end.sha256.get(name)]
        verdict = f"{len(wrong)} differ: {', '.join(wrong[:3])}" if wrong else "every SHA-256 agrees"
        said.append(f"{end.name}: {len(end.sha256)} maps in {end.seconds:.2f} s, {verdict}")
    albedo = next((name for name in proof.sha256 if name.endswith("/albedo")), None)
    return [*said, f"{albedo}: {proof.sha256[albedo]}"] if albedo else said


def _mirror(endpoint: str, revision: int) -> End:
    started = time.perf_counter()
    with AtlasMirror(endpoint, name="mirror") as mirror:
        if not mirror.wait_revision(revision, _PATIENCE_S):
            raise Disconnected(f"the mirror shows nothing of {endpoint}: {mirror.status().detail}")
        seconds = time.perf_counter() - started
        sha256 = {"/".join(key): _sha256(one.pixels()) for key, one in mirror.shown.by_key.items()}
    return End("Python mirror", sha256, seconds)


def _scene_host(endpoint: str, program: Path) -> End:
    command = ["mono", str(program), "--endpoint", endpoint, "--once", "--json", "--seconds", str(_PATIENCE_S)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    told = [event for event in events if event["event"] == "hashes"]
    if done.returncode != 0 or not told:
        raise Disconnected(f"SceneHost shows nothing of {endpoint}: {done.stderr.strip() or 'it said nothing'}")
    sha256 = {f"{one['avatar']}/{one['material']}/{one['map']}": str(one["sha256"]) for one in told[-1]["maps"]}
    return End("C# SceneHost", sha256, seconds)


def _sha256(pixels: Any) -> str:
    return hashlib.sha256(as_bytes(pixels).data).hexdigest()
