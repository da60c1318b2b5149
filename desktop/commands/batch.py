"""`moulage batch`: many patients from one job file; a killed or interrupted run goes on where it ended."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("batch")(batch)


def batch(
    job_file: Annotated[Path | None, typer.Argument(metavar="JOB.toml", help="The job.", show_default=False)] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the set.", show_default=False)
    ] = None,
    shard: Annotated[
        str, typer.Option(help="I/N: only the I-th of N parts; all parts make the same set as one run.")
    ] = "1/1",
    ray: Annotated[
        str | None, typer.Option(help="Work on the Ray cluster at this address (auto, local).", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Networks at once; if left out, one per core or GPU.", show_default=False)
    ] = None,
    memory_limit: Annotated[
        float | None, typer.Option(help="The most memory to take, in MB.", show_default=False)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or mps; if left out, the best.", show_default=False)
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed patients again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell counts, time, disk and memory; make nothing.")
    ] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Tell progress as JSON lines.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the job file's JSON Schema.")] = False,
) -> None:
    """Make the patients that a job file describes: textures, masks, close-ups, annotations, a card of the set.

    Exit codes: 0 all is done; 1 failure, or stopped; 2 bad input, nothing was written; 3 some patients failed, the
    others are done. Docs: docs/batch.md.
    """
    from engine.errors import BadInput

    if schema:
        import json

        from engine.batch.schema import schema as document

        print(json.dumps(document(), indent=1))
        return
    if job_file is None:
        raise BadInput("JOB.toml: name a job file; docs/jobs has examples, and --schema tells what it may hold")
    if memory_limit is not None and not 1 <= memory_limit < 1e9:
        raise BadInput(f"--memory-limit: is {memory_limit:g}; it must be a number of MB")
    part = _shard(shard)

    from engine.batch import load

    job = load(job_file)
    if dry_run:
        from desktop.estimating import tell_estimate
        from engine.batch.estimate import estimate
        from engine.batch.picture_sizes import refuse_too_large

        refuse_too_large(job)
        tell_estimate(job, estimate(job, part, memory_limit), log_json)
        return
    if output is None:
        raise BadInput("-o: name a folder for the set")

    from desktop.batching import run_with_progress
    from engine.batch.executors import Local

    if ray is None:
        failed = run_with_progress(job, output, Local(workers, memory_limit, device), part, retry_failed, log_json)
    else:
        from engine.batch.ray_executor import Ray

        gpus = float((device or "").startswith("cuda"))
        executor = Ray(ray, workers, memory_limit, device, gpus)
        failed = run_with_progress(job, output, executor, part, retry_failed, log_json)
    if failed:
        raise typer.Exit(3)


def _shard(text: str) -> tuple[int, int]:
    from engine.errors import BadInput

    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= 1_000_000):
        raise BadInput(f"--shard: is {text!r}; it must be I/N with 1 ≤ I ≤ N, such as 3/8")
    return int(number), int(count)
