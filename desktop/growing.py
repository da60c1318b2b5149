"""What `generate` and `demo` share: a run with its progress on the terminal, and the table of what came of it."""

import json
from collections.abc import Sequence
from pathlib import Path

from desktop.progress import print_table, progress_bar
from engine.patient import Patient
from engine.plan import Wish
from engine.run import Outcome, run
from engine.stages import Stages


def run_with_progress(
    patient: Patient,
    wishes: Sequence[Wish],
    output: Path,
    *,
    model: str = "default",
    device: str | None = None,
    scene: Path | None = None,
    force: bool = False,
    stages: Stages | None = None,
    title: str = "",
    quiet: bool = False,
) -> Outcome:
    """Run the wishes with the shipped generator; a bar counts the network's evaluations."""
    from engine.generators.registry import open_generator

    stages = stages or Stages()
    with stages.stage("model"):
        generator = open_generator("ddpm", model=model, device=device)
    asked = sum(wish.count for wish in wishes)
    if not quiet:
        print(f"{patient.avatar.name}: {asked} lesion{'s' if asked > 1 else ''}, model {model}")
    with progress_bar("painting") as progress:
        return run(
            patient,
            wishes,
            generator,
            output,
            scene_path=scene,
            force=force,
            title=title or patient.avatar.name,
            stages=stages,
            progress=progress,
        )


def report(patient: Patient, outcome: Outcome, output: Path, as_json: bool = False) -> None:
    """Tell what was made: a table and the places of the files, or one JSON document."""
    seconds = {grown.layer.id: grown.seconds for grown in outcome.grown}
    if as_json:
        lesions = [_document(patient, outcome, index, seconds) for index in range(len(outcome.layers))]
        stages = [{"name": s.name, "seconds": s.seconds, "peak_mb": s.peak_mb} for s in outcome.stages.finished]
        print(
            json.dumps({"output": str(output), "asked": outcome.asked, "lesions": lesions, "stages": stages}, indent=1)
        )
        return
    rows = [
        (
            str(patient.canvas.number_of.get(layer.id, "-")),
            layer.spec.lesion_class,
            f"{layer.spec.diameter_mm:.1f}",
            f"{layer.diameter_mm:.1f}",
            layer.body_part.replace("-", " ") or "-",
            f"{seconds[layer.id]:.1f}" if layer.id in seconds else "-",
        )
        for layer in outcome.layers
    ]
    print_table(("no.", "class", "mm asked", "mm measured", "body part", "seconds"), rows, right=(0, 2, 3, 5))
    for grown in outcome.grown:
        for warning in grown.warnings:
            print(f"  lesion {patient.canvas.number_of[grown.layer.id]}: {warning}")
    if len(outcome.layers) < outcome.asked:
        print(f"{len(outcome.layers)} of {outcome.asked} lesions found a place; choose a larger region or fewer mm.")
    if not outcome.grown:
        print("These lesions were made before; the files are whole.")
    print(f"Look at {output / 'preview.png'}; the body with its lesions is {output / 'avatar.glb'}.")


def _document(patient: Patient, outcome: Outcome, index: int, seconds: dict[str, float]) -> dict[str, object]:
    layer = outcome.layers[index]
    material, u, v = patient.surface.uv(layer.spec.site)
    return {
        "id": layer.id,
        "number": patient.canvas.number_of.get(layer.id),
        "class": layer.spec.lesion_class,
        "diameter_mm": layer.spec.diameter_mm,
        "measured_mm": round(layer.diameter_mm, 3),
        "body_part": layer.body_part,
        "material": patient.avatar.materials[material].name,
        "uv": [round(u, 6), round(v, 6)],
        "seconds": seconds.get(layer.id),
        "warnings": [text for grown in outcome.grown if grown.layer.id == layer.id for text in grown.warnings],
    }
