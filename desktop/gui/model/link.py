"""The link to the VR scenes as the window sees it: starts and stops its process, hears which scenes show what."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from bridge.errors import BridgeError
from bridge.security import check_bind, create_keys, is_loopback, load_server_keys
from desktop.gui.model.child import Child
from desktop.gui.model.texts import tr

if TYPE_CHECKING:
    from desktop.gui.model.session import Session

DEFAULT = "tcp://127.0.0.1:5581"
_BIND, _KEYS, _AUTOMATIC = "link/bind", "link/keys", "link/automatic"


@dataclass(frozen=True)
class Connected:
    """A scene that is connected. revision: shown, None before the first. applied_ms: what showing it took there."""

    name: str
    address: str
    revision: int | None
    lag: int
    lag_s: float
    applied_ms: float
    error: str


class Link(QObject):
    """At most one process that serves the open scene. changed: anything below may be another.

    state: `off`, `starting`, `serving` or `failed`; fault: why. behind: the scene has changes that were not pushed.
    """

    changed = Signal()

    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self._session = session
        kept = session.settings
        self.bind = str(kept.value(_BIND, DEFAULT))
        self.keys = str(kept.value(_KEYS, ""))
        self.automatic = kept.value(_AUTOMATIC, True, bool) is True
        self.state, self.fault, self.endpoint = "off", "", ""
        self.revision, self.behind = 0, False
        self.clients: tuple[Connected, ...] = ()
        self._served: Path | None = None
        self._child = Child("desktop.link_process", self)
        self._child.heard.connect(self._heard)
        self._child.ended.connect(self._ended)
        session.document_changed.connect(self._follow_document)
        session.saved_changed.connect(self._follow_document)

    @property
    def running(self) -> bool:
        """Whether the process runs, though perhaps not yet serving."""
        return self._child.running

    @property
    def pid(self) -> int:
        """The process's id; 0 while none runs."""
        return self._child.pid

    def set_endpoint(self, bind: str, keys: str) -> None:
        """Where to serve from the next start on. keys: a folder; needed beyond this machine."""
        self.bind, self.keys = bind.strip(), keys.strip()
        self._session.settings.setValue(_BIND, self.bind)
        self._session.settings.setValue(_KEYS, self.keys)
        self.changed.emit()

    def set_automatic(self, on: bool) -> None:
        """Whether every change goes out at once, or only by `push`."""
        self.automatic = on
        self._session.settings.setValue(_AUTOMATIC, on)
        self._send({"kind": "automatic", "on": on})
        self.changed.emit()

    def push(self) -> None:
        """Send what the scene's file says now."""
        self._send({"kind": "push"})

    def start(self) -> None:
        """Serve the open scene; an address or keys that can't be used are told at once."""
        document = self._session.document
        if self.running or document is None:
            return
        try:
            check_bind(self.bind, load_server_keys(Path(self.keys)) if self.keys else None)
        except BridgeError as error:
            self._fail(_plain(error))
            return
        self._served = document.path
        self._child.start(
            {"scene": str(self._served), "bind": self.bind, "keys": self.keys, "automatic": self.automatic}
        )
        if self.running:
            self._set("starting")

    def stop(self) -> None:
        """End the link; the scenes are told goodbye. Does not wait: the process leaves by itself."""
        self._leave()

    def _leave(self, then: Callable[[], None] | None = None) -> None:
        """End the process; `then` follows when its address is free again."""
        self._child.leave(then)
        self._set("off")

    def close(self) -> None:
        """End the link and wait for it."""
        self._child.close()

    def toggle(self) -> None:
        """Start where it is off, stop where it is on."""
        if self.running:
            self.stop()
        else:
            self.start()

    def toggle_automatic(self) -> None:
        """Push at once where it was on the button, and the other way round."""
        self.set_automatic(not self.automatic)

    def make_keys(self, folder: Path, client: str) -> list[Path]:
        """Keys for this server and one more scene, and use them from now on. BridgeError where that can't be."""
        made = create_keys(folder, client)
        self.set_endpoint(self.bind, str(folder))
        return made

    def needs_keys(self) -> bool:
        """Whether the address can be reached from other machines. False for what is no address."""
        try:
            return not is_loopback(self.bind)
        except BridgeError:
            return False

    def _follow_document(self) -> None:
        """Serve the scene that is open now, if another was served before."""
        document = self._session.document
        if self.running and (document is None or document.path != self._served):
            self._leave(self.start)

    def _send(self, message: dict[str, Any]) -> None:
        self._child.send(message, at_once=True)  # what is asked now must not be overtaken by a saved step

    def _heard(self, message: dict[str, Any], _: object) -> None:
        match message["kind"]:
            case "serving":
                self.endpoint = message["endpoint"]
                self._set("serving")
            case "status":
                self.revision, self.behind = message["revision"], message["behind"]
                names = Connected.__dataclass_fields__
                self.clients = tuple(Connected(**{n: told[n] for n in names}) for told in message["clients"])
                self.changed.emit()
            case "broken":
                self._fail(message["message"])

    def _ended(self, why: str) -> None:
        if self.state != "failed":
            self._fail(why)

    def _fail(self, why: str) -> None:
        self.fault = why
        self._set("failed")
        self._session.told.emit(tr("The link is off: {}").format(why), True)

    def _set(self, state: str) -> None:
        self.state = state
        if state != "serving":
            self.endpoint, self.clients, self.behind, self.revision = "", (), False, 0
        if state != "failed":
            self.fault = ""
        self.changed.emit()


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())
