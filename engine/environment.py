"""What this machine offers the engine, as values: versions, accelerator, processor, memory, disk, model.

Nothing is changed and nothing is downloaded; a fault in one check never hides the others.
"""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

OLDEST_PYTHON = (3, 11)
NEEDED_MEMORY = 4 * 2**30
NEEDED_DISK = 2 * 2**30

CORE_PACKAGES = (
    "numpy",
    "scipy",
    "opencv-python-headless",
    "pillow",
    "torch",
    "diffusers",
    "safetensors",
    "embreex",
    "pyzmq",
    "qoi",
    "xxhash",
    "typer",
    "rich",
)
EXTRAS = {
    "desktop": ("the program with windows", ("PySide6-Essentials", "moderngl")),
    "avatar": ("parametric bodies", ("anny", "xatlas")),
    "train": ("training", ("accelerate", "tensorboard")),
    "cluster": ("batches on several machines", ("ray",)),
}

_BF16_FLAGS = {"avx512_bf16": "AVX512-BF16", "amx_bf16": "AMX", "bf16": "Arm BF16"}
_VECTOR_FLAGS = {"avx512f": "AVX-512", "avx2": "AVX2", "asimd": "Neon"}
"""Processor features as Linux names them, the best first."""


@dataclass(frozen=True)
class Check:
    """One line of a report.

    ok: whether it is as it should be. remedy: what to do where it isn't. necessary: whether Moulage can't do without.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
    necessary: bool = False

    @property
    def fatal(self) -> bool:
        """Whether this keeps Moulage from working at all."""
        return self.necessary and not self.ok


def check_engine(folder: Path | None = None) -> list[Check]:
    """All of the engine's checks, in the order of a report. folder: whose disk is looked at (default: the current)."""
    return [
        *guarded("Python", check_python),
        *guarded("packages", check_packages),
        *guarded("extras", check_extras),
        *guarded("device", check_device),
        *guarded("processor", check_processor),
        *guarded("precision", check_precision),
        *guarded("memory", check_memory),
        *guarded("disk", lambda: [check_disk(folder or Path.cwd())]),
        *guarded("model", check_model),
    ]


def guarded(name: str, check: Callable[[], Iterable[Check]]) -> list[Check]:
    """The check's lines, or one line that says how the check itself failed: a report must not die of a finding."""
    try:
        return list(check())
    except Exception as error:
        return [Check(name, False, f"could not be examined ({type(error).__name__}: {error})")]


def check_python() -> list[Check]:
    """Python and Moulage themselves."""
    version = platform.python_version()
    good = sys.version_info >= OLDEST_PYTHON
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return [
        Check("Moulage", True, f"{_version('moulage') or 'run from its source'}, on {platform.platform()}"),
        Check("Python", good, version, f"install Python {oldest} or newer", necessary=True),
    ]


def check_packages() -> list[Check]:
    """The packages that every command needs, in one line."""
    versions = {name: _version(name) for name in CORE_PACKAGES}
    missing = [name for name, version in versions.items() if version is None]
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version is not None)
    if missing:
        found = f"missing: {', '.join(missing)}"
    return [Check("packages", not missing, found, f"pip install {_requirements(missing)}", necessary=True)]


def check_extras() -> list[Check]:
    """One line per optional part."""
    checks = []
    for extra, (purpose, names) in EXTRAS.items():
        versions = {name: _version(name) for name in names}
        missing = [name for name, version in versions.items() if version is None]
        found = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
        remedy = f"for {purpose}: pip install {_requirements(missing)}"
        checks.append(Check(f"extra {extra}", not missing, found, remedy))
    return checks


def check_device() -> list[Check]:
    """What networks run on. An NVIDIA card that torch can't use is a fault with a remedy."""
    if _version("torch") is None:
        return [Check("device", False, "torch is missing", "pip install torch", necessary=True)]
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        bf16 = "with bf16" if torch.cuda.is_bf16_supported() else "without bf16"
        return [Check("device", True, f"CUDA: {properties.name}, {_gib(properties.total_memory)}, {bf16}")]
    card = nvidia_card()
    if card is not None:
        return [unused_card(card, torch.__version__, torch.version.cuda)]
    if torch.backends.mps.is_available():
        return [Check("device", True, "Apple GPU (MPS)")]
    return [Check("device", True, f"CPU, {torch.get_num_threads()} threads for torch {torch.__version__}")]


def unused_card(card: str, torch_version: str, cuda: str | None) -> Check:
    """The line for an NVIDIA card that torch doesn't see. cuda: the CUDA version torch was built for, if any."""
    if cuda is None:
        public = torch_version.split("+")[0]
        remedy = (
            f"this torch is built for the CPU only; pip install uv, then: uv pip install --python {sys.executable} "
            f"--reinstall-package torch torch=={public} --torch-backend=auto"
        )
        return Check("device", False, f"CPU only, although there is a {card} (torch {torch_version})", remedy)
    return Check(
        "device",
        False,
        f"CPU only: torch {torch_version} (CUDA {cuda}) can't reach the {card}",
        f"update the NVIDIA driver so that it supports CUDA {cuda}; in a container, start it with --gpus all",
    )


def nvidia_card() -> str | None:
    """Name and driver of the first NVIDIA card, or None."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.strip().splitlines()
    if answer.returncode != 0 or not lines:
        return None
    name, _, driver = lines[0].partition(", ")
    return f"{name} (driver {driver})"


def check_processor() -> list[Check]:
    """Cores that this process may use, and whether the processor calculates in bf16."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    features = _processor_features()
    bf16 = [label for flag, label in _BF16_FLAGS.items() if flag in features]
    vectors = next((label for flag, label in _VECTOR_FLAGS.items() if flag in features), "")
    precision = f"bf16 by {' and '.join(bf16)}" if bf16 else "no bf16 arithmetic, so networks run in fp32"
    if not features:
        precision = "features unknown on this system"
    text = ", ".join(part for part in (f"{cores} cores", platform.machine(), vectors, precision) if part)
    return [Check("processor", True, text)]


def check_precision() -> list[Check]:
    """The precision that networks run in here, measured, and the threads they get."""
    if _version("torch") is None:
        return []
    import torch

    from engine.diffusion import precision

    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    choice = precision.choose(torch.device(device))
    return [Check("precision", True, f"{choice.text()}; {precision.threads()} threads")]


def check_memory() -> list[Check]:
    """Main memory, or what a container may use of it."""
    total = memory_bytes()
    if total is None:
        return [Check("memory", True, "unknown on this system")]
    remedy = f"{_gib(NEEDED_MEMORY)} are needed for 4096x4096 textures; close other programs or use smaller textures"
    return [Check("memory", total >= NEEDED_MEMORY, _gib(total), remedy)]


def check_disk(folder: Path) -> Check:
    """Free space where results would go."""
    free = shutil.disk_usage(folder).free
    remedy = f"free some: a patient with textures, masks and scene takes up to {_gib(NEEDED_DISK)}"
    return Check("disk", free >= NEEDED_DISK, f"{_gib(free)} free in {folder}", remedy)


def check_model(name: str | Path = "default") -> list[Check]:
    """A model: where it is, its classes, licence and fingerprint; a damaged or missing one is named."""
    from engine.diffusion.checkpoint import find
    from engine.errors import ModelError

    try:
        model = find(name)
    except ModelError as error:
        remedy = "reinstall Moulage, or give a model folder with --model"
        return [Check("model", False, " ".join(str(error).split()), remedy, necessary=True)]
    classes = ", ".join(model.classes)
    text = f"{name}: {classes}; licence {model.licence}; fingerprint {model.fingerprint[:16]}; in {model.folder}"
    return [Check("model", True, text, necessary=True)]


def memory_bytes() -> int | None:
    """Main memory in bytes, no more than the container's limit; None where the system doesn't tell."""
    if sys.platform == "win32":
        return _windows_memory()
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(os.sysconf_names):
        return None
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        total = min(total, int(text))
    return total


def _windows_memory() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("others", ctypes.c_ulonglong * 6),
        )

    status = Status(length=ctypes.sizeof(Status))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - unknown to type checkers elsewhere
    return int(status.total) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def _processor_features() -> set[str]:
    """Feature flags as Linux names them; empty where the system doesn't tell."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text().splitlines()
        flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
        return set(flags.partition(":")[2].split())
    if sys.platform == "darwin" and platform.machine() == "arm64":
        query = ["sysctl", "-n", "hw.optional.arm.FEAT_BF16"]
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
        return {"asimd", "bf16"} if answer.stdout.strip() == "1" else {"asimd"}
    return set()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _requirements(packages: Iterable[str]) -> str:
    """The packages as pip wants them, with the versions that Moulage asks for where it is installed."""
    try:
        asked = importlib.metadata.requires("moulage") or []
    except importlib.metadata.PackageNotFoundError:
        asked = []
    wanted = {re.split(r"[^\w.-]", text)[0].lower(): text.partition(";")[0].strip() for text in asked}
    return " ".join(f'"{wanted.get(name.lower(), name)}"' for name in packages)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
