"""Fixtures that every test may use."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

LONGEST = (
    *("e2e/test_generate.py", "desktop/test_odd_avatars.py", "desktop/test_growing.py", "evaluation/test_evaluate.py"),
    *("batch/test_runs.py", "batch/test_ray.py", "batch/test_kill.py", "batch/test_faults.py", "desktop/test_gui.py"),
    *("desktop/test_shell.py", "desktop/test_journey.py", "batch/test_batch_command.py", "desktop/test_saving.py"),
    *("desktop/test_export_dialog.py", "desktop/test_link_panel.py", "diffusion/test_generator.py"),
    *("bridge/test_schedules.py", "e2e/test_scene_host.py", "training/test_resuming.py", "training/test_training.py"),
    *("evaluation/test_real_subset.py", "training/test_real_training.py", "training/test_several_processes.py"),
)
"""Files of half a minute and more, longest first. They begin, so that no worker is left with one when the others end;
`make test` tells pytest-xdist to keep this order."""

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, all others as they were collected."""
    first = {REPOSITORY / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real images and skins that are kept beside the repository and never committed."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the data folder beside the repository (../shared/data) is absent")
    return folder


@pytest.fixture(scope="session")
def default_patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default patient (`BodySpec()`) with a 1024² albedo, as a GLB file; read it, never write to it.

    The base body behind it comes from the user's cache folder (MOULAGE_CACHE); the first run on a machine builds it.
    """
    pytest.importorskip("anny", reason="the avatar extra is not installed: pip install 'moulage[avatar]'")
    from engine.avatar.body import BodySpec, create

    path = tmp_path_factory.mktemp("patient") / "patient.glb"
    path.write_bytes(create(BodySpec(texture_size=1024)))
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1.5 MB, to be full on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only the superuser can mount a small disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("a small disk can't be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True, capture_output=True)
