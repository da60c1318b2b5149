"""What this machine offers the desktop program and the link: OpenGL, ZeroMQ with CURVE, Mono.

Drivers and native libraries are tried in a process of their own: a broken one takes down only that.
"""

import shutil
import subprocess
import sys

from engine.environment import Check, guarded

_OPENGL = """
import sys, moderngl
extra = {"backend": "egl"} if sys.platform == "linux" else {}
context = moderngl.create_context(standalone=True, require=330, **extra)
print(context.info["GL_RENDERER"], "| OpenGL", context.version_code / 100)
"""
_ZEROMQ = """
import zmq
print(f"libzmq {zmq.zmq_version()}, pyzmq {zmq.pyzmq_version()}")
print(zmq.has("curve"))
"""
_SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "gdi generic")
_MONO_PACKAGES = "mono-mcs mono-runtime libmono-system-io-compression4.0-cil libzmq5"


def check_desktop() -> list[Check]:
    """The lines on what is outside the engine."""
    return [
        *guarded("OpenGL", lambda: [check_opengl()]),
        *guarded("ZeroMQ", lambda: [check_zeromq()]),
        *guarded("Mono", lambda: [check_mono()]),
    ]


def check_opengl() -> Check:
    """A context of OpenGL 3.3 without a window, and who draws in it."""
    answer = _try(_OPENGL)
    if answer.returncode == 0:
        renderer = answer.stdout.strip().splitlines()[-1]
        slow = any(name in renderer.lower() for name in _SOFTWARE)
        return Check("OpenGL", True, renderer + (" (in software: the 3D view works, slowly)" if slow else ""))
    reason = _last_line(answer.stderr)
    if "No module named 'moderngl'" in reason:
        return Check("OpenGL", False, "not examined", "for the program with windows: pip install moderngl")
    remedy = "update the graphics driver"
    if sys.platform == "linux":
        remedy = "sudo apt-get install libgl1 libegl1 libgl1-mesa-dri, or update the graphics driver"
    return Check("OpenGL", False, f"no context ({reason})", remedy)


def check_zeromq() -> Check:
    """libzmq, and whether it was built with CURVE, without which only loopback is served."""
    answer = _try(_ZEROMQ)
    if answer.returncode != 0:
        return Check("ZeroMQ", False, _last_line(answer.stderr), "pip install --force-reinstall pyzmq", necessary=True)
    versions, curve = answer.stdout.strip().splitlines()[-2:]
    return Check(
        "ZeroMQ",
        curve == "True",
        f"{versions}, {'with' if curve == 'True' else 'without'} CURVE",
        "pip install --force-reinstall pyzmq (its wheels have CURVE; without it only this machine can connect)",
    )


def check_mono() -> Check:
    """Mono, with which the demonstration also runs the C# client; optional."""
    programs = [shutil.which("mono"), shutil.which("mcs")]
    if all(programs):
        version = subprocess.run(["mono", "--version"], capture_output=True, text=True, timeout=20, check=False)
        return Check("Mono", version.returncode == 0, version.stdout.partition("(")[0].strip(), "reinstall Mono")
    hint = f"sudo apt-get install {_MONO_PACKAGES}" if sys.platform == "linux" else "https://www.mono-project.com"
    return Check("Mono", False, "not installed", f"only to run the C# client outside Unity: {hint}")


def _try(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "no answer within a minute")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it ended without a word"])[-1]
