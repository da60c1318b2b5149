"""An evaluation as a document: figures, what was withheld and why, the machine and the command. Versioned JSON."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from engine.evaluation.figures import Figure, to_json
from engine.evaluation.memorisation import Memorisation

SCHEMA = "moulage-evaluation"
VERSION = 1
PACKAGES = ("moulage", "torch", "numpy", "scipy", "opencv-python-headless", "diffusers")


@dataclass(frozen=True)
class Report:
    """See `engine.evaluation.evaluate`. model, data, settings: facts by name. withheld: measure → why it has no figure.

    memorisation: of each seed. remarks: a line each, for the reader of the table. seconds: by stage.
    """

    model: Mapping[str, Any]
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    figures: Sequence[Figure]
    by_seed: Mapping[int, Sequence[Figure]]
    memorisation: Mapping[int, Memorisation]
    withheld: Mapping[str, str]
    remarks: Sequence[str]
    seconds: Mapping[str, float] = field(default_factory=dict)

    def document(self, command: Sequence[str]) -> dict[str, Any]:
        """Ready for JSON. command: as it was typed."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "command": list(command),
            "environment": environment(),
            "model": dict(self.model),
            "data": dict(self.data),
            "settings": dict(self.settings),
            "figures": [to_json(figure) for figure in self.figures],
            "by_seed": {str(seed): [to_json(f) for f in figures] for seed, figures in self.by_seed.items()},
            "memorisation": {
                str(seed): {
                    "threshold": found.threshold,
                    "suspicious": found.suspicious,
                    "expected": found.expected,
                    "probability": found.probability,
                    "alarm": found.alarm,
                    "alarming": len(found.alarming),
                    "copies": found.copies,
                    "pictures": [
                        {"generated": name, "nearest": other, "ratio": ratio} for name, other, ratio in found.names
                    ],
                }
                for seed, found in self.memorisation.items()
            },
            "withheld": dict(self.withheld),
            "remarks": list(self.remarks),
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
        }


def environment() -> dict[str, Any]:
    """What the figures were made with."""
    import torch

    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": versions,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
    }
