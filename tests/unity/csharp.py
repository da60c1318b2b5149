"""Builds the package's C# with Mono, as Unity would, and runs its NUnit tests."""

import os
import shutil
import subprocess
from pathlib import Path

from desktop.unity import compile_assembly, compile_core, package_folder, sources

HERE = Path(__file__).resolve().parent
STUBS = HERE / "stubs"
GOLDEN = HERE.parent / "bridge" / "golden"
TOOLS = ("mcs", "mono", "nunit-console")


def missing() -> list[str]:
    """What of Mono and NUnit this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool) is None] + ([] if _frameworks() else ["NUnit 2.6"])


def nunit() -> Path:
    """NUnit's framework, as Debian's libnunit-cil-dev installs it."""
    return _frameworks()[0]


def _frameworks() -> list[Path]:
    return sorted(Path("/usr/lib/mono/gac/nunit.framework").glob("2.6*/nunit.framework.dll"))


def core(folder: Path) -> list[Path]:
    """Core and the libzmq transport, compiled once for a folder."""
    built = [folder / "Moulage.Core.dll", folder / "Moulage.Transports.LibZmq.dll"]
    return built if all(path.exists() for path in built) else compile_core(folder)


def build_tests(folder: Path) -> Path:
    """Core, the libzmq transport and the package's NUnit tests; the tests' assembly."""
    uses = core(folder)
    tests = folder / "Moulage.Tests.dll"
    compile_assembly(tests, sources(package_folder() / "Tests"), [*uses, nunit()])
    return tests


def build_texture_tests(folder: Path) -> Path:
    """The receiver's textures with the stub's Texture2D; the tests are in the same assembly, for much is internal."""
    uses, stubs = core(folder), build_stubs(folder)
    tests = folder / "Moulage.Unity.Tests.dll"
    code = [*sources(package_folder() / "Runtime" / "Unity"), *sources(HERE / "textures")]
    compile_assembly(tests, code, [*uses, stubs["UnityEngine"], nunit()])
    return tests


def build_transport_tests(folder: Path) -> Path:
    """The libzmq transport with the real library."""
    uses = core(folder)
    tests = folder / "Moulage.Transports.Tests.dll"
    compile_assembly(tests, sources(HERE / "transport"), [*uses, nunit()])
    return tests


def run_nunit(tests: Path) -> int:
    """Run an assembly's tests; how many there were. AssertionError with NUnit's report where one failed."""
    done = subprocess.run(
        ["nunit-console", "-nologo", "-noxml", tests.name],
        cwd=tests.parent,
        env={**os.environ, "MOULAGE_GOLDEN": str(GOLDEN)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Failures: 0" in done.stdout and "Not run: 0" in done.stdout, done.stdout
    return int(done.stdout.split("Tests run: ")[1].split(",")[0])


def build_stubs(folder: Path) -> dict[str, Path]:
    """The stub assemblies by name; an assembly of their own each, as in Unity."""
    parts = {
        "UnityEngine": (["UnityEngine.cs", "Texture2D.cs"], []),
        "UnityEditor": (["UnityEditor.cs"], ["UnityEngine"]),
        "NetMQ": (["NetMQ.cs"], []),
        "GLTFast": (["GLTFast.cs"], ["UnityEngine"]),
    }
    built: dict[str, Path] = {}
    for name, (files, references) in parts.items():
        built[name] = folder / f"{name}.dll"
        compile_assembly(built[name], [STUBS / file for file in files], [built[other] for other in references])
    return built
