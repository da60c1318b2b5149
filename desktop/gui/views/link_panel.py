"""The link to the VR scenes: where it is served, to whom, and how far behind each scene is."""

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFormLayout,
    QHeaderView,
    QInputDialog,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from bridge.errors import BridgeError
from desktop.gui.model.link import DEFAULT, Connected, Link
from desktop.gui.model.session import Session
from desktop.gui.views.controls import button, check, label, name_all, row


class LinkPanel(QWidget):
    """Controls for `Session.link`."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.link = session, session.link
        self.state = label(wrap=True)
        self.start, self.push = button(""), button(self.tr("Push now"))
        self.automatic = check(self.tr("Push every change at once"))
        self.endpoint, self.keys = QLineEdit(), QLineEdit()
        self.endpoint.setPlaceholderText(DEFAULT)
        self.keys.setPlaceholderText(self.tr("only needed beyond this computer"))
        self.choose_keys, self.make_keys = button(self.tr("Choose …")), button(self.tr("Make …"))
        self._columns = (
            (self.tr("Scene"), self.tr("Name and address of the program that shows this patient.")),
            (self.tr("Shows"), self.tr("The revision that it shows.")),
            (self.tr("Behind"), self.tr("Revisions that it doesn't show yet, and for how long.")),
            (self.tr("ms"), self.tr("Milliseconds that it took to show the last change.")),
        )
        self.scenes = QTableWidget(0, len(self._columns))
        self._name_controls()
        self._lay_out()
        self.start.clicked.connect(self._start_or_stop)
        self.push.clicked.connect(self.link.push)
        self.automatic.toggled.connect(self.link.set_automatic)
        self.endpoint.editingFinished.connect(self._set_endpoint)
        self.keys.editingFinished.connect(self._set_endpoint)
        self.choose_keys.clicked.connect(self._choose_keys)
        self.make_keys.clicked.connect(self._ask_new_keys)
        self.link.changed.connect(self._show)
        session.document_changed.connect(self._show)
        self._show()

    def _name_controls(self) -> None:
        name_all(
            (
                (self.state, self.tr("State of the link"), ""),
                (self.start, self.tr("Start or stop the link"), self.tr("Let VR scenes show this patient.")),
                (self.push, self.tr("Push now"), self.tr("Send what you see now to all scenes.")),
                (
                    *(self.automatic, self.tr("Push every change at once")),
                    self.tr("Off: scenes change only when you press “Push now”."),
                ),
                (
                    *(self.endpoint, self.tr("Address")),
                    self.tr("127.0.0.1 is this computer only. 0.0.0.0 lets headsets on your network in, with keys."),
                ),
                (
                    *(self.keys, self.tr("Folder of keys")),
                    self.tr("Who may connect from other computers. Each headset or computer gets keys of its own."),
                ),
                (self.choose_keys, self.tr("Choose the folder of keys"), ""),
                (
                    *(self.make_keys, self.tr("Make keys")),
                    self.tr("Make keys for one more headset or computer, and tell which folder to copy there."),
                ),
                (self.scenes, self.tr("Connected scenes"), ""),
            )
        )

    def _lay_out(self) -> None:
        for place, (name, tip) in enumerate(self._columns):
            heading = QTableWidgetItem(name)
            heading.setToolTip(tip)
            self.scenes.setHorizontalHeaderItem(place, heading)
        self.scenes.verticalHeader().hide()
        self.scenes.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.scenes.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.scenes.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.scenes.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.scenes.setTabKeyNavigation(False)
        form = QFormLayout()
        form.addRow(self.tr("&Address"), self.endpoint)
        form.addRow(self.tr("&Keys"), self.keys)
        form.addRow("", row((self.choose_keys, 0), (self.make_keys, 0)))
        column = QVBoxLayout(self)
        column.addWidget(self.state)
        column.addLayout(row((self.start, 1), (self.push, 1)))
        column.addWidget(self.automatic)
        column.addLayout(form)
        column.addWidget(self.scenes, 1)

    def _start_or_stop(self) -> None:
        if self.link.running:
            self.link.stop()
        else:
            self._set_endpoint()
            self.link.start()

    def _set_endpoint(self) -> None:
        self.link.set_endpoint(self.endpoint.text() or DEFAULT, self.keys.text())

    def _choose_keys(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("The folder of keys"), self.keys.text())
        if folder:
            self.link.set_endpoint(self.endpoint.text() or DEFAULT, folder)

    def _ask_new_keys(self) -> None:
        folder = self.keys.text() or QFileDialog.getExistingDirectory(self, self.tr("Where the keys shall lie"))
        if not folder:
            return
        name, wanted = QInputDialog.getText(
            *(self, self.tr("Make keys"), self.tr("Name of the headset or computer:")), text="headset"
        )
        if wanted and name:
            self.add_keys(Path(folder), name)

    def add_keys(self, folder: Path, client: str) -> None:
        """Make keys for one more scene, and tell what to do with them."""
        try:
            self.link.make_keys(folder, client)
        except (BridgeError, OSError) as error:
            self.session.told.emit(str(error), True)
            return
        where = folder / "clients" / client
        told = self.tr("Copy {} to {}, by a way you trust; the link uses {} from its next start on.")
        self.session.told.emit(told.format(where, client, folder), False)

    def _show(self) -> None:
        link = self.link
        state, text = state_line(link)
        self.state.setText(text)
        self.state.setProperty("state", state)
        self.state.style().polish(self.state)
        self.start.setText(self.tr("Stop the link") if link.running else self.tr("Start the link"))
        self.start.setEnabled(self.session.document is not None)
        self.push.setEnabled(link.state == "serving" and link.behind)
        blocked = [QSignalBlocker(control) for control in (self.automatic, self.endpoint, self.keys)]
        self.automatic.setChecked(link.automatic)
        for field, kept in ((self.endpoint, link.bind), (self.keys, link.keys)):
            field.setEnabled(not link.running)
            if not field.hasFocus():
                field.setText(kept)
        del blocked
        for control in (self.choose_keys, self.make_keys):
            control.setEnabled(not link.running)
        self._list(link.clients)

    def _list(self, clients: tuple[Connected, ...]) -> None:
        self.scenes.setRowCount(len(clients))
        for line, client in enumerate(clients):
            shown = "–" if client.revision is None else str(client.revision)
            behind = "–" if not client.lag else self.tr("{} ({:.1f} s)").format(client.lag, client.lag_s)
            applied = "–" if client.revision is None else f"{client.applied_ms:.0f}"
            tip = client.error or f"{client.name}, {client.address}"
            for column, text in enumerate((("⚠ " if client.error else "") + client.name, shown, behind, applied)):
                item = self.scenes.item(line, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.scenes.setItem(line, column, item)
                item.setText(text)
                item.setToolTip(tip)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def state_line(link: Link) -> tuple[str, str]:
    """How the link stands: `good`, `warning`, `bad` or empty, and a line that says it without colours."""
    tr = link.tr
    match link.state:
        case "off":
            return "", tr("○ Link off")
        case "starting":
            return "warning", tr("◐ Link starting …")
        case "failed":
            return "bad", tr("✕ Link off: {}").format(link.fault)
    scenes = len(link.clients)
    count = tr("no scene connected") if not scenes else tr("1 scene") if scenes == 1 else tr("{} scenes").format(scenes)
    if any(client.error for client in link.clients):
        return "bad", tr("⚠ {}: a scene can't show a revision").format(count)
    if link.behind:
        return "warning", tr("◐ {}: changes not pushed").format(count)
    late = sum(bool(client.lag) for client in link.clients)
    if late:
        return "warning", tr("◐ {}: {} catching up").format(count, late)
    return "good", tr("● Link on, {}").format(count)
