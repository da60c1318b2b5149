"""The Unity package's C#: compiled as Unity would (warnings are errors), tested under Mono with the golden vectors."""

from pathlib import Path

import csharp
import pytest

from desktop.unity import compile_assembly, package_folder, sources

pytestmark = pytest.mark.skipif(
    bool(csharp.missing()), reason=f"Mono's {', '.join(csharp.missing())} not installed (make system)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything is built."""
    return tmp_path_factory.mktemp("assemblies")


def test_core(folder: Path) -> None:
    """Codecs, messages, sessions, mips, budget, cache and lesions: unity_client/Tests/Core."""
    assert csharp.run_nunit(csharp.build_tests(folder)) >= 50


def test_textures(folder: Path) -> None:
    """What the GPU gets, level by level: tests/unity/textures."""
    assert csharp.run_nunit(csharp.build_texture_tests(folder)) >= 5


def test_transport(folder: Path) -> None:
    """libzmq by P/Invoke: tests/unity/transport."""
    assert csharp.run_nunit(csharp.build_transport_tests(folder)) >= 5


@pytest.fixture(scope="module")
def assemblies(folder: Path) -> dict[str, Path]:
    """Core, LibZmq and the stubs."""
    core, transport = csharp.core(folder)
    return {"Core": core, "LibZmq": transport, **csharp.build_stubs(folder)}


def compile_against(
    assemblies: dict[str, Path], name: str, part: str, uses: list[str], defines: tuple[str, ...] = ()
) -> None:
    output = assemblies["Core"].parent / f"{name}.dll"
    compile_assembly(output, sources(package_folder() / part), [assemblies[use] for use in uses], defines)
    assemblies[name] = output


def test_everything_that_needs_unity_compiles_against_its_signatures(assemblies: dict[str, Path]) -> None:
    engine = ["Core", "UnityEngine"]
    compile_against(assemblies, "NetMq", "Runtime/Transports/NetMq", [*engine, "NetMQ"])
    compile_against(assemblies, "Unity", "Runtime/Unity", [*engine, "LibZmq"])
    compile_against(assemblies, "Unity2022", "Runtime/Unity", [*engine, "LibZmq"], ("UNITY_2022_2_OR_NEWER",))
    compile_against(assemblies, "Editor", "Editor", [*engine, "UnityEditor", "Unity"])
    for sample in ("LiveAvatar", "Dermatoscope"):
        compile_against(assemblies, sample, f"Samples~/{sample}", [*engine, "Unity"])
    compile_against(assemblies, "LiveGlb", "Samples~/LiveAvatar", [*engine, "Unity", "GLTFast"], ("MOULAGE_GLTFAST",))
