"""Samples that a long benchmark keeps in a file, so that a stopped run goes on, and several processes can share one.

SQLite; arrays as npz without pickle. A sample's name is a hash of everything that decides it, so a file never gives
back what another network, skin, seed or method made.
"""

import hashlib
import io
import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_WAIT_S = 60.0


class Kept:
    """Arrays by name, with the seconds that each took. Without a path they live as long as the process."""

    def __init__(self, path: Path | None) -> None:
        self._store = sqlite3.connect(":memory:" if path is None else path, timeout=_WAIT_S, isolation_level=None)
        self._store.execute("CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, arrays BLOB, seconds REAL)")

    def close(self) -> None:
        """Lets go of the file."""
        self._store.close()

    def get(self, name: str) -> tuple[dict[str, NDArray[np.generic]], float] | None:
        """The arrays and seconds kept under that name."""
        row = self._store.execute("SELECT arrays, seconds FROM kept WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        with np.load(io.BytesIO(row[0]), allow_pickle=False) as arrays:
            return dict(arrays), float(row[1])

    def put(self, name: str, arrays: dict[str, NDArray[np.generic]], seconds: float = 0.0) -> None:
        """Keeps them, whatever was there."""
        packed = io.BytesIO()
        np.savez_compressed(packed, allow_pickle=False, **arrays)
        self._store.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (name, packed.getvalue(), seconds))


def name_of(*parts: str | int | float | NDArray[np.generic]) -> str:
    """A name that tells apart whatever differs in any of the parts."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype} {part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()
