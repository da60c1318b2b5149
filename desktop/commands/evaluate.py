"""`moulage evaluate`: how good a network is, beside real pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.evaluation.report import Report
    from engine.evaluation.samples import SampleSettings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    model: Annotated[str, typer.Argument(help="A network: default, small, or a folder.", show_default=False)],
    data: Annotated[
        list[Path],
        typer.Option(
            help="A folder of real images in any layout that train reads; may be repeated.", show_default=False
        ),
    ],
    count: Annotated[
        int | None, typer.Option(help="Generated pictures per seed; 128 with --quick, else 3000.", show_default=False)
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write everything there as well.", show_default=False)
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The short form: one seed, small trainings.")] = False,
    observer_steps: Annotated[
        int | None,
        typer.Option(help="Steps of an observer's training; 300 with --quick, else 3000.", show_default=False),
    ] = None,
    outlines: Annotated[
        str, typer.Option(help="free: the network draws the outline too; automatic: it is given one.")
    ] = "free",
    seed: Annotated[int, typer.Option(help="Of the pictures, the trainings and the intervals.", min=0)] = 0,
    work: Annotated[
        Path, typer.Option(help="Generated pictures and trained observers are kept here, and taken up again.")
    ] = Path("evaluation"),
    reader_study: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Only write mixed sheets for a reader study, with their key.", show_default=False
        ),
    ] = None,
    inception: Annotated[
        Path | None, typer.Option(help="Your Inception as ONNX, for FID and KID.", show_default=False)
    ] = None,
    lpips: Annotated[Path | None, typer.Option(help="Your LPIPS as ONNX.", show_default=False)] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or mps; if left out, the best.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write the reader study over another.")] = False,
) -> None:
    """Measure a network beside real pictures: likeness, diversity, masks, classes, usefulness, copies, skin tones."""
    from dataclasses import replace

    from engine.errors import BadInput
    from engine.evaluation.evaluate import LONG, QUICK
    from engine.evaluation.pictures import MOST
    from engine.evaluation.samples import SampleSettings

    if count is not None and not 2 <= count <= MOST:
        raise BadInput(f"--count: is {count}; it must lie between 2 and {MOST}")
    effort = QUICK if quick else LONG
    effort = effort if count is None else replace(effort, count=count)
    if observer_steps is not None:
        if not 1 <= observer_steps <= 1_000_000:
            raise BadInput(f"--observer-steps: is {observer_steps}; it must lie between 1 and 1000000")
        effort = replace(effort, steps=observer_steps)
    settings = SampleSettings(outlines, seed)
    _check_writable(json_file, work, reader_study)
    if reader_study is not None:
        _write_study(model, data, effort.count, settings, work, reader_study, device, force)
        return
    from desktop.evaluating import measured

    report = measured(model, data, effort, settings, work, inception, lpips, device)
    _print(report)
    if json_file is not None:
        _write(json_file, report)


def _check_writable(json_file: Path | None, work: Path, study: Path | None) -> None:
    """BadInput where a result could not be written: hours lie between this line and the writing."""
    from engine.errors import BadInput

    if json_file is not None:
        if json_file.is_dir():
            raise BadInput(f"--json: {json_file} is a folder; name a file")
        if not json_file.parent.is_dir():
            raise BadInput(f"--json: there is no folder {json_file.parent}; make it, or name another file")
        _try_writing("--json", json_file.parent)
    for option, folder in (("--work", work), ("--reader-study", study)):
        if folder is not None:
            above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
            if not above.is_dir():
                raise BadInput(f"{option}: {above} is a file; name a folder")
            _try_writing(option, above)


def _try_writing(option: str, folder: Path) -> None:
    """Rights alone don't tell: a file system may be read-only. The file has no name, or loses it at once."""
    import tempfile

    from engine.errors import BadInput

    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(f"{option}: can't write in {folder} ({error.strerror}); choose another place") from error


def _write_study(
    model: str,
    data: list[Path],
    count: int,
    settings: "SampleSettings",
    work: Path,
    folder: Path,
    device: str | None,
    force: bool,
) -> None:
    from desktop.evaluating import studied

    sheets = studied(model, data, count, settings, work, folder, device, force)
    print(f"{sheets} sheets in {folder}; the key is in {folder / 'key'}")


def _print(report: "Report") -> None:
    from desktop.progress import print_table
    from engine.evaluation.figures import HEADINGS, rows

    print_table(HEADINGS, rows(report.figures))
    print()
    for measure, reason in report.withheld.items():
        print(f"withheld: {measure}: {reason}")
    for remark in report.remarks:
        print(f"note: {remark}")
    skipped = report.data["skipped"]
    if skipped:
        print("skipped: " + "; ".join(f"{reason}: {number}" for reason, number in skipped.items()))


def _write(path: Path, report: "Report") -> None:
    import json
    import sys

    from engine.output import write_atomic

    command = ["moulage", *sys.argv[1:]]
    document = json.dumps(report.document(command), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(path, document.encode() + b"\n")
