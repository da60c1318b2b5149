"""A window in a process of its own, to be killed: opens a scene, grows, tells what is on the disk, then waits.

python window_process.py SCENE SETTINGS
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSettings

from desktop.gui.app import application, window
from desktop.gui.model import growing, lesions, verbs


def main() -> None:
    """Say `ENGINE pid`, when all is saved `SAVED`, and while a long lesion is being painted `PAINTING`."""
    app = application()
    shown = window(QSettings(sys.argv[2], QSettings.Format.IniFormat))
    shown.show()
    session = shown.session

    def until(reached: object) -> None:
        while not reached():  # type: ignore[operator]
            app.processEvents()
            time.sleep(0.002)

    verbs.open_path(session, Path(sys.argv[1]))
    until(lambda: session.document is not None and session.engine.is_ready)
    print("ENGINE", session.engine.pid, flush=True)
    document = session.document
    assert document is not None
    session.set_request(replace(session.request, detail=64, steps=2, diameter_mm=30.0, seed=7))
    for u in (0.3, 0.6):
        session.set_site(document.patient.surface.site_at_uv(0, u, 0.5))
        growing.grow(session)
    until(lambda: session.job is None and not session.queue and not session.pending)
    lesions.turn(session, 45.0)
    session.set_site(document.patient.surface.site_at_uv(0, 0.45, 0.4))
    growing.variants(session, 2)
    until(lambda: session.job is None and not session.queue and not session.pending)
    print("SAVED", flush=True)
    session.set_request(replace(session.request, steps=900))
    growing.grow(session)
    until(lambda: session.job is not None and session.job.done > 1)
    print("PAINTING", flush=True)
    until(lambda: False)


if __name__ == "__main__":
    main()
