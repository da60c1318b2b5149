"""What the user likes and what the machine can do: kept between sessions, applied at the start."""

from dataclasses import dataclass, replace

from PySide6.QtCore import QSettings

from desktop.gui.model.engine_process import EngineOptions

DEVICES = ("", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
SCALES = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
_GROUP = "preferences/"


@dataclass(frozen=True)
class Preferences:
    """theme: `dark` or `light`. scale: of letters and signs; from the next start on. device: `cpu`, `cuda`, `mps`, or
    the best where empty. threads, memory_mb: 0 for what the program finds best. precision: `auto`, `fp32`, `bf16`."""

    theme: str = "dark"
    scale: float = 1.0
    device: str = ""
    threads: int = 0
    precision: str = "auto"
    memory_mb: int = 0

    def engine(self, options: EngineOptions) -> EngineOptions:
        """How the engine is started with these."""
        return replace(
            options,
            device=self.device or None,
            threads=self.threads or None,
            memory_mb=self.memory_mb or None,
            arithmetic=self.precision,
        )


def load(settings: QSettings) -> Preferences:
    """What was kept; usual values for what is missing or can't be."""
    usual = Preferences()

    def number(name: str, least: float, most: float, otherwise: float) -> float:
        try:
            found = float(str(settings.value(_GROUP + name, otherwise)))
        except ValueError:
            return otherwise
        return found if least <= found <= most else otherwise

    def choice(name: str, choices: tuple[str, ...], otherwise: str) -> str:
        found = str(settings.value(_GROUP + name, otherwise))
        return found if found in choices else otherwise

    return Preferences(
        theme=choice("theme", ("dark", "light"), usual.theme),
        scale=number("scale", SCALES[0], SCALES[-1], usual.scale),
        device=choice("device", DEVICES, usual.device),
        threads=int(number("threads", 0, 1024, usual.threads)),
        precision=choice("precision", PRECISIONS, usual.precision),
        memory_mb=int(number("memory_mb", 0, 1_000_000, usual.memory_mb)),
    )


def keep(settings: QSettings, preferences: Preferences) -> None:
    """Keep them for the next start."""
    for name, value in vars(preferences).items():
        settings.setValue(_GROUP + name, value)
