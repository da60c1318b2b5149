"""`moulage demo`: the default patient with fourteen lesions, from nothing to files that can be opened."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.lesion import LesionLayer
    from engine.patient import Patient
    from engine.plan import Wish

SEED = 590
"""Chosen so that the nevi of the face lie on the cheeks, and those of the back above the waist."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("demo")(demo)


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("demo"),
    size: Annotated[int, typer.Option(help="Side of the patient's texture in texels, 1024 to 8192.")] = 4096,
    steps: Annotated[int, typer.Option(help="Evaluations of the network per lesion.")] = 18,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that holds something else.")] = False,
) -> None:
    """Make a patient, grow 12 nevi and 2 melanomas on back, chest, face and arms, and show what came of it."""
    from desktop.growing import report, run_with_progress
    from engine.avatar.body import BodySpec, create
    from engine.avatar.load import from_glb
    from engine.patient import Patient
    from engine.stages import Stages

    stages = Stages()
    print("Making the default patient (the first time, the body model is built: about half a minute) …", flush=True)
    with stages.stage("patient"):
        glb = create(BodySpec(texture_size=size))
    with stages.stage("load"):
        patient = Patient(from_glb(glb, "patient", 1.0))
    wishes = demo_wishes(patient, {"steps": steps})
    outcome = run_with_progress(patient, wishes, output, stages=stages, force=force, title="Demonstration patient")
    report(patient, outcome, output)
    _tell_of_the_seam(patient, outcome.layers[0])
    _show_the_link(patient, outcome.layers)


def demo_wishes(patient: "Patient", settings: dict[str, object]) -> "list[Wish]":
    """One nevus across the spine's UV seam, the others scattered over body parts."""
    from engine.plan import Wish

    spine = patient.site_facing((0.0, 0.72 * patient.height_m, -3.0), (0.0, 0.0, 1.0))
    wishes = [Wish("nevus", 1, SEED, diameter_mm=6.0, site=spine, settings=settings)]
    for number, (lesion_class, count, part) in enumerate(
        (
            ("melanoma", 1, "back"),
            ("nevus", 3, "back"),
            ("nevus", 3, "chest"),
            ("nevus", 2, "face"),
            ("nevus", 1, "left-upper-arm"),
            ("nevus", 1, "left-forearm"),
            ("melanoma", 1, "right-upper-arm"),
            ("nevus", 1, "right-forearm"),
        ),
        start=1,
    ):
        wishes.append(Wish(lesion_class, count, SEED + number, region=patient.region(part), settings=settings))
    return wishes


def _tell_of_the_seam(patient: "Patient", layer: "LesionLayer") -> None:
    """In how many separate places of the texture the first nevus was written."""
    import cv2
    import numpy as np

    material = patient.surface.face_material[layer.spec.site.face]
    own = patient.canvas.index[int(material)] == patient.canvas.number_of[layer.id]
    pieces = cv2.connectedComponents(own.astype(np.uint8))[0] - 1
    if pieces > 1:
        print(f"Lesion 1 crosses the spine's UV seam: it stands in {pieces} separate places of the texture.")
    else:
        print("Lesion 1 lies on the spine's UV seam, but this texture is too coarse to show it on both sides.")


def _show_the_link(patient: "Patient", layers: "Sequence[LesionLayer]") -> None:
    """Push everything to a mirror, and to the C# scene host where Mono is installed; the hashes at both ends."""
    import tempfile

    from bridge import BridgeError
    from desktop.proof import lines, prove
    from desktop.unity import build_scene_host

    with tempfile.TemporaryDirectory(prefix="moulage-") as folder:
        host = build_scene_host(Path(folder))
        if host is None:
            print("No Mono here, so the live link is shown without its C# end (`moulage doctor` says how to get it).")
        proof = prove(patient, layers, host)
    print("The live link, to the ends that a Unity scene uses:")
    for line in lines(proof):
        print(f"  {line}")
    if not proof.holds:
        raise BridgeError("what arrived over the live link is not what was sent")
