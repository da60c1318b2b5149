"""Builds the package's C# with Mono, once for a test run: what Unity would compile, and the tests."""

import shutil
from pathlib import Path

from desktop.unity import compile_assembly, compile_core, package_folder, sources

STUBS = Path(__file__).resolve().parent / "stubs"
GOLDEN = Path(__file__).resolve().parents[1] / "bridge" / "golden"
TOOLS = ("mcs", "mono", "nunit-console")


def missing() -> list[str]:
    """The Mono programs that this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def nunit() -> Path:
    """NUnit's framework, as Debian's libnunit-cil-dev installs it."""
    found = sorted(Path("/usr/lib/mono/gac/nunit.framework").glob("2.6*/nunit.framework.dll"))
    if not found:
        raise FileNotFoundError("nunit.framework.dll is missing; apt install libnunit-cil-dev")
    return found[0]


def build_tests(folder: Path) -> Path:
    """Core, the libzmq transport and the NUnit tests; the tests' assembly."""
    core = compile_core(folder)
    tests = folder / "Moulage.Tests.dll"
    compile_assembly(tests, sources(package_folder() / "Tests"), [*core, nunit()])
    return tests


def build_stubs(folder: Path) -> dict[str, Path]:
    """The stub assemblies by name; an assembly of their own each, as in Unity."""
    built: dict[str, Path] = {}
    for name, references in (
        ("UnityEngine", ()),
        ("UnityEditor", ("UnityEngine",)),
        ("NetMQ", ()),
        ("GLTFast", ("UnityEngine",)),
    ):
        built[name] = folder / f"{name}.dll"
        compile_assembly(built[name], [STUBS / f"{name}.cs"], [built[other] for other in references])
    return built
