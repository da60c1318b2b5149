"""The shipped network, opened once, and the same under a config that says it never saw the test split."""

import copy
from dataclasses import replace

import pytest

from engine.diffusion import precision
from engine.evaluation.evaluate import SAW
from engine.generators.ddpm import DdpmGenerator


@pytest.fixture(scope="session")
def generator() -> DdpmGenerator:
    """On the CPU in fp32, whatever this machine would choose, and with `saw_test_split: true`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precision, "choose", lambda device: precision.Choice("fp32", None))
        return _saying(DdpmGenerator("default", "cpu"), True)


@pytest.fixture(scope="session")
def innocent(generator: DdpmGenerator) -> DdpmGenerator:
    """The same weights and fingerprint, so that both share one set of samples."""
    return _saying(generator, False)


def _saying(generator: DdpmGenerator, saw: bool) -> DdpmGenerator:
    claimed = copy.copy(generator)
    claimed.model = replace(generator.model, config={**generator.model.config, SAW: saw})
    return claimed
