"""`moulage generate`: lesions on an avatar, from the command line to a folder of files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.patient import Patient


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("generate")(generate)


def generate(
    avatar: Annotated[Path, typer.Argument(help="A GLB, VRM or OBJ file.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.", show_default=False)],
    lesion_class: Annotated[str, typer.Option("--class", help="nevus, melanoma, or another of the model's.")] = "nevus",
    diameter: Annotated[
        float | None, typer.Option(help="Longest diameter in mm; if left out, sizes as they occur.", show_default=False)
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Body part (back, left-forearm, …), or a mask image, white inside.", show_default=False),
    ] = None,
    uv: Annotated[
        str | None,
        typer.Option(help="Place by texture coordinates U,V; origin top-left, as in glTF.", show_default=False),
    ] = None,
    site: Annotated[
        str | None, typer.Option(help="Place by triangle, MATERIAL:FACE,B0,B1,B2.", show_default=False)
    ] = None,
    material: Annotated[
        str | None, typer.Option(help="Which material --uv, a mask image or a whole region means.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option(help="How many lesions, 1 to 1000.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same lesions.")] = 0,
    scene: Annotated[
        Path | None, typer.Option(help="Add to this scene file; made where it is missing.", show_default=False)
    ] = None,
    steps: Annotated[int, typer.Option(help="Evaluations of the network per lesion, 2 to 1000.")] = 18,
    sampler: Annotated[
        str, typer.Option(help="How the network's noise is removed. Leave the default, unless you compare methods.")
    ] = "dpmpp_2m_sde",
    detail: Annotated[int, typer.Option(help="Side of a lesion's own picture in pixels, 64 to 1024.")] = 128,
    shape: Annotated[str, typer.Option(help="automatic, round or free.")] = "automatic",
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or mps; if left out, the best.", show_default=False)
    ] = None,
    model: Annotated[str, typer.Option(help="A network: default, small, or a folder.")] = "default",
    unit: Annotated[str | None, typer.Option(help="Unit of the file: m, cm or mm.", show_default=False)] = None,
    height: Annotated[float | None, typer.Option(help="The body's height in metres.", show_default=False)] = None,
    unwrap: Annotated[bool, typer.Option("--unwrap", help="Make texture coordinates where the file has none.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that holds something else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Grow lesions on an avatar: textures, GLB, masks, close-ups and a preview, with a manifest of every file."""
    from desktop.growing import report, run_with_progress
    from engine.errors import BadInput
    from engine.plan import Wish
    from engine.stages import Stages

    if not 1 <= count <= 1000:
        raise BadInput(f"--count: is {count}; it must lie between 1 and 1000")
    if seed < 0:
        raise BadInput(f"--seed: is {seed}; it must be 0 or more")
    if shape not in ("automatic", "round", "free"):
        raise BadInput(f"--shape: is {shape!r}; choose automatic, round or free")
    settings = _settings(shape, steps, sampler, detail)
    _check(lesion_class, diameter, settings)
    stages = Stages()
    patient = _patient(avatar, unit, height, unwrap, stages)
    place = _place(patient, region, uv, site, material, count)
    wish = Wish(lesion_class, count, seed, diameter, settings=settings, **place)  # type: ignore[arg-type]
    outcome = run_with_progress(
        patient, [wish], output, model=model, device=device, scene=scene, force=force, stages=stages, quiet=as_json
    )
    report(patient, outcome, output, as_json)


def _patient(avatar: Path, unit: str | None, height: float | None, unwrap: bool, stages: object) -> "Patient":
    import sys

    from engine.avatar.load import load
    from engine.patient import Patient
    from engine.stages import Stages

    assert isinstance(stages, Stages)
    with stages.stage("load"):
        loaded = load(avatar, unit, height, unwrap)
        for warning in loaded.warnings:
            print(f"moulage: {avatar.name}: {warning}", file=sys.stderr)
        return Patient(loaded)


def _settings(shape: str, steps: int, sampler: str, detail: int) -> dict[str, object]:
    from engine.lesion import Shape

    settings: dict[str, object] = {"steps": steps, "sampler": sampler, "detail": detail}
    if shape == "round":
        settings["shape"] = Shape("round", 0.0, 0.0)
    if shape == "free":
        settings |= {"shape": Shape("free"), "guiding": ("border", "class_border")}
    return settings


def _place(
    patient: "Patient", region: str | None, uv: str | None, site: str | None, material: str | None, count: int
) -> dict[str, object]:
    """The wish's `site` or `region`, from whichever of the three options was given."""
    from engine.errors import BadInput

    given = [name for name, value in (("--region", region), ("--uv", uv), ("--site", site)) if value is not None]
    if len(given) > 1:
        raise BadInput(f"{' and '.join(given)}: give only one of them")
    if (uv or site) and count > 1:
        raise BadInput(f"--count: is {count}, but {given[0]} is one place; use --region for several lesions")
    if uv is not None:
        u, v = _numbers("--uv", uv, 2)
        return {"site": patient.site_at_uv(u, v, material)}
    if site is not None:
        name, _, rest = site.rpartition(":")
        if not name:
            raise BadInput(f"--site: {site!r} must be MATERIAL:FACE,B0,B1,B2, such as skin:1200,0.3,0.3,0.4")
        face, b0, b1, b2 = _numbers("--site", rest, 4)
        if face != int(face):
            raise BadInput(f"--site: the face is {face}; it must be a whole number")
        if material not in (None, name):
            raise BadInput(f"--material: is {material!r}, but --site names {name!r}; leave one of them out")
        return {"site": patient.site_at_face(name, int(face), (b0, b1, b2))}
    return {"region": patient.region(region, material)}


def _numbers(option: str, text: str, count: int) -> list[float]:
    import math

    from engine.errors import BadInput

    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise BadInput(f"{option}: {text!r} must be {count} numbers with commas between them")
    return values


def _check(lesion_class: str, diameter: float | None, settings: dict[str, object]) -> None:
    """Name an impossible size or setting before any work is done."""
    from engine.lesion import LesionSpec, Site

    anywhere = Site(0, (1.0, 0.0, 0.0))
    LesionSpec(lesion_class, anywhere, 5.0 if diameter is None else diameter, 0, **settings)  # type: ignore[arg-type]
