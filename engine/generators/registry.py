"""Finding a generator by name among the installed packages' entry points `moulage.generators`."""

from importlib.metadata import entry_points

from engine.errors import ModelError
from engine.generators.protocol import Generator

GROUP = "moulage.generators"


def open_generator(name: str = "ddpm", **options: object) -> Generator:
    """The generator of that name, made with `options` (for `ddpm`: model, device, threads).

    ModelError where no installed package offers it.
    """
    found = entry_points(group=GROUP, name=name)
    if not found:
        names = ", ".join(sorted(entry_points(group=GROUP).names)) or "none; reinstall moulage"
        raise ModelError(f"generator {name!r} is not installed; there are: {names}")
    generator: Generator = next(iter(found)).load()(**options)
    return generator
