"""The shipped network, opened once, and the same under a config that says it never saw the test split."""

import copy
from dataclasses import replace

import pytest

from engine.evaluation.evaluate import SAW
from engine.generators.ddpm import DdpmGenerator


@pytest.fixture(scope="session")
def generator() -> DdpmGenerator:
    """On the CPU in fp32, whatever this machine would choose, and with `saw_test_split: true`."""
    return _saying(DdpmGenerator("default", "cpu", arithmetic="fp32"), True)


@pytest.fixture(scope="session")
def innocent(generator: DdpmGenerator) -> DdpmGenerator:
    """The same weights and fingerprint, so that both share one set of samples."""
    return _saying(generator, False)


def _saying(generator: DdpmGenerator, saw: bool) -> DdpmGenerator:
    claimed = copy.copy(generator)
    claimed.model = replace(generator.model, config={**generator.model.config, SAW: saw})
    return claimed
