"""`python tests/bridge/make_golden.py` rewrites tests/bridge/golden/."""

import json
from pathlib import Path
from typing import Any

from golden_refused import refused_messages, refused_transcripts
from golden_vectors import hash_vectors, pack, single_messages, tile_vectors, transcripts

FOLDER = Path(__file__).resolve().parent / "golden"


def build() -> dict[str, bytes]:
    """All files of the folder by name."""
    files: dict[str, bytes] = {}

    def stored(kind: str, vectors: list[dict[str, Any]]) -> list[dict[str, Any]]:
        entries = []
        for number, vector in enumerate(vectors):
            name = f"{kind}-{number:02d}.bin"
            files[name] = pack(vector.pop("messages"))
            entries.append({"file": name, **vector})
        return entries

    index: dict[str, Any] = {
        "about": "Golden vectors of docs/protocol.md, version 1; tests/bridge/golden_vectors.py explains them.",
        "xxh64": hash_vectors(),
        "messages": stored("message", single_messages()),
        "tiles": stored("tile", tile_vectors()),
        "refused": stored("refused", refused_messages()),
        "sessions": [],
    }
    for transcript in [*transcripts(), *refused_transcripts()]:
        name = f"session-{transcript.name}.bin"
        files[name] = pack(transcript.messages)
        index["sessions"].append(
            {
                "file": name,
                "name": transcript.name,
                "about": transcript.about,
                "continues": transcript.continues,
                "refused": transcript.refused,
                "shown": transcript.shown,
            }
        )
    files["index.json"] = (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode()
    return files


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, data in build().items():
        (FOLDER / name).write_bytes(data)
