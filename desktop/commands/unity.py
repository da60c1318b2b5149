"""`moulage unity`: the live link's other end, in a Unity project."""

from pathlib import Path
from typing import Annotated

import typer

unity_app = typer.Typer(
    name="unity",
    help="Unity projects: install the package that shows a scene live.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.add_typer(unity_app)


@unity_app.callback()
def _unity() -> None:
    """Keep `install` a command of its own."""


@unity_app.command("install")
def install_command(
    project: Annotated[
        Path, typer.Argument(help="The project's folder, with Assets and Packages.", show_default=False)
    ],
    netmq: Annotated[bool, typer.Option("--netmq", help="Add NetMQ too: for headsets, and without libzmq.")] = False,
    keys: Annotated[
        Path | None, typer.Option(help="A client's folder from `moulage keys create`.", show_default=False)
    ] = None,
) -> None:
    """Copy the package into LocalPackages and name it in Packages/manifest.json. Doing it again changes nothing."""
    from desktop.unity_project import install

    done = install(project, netmq, keys)
    for line in done.added:
        print(f"added {line}")
    if not done.added:
        print("nothing to do: the project has it all")
    elif keys is not None:
        print("The keys hold a secret, and players that you build contain it: keep both out of public places.")
