"""The Unity package on this machine: where it lies, and how its C# is built with Mono where no Unity is.

`unity_client/` lies beside this package, in a checkout as in an installed wheel.
"""

import ctypes.util
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bridge import BridgeError

_COMPILER_FLAGS = ("-langversion:7", "-warnaserror", "-unsafe", "-optimize+", "-nologo")


def package_folder() -> Path:
    """The Unity package's folder; BridgeError where the installation lacks it."""
    folder = Path(__file__).resolve().parent.parent / "unity_client"
    if not (folder / "package.json").is_file():
        raise BridgeError(f"the Unity package is missing at {folder}: install Moulage again")
    return folder


def compile_assembly(
    output: Path, sources: Sequence[Path], references: Sequence[Path] = (), defines: Sequence[str] = ()
) -> None:
    """Compile C# with Mono's mcs as Unity would accept it, warnings as errors; BridgeError shows what mcs said."""
    mcs = shutil.which("mcs")
    if mcs is None:
        raise BridgeError("mcs is missing; on Debian and Ubuntu: apt install mono-mcs")
    kind = "exe" if output.suffix == ".exe" else "library"
    command = [mcs, *_COMPILER_FLAGS, f"-target:{kind}", f"-out:{output}"]
    command += [f"-r:{reference}" for reference in references] + [f"-d:{name}" for name in defines]
    done = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BridgeError(f"mcs could not build {output.name}:\n{done.stdout}{done.stderr}")


def sources(folder: Path) -> list[Path]:
    """The C# files of a folder and those below it, sorted."""
    return sorted(folder.rglob("*.cs"))


def compile_core(folder: Path) -> list[Path]:
    """Build Core and the libzmq transport of the package into a folder; the assemblies."""
    runtime = package_folder() / "Runtime"
    core, transport = folder / "Moulage.Core.dll", folder / "Moulage.Transports.LibZmq.dll"
    compile_assembly(core, sources(runtime / "Core"))
    compile_assembly(transport, sources(runtime / "Transports" / "LibZmq"), [core])
    library = libzmq_path()
    if library is not None:
        dllmap = f'<configuration><dllmap dll="libzmq" target="{library}"/></configuration>\n'
        transport.with_name(transport.name + ".config").write_text(dllmap, "utf-8")
    return [core, transport]


def build_scene_host(out_dir: Path) -> Path | None:
    """SceneHost.exe, built below `out_dir` unless it is there already; None where Mono is missing.

    Run it with `mono`; docs/scene-host.md says what it does. BridgeError where the compiler fails.
    """
    if shutil.which("mcs") is None or shutil.which("mono") is None:
        return None
    package = package_folder()
    program = sources(package / "SceneHost~")
    digest = hashlib.sha256()
    for path in [*sources(package / "Runtime" / "Core"), *sources(package / "Runtime" / "Transports"), *program]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(str(libzmq_path()).encode())
    built = out_dir / f"scene-host-{digest.hexdigest()[:16]}"
    if not (built / "SceneHost.exe").is_file():
        out_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="scene-host-", dir=out_dir))
        compile_assembly(folder / "SceneHost.exe", program, compile_core(folder))
        try:
            folder.rename(built)
        except OSError:
            # Another process was quicker; its files are as good.
            shutil.rmtree(folder)
            if not (built / "SceneHost.exe").is_file():
                raise
    return built / "SceneHost.exe"


def libzmq_path() -> str | None:
    """The native libzmq that C# programs load here: the system's, or the one that came with pyzmq."""
    found = ctypes.util.find_library("zmq")
    if found is not None:
        return found
    import zmq

    package = Path(zmq.__file__).parent
    for folder in (package.parent / "pyzmq.libs", package / ".dylibs"):
        for path in sorted(folder.glob("libzmq*")):
            return str(path)
    return None
