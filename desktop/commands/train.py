"""`moulage train` and `moulage pack`: a network from dermatoscopic images; the images as one file to carry."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.training.packing import Filters

_CLASSES = "nevus,melanoma"
_Hair = Annotated[float, typer.Option(help="Leave out images whose skin hair covers to more than this share.")]
_Corners = Annotated[int, typer.Option(help="Leave out images with more dark corners than this.")]
_Rulers = Annotated[bool, typer.Option("--keep-rulers", help="Keep images with a ruler's marks.")]
_Limit = Annotated[
    int | None, typer.Option(help="At most this many images per class, for a trial.", show_default=False)
]
_Names = Annotated[str, typer.Option(help="Which classes, with commas between them.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("train")(train)
    app.command("pack")(pack)


def train(
    data: Annotated[
        list[Path],
        typer.Option(help="A folder of images, masks and classes, or a pack; may be repeated.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The model's folder.", show_default=False)],
    minutes: Annotated[
        float | None, typer.Option(help="Train this long now; 25 if --steps isn't given.", show_default=False)
    ] = None,
    total_minutes: Annotated[
        float | None, typer.Option(help="Length over several calls; --minutes if left out.", show_default=False)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Length in steps instead; continues bit for bit on a CPU.", show_default=False)
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="default (19 M), starter (10 M) or small (5 M).", show_default=False)
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Begin with the weights of this model.", show_default=False)
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Learn the answers of this larger model.", show_default=False)
    ] = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Fine-tune one network per class, each in a folder of -o.")
    ] = False,
    batch: Annotated[
        int | None, typer.Option(help="Images per step and device; 128 on a GPU, else 16.", show_default=False)
    ] = None,
    stages: Annotated[
        str | None,
        typer.Option(help="Picture sizes and their shares; 128 on a GPU, else 64:0.5,128:0.5.", show_default=False),
    ] = None,
    learning_rate: Annotated[float, typer.Option(help="At its highest.")] = 3e-4,
    sheet_every: Annotated[int, typer.Option(help="Steps between two sample sheets; 0 is only at the end.")] = 0,
    sigma_min: Annotated[
        float | None, typer.Option(help="Noise level at which the model's sampling stops.", show_default=False)
    ] = None,
    chroma_radius: Annotated[
        float | None, typer.Option(help="Smoothing of the model's colour, pixels of 128.", show_default=False)
    ] = None,
    classes: _Names = _CLASSES,
    mib: Annotated[float, typer.Option(help="Size of the pack that folders are made into.")] = 48.0,
    hair: _Hair = 0.07,
    dark_corners: _Corners = 1,
    keep_rulers: _Rulers = False,
    limit: _Limit = None,
    seed: Annotated[int, typer.Option(help="Of the first weights and of all batches.")] = 0,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or mps; if left out, the best.", show_default=False)
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="fp32 or bf16; if left out, what pays.", show_default=False)
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Of the CPU.", show_default=False)] = None,
) -> None:
    """Train a network. Stop it at any time (Ctrl-C); the same line again continues."""
    import math

    from desktop.training import train as run
    from desktop.training import train_per_class
    from engine.errors import BadInput
    from engine.training.devices import Devices
    from engine.training.run import Wishes
    from engine.training.settings import TrainSettings, stages_of

    if threads is not None:
        import torch

        if not 1 <= threads <= 1024:
            raise BadInput(f"--threads: is {threads}; it must lie between 1 and 1024")
        torch.set_num_threads(threads)
    if steps is not None and total_minutes is not None:
        raise BadInput("--total-minutes: goes with --minutes, not with --steps")
    if minutes is not None and not minutes > 0:
        raise BadInput(f"--minutes: is {minutes:g}; it must be above 0")
    if sheet_every < 0:
        raise BadInput(f"--sheet-every: is {sheet_every}; it must be 0 or more")
    devices = Devices(device, precision)
    fast = devices.device.type == "cuda"
    now = minutes if minutes is not None or steps is not None else 25.0
    settings = TrainSettings(
        steps=steps,
        minutes=None if steps is not None else total_minutes if total_minutes is not None else now,
        batch=batch if batch is not None else 128 if fast else 16,
        learning_rate=learning_rate,
        stages=stages_of(stages if stages is not None else "128" if fast else "64:0.5,128:0.5"),
        seed=seed,
    )
    wishes = Wishes(
        data=tuple(data),
        output=output,
        settings=settings,
        size=size,
        start=start,
        teacher=teacher,
        classes=_split(classes),
        pack_mib=mib,
        filters=_filters(hair, dark_corners, keep_rulers),
        limit=limit,
        sheet_every=sheet_every,
        command=_command(),
        sigma_min=sigma_min,
        chroma_radius=chroma_radius,
    )
    seconds = math.inf if now is None else 60 * now
    (train_per_class if per_class else run)(wishes, devices, seconds)


def pack(
    data: Annotated[list[Path], typer.Argument(help="Folders of images, masks and classes.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file.", show_default=False)],
    mib: Annotated[float, typer.Option(help="At most this large; images are made smaller until they fit.")] = 48.0,
    classes: _Names = _CLASSES,
    hair: _Hair = 0.07,
    dark_corners: _Corners = 1,
    keep_rulers: _Rulers = False,
    limit: _Limit = None,
) -> None:
    """Pack images for training into one file: normalised, filtered, without the test split."""
    from engine.errors import BadInput
    from engine.training.gathering import make_pack

    if output.is_dir():
        raise BadInput(f"-o: {output} is a folder; give a file, such as {output / 'lesions.pack'}")
    if not output.parent.is_dir():
        raise BadInput(f"-o: the folder {output.parent} is missing")
    make_pack(data, output, mib, _split(classes), _filters(hair, dark_corners, keep_rulers), print, limit)


def _filters(hair: float, dark_corners: int, keep_rulers: bool) -> "Filters":
    from engine.errors import BadInput
    from engine.training.packing import Filters

    if not 0 <= hair <= 1:
        raise BadInput(f"--hair: is {hair:g}; it must lie between 0 and 1")
    if not 0 <= dark_corners <= 4:
        raise BadInput(f"--dark-corners: is {dark_corners}; it must lie between 0 and 4")
    return Filters(hair=hair, dark_corners=dark_corners, ruler=not keep_rulers)


def _split(names: str) -> tuple[str, ...]:
    """Classes, each once. BadInput for one that no data set can have."""
    from engine.errors import BadInput
    from engine.training.dataset import CLASS_OF_DIAGNOSIS

    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    known = sorted(set(CLASS_OF_DIAGNOSIS.values()))
    for name in chosen:
        if name not in known:
            raise BadInput(f"--classes: {name!r} is unknown; choose among {', '.join(known)}")
    if not chosen:
        raise BadInput("--classes: names none")
    return chosen


def _command() -> str:
    """The line as it was typed, without the folders that lead to files of this machine."""
    import shlex
    import sys

    return shlex.join(["moulage", *(Path(a).name if Path(a).is_absolute() else a for a in sys.argv[1:])])
