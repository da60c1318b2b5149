"""`moulage gui`: the window."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("gui")(gui)


def gui(
    patient: Annotated[
        Path | None, typer.Argument(help="A scene (.moulage), or a GLB, VRM or OBJ file.", show_default=False)
    ] = None,
) -> None:
    """Open the window: click on the skin, grow a lesion there, keep it. Without a file, the last scene is opened."""
    import importlib.util

    from engine.errors import BadInput, MoulageError

    missing = [name for name in ("PySide6", "moderngl") if importlib.util.find_spec(name) is None]
    if missing:
        raise MoulageError(f"{' and '.join(missing)} not installed; pip install 'moulage[desktop]'")
    if patient is not None and not patient.is_file():
        raise BadInput(f"{patient}: there is no such file; name a scene (.moulage), or a GLB, VRM or OBJ file")
    _require_display()
    from desktop.gui.app import run

    raise typer.Exit(run(patient))


def _require_display() -> None:
    """MoulageError where no window can be opened: Qt would end the program with a core dump."""
    import ctypes
    import ctypes.util
    import os
    import sys

    from engine.errors import MoulageError

    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM") or os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    library = ctypes.util.find_library("X11")
    if display and library is not None:
        x11 = ctypes.CDLL(library)
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
        opened = x11.XOpenDisplay(display.encode())
        if opened:
            x11.XCloseDisplay(opened)
            return
    elif display:
        return
    where = f"display {display!r} can't be opened" if display else "there is no display (DISPLAY is not set)"
    raise MoulageError(f"{where}; start it on a desktop, with ssh -X, or under xvfb-run")
