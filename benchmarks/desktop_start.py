"""A cold start of the window, timed from outside: prints the seconds since a given time to the window's and the body's
first frames, then leaves. `python -m benchmarks.desktop_start STARTED SCENE SETTINGS`."""

import sys
import time
from pathlib import Path


def main() -> None:
    """Start as `moulage gui` does."""
    started, scene, kept = float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    from PySide6.QtCore import QSettings

    from desktop.gui.app import application, window
    from desktop.gui.model import verbs

    app = application()
    shown = window(QSettings(kept, QSettings.Format.IniFormat))
    shown.show()
    verbs.open_path(shown.session, scene)
    while not shown.windowHandle().isExposed():
        app.processEvents()
    app.processEvents()
    print(f"window {time.time() - started:.3f}", flush=True)
    drawn: list[float] = []
    shown.body.drawn.connect(lambda: drawn.append(time.time()))
    while not drawn:
        app.processEvents()
    print(f"body {drawn[0] - started:.3f}", flush=True)
    shown.close()


if __name__ == "__main__":
    main()
