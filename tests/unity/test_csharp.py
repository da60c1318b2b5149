"""The Unity package's C#: compiled as Unity would (warnings are errors), tested under Mono with the golden vectors."""

import os
import subprocess
from pathlib import Path

import csharp
import pytest

from desktop.unity import compile_assembly, compile_core, package_folder, sources

pytestmark = pytest.mark.skipif(
    bool(csharp.missing()), reason=f"Mono's {', '.join(csharp.missing())} not installed (make system)"
)


def test_the_nunit_tests_pass(tmp_path: Path) -> None:
    """Codecs, messages, sessions, mips, cache and lesions: unity_client/Tests/Core."""
    tests = csharp.build_tests(tmp_path)
    done = subprocess.run(
        ["nunit-console", "-nologo", "-noxml", tests.name],
        cwd=tmp_path,
        env={**os.environ, "MOULAGE_GOLDEN": str(csharp.GOLDEN)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Failures: 0" in done.stdout
    assert "Ignored: 0" in done.stdout
    ran = int(done.stdout.split("Tests run: ")[1].split(",")[0])
    assert ran >= 45


@pytest.fixture(scope="module")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Core, LibZmq and the stubs."""
    folder = tmp_path_factory.mktemp("assemblies")
    core, transport = compile_core(folder)
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
