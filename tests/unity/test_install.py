"""`moulage unity install`: what it adds, that it adds it once, and what it refuses."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.unity import package_folder
from desktop.unity_project import PACKAGE_NAME, install
from engine import BadInput

KEYS = {"client.secret": "s" * 40, "client.public": "c" * 40, "server.public": "p" * 40}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty Unity project with a manifest that has more in it."""
    folder = tmp_path / "Ward"
    (folder / "Assets").mkdir(parents=True)
    (folder / "Packages").mkdir()
    manifest = {
        "dependencies": {"com.unity.xr.openxr": "1.8.2"},
        "scopedRegistries": [{"name": "X", "url": "https://x", "scopes": ["com.x"]}],
        "testables": ["é"],
    }
    (folder / "Packages" / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    for name, text in KEYS.items():
        (folder / name).write_text(text + "\n")
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def manifest_of(project: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((project / "Packages" / "manifest.json").read_text("utf-8"))
    return loaded


def test_the_package_is_copied_whole_and_named_once(project: Path) -> None:
    before = manifest_of(project)
    assert install(project).added
    after = manifest_of(project)
    dependencies = after["dependencies"]
    assert dependencies == {
        "com.unity.xr.openxr": "1.8.2",
        PACKAGE_NAME: f"file:../LocalPackages/{PACKAGE_NAME}",
    }
    assert {key: value for key, value in after.items() if key != "dependencies"} == {
        key: value for key, value in before.items() if key != "dependencies"
    }
    copy = project / "LocalPackages" / PACKAGE_NAME
    assert tree(copy) == tree(package_folder())
    assert (copy / "SceneHost~").is_dir()
    assert (copy / "Runtime" / "Core.meta").is_file()
    state = tree(project)
    assert install(project).added == ()
    assert tree(project) == state


def test_netmq_comes_with_its_registry_once(project: Path) -> None:
    install(project, netmq=True)
    manifest = json.loads((project / "Packages" / "manifest.json").read_text("utf-8"))
    assert manifest["dependencies"]["org.nuget.netmq"]
    assert [entry["name"] for entry in manifest["scopedRegistries"]] == ["X", "Unity NuGet"]
    assert install(project, netmq=True).added == ()


def test_a_registry_that_serves_netmq_already_is_kept(project: Path) -> None:
    path = project / "Packages" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["scopedRegistries"].append({"name": "Ours", "url": "https://ours", "scopes": ["org.nuget.netmq"]})
    manifest["dependencies"]["org.nuget.netmq"] = "4.0.1"
    path.write_text(json.dumps(manifest))
    install(project, netmq=True)
    after = json.loads(path.read_text("utf-8"))
    assert len(after["scopedRegistries"]) == 2
    assert after["dependencies"]["org.nuget.netmq"] == "4.0.1"


def test_an_older_copy_is_replaced_whole(project: Path) -> None:
    install(project)
    copy = project / "LocalPackages" / PACKAGE_NAME
    (copy / "Runtime" / "Core" / "Old.cs").write_text("class Old {}")
    (copy / "package.json").write_text("{}")
    assert install(project).added == (f"the package in LocalPackages/{PACKAGE_NAME}",)
    assert tree(copy) == tree(package_folder())
    assert [path.name for path in (project / "LocalPackages").iterdir()] == [PACKAGE_NAME]


def test_keys_go_where_the_receiver_finds_them(project: Path, keys: Path) -> None:
    install(project, keys=keys)
    folder = project / "Assets" / "Moulage" / "Resources"
    path = folder / "MoulageKeys.json"
    assert json.loads(path.read_text()) == {
        "serverPublic": "p" * 40,
        "clientPublic": "c" * 40,
        "clientSecret": "s" * 40,
    }
    assert (folder / ".gitignore").read_text() == "MoulageKeys.json\n"
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert install(project, keys=keys).added == ()
    receiver = (package_folder() / "Runtime" / "Unity" / "ReceiverKeys.cs").read_text("utf-8")
    assert all(field in receiver for field in json.loads(path.read_text()))


@pytest.mark.parametrize("broken", ["client.secret", "server.public"])
def test_bad_keys_are_named_and_nothing_is_written(project: Path, keys: Path, broken: str) -> None:
    (keys / broken).write_text("short")
    before = tree(project)
    with pytest.raises(BadInput, match=broken):
        install(project, keys=keys)
    assert tree(project) == before


@pytest.mark.parametrize("text", ["{", "[]", '{"dependencies": []}', '{"scopedRegistries": {}}'])
def test_a_broken_manifest_is_named_and_left_alone(project: Path, text: str) -> None:
    (project / "Packages" / "manifest.json").write_text(text)
    before = tree(project)
    with pytest.raises(BadInput, match=r"manifest\.json"):
        install(project)
    assert tree(project) == before


def test_the_command_refuses_a_folder_that_is_no_project(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "from desktop.cli import main; main()", "unity", "install", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "no Unity project" in done.stderr
    assert list(folder.iterdir()) == []
