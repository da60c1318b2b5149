"""The `moulage` command: argument parsing and exit codes.

Commands import their machinery when they run, so that `--help` is quick.
"""

import importlib
import sys
import traceback
from typing import Annotated

import typer

app = typer.Typer(
    name="moulage",
    help="Grow nevi and melanomas on the skin of a 3D avatar. Synthetic, for teaching and research, not for diagnosis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

COMMAND_MODULES: tuple[str, ...] = (
    "gui",
    "demo",
    "generate",
    "batch",
    "verify",
    "avatar",
    "avatar_create",
    "link",
    "unity",
    "shapes",
    "train",
    "evaluate",
    "doctor",
)
"""Modules of `desktop.commands`, in the order of the help page; each has `register(app)`."""


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the program a failure happened.")] = False,
) -> None:
    """`--debug` holds anywhere on the line, so `main` takes it out; it is declared here to stand in the help."""


for _name in COMMAND_MODULES:
    importlib.import_module(f"desktop.commands.{_name}").register(app)


def main() -> None:
    """Run the command. Bad input: one line and exit code 2; failure: one line and exit code 1; `--debug` shows more."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(args=arguments)
    except Exception as error:
        if debug:
            traceback.print_exc()
        raise SystemExit(_report(error)) from None


def _report(error: Exception) -> int:
    """Print one line for the user; the exit code it deserves."""
    from bridge import BadEndpoint, BridgeError
    from engine import BadInput, MoulageError

    known = isinstance(error, (MoulageError, BridgeError, OSError))
    text = str(error) if known else f"{type(error).__name__}: {error} (a fault of Moulage; --debug shows where)"
    print(f"moulage: {' '.join(text.split())}", file=sys.stderr)
    return 2 if isinstance(error, (BadInput, BadEndpoint)) else 1
