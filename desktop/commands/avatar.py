"""`moulage avatar`: look at a body before working on it. Other commands about bodies hang on `avatar_app` too."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from engine.avatar.inspect import AvatarReport, PartReport

avatar_app = typer.Typer(
    name="avatar",
    help="Bodies: make one, look at one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.add_typer(avatar_app)


@avatar_app.command("inspect")
def inspect_command(
    file: Annotated[Path, typer.Argument(help="GLB, VRM, glTF or OBJ file.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    unit: Annotated[str | None, typer.Option(help="What the file's numbers mean: m, cm or mm.")] = None,
    height: Annotated[float | None, typer.Option(help="The body's true height in metres.")] = None,
    unwrap: Annotated[bool, typer.Option("--unwrap", help="Make UVs for meshes that have none.")] = False,
) -> None:
    """Materials, maps, texel density and skin tone by body part, warnings."""
    from engine.avatar.inspect import inspect
    from engine.avatar.load import load

    report = inspect(load(file, unit, height, unwrap))
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        _print_tables(report)


def _print_tables(report: "AvatarReport") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    def table(title: str, *columns: str) -> Table:
        made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        for number, column in enumerate(columns):
            made.add_column(column, justify="right" if number else "left", no_wrap=number > 0, overflow="fold")
        return made

    console = Console(highlight=False)
    bones = f"{report.joints} joints" + (
        f", {report.humanoid} of them named as humanoid bones" if report.humanoid else ""
    )
    console.print(
        f"{report.name}: {report.height_m:.3f} m tall, {report.metres_per_unit:g} m per unit of the file", markup=False
    )
    console.print(
        f"{report.triangles} triangles, {report.vertices} vertices, {report.islands} UV islands,"
        f" {report.seam_m:.2f} m of seams, {bones if report.joints else 'no skeleton'}"
    )
    materials = table("materials", "name", "triangles", "islands", "cm²", "map", "kind", "texels", "kB")
    for material in report.materials:
        head = (_plain(material.name), str(material.triangles), str(material.islands), f"{material.area_cm2:.0f}")
        rows = [
            (name, map_.mime.removeprefix("image/"), f"{map_.width}×{map_.height}", f"{map_.bytes / 1000:.0f}")
            for name, map_ in material.maps.items()
        ]
        for number, row in enumerate(rows or [("none", "", "", "")]):
            materials.add_row(*(head if number == 0 else ("",) * 4), *row)
    console.print(materials)
    density = ("mm/texel\np5", "\np50", "\np95", "anisotropy\np50", "\np95")
    parts = table("body parts", "\nname", "\ncm²", *density, "\nITA", "photo-\ntype")
    for part in report.parts:
        parts.add_row(*_part_cells(part))
    console.print(parts)
    for warning in report.warnings:
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)


def _part_cells(part: "PartReport") -> list[str]:
    def figures(values: tuple[float, ...] | None, count: int) -> list[str]:
        return ["-"] * count if values is None else [f"{value:.2f}" for value in values]

    tone = ["-", "-"] if part.tone is None else [f"{part.tone.ita:.0f}°", part.tone.phototype]
    return [part.name, f"{part.area_cm2:.0f}", *figures(part.mm_per_texel, 3), *figures(part.anisotropy, 2), *tone]


def _plain(text: str) -> Any:
    """Text from a file, in which square brackets mean nothing."""
    from rich.text import Text

    return Text(text)
