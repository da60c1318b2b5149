"""Starting the program: the Qt application, the session, the window."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QSurfaceFormat
from PySide6.QtWidgets import QApplication

from desktop.gui import theme
from desktop.gui.model import painting, preferences, verbs
from desktop.gui.model.preferences import Preferences
from desktop.gui.model.session import Session
from desktop.gui.window import Window


def settings() -> QSettings:
    """Where this user's settings are kept."""
    return QSettings("Moulage", "Moulage")


def application(arguments: Sequence[str] = (), liked: Preferences = Preferences()) -> QApplication:  # noqa: B008
    """The one Qt application, with what must be said before it exists."""
    if liked.scale != 1.0 and "QT_SCALE_FACTOR" not in os.environ:
        os.environ["QT_SCALE_FACTOR"] = f"{liked.scale:g}"
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    surface = QSurfaceFormat()
    surface.setVersion(3, 3)
    surface.setProfile(QSurfaceFormat.OpenGLContextProfile.CoreProfile)
    surface.setDepthBufferSize(24)
    surface.setSamples(4)
    QSurfaceFormat.setDefaultFormat(surface)
    app = QApplication(["moulage", *arguments])
    app.setApplicationName("Moulage")
    app.setApplicationDisplayName("")
    theme.apply(app, liked.theme)
    return app


def window(kept: QSettings | None = None) -> Window:
    """A window with a session of its own, its engine starting."""
    session = Session(kept or settings())
    session.engine.options = preferences.load(session.settings).engine(session.engine.options)
    painting.connect(session)
    shown = Window(session)
    session.setParent(shown)
    session.engine.start()
    return shown


def run(path: Path | None) -> int:
    """Open the window, with a patient or the last scene where there is one; the exit code."""
    app = application(liked=preferences.load(settings()))
    shown = window()
    shown.show()
    wanted = path or next(iter(shown.session.recent), None)
    if wanted is not None:
        verbs.open_path(shown.session, wanted)
    return app.exec()


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
