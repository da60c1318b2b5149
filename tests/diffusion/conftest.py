"""Fixtures of the network's tests."""

from pathlib import Path

import pytest

from tests.diffusion.small_model import write_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small model folder that loads."""
    return write_model(tmp_path / "small")
