"""`moulage doctor`: what this machine offers, and what to do where something is missing."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    json_output: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Examine this machine: versions, device, memory, OpenGL, ZeroMQ, model; each line ok, or what to do.

    Exits with 1 where something necessary is missing.
    """
    from desktop.environment import check_desktop
    from engine.environment import check_engine

    checks = [*check_engine(), *check_desktop()]
    healthy = not any(check.fatal for check in checks)
    if json_output:
        import json
        from dataclasses import asdict

        lines = [asdict(check) | {"remedy": "" if check.ok else check.remedy} for check in checks]
        print(json.dumps({"healthy": healthy, "checks": lines}, indent=2))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            mark = "ok  " if check.ok else ("FAIL" if check.necessary else "note")
            print(f"{mark}  {check.name:<{width}}  {check.found}")
            if not check.ok and check.remedy:
                print(f"{'':<{width + 6}}  -> {check.remedy}")
        print("\nMoulage is ready." if healthy else "\nMoulage can't work before the lines marked FAIL are mended.")
    raise typer.Exit(0 if healthy else 1)
