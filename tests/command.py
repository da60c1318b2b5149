"""A command of `moulage` in this process: a fresh interpreter with torch would take longer than what is tested."""

import contextlib
import io
import sys
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Ended:
    """How a command ended, named as `subprocess.CompletedProcess` names it."""

    returncode: int
    stdout: str
    stderr: str


def moulage(*arguments: object) -> Ended:
    """Run it as the console script does: its own parsing, messages and exit code."""
    from desktop import cli

    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        patch.setattr(sys, "argv", ["moulage", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as left:
            return Ended(int(left.code or 0), out.getvalue(), error.getvalue())
    return Ended(0, out.getvalue(), error.getvalue())
