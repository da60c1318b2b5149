"""`python tests/unity/make_meta.py` writes the .meta file of every asset of the Unity package that lacks one.

Unity ignores assets without a .meta in packages that it may not write to, and scenes refer to scripts by its GUID:
so a GUID, once published, never changes. It is the MD5 of the asset's path at the time it was made.
"""

import hashlib
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "unity_client"

_IMPORTERS = {
    ".cs": (
        "MonoImporter:\n  externalObjects: {}\n  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n"
        "  icon: {instanceID: 0}\n"
    ),
    ".asmdef": "AssemblyDefinitionImporter:\n  externalObjects: {}\n",
    ".md": "TextScriptImporter:\n  externalObjects: {}\n",
    "package.json": "PackageManifestImporter:\n  externalObjects: {}\n",
}
_END = "  userData:\n  assetBundleName:\n  assetBundleVariant:\n"


def is_hidden(path: Path) -> bool:
    """Whether Unity never looks at it: names that end in ~ or begin with a dot. What lies in Samples~ is copied into
    projects and so needs a .meta nevertheless."""
    parts = path.relative_to(PACKAGE).parts
    if parts[0] == "Samples~":
        parts = parts[1:]
        if not parts:
            return True
    return any(part.endswith("~") or part.startswith(".") for part in parts)


def assets() -> list[Path]:
    """Every file and folder of the package that needs a .meta, sorted."""
    found = [path for path in PACKAGE.rglob("*") if path.suffix != ".meta" and not is_hidden(path)]
    return sorted(found)


def meta_path(asset: Path) -> Path:
    return asset.with_name(asset.name + ".meta")


def meta_text(asset: Path) -> str:
    guid = hashlib.md5(f"com.moulage.unity/{asset.relative_to(PACKAGE).as_posix()}".encode()).hexdigest()
    head = f"fileFormatVersion: 2\nguid: {guid}\n"
    if asset.is_dir():
        return f"{head}folderAsset: yes\nDefaultImporter:\n  externalObjects: {{}}\n{_END}"
    importer = _IMPORTERS.get(asset.name) or _IMPORTERS.get(asset.suffix) or "DefaultImporter:\n  externalObjects: {}\n"
    return head + importer + _END


if __name__ == "__main__":
    for asset in assets():
        if not meta_path(asset).exists():
            meta_path(asset).write_text(meta_text(asset), "utf-8")
