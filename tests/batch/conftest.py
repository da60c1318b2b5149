"""What the tests of whole jobs share: a network that stays loaded, and one undisturbed run to compare with."""

from pathlib import Path

import pytest
from small import few_limbs, limb_job

from engine.batch.executors import Local
from engine.batch.job import Job
from engine.batch.runner import run


@pytest.fixture(scope="session")
def local() -> Local:
    """This process, with two painters."""
    return Local(painters=2)


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Six limbs with one or two lesions each; batches of two go across patients."""
    return limb_job(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="session")
def undisturbed(job: Job, local: Local, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that an undisturbed run of `job` makes; read it, never write to it."""
    out = tmp_path_factory.mktemp("undisturbed") / "set"
    outcome = run(job, out, local)
    assert outcome.complete and not outcome.failed and outcome.progress.made == 6
    return out


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A smaller job, for what is run many times."""
    return few_limbs(tmp_path_factory.mktemp("few"))


@pytest.fixture(scope="session")
def few_made(few: Job, local: Local, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that an undisturbed run of `few` makes; read it, never write to it."""
    out = tmp_path_factory.mktemp("few-made") / "set"
    outcome = run(few, out, local)
    assert outcome.complete and outcome.progress.made == 4
    return out
