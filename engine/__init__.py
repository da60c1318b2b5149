"""Moulage's engine: avatars, surfaces, lesions.

Knows neither Qt nor ZeroMQ, and imports torch only when it is needed.
"""

import os

from engine.errors import (
    AvatarError,
    BadInput,
    Cancelled,
    DataError,
    ModelError,
    MoulageError,
    OutputError,
    SceneError,
    SpecError,
)

__all__ = [
    "AvatarError",
    "BadInput",
    "Cancelled",
    "DataError",
    "ModelError",
    "MoulageError",
    "OutputError",
    "SceneError",
    "SpecError",
]

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# OpenMP reads it when torch is loaded, whoever does that first. Threads that wait by spinning collapse as soon as
# anything else runs on the same cores.
