"""Moulage's engine: avatars, surfaces, lesions.

Knows neither Qt nor ZeroMQ, and imports torch only when it is needed.
"""

from engine.errors import (
    AvatarError,
    BadInput,
    Cancelled,
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
    "ModelError",
    "MoulageError",
    "OutputError",
    "SceneError",
    "SpecError",
]
