"""Puts the Unity package, and if asked NetMQ and keys, into a Unity project."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desktop.unity import package_folder
from engine import BadInput

PACKAGE_NAME = "com.moulage.unity"
NUGET_REGISTRY: dict[str, Any] = {
    "name": "Unity NuGet",
    "url": "https://unitynuget-registry.openupm.com",
    "scopes": ["org.nuget"],
}
"""The scoped registry that serves NetMQ to Unity projects (github.com/bdovaz/UnityNuGet)."""
NETMQ = ("org.nuget.netmq", "4.0.2")
KEY_FILES = ("client.secret", "client.public", "server.public")


@dataclass(frozen=True)
class Installed:
    """What `install` did. added: what is in the project now and was not before; empty if nothing changed."""

    project: Path
    added: tuple[str, ...]


def install(project: Path, netmq: bool = False, keys: Path | None = None) -> Installed:
    """Put the package into a Unity project: a copy in LocalPackages/, an entry in Packages/manifest.json.

    netmq: add NetMQ and the registry that serves it. keys: a client's folder from `moulage keys create`. Doing it again
    changes nothing; the manifest's other content stays. BadInput where the folder is no Unity project or its manifest
    can't be read; then nothing is written.
    """
    manifest_path = _manifest_of(project)
    manifest = _read_manifest(manifest_path)
    key_text = None if keys is None else _key_file(keys)
    added = _copy_package(project / "LocalPackages" / PACKAGE_NAME)
    added += _add_to_manifest(manifest, netmq)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    if _read_manifest(manifest_path) != manifest:
        _replace(manifest_path, text)
    if key_text is not None:
        added += _add_keys(project / "Assets" / "Moulage" / "Resources", key_text)
    return Installed(project, tuple(added))


def _manifest_of(project: Path) -> Path:
    manifest = project / "Packages" / "manifest.json"
    if not (project / "Assets").is_dir() or not manifest.is_file():
        raise BadInput(f"{project} is no Unity project: it has no Assets folder or no Packages/manifest.json")
    return manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("dependencies", {}), dict):
        raise BadInput(f"{path} is no package manifest: it has no object 'dependencies'")
    registries = manifest.get("scopedRegistries", [])
    if not isinstance(registries, list) or not all(isinstance(entry, dict) for entry in registries):
        raise BadInput(f"{path}: scopedRegistries is no list of objects")
    return manifest


def _add_to_manifest(manifest: dict[str, Any], netmq: bool) -> list[str]:
    """Change the manifest in place; what was added, in words."""
    dependencies = manifest.setdefault("dependencies", {})
    added = []
    path = f"file:../LocalPackages/{PACKAGE_NAME}"
    if dependencies.get(PACKAGE_NAME) != path:
        dependencies[PACKAGE_NAME] = path
        added.append(f"{PACKAGE_NAME} in Packages/manifest.json")
    if not netmq:
        return added
    name, version = NETMQ
    if name not in dependencies:
        dependencies[name] = version
        added.append(f"{name} {version} in Packages/manifest.json")
    registries = manifest.setdefault("scopedRegistries", [])
    served = {scope for entry in registries for scope in entry.get("scopes", [])}
    if not {"org.nuget", name} & served:
        registries.append(NUGET_REGISTRY)
        added.append(f"the scoped registry {NUGET_REGISTRY['url']}")
    return added


def _copy_package(target: Path) -> list[str]:
    """A copy of the package, replaced whole where it differs, so that a project never has half of one."""
    source = package_folder()
    wanted = _digest(source)
    if target.is_dir() and _digest(target) == wanted:
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".moulage-", dir=target.parent))
    try:
        shutil.copytree(source, folder / "new", ignore=shutil.ignore_patterns("__pycache__"))
        if target.exists():
            target.rename(folder / "old")
        (folder / "new").rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [f"the package in LocalPackages/{PACKAGE_NAME}"]


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _key_file(keys: Path) -> str:
    """The text of MoulageKeys.json from a client's key folder."""
    texts = {}
    clients = list(keys.glob("clients/*/client.secret"))
    folder = clients[0].parent if len(clients) == 1 else keys
    for name in KEY_FILES:
        try:
            texts[name] = (folder / name).read_text("ascii").strip()
        except (OSError, ValueError):
            raise BadInput(
                f"{folder / name} can't be read; `moulage keys create DIR` makes DIR/clients/NAME with these files"
            ) from None
        if not re.fullmatch(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}", texts[name]):
            raise BadInput(f"{folder / name} holds no key: it must be 40 characters of Z85")
    fields = {
        "serverPublic": texts["server.public"],
        "clientPublic": texts["client.public"],
        "clientSecret": texts["client.secret"],
    }
    return json.dumps(fields, indent=2) + "\n"


def _add_keys(folder: Path, text: str) -> list[str]:
    """The resource that ReceiverKeys.cs loads; it holds a secret, so git is told to leave it alone."""
    path, ignore = folder / "MoulageKeys.json", folder / ".gitignore"
    folder.mkdir(parents=True, exist_ok=True)
    if not ignore.exists():
        ignore.write_text("MoulageKeys.json\n", "utf-8")
    if path.is_file() and path.read_text("utf-8") == text:
        return []
    _replace(path, text, secret=True)
    return [f"the keys in {path.relative_to(folder.parents[2]).as_posix()}"]


def _replace(path: Path, text: str, secret: bool = False) -> None:
    """Write a file whole or not at all; a secret one is for its owner only."""
    handle, name = tempfile.mkstemp(prefix=path.name, suffix=".new", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if not secret:
            temporary.chmod(path.stat().st_mode if path.exists() else 0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
