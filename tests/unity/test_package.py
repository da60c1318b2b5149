"""What Unity's package manager and asset database expect of unity_client/."""

import json
import re
from pathlib import Path

import make_meta
from make_meta import PACKAGE, assets, meta_path

GUID = re.compile(r"^guid: ([0-9a-f]{32})$", re.MULTILINE)


def test_every_asset_has_a_meta_with_a_guid_of_its_own() -> None:
    seen: dict[str, Path] = {}
    for asset in assets():
        meta = meta_path(asset)
        assert meta.is_file(), f"{meta} is missing: python tests/unity/make_meta.py"
        found = GUID.search(meta.read_text("utf-8"))
        assert found, meta
        assert seen.setdefault(found.group(1), asset) == asset, f"{asset} and {seen[found.group(1)]} share a GUID"
        assert ("folderAsset: yes" in meta.read_text("utf-8")) == asset.is_dir()


def test_no_meta_is_left_of_an_asset_that_is_gone() -> None:
    wanted = {meta_path(asset) for asset in assets()}
    assert set(PACKAGE.rglob("*.meta")) == wanted


def test_guids_do_not_depend_on_when_they_are_made() -> None:
    asset = PACKAGE / "package.json"
    assert make_meta.meta_text(asset) == make_meta.meta_text(asset)
    assert make_meta.meta_text(asset) != make_meta.meta_text(PACKAGE / "README.md")


def test_the_manifest_names_what_is_there() -> None:
    manifest = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    assert manifest["name"] == "com.moulage.unity"
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert f"## {manifest['version']}" in (PACKAGE / "CHANGELOG.md").read_text("utf-8")
    for sample in manifest["samples"]:
        assert list((PACKAGE / sample["path"]).glob("*.cs")), sample


def test_assemblies_refer_to_each_other_by_names_that_exist() -> None:
    definitions = {}
    for path in PACKAGE.rglob("*.asmdef"):
        definition = json.loads(path.read_text("utf-8"))
        assert path.stem == definition["name"]
        assert definition["name"] not in definitions
        definitions[definition["name"]] = definition
    elsewhere = {"UnityEngine.TestRunner", "UnityEditor.TestRunner", "glTFast"}
    for definition in definitions.values():
        assert set(definition["references"]) <= set(definitions) | elsewhere
    for name in ("Moulage.Core", "Moulage.Transports.LibZmq"):
        assert definitions[name]["noEngineReferences"], f"{name} must run without Unity"
    assert definitions["Moulage.Transports.NetMq"]["defineConstraints"] == ["MOULAGE_NETMQ"]
    assert definitions["Moulage.Transports.NetMq"]["versionDefines"][0]["define"] == "MOULAGE_NETMQ"


def test_core_knows_neither_unity_nor_a_transport() -> None:
    for path in (PACKAGE / "Runtime" / "Core").glob("*.cs"):
        assert not re.search(r"using (Unity|NetMQ|Moulage\.(Unity|Transports))", path.read_text("utf-8")), path


def test_no_file_is_too_long_to_read() -> None:
    for path in PACKAGE.rglob("*.cs"):
        assert len(path.read_text("utf-8").splitlines()) <= 400, path
