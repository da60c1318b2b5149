"""`moulage verify`: is a folder of results whole, and every file as it was written?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.output import Verification

MOST_LINES = 20


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("verify")(verify_command)


def verify_command(
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="What generate, demo or batch filled.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare every file with the manifest's SHA-256. Exit code 0: whole and complete; 1: not; 2: no results there."""
    import json

    from engine.batch.verification import verify

    found = verify(output)
    good = found.complete and not found.problems
    if as_json:
        document = {"files": found.files, "complete": found.complete, "problems": list(found.problems)}
        print(json.dumps(document | {"unlisted": list(found.unlisted), "whole": good}, indent=1, ensure_ascii=False))
    else:
        _tell(output, found)
    if not good:
        raise typer.Exit(1)


def _tell(output: Path, found: "Verification") -> None:
    from engine.batch.layout import FAILURES

    for line in found.problems[:MOST_LINES]:
        print(line)
    if len(found.problems) > MOST_LINES:
        print(f"and {len(found.problems) - MOST_LINES} more")
    state = (
        f"{len(found.problems)} problem{'s' if len(found.problems) > 1 else ''}"
        if found.problems
        else "all as they were written"
    )
    print(f"{output}: {found.files} files, {state}{'' if found.complete else '; the run did not reach its end'}")
    if found.unlisted:
        named = ", ".join(found.unlisted[:3]) + (" …" if len(found.unlisted) > 3 else "")
        print(f"{len(found.unlisted)} more that no manifest lists: {named}")
    if (output / FAILURES).is_dir():
        print(f"Patients failed, {output / FAILURES} says why: run the command again with --retry-failed.")
    elif found.problems or not found.complete:
        print("The command that filled it mends it: run it again.")
