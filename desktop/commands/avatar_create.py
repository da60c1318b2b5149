"""`moulage avatar create`: a parametric patient as a GLB."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Sex(StrEnum):
    """What `--sex` takes."""

    female = "female"
    male = "male"


class Phototype(StrEnum):
    """What `--phototype` takes: Fitzpatrick's."""

    I = "I"  # noqa: E741 - the phototype's name
    II = "II"
    III = "III"
    IV = "IV"
    V = "V"
    VI = "VI"


def register(app: typer.Typer) -> None:
    """Hang `create` on `moulage avatar`."""
    from desktop.commands.avatar import avatar_app

    avatar_app.command("create")(create_command)


def create_command(
    output: Annotated[Path, typer.Option("--output", "-o", help="The GLB to write.", show_default=False)],
    sex: Annotated[Sex, typer.Option(help="The body's sex.")] = Sex.male,
    age: Annotated[float, typer.Option(help="Years, 3 to 90.")] = 40.0,
    height: Annotated[float | None, typer.Option(help="Metres; the usual for sex and age by default.")] = None,
    weight: Annotated[float | None, typer.Option(help="Kilograms; the usual for age and height by default.")] = None,
    phototype: Annotated[Phototype, typer.Option(help="Fitzpatrick phototype.")] = Phototype.II,
    size: Annotated[int, typer.Option(help="Side of the skin texture: 1024, 2048, 4096 or 8192.")] = 4096,
    seed: Annotated[int, typer.Option(help="The skin's own pattern.")] = 0,
) -> None:
    """Make a patient with the height and weight asked for, and a skin. The same arguments give the same file."""
    from engine.avatar.basemesh import cache_file
    from engine.avatar.body import BodySpec, create
    from engine.errors import AvatarError
    from engine.output import write_atomic

    spec = BodySpec(sex.value, age, height, weight, phototype.value, size, seed).completed()
    if output.suffix.lower() != ".glb":
        raise AvatarError(f"--output: {output} must end in .glb, the only form that a patient is written in")
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise AvatarError(f"--output: {output} is a folder, or lies in none that exists; name a file in one that does")
    if not cache_file().exists():
        print("Preparing the base body; this takes about half a minute, once.", flush=True)
    data = create(spec)
    write_atomic(output, data)
    print(
        f"{output}: {spec.sex}, {spec.age:g} years, {spec.height_m:.2f} m, {spec.weight_kg:.1f} kg, "
        f"phototype {spec.phototype}, {size}×{size} skin, {len(data) / 1e6:.1f} MB"
    )
